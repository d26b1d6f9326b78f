"""SHA-256 of files that are read: each is hashed once in a run, whoever asks.

The runner hashes every export to know whether anything has changed, and the process that reads one
would do so again; eleven gigabytes take twelve seconds of a processor. So the runner hands on what
it found, and a file that has since been touched is hashed again.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from functools import cache
from hashlib import sha256
from pathlib import Path

from retention.engine import sha256_of

KNOWN_VARIABLE = "RETENTION_KNOWN_DIGESTS"
"""Environment variable of the file in which the runner hands on what it has hashed."""


def digest_of(real: Path) -> str:
    """Return the SHA-256 of a file, or of the names and hashes of a folder's Parquet files."""
    if real.is_file():
        return _digest(*_state(real))
    files = sorted(real.rglob("*.parquet"))
    return sha256(
        "|".join(f"{p.relative_to(real)}={sha256_of(p)}" for p in files).encode()
    ).hexdigest()


def hand_on(files: Iterable[Path], target: Path) -> None:
    """Write the digests of some files for the processes that are told of ``target``.

    Parameters
    ----------
    files
        Files that this process has hashed; folders are passed over.
    target
        File to write, in a folder that nobody else may write to.
    """
    states = [_state(path) for path in files if path.is_file()]
    target.write_text(json.dumps([[*state, _digest(*state)] for state in states]), encoding="utf-8")


def _state(path: Path) -> tuple[str, int, int]:
    """Return what tells that a file is still the same: name, size and when it was changed."""
    state = path.stat()
    return str(path.resolve()), state.st_size, state.st_mtime_ns


@cache
def _digest(path: str, size: int, changed: int) -> str:
    """Return the SHA-256 of a file in a certain state."""
    known = _handed_on(os.environ.get(KNOWN_VARIABLE, ""))
    return known.get((path, size, changed)) or sha256_of(Path(path))


@cache
def _handed_on(file: str) -> dict[tuple[str, int, int], str]:
    """Return what was handed on in a file, by the files' states; nothing where there is none."""
    if not file or not Path(file).is_file():
        return {}
    rows = json.loads(Path(file).read_text(encoding="utf-8"))
    return {(path, size, changed): digest for path, size, changed, digest in rows}
