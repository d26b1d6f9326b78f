"""The column names of a file, without reading the rest of it."""

from __future__ import annotations

from pathlib import Path

from retention.sources.base import ReadOptions
from retention.sources.heading import HEADER_LIMIT
from retention.sources.json_records import is_json, sampled_columns
from retention.sources.parquet_files import parquet_columns
from retention.sources.texts import text_heading
from retention.sources.unpacking import checked_path, packing_of, unpacked
from retention.sources.workbooks import workbook_columns


def header_of(path: Path, options: ReadOptions) -> tuple[str, ...]:
    """Return the column names of an export: text, JSON, workbook or Parquet.

    Raises
    ------
    InputError
        If the file cannot be read or has no header.
    """
    real = checked_path(path, options)
    packing = "parquet" if real.is_dir() else packing_of(real)
    if packing == "parquet":
        return parquet_columns(real, str(path))
    if packing == "workbook":
        return workbook_columns(real, str(path))
    first = next(unpacked(real, str(path), options), b"")
    if is_json(first[:4096]):
        return sampled_columns(first[:HEADER_LIMIT].decode("utf-8", "ignore"))
    return text_heading(real, str(path), options, frozenset())[0].names
