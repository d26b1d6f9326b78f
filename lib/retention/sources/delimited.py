"""Delimited text: judged by the strict scanner, parsed by the engine, counted by both."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import IO

import pyarrow as pa
import pyarrow.parquet as pq

from retention.engine import Engine
from retention.errors import InputError
from retention.sources.base import ReadOptions, SourceFormat
from retention.sources.codes import MENDS, BrokenCode
from retention.sources.heading import Heading
from retention.sources.reading import (
    Read,
    quoted,
    require_agreement,
    require_columns,
    stem_in,
)
from retention.sources.scanning import Scanner
from retention.sources.tally import Tally
from retention.sources.texts import text_heading, utf8_text
from retention.sources.unpacking import packing_of

_DRAFT = "(FORMAT parquet, COMPRESSION lz4_raw)"
"""A draft is read two or three times and removed; its dictionaries spare work on each value."""


def land_delimited(
    real: Path, named: str, fmt: SourceFormat, folder: Path, options: ReadOptions
) -> Read:
    """Land a delimited text file; see `retention.sources.landing.land`."""
    if fmt.blank_delimited:
        options = replace(options, delimiter=" ")
    known = frozenset((*fmt.used_columns(), *fmt.aliases))
    heading, encoding, mark = text_heading(real, named, options, known)
    bare = fmt.columns_of_bare(heading.raw.decode("utf-8"))
    if bare:
        heading = Heading(b"", 0, 0, heading.delimiter, bare)
    require_columns(fmt, heading.names, named)
    in_place = encoding in ("utf-8", "ascii") and _readable_in_place(real, heading, mark)
    stem = stem_in(folder, fmt)

    def texts() -> Iterator[bytes]:
        return utf8_text(real, named, options, encoding, mark)

    tally = _scan(texts(), heading, None) if in_place else None
    clean = stem.with_suffix(".txt")
    try:
        if tally is None:
            tally = _scan_and_copy(texts(), heading, clean)
        _refuse_unreadable(tally, options, named)
        parquet = stem.with_suffix(".parquet")
        _parse(clean if tally.copy else real, named, heading, tally, parquet, options)
    finally:
        clean.unlink(missing_ok=True)
    first = tally.first_line if tally.regular else 0
    return Read(
        encoding, heading.delimiter, tally.rows, parquet, heading.names, first, tally.broken
    )


def _readable_in_place(real: Path, heading: Heading, mark: int) -> bool:
    """Tell whether the engine can skip the header of the file as it lies on disk."""
    if packing_of(real) != "plain" or heading.delimiter == " " or heading.lines > 1:
        return False
    with real.open("rb") as handle:
        return handle.read(mark + heading.length).endswith(b"\n")


def _scan(texts: Iterator[bytes], heading: Heading, copy: IO[bytes] | None) -> Tally | None:
    """Judge every record; None if a copy is needed after all."""
    tally = Tally(heading.lines + 1, copy)
    scanner = Scanner(ord(heading.delimiter), len(heading.names), heading.raw, heading.lines + 1)
    skip = heading.length
    for text in texts:
        body, skip = text[skip:], max(0, skip - len(text))
        for piece in scanner.feed(body, final=False):
            if not tally.add(piece):
                return None
    for piece in scanner.feed(b"", final=True):
        if not tally.add(piece):
            return None
    return tally


def _scan_and_copy(texts: Iterator[bytes], heading: Heading, clean: Path) -> Tally:
    """Judge every record and write the lawful ones to ``clean``."""
    with clean.open("wb") as copy:
        tally = _scan(texts, heading, copy)
    if tally is None:
        raise AssertionError("a scan that copies never gives up")
    return tally


def _refuse_unreadable(tally: Tally, options: ReadOptions, named: str) -> None:
    """Ask for the encoding where bytes are not UTF-8 and none was declared."""
    wrong = [r for r in tally.broken if r.reason is BrokenCode.UNREADABLE_TEXT]
    if wrong and options.encoding == "auto":
        raise InputError(
            f"{len(wrong)} records are not UTF-8.", MENDS[BrokenCode.UNREADABLE_TEXT],
            file=named, line=min(record.line_no for record in wrong),
        )  # fmt: skip


def _parse(
    text: Path, named: str, heading: Heading, tally: Tally, parquet: Path, options: ReadOptions
) -> None:
    """Let the engine split the lawful records and write them, in their order, as Parquet."""
    engine = Engine(options.memory_limit, options.threads, str(parquet.parent))
    try:
        source = _reader(text, heading, tally)
        if not tally.regular:
            numbers = pa.table({"line_no": tally.line_numbers()})
            lines = parquet.with_suffix(".lines.parquet")
            pq.write_table(numbers, lines)
            source += f" POSITIONAL JOIN read_parquet({quoted(str(lines))})"
        rows = engine.connection.execute(
            f"COPY (SELECT * FROM {source}) TO {quoted(str(parquet))} {_DRAFT}"
        ).fetchall()[0][0]
        if not tally.regular:
            lines.unlink()
    finally:
        engine.close()
    require_agreement(tally.rows, rows, named)


def _reader(text: Path, heading: Heading, tally: Tally) -> str:
    """Return the engine's table function for exactly this dialect."""
    columns = ", ".join(f"{quoted(name)}: 'VARCHAR'" for name in heading.names)
    quote = '"' if tally.quoted else ""
    # The engine finds CR LF by itself; told of it by name, it reads no rows at all.
    ending = [] if tally.crlf and tally.copy is None else ["new_line = '\\n'"]
    settings = [
        "auto_detect = false", "all_varchar = true", f"columns = {{{columns}}}",
        f"delim = {quoted(heading.delimiter)}", f"quote = '{quote}'", f"escape = '{quote}'",
        *ending, "header = false", f"skip = {0 if tally.copy else 1}",
        "strict_mode = true", "null_padding = false", "compression = 'none'",
    ]  # fmt: skip
    if tally.longest > 1_000_000:
        settings += [f"max_line_size = {2 * tally.longest}", f"buffer_size = {4 * tally.longest}"]
    return f"read_csv({quoted(str(text))}, {', '.join(settings)})"
