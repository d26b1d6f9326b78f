"""The audit log: who asked for what, when, and with what effect, without naming anybody.

One JSON object per line in ``<private>/audit.jsonl``. A person stands there as an HMAC under a key
of its own, so that a request can be proved to have been carried out by whoever holds the key and
the person's address, and by nobody else. Each line carries the hash of the line before it: a line
that was changed or taken out breaks the chain.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from retention.ingest.keys import KeyRing, private_folder

_FILE = "audit.jsonl"


def record(
    private: Path, keys: KeyRing, action: str, person_key: str, effect: Mapping[str, Any]
) -> dict[str, Any]:
    """Append one line and return it.

    Parameters
    ----------
    private
        The private folder.
    keys
        Key ring.
    action
        ``erase``, ``access``, ``rotate``, ``forget_old`` or ``audience``.
    person_key
        Pseudonym of the person; only its HMAC is written. Empty where nobody is concerned.
    effect
        Counts of what was done, without identities.
    """
    path = private_folder(private) / _FILE
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    entry = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "action": action,
        "subject": subject_reference(keys, person_key) if person_key else "",
        "effect": dict(effect),
        "previous": hashlib.sha256(lines[-1].encode()).hexdigest() if lines else "",
    }
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(descriptor, "a", encoding="utf-8") as handle:
        handle.write(json.dumps(entry, sort_keys=True) + "\n")
        handle.flush()
        os.fsync(handle.fileno())
    return entry


def subject_reference(keys: KeyRing, person_key: str) -> str:
    """Return how the log refers to a person: an HMAC under the first generation's audit key."""
    return hmac.new(keys.subkey("audit", 0), person_key.encode(), hashlib.sha256).hexdigest()[:24]


def actions(private: Path) -> list[str]:
    """Return the action of every line, oldest first."""
    path = private / _FILE
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return [str(json.loads(line)["action"]) for line in lines]


def verify(private: Path) -> int | None:
    """Return the number (from 1) of the first line that breaks the chain, None if it is whole."""
    path = private / _FILE
    previous = ""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    for number, line in enumerate(lines, start=1):
        if json.loads(line)["previous"] != previous:
            return number
        previous = hashlib.sha256(line.encode()).hexdigest()
    return None
