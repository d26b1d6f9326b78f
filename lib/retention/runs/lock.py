"""One run per profile at a time.

The lock is the kernel's own (``flock``): it ends with the process, however that dies, so a stale
lock cannot exist; the file beside it only says who holds it and since when.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from retention.errors import RunError


@contextmanager
def profile_lock(folder: Path) -> Iterator[None]:
    """Hold the lock of a profile's output folder inside the block.

    Raises
    ------
    RunError
        If another process holds it; the message names owner and age.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = (folder / ".lock").open("a+", encoding="utf-8")
    except OSError as error:
        raise RunError(
            f"The folder cannot be written ({error.strerror}).",
            "Free space or give write permission, then run again.",
            file=f"outputs/{folder.name}",
        ) from None
    with handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RunError(
                f"Another run of profile {folder.name!r} is under way ({_owner(folder)}).",
                "Wait for it, or stop that process.",
            ) from None
        handle.truncate(0)
        owner = {"pid": os.getpid(), "host": socket.gethostname(), "since": _now()}
        handle.write(json.dumps(owner))
        handle.flush()
        yield


def _owner(folder: Path) -> str:
    """Say who holds the lock, as far as the file beside it tells."""
    try:
        owner = json.loads((folder / ".lock").read_text(encoding="utf-8"))
        return f"process {owner['pid']} on {owner['host']} since {owner['since']}"
    except (OSError, ValueError, KeyError):
        return "its owner has not written its name yet"


def _now() -> str:
    """Return the time in UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")
