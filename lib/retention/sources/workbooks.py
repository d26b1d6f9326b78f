"""Workbooks (xlsx): every sheet with the same header, cell by cell, as text."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any

from retention.errors import InputError
from retention.sources.base import ReadOptions, SourceFormat
from retention.sources.codes import BrokenCode
from retention.sources.reading import Read, distinct_names, require_columns, stem_in, write_texts
from retention.sources.scanning import BrokenRecord
from retention.sources.unpacking import BOMB_FLOOR


def land_workbook(
    real: Path, named: str, fmt: SourceFormat, folder: Path, options: ReadOptions
) -> Read:
    """Land a workbook; rows of later sheets are numbered on from the sheets before.

    Raises
    ------
    InputError
        If it is damaged, a bomb, empty, or its sheets have different headers.
    """
    _refuse_bombs(real, named, options)
    formulas = _unevaluated(real)
    sheets = list(_sheets(real, named))
    known = (*fmt.used_columns(), *fmt.aliases)
    header = next((row for row in _filled(sheets)), None)
    if header is None:
        raise InputError("The workbook is empty.", "Export it again.", file=named)
    names = distinct_names([text or "" for text in header], known, named)
    require_columns(fmt, names, named)
    path = stem_in(folder, fmt).with_suffix(".parquet")
    broken: list[BrokenRecord] = []
    rows = write_texts(_records(sheets, list(header), formulas, broken, named), names, path)
    return Read("xlsx", "", rows, path, names, 0, broken)


def workbook_columns(real: Path, named: str) -> tuple[str, ...]:
    """Return the header of the first sheet that is not empty."""
    header = next(iter(_filled(_sheets(real, named))), [])
    return tuple(text for text in header if text)


def _sheets(real: Path, named: str) -> Iterator[tuple[str, Iterator[list[str | None]]]]:
    """Yield each sheet's title and its rows as texts."""
    import openpyxl

    try:
        book = openpyxl.load_workbook(real, read_only=True, data_only=True)
    except (zipfile.BadZipFile, KeyError, ValueError, OSError) as error:
        raise InputError(
            "The workbook is damaged or cut short.", "Save or export it again.", file=named
        ) from error
    for sheet in book.worksheets:
        yield (
            sheet.title,
            ([_text(cell) for cell in row] for row in sheet.iter_rows(values_only=True)),
        )


def _filled(sheets: Any) -> Iterator[list[str | None]]:
    """Yield the first row of each sheet that has one."""
    for _, rows in sheets:
        first = next(rows, None)
        if first and any(first):
            yield _trimmed(first)


def _trimmed(row: list[str | None]) -> list[str | None]:
    """Return the row without empty cells at its end."""
    last = max((i for i, text in enumerate(row) if text), default=-1)
    return row[: last + 1]


def _records(
    sheets: list[tuple[str, Iterator[list[str | None]]]],
    header: list[str | None],
    formulas: dict[str, set[int]],
    broken: list[BrokenRecord],
    named: str,
) -> Iterator[tuple[int, list[str | None]]]:
    """Yield the records of every sheet; collect those that cannot be read."""
    width, offset, started = len(header), 0, False
    for title, rows in sheets:
        number = 0
        for number, row in enumerate(rows, start=1 if started else 2):
            if not any(row) or (number == 1 and _same_header(row, header, named, title)):
                continue
            line = offset + number
            if number in formulas.get(title, ()):
                broken.append(_broken(line, row, BrokenCode.UNEVALUATED_FORMULA))
            elif len(_trimmed(row)) > width:
                broken.append(_broken(line, row, BrokenCode.COLUMN_COUNT))
            elif row[:width] == header:
                broken.append(_broken(line, row, BrokenCode.REPEATED_HEADER))
            else:
                yield line, [*row[:width], *[None] * (width - len(row))]
        started, offset = True, offset + number


def _same_header(row: list[str | None], header: list[str | None], named: str, title: str) -> bool:
    """Tell that the first row of a later sheet is the header again; raise if it is another."""
    if _trimmed(row) == header:
        return True
    raise InputError(
        f"The sheet {title!r} has another header than the first one.",
        "Keep only sheets of one table in the workbook.", file=named, line=1,
    )  # fmt: skip


def _broken(line: int, row: list[str | None], code: BrokenCode) -> BrokenRecord:
    """Return a row as a broken record."""
    return BrokenRecord(line, "\t".join(text or "" for text in row).encode(), code)


def _text(value: Any) -> str | None:
    """Return a cell's value as text, without exponents and without losing a digit."""
    if value is None or value == "":
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        plain = format(Decimal(repr(value)), "f")
        return plain.removesuffix(".0")
    if isinstance(value, datetime):
        return value.replace(microsecond=0).isoformat(sep=" ")
    if isinstance(value, date | time):
        return value.isoformat()
    return str(value)


def _refuse_bombs(real: Path, named: str, options: ReadOptions) -> None:
    """Raise if the parts unpack to far more than the file."""
    try:
        with zipfile.ZipFile(real) as archive:
            unpacked = sum(part.file_size for part in archive.infolist())
    except zipfile.BadZipFile as error:
        raise InputError(
            "The workbook is damaged or cut short.", "Save or export it again.", file=named
        ) from error
    if unpacked > max(BOMB_FLOOR, real.stat().st_size * options.maximum_expansion):
        raise InputError(
            f"The workbook unpacks to more than {options.maximum_expansion} times its size.",
            "Save it again if you trust it.", file=named,
        )  # fmt: skip


def _unevaluated(real: Path) -> dict[str, set[int]]:
    """Return, by sheet, the rows with a formula that has no stored value."""
    with zipfile.ZipFile(real) as archive:
        parts = [n for n in archive.namelist() if n.startswith("xl/worksheets/sheet")]
        if not any(b"<f" in archive.read(name) for name in parts):
            return {}
    import openpyxl

    written = openpyxl.load_workbook(real, read_only=True)
    stored = openpyxl.load_workbook(real, read_only=True, data_only=True)
    found: dict[str, set[int]] = {}
    for sheet in written.worksheets:
        both = zip(sheet.iter_rows(values_only=True),
                   stored[sheet.title].iter_rows(values_only=True), strict=False)  # fmt: skip
        found[sheet.title] = {
            number for number, (formulas, values) in enumerate(both, start=1)
            if any(v is None and str(f).startswith("=")
                   for f, v in zip(formulas, values, strict=False))
        }  # fmt: skip
    return found
