"""A text file's content as UTF-8, and its heading."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from retention.sources.base import ReadOptions
from retention.sources.decoding import (
    as_utf8,
    established_encoding,
    with_line_feeds,
    with_single_blanks,
)
from retention.sources.heading import HEADER_LIMIT, Heading, read_heading
from retention.sources.unpacking import unpacked


def utf8_text(
    real: Path, named: str, options: ReadOptions, encoding: str, mark: int
) -> Iterator[bytes]:
    """Yield a text file's content as UTF-8 without its byte-order mark.

    Runs of blanks are folded where the delimiter is a blank.
    """
    texts = with_line_feeds(as_utf8(unpacked(real, named, options), encoding, mark, named))
    return with_single_blanks(texts) if options.delimiter == " " else texts


def text_heading(
    real: Path, named: str, options: ReadOptions, known: frozenset[str]
) -> tuple[Heading, str, int]:
    """Return a delimited file's heading, its encoding and the length of its byte-order mark."""
    first = next(unpacked(real, named, options), b"")
    encoding, mark = established_encoding(first, options.encoding, named)
    head = b""
    for text in utf8_text(real, named, options, encoding, mark):
        head += text
        if len(head) >= HEADER_LIMIT:
            break
    return read_heading(head[:HEADER_LIMIT], options.delimiter, named, known), encoding, mark
