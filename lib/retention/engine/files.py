"""Files that an engine reads: the queries, and what can be told of a Parquet file from outside."""

from __future__ import annotations

import hashlib
from pathlib import Path

from retention.errors import RunError

SQL = Path(__file__).resolve().parents[1] / "sql"
"""Folder of the queries, one file each."""

ROW_GROUP_ROWS = 122_880
"""Fixed row-group size: with ORDER BY it makes the bytes of a file independent of the threads."""

_ENCRYPTED = b"PARE"


def query_text(name: str) -> str:
    """Return the text of the query ``sql/<name>.sql``.

    Raises
    ------
    RunError
        If there is no such query.
    """
    path = SQL / f"{name}.sql"
    if not path.is_file():
        raise RunError(f"There is no query {name!r}.", "Look into lib/retention/sql for the names.")
    return path.read_text(encoding="utf-8")


def is_encrypted(path: Path) -> bool:
    """Tell whether a Parquet file is encrypted: its first bytes say so."""
    if not path.is_file():
        return False
    with path.open("rb") as handle:
        return handle.read(len(_ENCRYPTED)) == _ENCRYPTED


def is_remote(path: Path | str) -> bool:
    """Tell whether a path is the address of an object store, as ``s3a://bucket/orders``.

    Examples
    --------
    >>> is_remote("abfss://shop@account.dfs.core.windows.net/orders"), is_remote("orders.parquet")
    (True, False)
    """
    return "://" in str(path)


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
