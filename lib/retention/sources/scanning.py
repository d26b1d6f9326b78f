"""A strict, vectorised splitter of delimited text into records.

The engine's CSV reader loses rows silently where a file is malformed, so every byte is first read
here: each quote must open a field or close one, each record must have as many columns as the
header, bytes must be lawful text. What does not hold goes to the broken records, one physical line
at a time, and reading resumes on the next line. What remains is unambiguous for any reader.

A quote is lawful (RFC 4180) if, counting from the start of the record, an odd-numbered one follows
a delimiter, a line start or another quote, and an even-numbered one precedes a delimiter, a line
end or another quote; doubled quotes satisfy both.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from retention.sources.codes import BrokenCode

QUOTE, LF, CR = 34, 10, 13
SMALL_WINDOW = 1 << 16
LARGE_WINDOW = 1 << 20
"""Windows that fit into a processor's cache take half the time of large ones."""
RECORD_LIMIT = 1 << 25
"""A record of more bytes than this is taken for a quote that is never closed."""

Positions = npt.NDArray[np.int64]


@dataclass(frozen=True)
class BrokenRecord:
    """A record that cannot be split: its first physical line, its bytes, and why."""

    line_no: int
    raw: bytes
    reason: BrokenCode


@dataclass
class Piece:
    """Consecutive input after judgement.

    Parameters
    ----------
    text
        The lawful records, each ending in LF alone (the very last may have no line end).
    lines
        Physical line of each lawful record.
    broken
        The records taken out.
    untouched
        Whether ``text`` is all of the input that the piece covers.
    crlf, bare_lf
        How many of the lawful records end in CR LF and in LF alone.
    longest
        Bytes of the longest lawful record.
    quoted
        Whether a quote occurs.
    consumed, lines_consumed
        Bytes and physical lines of the input that the piece covers.
    """

    text: bytes
    lines: Positions
    broken: list[BrokenRecord]
    untouched: bool
    crlf: int = 0
    bare_lf: int = 0
    longest: int = 0
    quoted: bool = False
    consumed: int = 0
    lines_consumed: int = 0


@dataclass
class Scanner:
    """Splits a stream of bytes that begins at the first record after the header.

    Parameters
    ----------
    delimiter
        Byte between columns.
    columns
        Columns of every record.
    header
        Bytes of the header record, to recognise it where it comes again.
    line_no
        Physical line of the first record.
    quoting
        Whether ``"`` encloses fields.
    """

    delimiter: int
    columns: int
    header: bytes
    line_no: int
    quoting: bool = True
    _rest: bytes = field(default=b"", init=False)
    _size: int = field(default=LARGE_WINDOW, init=False)

    def feed(self, chunk: bytes, *, final: bool) -> Iterator[Piece]:
        """Yield judged pieces of everything read so far but an unfinished last record."""
        data = self._rest + chunk if self._rest else chunk
        at = 0
        while at < len(data):
            stop = min(len(data), at + self._size)
            last = stop == len(data)
            piece = self._window(data[at:stop] if (at or not last) else data, final and last)
            if piece is None:
                if last and not final:
                    break
                self._size *= 4
                continue
            self._size = SMALL_WINDOW if piece.broken else min(self._size * 4, LARGE_WINDOW)
            at += piece.consumed
            self.line_no += piece.lines_consumed
            yield piece
        self._rest = data[at:]
        self._size = min(self._size, LARGE_WINDOW)

    def _window(self, data: bytes, final: bool) -> Piece | None:
        """Judge one window that begins at a record; None if it holds no complete record."""
        view = np.frombuffer(data, dtype=np.uint8)
        feeds = np.flatnonzero(view == LF)
        quotes = self._quotes(data, view)
        bad_quote = self._first_bad_quote(view, quotes, final)
        ends = _outside(feeds, quotes)
        if bad_quote is None and final and (ends.size == 0 or ends[-1] != view.size - 1):
            if quotes.size % 2:
                bad_quote = view.size
            else:
                ends = np.append(ends, view.size)
        if bad_quote is None and ends.size == 0 and view.size > RECORD_LIMIT:
            bad_quote = view.size
        if bad_quote is not None:
            ends = ends[ends < bad_quote]
        if ends.size == 0:
            return None if bad_quote is None else self._first_line(data, quotes, bad_quote, final)
        return self._records(data, view, feeds, quotes, ends)

    def _quotes(self, data: bytes, view: npt.NDArray[np.uint8]) -> Positions:
        """Return where quotes are."""
        if not self.quoting or data.find(b'"') < 0:
            return np.empty(0, dtype=np.int64)
        return np.flatnonzero(view == QUOTE)

    def _first_bad_quote(
        self, view: npt.NDArray[np.uint8], quotes: Positions, final: bool
    ) -> int | None:
        """Return where the first unlawful quote is."""
        if quotes.size == 0:
            return None
        opening, closing = quotes[::2], quotes[1::2]
        before = view[np.maximum(opening - 1, 0)]
        fine = (opening == 0) | (before == self.delimiter) | (before == LF) | (before == QUOTE)
        wrong = [opening[~fine]]
        after = view[np.minimum(closing + 1, view.size - 1)]
        fine = (closing == view.size - 1) | (after == self.delimiter) | (after == QUOTE)
        wrong.append(closing[~(fine | (after == LF) | (after == CR))])
        first = [int(w[0]) for w in wrong if w.size]
        return min(first) if first else None

    def _first_line(self, data: bytes, quotes: Positions, bad: int, final: bool) -> Piece | None:
        """Give up the first physical line, which holds or opens an unlawful quote."""
        end = data.find(b"\n")
        if end < 0 and not final:
            return None
        end = len(data) if end < 0 else end
        code = BrokenCode.STRAY_QUOTE if bad < len(data) else BrokenCode.UNTERMINATED_QUOTE
        raw = data[:end].rstrip(b"\r")
        empty = np.empty(0, dtype=np.int64)
        return Piece(
            b"", empty, [BrokenRecord(self.line_no, raw, code)], False,
            consumed=min(end + 1, len(data)), lines_consumed=1, quoted=True,
        )  # fmt: skip

    def _records(
        self,
        data: bytes,
        view: npt.NDArray[np.uint8],
        feeds: Positions,
        quotes: Positions,
        ends: Positions,
    ) -> Piece:
        """Judge complete records: columns, bytes, carriage returns, repeated header."""
        starts = np.concatenate([np.zeros(1, dtype=np.int64), ends[:-1] + 1])
        consumed = int(min(ends[-1] + 1, view.size))
        before_end = view[np.maximum(ends - 1, 0)]
        crlf = (before_end == CR) & (ends > starts)
        lengths = ends - starts - crlf
        blank = lengths == 0
        reasons = self._judge(data[:consumed], view[:consumed], quotes, starts, ends, crlf)
        bad = {i: code for i, code in reasons.items() if not blank[i]}
        lines = self.line_no + np.searchsorted(feeds, starts)
        keep = ~blank
        keep[list(bad)] = False
        broken = [
            BrokenRecord(int(lines[i]), data[starts[i] : starts[i] + lengths[i]], code)
            for i, code in sorted(bad.items())
        ]
        untouched = bool(keep.all())
        as_is = untouched and not crlf.any()
        return Piece(
            data[:consumed] if as_is else _kept(view[:consumed], starts, ends, crlf, keep),
            lines[keep], broken, untouched,
            crlf=int((crlf & keep).sum()), bare_lf=int((~crlf & keep & (ends < view.size)).sum()),
            longest=int(lengths.max()), quoted=quotes.size > 0, consumed=consumed,
            lines_consumed=int(np.searchsorted(feeds, consumed)),
        )  # fmt: skip

    def _judge(
        self,
        data: bytes,
        view: npt.NDArray[np.uint8],
        quotes: Positions,
        starts: Positions,
        ends: Positions,
        crlf: npt.NDArray[np.bool_],
    ) -> dict[int, BrokenCode]:
        """Return the reason of each unlawful record, by its position."""
        found: dict[int, BrokenCode] = {}

        def add(records: Positions, code: BrokenCode) -> None:
            for record in np.unique(records).tolist():
                found.setdefault(record, code)

        add(self._repeated_headers(data, starts, ends), BrokenCode.REPEATED_HEADER)
        if data.find(b"\0") >= 0:
            add(np.searchsorted(ends, np.flatnonzero(view == 0)), BrokenCode.NUL_BYTE)
        if data.find(b"\r") >= 0:
            returns = np.flatnonzero(view == CR)
            stray = np.setdiff1d(_outside(returns, quotes), ends[crlf] - 1, assume_unique=True)
            add(np.searchsorted(ends, stray), BrokenCode.STRAY_CARRIAGE_RETURN)
        add(_undecodable(data, starts, ends), BrokenCode.UNREADABLE_TEXT)
        delimiters = _outside(np.flatnonzero(view == self.delimiter), quotes)
        add(_miscounted(delimiters, starts, ends, self.columns - 1), BrokenCode.COLUMN_COUNT)
        return found

    def _repeated_headers(self, data: bytes, starts: Positions, ends: Positions) -> Positions:
        """Return the records that are the header again."""
        if not self.header or data.find(self.header) < 0:
            return np.empty(0, dtype=np.int64)
        length = len(self.header)
        same = np.flatnonzero(np.isin(ends - starts, (length, length + 1)))
        hits = [i for i in same.tolist() if data[starts[i] : starts[i] + length] == self.header]
        return np.array(hits, dtype=np.int64)


def _kept(
    view: npt.NDArray[np.uint8],
    starts: Positions,
    ends: Positions,
    crlf: npt.NDArray[np.bool_],
    keep: npt.NDArray[np.bool_],
) -> bytes:
    """Return the kept records, each ending in LF alone."""
    mask = np.ones(view.size, dtype=np.bool_)
    mask[ends[crlf] - 1] = False
    for record in np.flatnonzero(~keep).tolist():
        mask[starts[record] : ends[record] + 1] = False
    return view[mask].tobytes()


def _outside(positions: Positions, quotes: Positions) -> Positions:
    """Return the positions that are not inside a quoted field.

    Quotes are sought among the positions, of which there are many times as many: most quoted fields
    hold none of them.
    """
    if quotes.size == 0 or positions.size == 0:
        return positions
    opened = np.searchsorted(positions, quotes[::2])
    closed = np.full(opened.size, positions.size)  # a field that is never closed holds all the rest
    closed[: quotes.size // 2] = np.searchsorted(positions, quotes[1::2])
    held = closed > opened
    if not held.any():
        return positions
    change = np.zeros(positions.size + 1, dtype=np.int64)
    np.add.at(change, opened[held], 1)
    np.subtract.at(change, closed[held], 1)
    return positions[np.cumsum(change[:-1]) == 0]


def _miscounted(
    delimiters: Positions, starts: Positions, ends: Positions, expected: int
) -> Positions:
    """Return the records with another number of delimiters than expected."""
    if expected and delimiters.size == expected * ends.size:
        table = delimiters.reshape(-1, expected)
        if bool(((table[:, 0] >= starts) & (table[:, -1] < ends)).all()):
            return np.empty(0, dtype=np.int64)
    counts = np.diff(np.searchsorted(delimiters, ends), prepend=0)
    return np.flatnonzero(counts != expected)


def _undecodable(data: bytes, starts: Positions, ends: Positions) -> Positions:
    """Return the records that are not UTF-8."""
    if data.isascii():
        return np.empty(0, dtype=np.int64)
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return np.array([i for i in range(ends.size) if not _is_text(data[starts[i] : ends[i]])])
    return np.empty(0, dtype=np.int64)


def _is_text(raw: bytes) -> bool:
    """Tell whether the bytes are UTF-8."""
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
