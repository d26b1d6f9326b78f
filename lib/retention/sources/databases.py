"""Tables and queries of a database, fetched through ADBC in Arrow batches.

A source is named ``postgresql://host/database#orders`` or ``sqlite:///shop.db#SELECT ...``: what
follows ``#`` is a table or a query. Credentials belong in the environment (``PGPASSWORD``, a
password file) and never appear in messages.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from retention.engine import Engine
from retention.errors import InputError
from retention.sources.base import ReadOptions, SourceFormat
from retention.sources.parquet_files import as_text
from retention.sources.reading import (
    Read,
    distinct_names,
    identifier,
    quoted,
    require_columns,
    stem_in,
)

ADDRESS = re.compile(r"^(postgres(?:ql)?|sqlite):/{1,3}(.*?)#(.+)$", re.DOTALL)
"""``Path`` folds the slashes after the scheme, so that any number of them is taken."""


def is_database(source: Path | str) -> bool:
    """Tell whether a source names a table or query of a database.

    Examples
    --------
    >>> is_database("sqlite:///shop.db#orders"), is_database("exports/orders.csv")
    (True, False)
    """
    return ADDRESS.match(str(source)) is not None


def shown(source: Path | str) -> str:
    """Return the source without credentials.

    Examples
    --------
    >>> shown("postgresql://ada:secret@host/shop?sslkey=x#orders")
    'postgresql://host/shop#orders'
    """
    scheme, address, query = _parts(source)
    slashes = "://" if scheme != "sqlite" else ":///"
    return f"{scheme}{slashes}{address.rsplit('@', 1)[-1].split('?')[0]}#{query}"


def land_query(
    source: Path | str, fmt: SourceFormat, folder: Path, options: ReadOptions
) -> tuple[Read, str]:
    """Fetch a table or query and land it; return the hash of what was fetched beside it.

    Raises
    ------
    InputError
        If the database cannot be reached, or refuses the query.
    """
    named = shown(source)
    raw = stem_in(folder, fmt).with_suffix(".fetched.parquet")
    try:
        schema, rows = _fetch(source, named, raw)
        known = (*fmt.used_columns(), *fmt.aliases)
        columns = distinct_names(schema.names, known, named)
        require_columns(fmt, columns, named)
        parquet = raw.with_suffix("").with_suffix(".parquet")
        digest = _as_texts(raw, schema, columns, parquet, options)
    finally:
        raw.unlink(missing_ok=True)
    return Read("database", "", rows, parquet, columns, 1), digest


def _parts(source: Path | str) -> tuple[str, str, str]:
    """Return scheme, address and query."""
    found = ADDRESS.match(str(source))
    if found is None:
        raise InputError("This is no database source.", "Write sqlite:///shop.db#table.",
                         file=str(source))  # fmt: skip
    return found[1], found[2], found[3]


@contextmanager
def _connected(source: Path | str, named: str) -> Iterator[Any]:
    """Open an ADBC connection."""
    scheme, address, _ = _parts(source)
    import adbc_driver_manager

    try:
        if scheme == "sqlite":
            import adbc_driver_sqlite.dbapi as driver

            path = _sqlite_file(source, address, named)
            connection = driver.connect(f"file:{path}?mode=ro")
        else:
            import adbc_driver_postgresql.dbapi as driver

            connection = driver.connect(f"postgresql://{address}")
    except adbc_driver_manager.Error as error:
        raise InputError(
            "The database cannot be reached.", "Check its address, and that it is running.",
            file=named,
        ) from error  # fmt: skip
    try:
        yield connection
    finally:
        connection.close()


def _sqlite_file(source: Path | str, address: str, named: str) -> Path:
    """Return the existing file of a SQLite address; ``sqlite:////abs`` is an absolute one."""
    candidates = [Path(address), Path("/" + address)]
    path = next((p for p in candidates if p.is_file()), None)
    if path is None:
        raise InputError("There is no such database file.", "Check the path.", file=named)
    return path.resolve()


def _fetch(source: Path | str, named: str, path: Path) -> tuple[pa.Schema, int]:
    """Stream the answer in Arrow batches into a Parquet file."""
    import adbc_driver_manager

    query = _parts(source)[2].strip()
    if re.fullmatch(r"[\w.\"]+", query):
        query = f"SELECT * FROM {query}"
    rows = 0
    with _connected(source, named) as connection, connection.cursor() as cursor:
        try:
            cursor.execute(query)
            reader = cursor.fetch_record_batch()
            with pq.ParquetWriter(path, reader.schema) as writer:
                for batch in reader:
                    writer.write_batch(batch)
                    rows += batch.num_rows
        except adbc_driver_manager.Error as error:
            message = str(error).split("\n")[0][:200]
            raise InputError(
                f"The database refused the query ({message}).", "Correct the table or query.",
                file=named,
            ) from error  # fmt: skip
        return reader.schema, rows


def _as_texts(
    raw: Path, schema: pa.Schema, columns: tuple[str, ...], parquet: Path, options: ReadOptions
) -> str:
    """Write the fetched values as text; return a hash of their content."""
    texts = ", ".join(
        f"{as_text(identifier(field.name), field.type)} AS {identifier(name)}"
        for field, name in zip(schema, columns, strict=True)
    )
    engine = Engine(options.memory_limit, options.threads, str(parquet.parent))
    engine.connection.execute(
        f"COPY (SELECT {texts} FROM read_parquet({quoted(str(raw))})) TO {quoted(str(parquet))} "
        "(FORMAT parquet)"
    )
    every = ", ".join(identifier(name) for name in columns)
    answer = engine.connection.execute(
        f"SELECT count(*), sum(CAST(hash({every}) AS HUGEINT)) "
        f"FROM read_parquet({quoted(str(parquet))})"
    ).fetchall()
    engine.close()
    return sha256(repr((columns, answer)).encode()).hexdigest()
