"""From bytes to UTF-8: byte-order marks, UTF-16, declared encodings; never a silent guess."""

from __future__ import annotations

import codecs
import itertools
import re
from collections.abc import Iterator

from retention.errors import InputError

MARKS: tuple[tuple[bytes, str], ...] = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
"""Byte-order marks, the longer first where one begins with another."""


def established_encoding(head: bytes, declared: str, named: str) -> tuple[str, int]:
    """Return the encoding and the length of the byte-order mark.

    Raises
    ------
    InputError
        If the declared encoding is unknown, or UTF-16 comes without a mark.
    """
    for mark, name in MARKS:
        if head.startswith(mark):
            return name, len(mark)
    if declared != "auto":
        try:
            return codecs.lookup(declared).name, 0
        except LookupError as error:
            raise InputError(
                f"Nothing is known of the encoding {declared!r}.",
                "Use utf-8, utf-16 or windows-1252.", file=named,
            ) from error  # fmt: skip
    if head[:200].count(0) > len(head[:200]) // 4:
        raise InputError(
            "The file looks like UTF-16 without a byte-order mark, or is not a text file.",
            "Name its encoding in the params (utf-16-le).", file=named,
        )  # fmt: skip
    return "utf-8", 0


def as_utf8(chunks: Iterator[bytes], encoding: str, skip: int, named: str) -> Iterator[bytes]:
    """Yield the text as UTF-8 without its byte-order mark; UTF-8 itself passes unchecked."""
    plain = encoding in ("utf-8", "ascii")
    decoder = codecs.getincrementaldecoder(encoding)("strict")
    for chunk in chunks:
        data, skip = chunk[skip:], max(0, skip - len(chunk))
        try:
            yield data if plain else decoder.decode(data).encode("utf-8")
        except UnicodeDecodeError as error:
            raise _undecodable(encoding, named) from error
    try:
        tail = decoder.decode(b"", True) if not plain else ""
    except UnicodeDecodeError as error:
        raise _undecodable(encoding, named) from error
    if tail:
        yield tail.encode("utf-8")


def with_line_feeds(texts: Iterator[bytes]) -> Iterator[bytes]:
    """Yield the text with every CR turned into LF, where the text knows no LF (old Macs)."""
    first = next(texts, b"")
    alone = b"\r" in first and b"\n" not in first
    yield first.replace(b"\r", b"\n") if alone else first
    for text in texts:
        yield text.replace(b"\r", b"\n") if alone else text


def with_single_blanks(texts: Iterator[bytes]) -> Iterator[bytes]:
    r"""Yield whole lines whose runs of blanks are single ones, none at a line's ends.

    Examples
    --------
    >>> list(with_single_blanks(iter([b" a  b \n  c", b" d\n"])))
    [b'a b\n', b'c d\n']
    """
    rest = b""
    for text in texts:
        body, feed, rest = (rest + text).rpartition(b"\n")
        if feed:
            yield _single_blanks(body + feed)
    if rest:
        yield _single_blanks(rest)


def _single_blanks(lines: bytes) -> bytes:
    """Fold the blanks of whole lines."""
    folded = re.sub(rb"[ \t]+", b" ", lines)
    return re.sub(rb"(?m)^ | (?=\r?$)", b"", folded)


def name_encoding(named: str) -> str:
    """Say how to declare the encoding of a file that is not UTF-8."""
    file = named.rsplit("/", 1)[-1]
    return (
        "Export again in UTF-8, or add to `read_options` in ingest.yaml: "
        f'- "{file}: encoding = windows-1252" (or its true encoding).'
    )


def _undecodable(encoding: str, named: str) -> InputError:
    """Return the error of bytes that the encoding does not have."""
    return InputError(
        f"The file is not {encoding} throughout, or is cut short.",
        "Name its true encoding in the params, or export it again.", file=named,
    )  # fmt: skip


def fitting_encoding(chunks: Iterator[bytes]) -> str:
    """Return the encoding to declare for a text that does not show it; empty where it does.

    A byte-order mark and strict UTF-8 show themselves. What is neither is taken for the encoding of
    Windows in the west, which most spreadsheets still save in; its readers are asked to look.

    Examples
    --------
    >>> fitting_encoding(iter(["Grün".encode("cp1252")])), fitting_encoding(iter([b"plain"]))
    ('windows-1252', '')
    """
    first = next(chunks, b"")
    if any(first.startswith(mark) for mark, _ in MARKS):
        return ""
    if first[:200].count(0) > len(first[:200]) // 4:
        return "utf-16-le" if first[1:200:2].count(0) > first[0:200:2].count(0) else "utf-16-be"
    decoder = codecs.getincrementaldecoder("utf-8")("strict")
    try:
        for chunk in itertools.chain([first], chunks):
            decoder.decode(chunk)
        decoder.decode(b"", True)
    except UnicodeDecodeError:
        return "windows-1252"
    return ""
