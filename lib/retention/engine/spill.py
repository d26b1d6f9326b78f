"""Where an engine puts what does not fit into memory, and that nothing of it stays behind."""

from __future__ import annotations

import hashlib
import os
import platform
import re
import shutil
import tempfile
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_NODE = hashlib.sha256(platform.node().encode()).hexdigest()[:8]
_OWNED = re.compile(rf"retention-{_NODE}-(\d+)-\w+")


def folder_prefix() -> str:
    """Return how the names of this process's temporary folders begin: machine and process."""
    return f"retention-{_NODE}-{os.getpid()}-"


def spill_folder(owner: object, directory: str | None) -> Path:
    """Make a private folder for temporary files that goes when its owner does.

    It is removed when the owner is closed or forgotten and when the process ends, be it by an
    error. Folders of processes that were killed are removed by the next one that comes.

    Parameters
    ----------
    owner
        The engine; once it is gone, so is the folder.
    directory
        Folder to make it in; None for the system's.
    """
    base = Path(directory or tempfile.gettempdir())
    base.mkdir(parents=True, exist_ok=True)
    sweep(base)
    folder = Path(tempfile.mkdtemp(prefix=folder_prefix(), dir=base))
    weakref.finalize(owner, shutil.rmtree, folder, ignore_errors=True)
    return folder


@contextmanager
def own_folder(directory: str = "") -> Iterator[Path]:
    """Make a private folder as `spill_folder` does, which goes when the block ends."""
    owner = _Block()
    folder = spill_folder(owner, directory or None)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class _Block:
    """What lives as long as a block."""


def sweep(base: Path) -> int:
    """Remove what processes that are no more left in a folder; return how many folders went.

    Several machines may share the folder: only what this one made is looked at.
    """
    gone = 0
    # Names alone, in one pass: the system's folder may be crowded, and every engine looks at it.
    found = (_OWNED.fullmatch(name) for name in os.listdir(base) if name.startswith("retention-"))
    for match in filter(None, found):
        if not Path("/proc", match[1]).exists() and Path("/proc/self").exists():
            shutil.rmtree(base / match[0], ignore_errors=True)
            gone += 1
    return gone
