"""Who has been erased, remembered as pseudonyms so that no import brings them back."""

from __future__ import annotations

import json
from pathlib import Path

from retention.ingest.keys import KeyRing
from retention.ingest.vault import seal, unseal

ERASED = "erased.sealed"


def erased_people(private: Path, keys: KeyRing) -> frozenset[str]:
    """Return the pseudonyms of every erased person (all their keys)."""
    path = private / ERASED
    if not path.exists():
        return frozenset()
    content = unseal(keys.subkey("vault"), ERASED, path.read_bytes())
    return frozenset(json.loads(content))


def erased_file(private: Path, keys: KeyRing, people: frozenset[str]) -> tuple[Path, bytes]:
    """Return where the list lies and its sealed content for these people."""
    content = seal(keys.subkey("vault"), ERASED, json.dumps(sorted(people)).encode())
    return private / ERASED, content
