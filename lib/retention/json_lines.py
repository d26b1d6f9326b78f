"""Books of one JSON object a line, which survive being cut off while they are written."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from retention.errors import InputError

CUT = ".cut"
"""What is added to the name of the file that takes up a line which was cut off."""


class Lines(NamedTuple):
    """The whole lines of a book, and the number (from 1) of a last line that was cut off."""

    entries: list[dict[str, Any]]
    texts: list[str]
    cut: int | None


def read_lines(path: Path) -> Lines:
    """Return what is whole in a book; a missing file is an empty one.

    Raises
    ------
    InputError
        If a line that is not the last is no JSON object: that is no accident of writing.

    Examples
    --------
    >>> import tempfile
    >>> book = Path(tempfile.mkdtemp()) / "book.jsonl"
    >>> append_line(book, {"a": 1})
    >>> _ = book.open("a").write('{"a": ')
    >>> read_lines(book).entries, read_lines(book).cut
    ([{'a': 1}], 2)
    """
    if not path.is_file():
        return Lines([], [], None)
    content = path.read_bytes().decode("utf-8", errors="replace")
    *whole, rest = content.split("\n")
    entries = [_entry(path, number, text) for number, text in enumerate(whole, start=1)]
    return Lines(entries, whole, len(whole) + 1 if rest else None)


def append_line(path: Path, entry: Mapping[str, Any], mode: int = 0o640) -> None:
    """Add one line in one write that has reached the disk; a line cut off before is set aside."""
    line = json.dumps(entry, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, mode)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        _set_aside(path, descriptor)
        os.write(descriptor, line.encode())
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _entry(path: Path, number: int, text: str) -> dict[str, Any]:
    """Parse one line."""
    try:
        return dict(json.loads(text))
    except (ValueError, TypeError):
        raise InputError(
            "The line is no JSON object.", "Restore the file from a copy, or take the line out.",
            file=path.name, line=number,
        ) from None  # fmt: skip


def _set_aside(path: Path, descriptor: int) -> None:
    """Move what follows the last line end into a file of its own."""
    size = os.fstat(descriptor).st_size
    content = os.pread(descriptor, size, 0)
    end = content.rfind(b"\n") + 1
    if end == size:
        return
    aside = os.open(path.with_name(path.name + CUT), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        os.write(aside, content[end:] + b"\n")
        os.fsync(aside)
    finally:
        os.close(aside)
    os.ftruncate(descriptor, end)
