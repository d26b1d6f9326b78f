"""What landing hands over: where a file's records are, and what is known of the file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Landed:
    """One file, landed faithfully.

    Parameters
    ----------
    format
        Name of the source format.
    path
        The file as the user named it.
    sha256
        Hash of its bytes as they lie on disk.
    encoding
        Encoding it was read in.
    delimiter
        Character between columns; empty where there is none.
    rows_read
        Records found by the strict reader: rows landed + records broken.
    parquet
        Every original column that the format knows, as text under its original name, in the file's
        order; empty fields are NULL. Of what is no delimited text, all columns. Where
        ``first_line`` is 0 it also has ``line_no``.
    broken
        Records that could not be split: ``line_no``, ``raw_record``, ``reason``; None if there
        are none.
    columns
        Original column names in order.
    first_line
        Physical line of the first record, where each later record is on the next line; 0 where
        the line numbers stand in the file.
    relation
        The SELECT of the landed rows, where they are read in place; ``parquet`` is then the
        original.
    companions
        Files beside it that its mappings look up, landed too: view → what landed.
    """

    format: str
    path: str
    sha256: str
    encoding: str
    delimiter: str
    rows_read: int
    parquet: Path
    broken: Path | None
    columns: tuple[str, ...]
    first_line: int
    relation: str = ""
    companions: Mapping[str, Landed] = field(default_factory=dict)

    def select(self) -> str:
        """Return the SELECT that yields the landed columns, ``line_no`` and ``file``."""
        if self.relation:
            return self.relation
        source = "'" + str(self.parquet).replace("'", "''") + "'"
        name = "'" + self.path.replace("'", "''") + "'"
        if not self.first_line:
            return f"SELECT *, {name} AS file FROM read_parquet({source})"
        return (
            f"SELECT * EXCLUDE (file_row_number), file_row_number + {self.first_line} AS line_no, "
            f"{name} AS file FROM read_parquet({source}, file_row_number = true)"
        )
