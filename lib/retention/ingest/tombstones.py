"""Who has been erased, remembered as pseudonyms so that no import brings them back."""

from __future__ import annotations

import json
from pathlib import Path

from retention.ingest.keys import KeyRing, private_folder
from retention.ingest.vault import seal, unseal, write_private

_FILE = "erased.sealed"


def erased_people(private: Path, keys: KeyRing) -> frozenset[str]:
    """Return the pseudonyms of every erased person (all their keys)."""
    path = private / _FILE
    if not path.exists():
        return frozenset()
    content = unseal(keys.subkey("vault"), _FILE, path.read_bytes())
    return frozenset(json.loads(content))


def remember_erased(private: Path, keys: KeyRing, people: set[str]) -> None:
    """Add people to the list."""
    write_erased(private, keys, people | erased_people(private, keys))


def write_erased(private: Path, keys: KeyRing, people: frozenset[str] | set[str]) -> None:
    """Write the whole list, sealed."""
    content = seal(keys.subkey("vault"), _FILE, json.dumps(sorted(people)).encode())
    write_private(private_folder(private) / _FILE, content)
