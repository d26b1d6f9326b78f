"""Landing: an export as text in columns, every record accounted for, nothing interpreted."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from retention.engine import sha256_of
from retention.errors import InputError
from retention.sources.attaching import open_landed
from retention.sources.base import ReadOptions, SourceFormat
from retention.sources.delimited import land_delimited
from retention.sources.landed import Landed
from retention.sources.scanning import BrokenRecord
from retention.sources.unpacking import checked_path

BROKEN_SCHEMA = pa.schema(
    [("line_no", pa.int64()), ("raw_record", pa.string()), ("reason", pa.string())]
)


__all__ = ["Landed", "land", "open_landed"]


def land(path: Path, fmt: SourceFormat, folder: Path, options: ReadOptions) -> Landed:
    """Read one export file faithfully into ``folder``.

    Parameters
    ----------
    path
        The file, as the user named it.
    fmt
        Its format.
    folder
        Where to write the landed Parquet; created if need be.
    options
        What the user says about the file.

    Returns
    -------
    Landed
        What was read; ``rows_read`` may be 0 for a file with a header alone.

    Raises
    ------
    InputError
        If the file is missing, empty, damaged, in another encoding, or lacks a required column.
    """
    real = checked_path(path, options)
    if real.is_dir():
        raise InputError("This is a folder.", "Name a file in it.", file=str(path))
    folder.mkdir(parents=True, exist_ok=True)
    before = real.stat()
    with ThreadPoolExecutor(1) as pool:
        digest = pool.submit(sha256_of, real)
        read = land_delimited(real, str(path), fmt, folder, options)
    after = real.stat()
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise InputError("The file changed while it was read.", "Start again.", file=str(path))
    stem = digest.result()
    return Landed(
        fmt.name, str(path), stem, read.encoding, read.delimiter,
        read.rows + len(read.broken), read.parquet, _write_broken(read.broken, read.parquet),
        read.columns, read.first_line,
    )  # fmt: skip


def _write_broken(broken: list[BrokenRecord], parquet: Path) -> Path | None:
    """Write the broken records beside the landed ones."""
    if not broken:
        return None
    rows = [
        {
            "line_no": record.line_no,
            "raw_record": record.raw.decode("utf-8", "backslashreplace"),
            "reason": str(record.reason),
        }
        for record in sorted(broken, key=lambda record: record.line_no)
    ]
    path = parquet.with_suffix(".broken.parquet")
    pq.write_table(pa.Table.from_pylist(rows, schema=BROKEN_SCHEMA), path)
    return path
