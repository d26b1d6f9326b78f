"""The audit log: who asked for what, when, and with what effect, without naming anybody.

One JSON object per line in ``<private>/audit.jsonl``. A person stands there as an HMAC under a key
of its own, so that a request can be proved to have been carried out by whoever holds the key and
the person's address, and by nobody else. Each line carries an HMAC over itself and the line before;
a sealed file apart holds the number of lines and the last HMAC. So a line that was changed, added,
moved or taken out is found, also at the end, and so is a log that is gone.

What it cannot prove: whoever holds the key can write a log anew, and whoever can restore both files
from an older copy can undo what came since. Keep a copy elsewhere.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from retention.errors import InputError
from retention.ingest.keys import KeyRing, private_folder
from retention.ingest.vault import seal, unseal, write_private
from retention.json_lines import append_line, read_lines

_FILE = "audit.jsonl"
_HEAD = "audit.head"


def record(
    private: Path, keys: KeyRing, action: str, subject: str, effect: Mapping[str, Any],
    work: str = "",
) -> None:  # fmt: skip
    """Append one line, unless the last one records the same piece of work.

    Parameters
    ----------
    private
        The private folder.
    keys
        Key ring.
    action
        ``erase``, ``access``, ``rotate``, ``forget_old``, ``audience`` or ``approve``.
    subject
        How the log refers to the person, by :func:`subject_reference`; empty for nobody.
    effect
        Counts of what was done, without identities.
    work
        Identifier of the piece of work, where it may be carried out twice.
    """
    path = private_folder(private) / _FILE
    entries = read_lines(path).entries
    if work and entries and entries[-1].get("work") == work:
        _write_head(private, keys, len(entries), entries[-1]["seal"])
        return
    entry = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "action": action,
        "subject": subject,
        "effect": dict(effect),
        **({"work": work} if work else {}),
    }
    mark = _seal_of(keys, entry, entries[-1]["seal"] if entries else "")
    append_line(path, {**entry, "seal": mark}, mode=0o600)
    _write_head(private, keys, len(entries) + 1, mark)


def subject_reference(keys: KeyRing, person_key: str) -> str:
    """Return how the log refers to a person: an HMAC under the first generation's audit key."""
    return hmac.new(keys.subkey("audit", 0), person_key.encode(), hashlib.sha256).hexdigest()[:24]


def actions(private: Path) -> list[str]:
    """Return the action of every line, oldest first."""
    return [str(entry["action"]) for entry in read_lines(private / _FILE).entries]


def verify(private: Path, keys: KeyRing) -> list[str]:
    """Return what was done to the log behind its back, a sentence each; nothing if it is whole."""
    try:
        lines = read_lines(private / _FILE)
    except InputError as error:
        return [str(error)]
    previous, found = "", []
    for number, entry in enumerate(lines.entries, start=1):
        content = {name: value for name, value in entry.items() if name != "seal"}
        mark = str(entry.get("seal", ""))
        if not hmac.compare_digest(mark, _seal_of(keys, content, previous)):
            found.append(f"Line {number} was changed, or the line before it changed or removed.")
            break
        previous = mark
    if lines.cut is not None:
        found.append(f"Line {lines.cut} was cut off while it was written.")
    return found + _against_head(private, keys, [str(e.get("seal", "")) for e in lines.entries])


def _against_head(private: Path, keys: KeyRing, seals: list[str]) -> list[str]:
    """Compare the log with the sealed count; a process killed between both leaves one line more."""
    path = private / _HEAD
    if not path.is_file():
        return [f"The sealed count ({_HEAD}) is missing."] if seals else []
    try:
        head = json.loads(unseal(keys.subkey("audit", 0), _HEAD, path.read_bytes()))
    except InputError:
        return [f"The sealed count ({_HEAD}) was replaced, or is of another key."]
    count = int(head["lines"])
    if len(seals) < count:
        return [f"{count - len(seals)} of {count} lines are gone."]
    if seals[count - 1 : count] != [head["seal"]]:
        return [f"Line {count} is not the one that was counted."]
    if len(seals) > count + 1:
        return [f"{len(seals) - count} lines came without being counted."]
    return []


def _seal_of(keys: KeyRing, entry: Mapping[str, Any], previous: str) -> str:
    """Return the HMAC of a line's content and of the seal of the line before."""
    content = json.dumps(entry, sort_keys=True, ensure_ascii=False)
    text = f"{previous}|{content}".encode()
    return hmac.new(keys.subkey("audit", 0), text, hashlib.sha256).hexdigest()


def _write_head(private: Path, keys: KeyRing, lines: int, mark: str) -> None:
    """Write the sealed count."""
    content = json.dumps({"lines": lines, "seal": mark}).encode()
    write_private(private / _HEAD, seal(keys.subkey("audit", 0), _HEAD, content))
