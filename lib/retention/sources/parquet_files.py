"""Parquet: a file or a folder of files, read in place; values as text."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from retention.errors import InputError
from retention.sources.base import SourceFormat
from retention.sources.reading import Read, distinct_names, identifier, quoted, require_columns


def land_parquet(real: Path, named: str, fmt: SourceFormat) -> Read:
    """Land Parquet without copying it: the landed rows are a SELECT over the files.

    Rows are numbered from 1 through the files in order of their names.

    Raises
    ------
    InputError
        If a file is damaged, the folder holds none, or the files' columns differ.
    """
    files = sorted(real.rglob("*.parquet")) if real.is_dir() else [real]
    if not files:
        raise InputError("The folder holds no Parquet files.", "Name another.", file=named)
    schemas = [_schema(path, named) for path in files]
    schema, counts = schemas[0][0], [rows for _, rows in schemas]
    for path, (other, _) in zip(files, schemas, strict=True):
        if other.names != schema.names:
            raise InputError(
                f"The columns of {path.name} differ from those of {files[0].name}.",
                "Keep one table in the folder.", file=named,
            )  # fmt: skip
    known = (*fmt.used_columns(), *fmt.aliases)
    columns = distinct_names(schema.names, known, named)
    flat = _flattened(schema)
    require_columns(fmt, (*columns, *flat), named)
    relation = _relation(files, counts, schema, columns, flat, named)
    return Read("parquet", "", sum(counts), real, (*columns, *flat), 0, relation=relation)


def parquet_columns(real: Path, named: str) -> tuple[str, ...]:
    """Return the columns of a Parquet file or folder."""
    files = sorted(real.rglob("*.parquet")) if real.is_dir() else [real]
    if not files:
        raise InputError("The folder holds no Parquet files.", "Name another.", file=named)
    schema, _ = _schema(files[0], named)
    return (*schema.names, *_flattened(schema))


def _schema(path: Path, named: str) -> tuple[pa.Schema, int]:
    """Return a file's schema and rows."""
    try:
        footer = pq.read_metadata(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise InputError(
            f"The Parquet file {path.name} is damaged or cut short.", "Write it again.", file=named
        ) from error
    return footer.schema.to_arrow_schema(), footer.num_rows


def _flattened(schema: pa.Schema) -> dict[str, str]:
    """Return the fields of structs, as ``outer.inner`` → SQL."""
    return {
        f"{field.name}.{inner.name}": as_text(
            f"{identifier(field.name)}.{identifier(inner.name)}", inner.type
        )
        for field in schema
        if pa.types.is_struct(field.type)
        for inner in field.type
    }


def as_text(value: str, kind: pa.DataType) -> str:
    """Return the SQL that spells a value as text without loss."""
    if pa.types.is_nested(kind):
        return f"CAST(to_json({value}) AS VARCHAR)"
    if pa.types.is_timestamp(kind) and kind.tz:
        return f"CAST(timezone('UTC', {value}) AS VARCHAR) || ' +0000'"
    if pa.types.is_floating(kind):
        whole = f"{value} = floor({value}) AND abs({value}) < 1e15"
        return (f"CASE WHEN {whole} THEN CAST(CAST({value} AS BIGINT) AS VARCHAR) "
                f"ELSE CAST({value} AS VARCHAR) END")  # fmt: skip
    return f"nullif(CAST({value} AS VARCHAR), '')"


def _relation(
    files: list[Path],
    counts: list[int],
    schema: pa.Schema,
    columns: tuple[str, ...],
    flat: dict[str, str],
    named: str,
) -> str:
    """Return the SELECT of every row as text, with ``line_no`` and ``file``."""
    selects = []
    texts = [
        f"{as_text(identifier(field.name), field.type)} AS {identifier(name)}"
        for field, name in zip(schema, columns, strict=True)
    ] + [f"{sql} AS {identifier(name)}" for name, sql in flat.items()]
    before = 0
    for path, rows in zip(files, counts, strict=True):
        selects.append(
            f"SELECT {', '.join(texts)}, file_row_number + {before + 1} AS line_no, "
            f"{quoted(f'{named}/{path.name}' if len(files) > 1 else named)} AS file "
            f"FROM read_parquet({quoted(str(path))}, file_row_number = true)"
        )
        before += rows
    return " UNION ALL ".join(selects)
