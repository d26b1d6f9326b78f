"""From a path to bytes: plain, gzip or zip, checked to the last byte and bounded."""

from __future__ import annotations

import gzip
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from retention.errors import InputError
from retention.sources.base import ReadOptions

CHUNK = 1 << 20
BOMB_FLOOR = 1 << 26
WORKBOOK_MEMBER = "xl/workbook.xml"


def checked_path(path: Path, options: ReadOptions, named: str = "") -> Path:
    """Return the real path of a readable, non-empty regular file (or folder).

    Raises
    ------
    InputError
        If there is nothing there, it cannot be read, it is empty, or it leads out of the root.
    """
    named = named or str(path)
    try:
        real = path.resolve(strict=True)
    except (OSError, RuntimeError) as error:
        raise InputError(
            "There is no such file." if not path.is_symlink() else "The link leads nowhere.",
            "Check the path in the params.", file=named,
        ) from error  # fmt: skip
    if options.root and not real.is_relative_to(Path(options.root).resolve()):
        raise InputError("The path leads out of its folder.", "Put the file inside it.", file=named)
    if real.is_dir():
        return real
    if not real.is_file():
        raise InputError("This is not a regular file.", "Name an export file.", file=named)
    if real.stat().st_size == 0:
        raise InputError("The file is empty (0 bytes).", "Export it again.", file=named)
    return real


def packing_of(path: Path) -> str:
    """Return ``gzip``, ``zip``, ``workbook``, ``parquet`` or ``plain``, by the first bytes."""
    with path.open("rb") as handle:
        magic = handle.read(4)
    if magic[:2] == b"\x1f\x8b":
        return "gzip"
    if magic == b"PAR1":
        return "parquet"
    if magic == b"PK\x03\x04":
        return "workbook" if _is_workbook(path) else "zip"
    return "plain"


def unpacked(path: Path, named: str, options: ReadOptions) -> Iterator[bytes]:
    """Yield the unpacked bytes in chunks; every checksum is verified by the end.

    Raises
    ------
    InputError
        If the archive is damaged, cut short, a bomb, or holds other than one file.
    """
    limit = max(BOMB_FLOOR, path.stat().st_size * options.maximum_expansion)
    total = 0
    packing = packing_of(path)
    try:
        with _opened(path, packing, named) as handle:
            while chunk := handle.read(CHUNK):
                total += len(chunk)
                if packing != "plain" and total > limit:
                    raise InputError(
                        f"The archive unpacks to more than {options.maximum_expansion} times its "
                        "size.", "Unpack it by hand if you trust it.", file=named,
                    )  # fmt: skip
                yield chunk
    except (EOFError, zlib.error, gzip.BadGzipFile, zipfile.BadZipFile) as e:
        raise InputError(
            f"The archive is damaged or cut short ({e}).", "Copy or export it again.", file=named
        ) from e
    except NotImplementedError as error:  # a RuntimeError too: to be told apart before it
        raise InputError(
            f"The archive is packed in a way that cannot be read here ({error}).",
            "Pack it as gzip or as an ordinary zip.", file=named,
        ) from error  # fmt: skip
    except RuntimeError as error:
        raise InputError(
            "The archive asks for a password.", "Unpack it by hand.", file=named
        ) from error
    except OSError as error:
        raise InputError(f"The file cannot be read ({error.strerror}).", "Check it.",
                         file=named) from error  # fmt: skip


def _opened(path: Path, packing: str, named: str) -> IO[bytes] | gzip.GzipFile:
    """Open the file, or the one member of an archive, for reading bytes."""
    if packing == "gzip":
        return gzip.GzipFile(path, "rb")
    if packing != "zip":
        return path.open("rb", buffering=0)
    archive = zipfile.ZipFile(path)
    members = [
        member for member in archive.infolist()
        if not member.is_dir() and not member.filename.startswith("__MACOSX/")
    ]  # fmt: skip
    if len(members) != 1:
        raise InputError(
            f"The archive holds {len(members)} files.", "Pack exactly one export into it.",
            file=named,
        )  # fmt: skip
    return archive.open(members[0])


def _is_workbook(path: Path) -> bool:
    """Tell whether a zip archive is an xlsx workbook."""
    try:
        with zipfile.ZipFile(path) as archive:
            return WORKBOOK_MEMBER in archive.namelist()
    except zipfile.BadZipFile:
        return False
