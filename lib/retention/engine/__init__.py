"""The columnar engine: DuckDB on one machine, Spark beyond it, one set of SQL for both."""

from __future__ import annotations

from retention.engine.duck import Answer, Engine
from retention.engine.files import ROW_GROUP_ROWS, is_encrypted, is_remote, query_text, sha256_of

__all__ = [
    "ROW_GROUP_ROWS",
    "Answer",
    "Engine",
    "is_encrypted",
    "is_remote",
    "query_text",
    "sha256_of",
]
