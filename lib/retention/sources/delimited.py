"""Delimited text: judged by the strict scanner, split by Arrow's parser, counted by both.

A large file is mostly plain (`retention.sources.plainness`): it is split while it is looked
through, and only what turns out not to be plain is scanned record by record and split again.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO

import pyarrow as pa

from retention.errors import InputError
from retention.sources.base import ReadOptions, SourceFormat
from retention.sources.codes import BrokenCode
from retention.sources.decoding import name_encoding
from retention.sources.heading import Heading
from retention.sources.parsing import Dialect, write_records
from retention.sources.plainness import plain_records
from retention.sources.reading import Read, require_agreement, require_columns, stem_in
from retention.sources.scanning import Positions, Scanner
from retention.sources.tally import Tally
from retention.sources.texts import text_heading, utf8_text
from retention.sources.unpacking import packing_of


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
    wanted = set(fmt.columns_in(heading.names).values())
    kept = tuple(name for name in heading.names if name in wanted)
    stem = stem_in(folder, fmt)
    in_place = encoding in ("utf-8", "ascii") and packing_of(real) == "plain"
    in_place &= heading.delimiter != " "
    file = _File(real, named, heading, encoding, mark, stem.with_suffix(".parquet"), options,
                 kept)  # fmt: skip
    plain = file.split_plainly() if in_place and len(heading.names) > 1 else None
    return plain or _land_scanned(file, stem.with_suffix(".txt"), in_place)


@dataclass(frozen=True)
class _File:
    """A file under way: where it is, how it is written, and where its records are to go.

    Of an export's columns only those are ``kept`` that its format knows: an order of Shopify's has
    seventy-nine, of which the format knows thirty-three.
    """

    real: Path
    named: str
    heading: Heading
    encoding: str
    mark: int
    parquet: Path
    options: ReadOptions
    kept: tuple[str, ...] = ()

    def texts(self) -> Iterator[bytes]:
        """Yield the text after the header."""
        skip = self.heading.length
        for text in utf8_text(self.real, self.named, self.options, self.encoding, self.mark):
            body, skip = text[skip:], max(0, skip - len(text))
            yield body

    def split(self, text: Path, offset: int, dialect: Dialect, lines: Positions | None) -> int:
        """Write the records as Parquet; return how many."""
        threads = self.options.threads
        return write_records(text, offset, dialect, self.parquet, line_numbers=lines,
                             threads=threads)  # fmt: skip

    def split_plainly(self) -> Read | None:
        """Split the file while it is looked through; None where it is not plain."""
        beginning = next(self.texts(), b"")
        if plain_records([beginning], self.heading.raw) is None:
            return None
        dialect = Dialect(self.heading.names, self.heading.delimiter, kept=self.kept)
        with ThreadPoolExecutor(1) as pool:
            pending = pool.submit(plain_records, self.texts(), self.heading.raw)
            try:
                rows = self.split(self.real, self.mark + self.heading.length, dialect, None)
            except pa.ArrowInvalid:  # the strict scanner says where and why
                rows = None
            counted = pending.result()
        if rows is None or rows != counted:  # blank lines, which the parser passes over
            return None
        return self.read(Tally(self.heading.lines + 1, rows=rows))

    def read(self, tally: Tally) -> Read:
        """Return what was read."""
        first = tally.first_line if tally.regular else 0
        return Read(self.encoding, self.heading.delimiter, tally.rows, self.parquet,
                    self.heading.names, first, tally.broken)  # fmt: skip


def _land_scanned(file: _File, clean: Path, in_place: bool) -> Read:
    """Judge every record by the strict scanner, then split the lawful ones."""
    tally = _scan(file, None) if in_place else None
    try:
        if tally is None:
            tally = _scan_and_copy(file, clean)
        _refuse_unreadable(tally, file.options, file.named)
        lines = None if tally.regular else tally.line_numbers()
        heading = file.heading
        dialect = Dialect(heading.names, heading.delimiter, tally.quoted, tally.longest,
                          file.kept)  # fmt: skip
        text, offset = (clean, 0) if tally.copy else (file.real, file.mark + heading.length)
        rows = file.split(text, offset, dialect, lines)
    finally:
        clean.unlink(missing_ok=True)
    require_agreement(tally.rows, rows, file.named)
    return file.read(tally)


def _scan(file: _File, copy: IO[bytes] | None) -> Tally | None:
    """Judge every record; None if a copy is needed after all."""
    heading = file.heading
    tally = Tally(heading.lines + 1, copy)
    scanner = Scanner(ord(heading.delimiter), len(heading.names), heading.raw, heading.lines + 1)
    for text in file.texts():
        for piece in scanner.feed(text, final=False):
            if not tally.add(piece):
                return None
    for piece in scanner.feed(b"", final=True):
        if not tally.add(piece):
            return None
    return tally


def _scan_and_copy(file: _File, clean: Path) -> Tally:
    """Judge every record and write the lawful ones to ``clean``."""
    with clean.open("wb") as copy:
        tally = _scan(file, copy)
    if tally is None:
        raise AssertionError("a scan that copies never gives up")
    return tally


def _refuse_unreadable(tally: Tally, options: ReadOptions, named: str) -> None:
    """Ask for the encoding where bytes are not UTF-8 and none was declared."""
    wrong = [r for r in tally.broken if r.reason is BrokenCode.UNREADABLE_TEXT]
    if wrong and options.encoding == "auto":
        raise InputError(
            f"{len(wrong)} records are not UTF-8.", name_encoding(named),
            file=named, line=min(record.line_no for record in wrong),
        )  # fmt: skip
