"""The column names of a file, without reading the rest of it."""

from __future__ import annotations

from pathlib import Path

from retention.sources.base import ReadOptions
from retention.sources.decoding import as_utf8, established_encoding
from retention.sources.heading import HEADER_LIMIT, Heading, read_heading
from retention.sources.unpacking import checked_path, unpacked


def header_of(path: Path, options: ReadOptions) -> tuple[str, ...]:
    """Return the column names of an export file."""
    real = checked_path(path, options)
    return text_heading(real, str(path), options, frozenset())[0].names


def text_heading(
    real: Path, named: str, options: ReadOptions, known: frozenset[str]
) -> tuple[Heading, str, int]:
    """Return a delimited file's heading, its encoding and the length of its byte-order mark."""
    chunks = unpacked(real, named, options)
    first = next(chunks, b"")
    chunks.close()  # type: ignore[attr-defined]
    encoding, mark = established_encoding(first, options.encoding, named)
    head = b""
    for text in as_utf8(unpacked(real, named, options), encoding, mark, named):
        head += text
        if len(head) >= HEADER_LIMIT:
            break
    return read_heading(head[:HEADER_LIMIT], options.delimiter, named, known), encoding, mark
