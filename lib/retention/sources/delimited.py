"""Delimited text: judged by the strict scanner, parsed by the engine, counted by both."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from retention.engine import Engine
from retention.errors import InputError
from retention.sources.base import ReadOptions, SourceFormat
from retention.sources.codes import MENDS, BrokenCode
from retention.sources.headers import text_heading, utf8_text
from retention.sources.heading import Heading
from retention.sources.scanning import BrokenRecord, Piece, Positions, Scanner
from retention.sources.unpacking import packing_of


@dataclass(frozen=True)
class Read:
    """What a reader found in a file: the fields of `Landed` that depend on its bytes."""

    encoding: str
    delimiter: str
    rows: int
    parquet: Path
    broken: list[BrokenRecord]
    columns: tuple[str, ...]
    first_line: int


@dataclass
class Tally:
    """What the scanner has seen so far; with a copy, the lawful records are written to it."""

    first_line: int
    copy: IO[bytes] | None = None
    rows: int = 0
    crlf: int = 0
    bare_lf: int = 0
    longest: int = 0
    quoted: bool = False
    regular: bool = True
    lines: list[Positions] = field(default_factory=list)
    broken: list[BrokenRecord] = field(default_factory=list)

    def add(self, piece: Piece) -> bool:
        """Count a piece; False if the original cannot be read in place and no copy is made."""
        self._number(piece.lines)
        self.broken += piece.broken
        self.rows += piece.lines.size
        self.crlf += piece.crlf
        self.bare_lf += piece.bare_lf
        self.longest = max(self.longest, piece.longest)
        self.quoted |= piece.quoted
        if self.copy is None:
            return piece.untouched and not (self.crlf and self.bare_lf)
        self.copy.write(piece.text)
        return True

    def _number(self, lines: Positions) -> None:
        """Keep line numbers in full only once they cease to be consecutive."""
        expected = self.first_line + self.rows
        if self.regular and lines.size:
            consecutive = int(lines[-1] - lines[0]) == lines.size - 1
            self.regular = consecutive and int(lines[0]) == expected
            if not self.regular:
                self.lines = [np.arange(self.first_line, expected, dtype=np.int64)]
        if not self.regular:
            self.lines.append(lines)


def land_delimited(
    real: Path, named: str, fmt: SourceFormat, folder: Path, options: ReadOptions
) -> Read:
    """Land a delimited text file; see `retention.sources.landing.land`."""
    known = frozenset((*fmt.used_columns(), *fmt.aliases))
    heading, encoding, mark = text_heading(real, named, options, known)
    require_columns(fmt, heading.names, named)
    in_place = encoding in ("utf-8", "ascii") and _readable_in_place(real, heading, mark)
    stem = folder / f"{fmt.name}-{uuid.uuid4().hex[:12]}"

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
        encoding, heading.delimiter, tally.rows, parquet, tally.broken, heading.names, first
    )


def _readable_in_place(real: Path, heading: Heading, mark: int) -> bool:
    """Tell whether the engine can skip the header of the file as it lies on disk."""
    if packing_of(real) != "plain" or heading.lines > 1 or b"\r" in heading.raw:
        return False
    with real.open("rb") as handle:
        return handle.read(mark + heading.length).endswith(b"\n")


def require_columns(fmt: SourceFormat, names: tuple[str, ...], named: str) -> None:
    """Raise if a required column is missing.

    Raises
    ------
    InputError
        Naming the first missing column and what the file has instead.
    """
    have = {fmt.aliases.get(name, name) for name in names}
    missing = [name for name in fmt.required if name not in have]
    if missing:
        shown = ", ".join(names[:8]) + (", …" if len(names) > 8 else "")
        raise InputError(
            f"No column {missing[0]!r}, which {fmt.name} needs; the file has {shown}.",
            "Export with that column, or name another source format in the params.",
            file=named, line=1, column=missing[0],
        )  # fmt: skip


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
    engine = Engine(memory_limit=options.memory_limit, threads=options.threads)
    try:
        source = _reader(text, heading, tally)
        if not tally.regular:
            numbers = pa.table({"line_no": np.concatenate(tally.lines)})
            lines = parquet.with_suffix(".lines.parquet")
            pq.write_table(numbers, lines)
            source += f" POSITIONAL JOIN read_parquet({_quoted(str(lines))})"
        rows = engine.connection.execute(
            f"COPY (SELECT * FROM {source}) TO {_quoted(str(parquet))} (FORMAT parquet)"
        ).fetchall()[0][0]
        if not tally.regular:
            lines.unlink()
    finally:
        engine.close()
    if rows != tally.rows:
        raise InputError(
            f"Two readers disagree: {tally.rows} records against {rows}.",
            "Please report this file's shape; nothing was imported.", file=named,
        )  # fmt: skip


def _reader(text: Path, heading: Heading, tally: Tally) -> str:
    """Return the engine's table function for exactly this dialect."""
    columns = ", ".join(f"{_quoted(name)}: 'VARCHAR'" for name in heading.names)
    quote = '"' if tally.quoted else ""
    # The engine finds CR LF by itself; told of it by name, it reads no rows at all.
    ending = [] if tally.crlf and tally.copy is None else ["new_line = '\\n'"]
    settings = [
        "auto_detect = false", "all_varchar = true", f"columns = {{{columns}}}",
        f"delim = {_quoted(heading.delimiter)}", f"quote = '{quote}'", f"escape = '{quote}'",
        *ending, "header = false", f"skip = {0 if tally.copy else 1}",
        "strict_mode = true", "null_padding = false", "compression = 'none'",
    ]  # fmt: skip
    if tally.longest > 1_000_000:
        settings += [f"max_line_size = {2 * tally.longest}", f"buffer_size = {4 * tally.longest}"]
    return f"read_csv({_quoted(str(text))}, {', '.join(settings)})"


def _quoted(text: str) -> str:
    """Return a SQL string literal."""
    return "'" + text.replace("'", "''") + "'"
