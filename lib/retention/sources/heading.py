"""The header row: which character parts the columns, and what they are called."""

from __future__ import annotations

import csv
from dataclasses import dataclass

from retention.errors import InputError
from retention.sources.decoding import name_encoding
from retention.sources.header_names import header_key
from retention.sources.reading import distinct_names

DELIMITERS = (",", ";", "\t", "|")
HEADER_LIMIT = 1 << 20


@dataclass(frozen=True)
class Heading:
    """The header record of a delimited file.

    Parameters
    ----------
    raw
        Its bytes without the line end.
    length
        Its bytes with the line end.
    lines
        Physical lines that it takes.
    delimiter
        The character between columns.
    names
        The columns, as written; later ones of the same name (letter case aside) are numbered.
    """

    raw: bytes
    length: int
    lines: int
    delimiter: str
    names: tuple[str, ...]


def read_heading(head: bytes, delimiter: str, named: str, known: frozenset[str]) -> Heading:
    """Return the header record at the beginning of UTF-8 text.

    Parameters
    ----------
    head
        The beginning of the text, without byte-order mark.
    delimiter
        ``auto`` or the character.
    named
        The file, for errors.
    known
        Column names that the format knows; they decide between delimiters and may not be doubled.

    Raises
    ------
    InputError
        If there is no header, or a column that matters stands in it twice.
    """
    raw = _first_record(head, named)
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(
            "The header is not UTF-8.", name_encoding(named), file=named, line=1,
        ) from error  # fmt: skip
    mark = _delimiter(text, known) if delimiter == "auto" else delimiter
    names = _fields(text, mark)
    if not any(name.strip() for name in names) or "\0" in text:
        raise InputError("There is no header row.", "Export with column names.", file=named, line=1)
    rest = head[len(raw) :]
    ending = 2 if rest.startswith(b"\r\n") else 1 if rest else 0
    return Heading(
        raw, len(raw) + ending, raw.count(b"\n") + 1, mark, distinct_names(names, known, named)
    )


def _first_record(head: bytes, named: str) -> bytes:
    """Return the first record, which may hold quoted line ends."""
    at = 0
    while True:
        end = head.find(b"\n", at)
        stop = end if end >= 0 else len(head)
        if head.count(b'"', 0, stop) % 2 == 0 or end < 0:
            break
        at = end + 1
    if end < 0 and len(head) >= HEADER_LIMIT:
        raise InputError("The first line never ends.", "Check that this is a table.", file=named)
    if head.count(b'"', 0, stop) % 2:
        raise InputError(
            "A quote in the header is never closed.", "Mend the header.", file=named, line=1
        )
    return head[:stop].removesuffix(b"\r")


def _delimiter(text: str, known: frozenset[str]) -> str:
    """Return the delimiter that yields most known columns, then most columns."""
    keys = {header_key(name) for name in known}

    def score(mark: str) -> tuple[int, int]:
        names = _fields(text, mark)
        return len({header_key(name) for name in names} & keys), len(names)

    return max(DELIMITERS, key=score)


def _fields(text: str, delimiter: str) -> list[str]:
    """Split the header record."""
    rows = (
        list(csv.reader([text], delimiter=delimiter))
        if "\n" not in text
        else list(csv.reader(text.splitlines(keepends=True), delimiter=delimiter))
    )
    return rows[0] if rows else []
