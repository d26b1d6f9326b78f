"""Landing: an export as text in columns, every record accounted for, nothing interpreted."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from retention.errors import InputError
from retention.sources.attaching import open_landed
from retention.sources.base import ReadOptions, SourceFormat
from retention.sources.databases import is_database, land_query, shown
from retention.sources.delimited import land_delimited
from retention.sources.digests import digest_of
from retention.sources.json_records import is_json, land_json
from retention.sources.landed import Landed
from retention.sources.parquet_files import land_parquet
from retention.sources.reading import Read
from retention.sources.scanning import BrokenRecord
from retention.sources.unpacking import checked_path, packing_of, unpacked
from retention.sources.workbooks import land_workbook

__all__ = ["Landed", "land", "open_landed"]

BROKEN_SCHEMA = pa.schema(
    [("line_no", pa.int64()), ("raw_record", pa.string()), ("reason", pa.string())]
)


def land(
    path: Path, fmt: SourceFormat, folder: Path, options: ReadOptions, named: str = ""
) -> Landed:
    """Read one export faithfully into ``folder``.

    Parameters
    ----------
    path
        The file as the user named it: delimited text, JSON, a workbook (each plain or packed), a
        Parquet file or folder, or a database source such as ``sqlite:///shop.db#orders``.
    fmt
        Its format.
    folder
        Where to write the landed Parquet; created if need be.
    options
        What the user says about the file.
    named
        The file as messages name it; empty means its path.

    Returns
    -------
    Landed
        What was read; ``rows_read`` may be 0 for a file with a header alone.

    Raises
    ------
    InputError
        If the file is missing, empty, damaged, in another encoding, or lacks a required column.
    """
    fmt = fmt.for_options(options)
    folder.mkdir(parents=True, exist_ok=True)
    if is_database(path):
        read, digest = land_query(path, fmt, folder, options)
        return _landed(shown(path), fmt, read, digest)
    named = named or str(path)
    real = checked_path(path, options, named)
    before = real.stat()
    with ThreadPoolExecutor(1) as pool:
        pending = pool.submit(digest_of, real)
        read = _read(real, named, fmt, folder, options)
        digest = pending.result()
    after = real.stat()
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise InputError("The file changed while it was read.", "Start again.", file=named)
    companions = {
        view: land(path.parent / name, companion, folder, options, _beside(named, name))
        for view, (name, companion) in fmt.companions.items()
    }
    return replace(_landed(named, fmt, read, digest), companions=companions)


def _beside(named: str, name: str) -> str:
    """Return how messages name a file that lies beside another."""
    folder, slash, _ = named.rpartition("/")
    return f"{folder}{slash}{name}"


def _read(real: Path, named: str, fmt: SourceFormat, folder: Path, options: ReadOptions) -> Read:
    """Choose the reader by what the file is, not by what it is called."""
    packing = "parquet" if real.is_dir() else packing_of(real)
    if packing == "parquet":
        return land_parquet(real, named, fmt)
    if packing == "workbook":
        return land_workbook(real, named, fmt, folder, options)
    if is_json(next(unpacked(real, named, options), b"")[:4096]):
        return land_json(real, named, fmt, folder, options)
    return land_delimited(real, named, fmt, folder, options)


def _landed(named: str, fmt: SourceFormat, read: Read, digest: str) -> Landed:
    """Put together what was read."""
    return Landed(
        fmt.name, named, digest, read.encoding, read.delimiter, read.rows + len(read.broken),
        read.parquet, _write_broken(read.broken, read.parquet), read.columns, read.first_line,
        read.relation,
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
