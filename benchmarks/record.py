"""One entry of evidence, and the files that entries are kept in."""

from __future__ import annotations

import json
import math
import subprocess
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
Figure = float | int | str | None


@dataclass(frozen=True)
class Entry:
    """One measured figure against what it should be.

    Parameters
    ----------
    area
        Package of the library the figure speaks of (``value``, ``segments`` ...).
    case
        What was measured, in words; unique within its area.
    expected
        Figure that the literature or the known truth asks for (validity).
    figure
        Figure found.
    tolerance
        How far the two may be apart, as a number or in words.
    n
        Units, runs or repetitions behind the figure.
    ok
        Whether it holds. A miss stays in the table, with its reason in ``source``.
    source
        Where the expectation comes from, or why it was missed.
    goal
        What to reach, in words or as a number (speed).
    commit
        Commit that was measured; filled in by the harness.
    module
        Module that measured it; filled in by the harness.

    Examples
    --------
    >>> Entry("value", "r", 0.243, 0.2426, 0.001, 2357, True, "Fader et al. 2005").ok
    True
    """

    area: str
    case: str
    expected: Figure = None
    figure: Figure = None
    tolerance: Figure = None
    n: int | None = None
    ok: bool = False
    source: str = ""
    goal: Figure = None
    commit: str = ""
    module: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Return plain JSON values; speed entries carry a goal, validity ones an expectation."""
        values = {key: _plain(value) for key, value in asdict(self).items()}
        values.pop("expected" if self.goal is not None else "goal")
        return values


def near(
    area: str, case: str, expected: float, figure: float, tolerance: float, n: int, source: str
) -> Entry:
    """Return an entry that holds where ``figure`` is within ``tolerance`` of ``expected``."""
    ok = bool(math.isfinite(figure) and abs(figure - expected) <= tolerance)
    return Entry(area, case, expected, figure, tolerance, n, ok, source)


def at_least(area: str, case: str, expected: float, figure: float, n: int, source: str) -> Entry:
    """Return an entry that holds where ``figure`` reaches ``expected``."""
    ok = bool(math.isfinite(figure) and figure >= expected)
    return Entry(area, case, expected, figure, "at least", n, ok, source)


def at_most(area: str, case: str, expected: float, figure: float, n: int, source: str) -> Entry:
    """Return an entry that holds where ``figure`` stays below or at ``expected``."""
    ok = bool(math.isfinite(figure) and figure <= expected)
    return Entry(area, case, expected, figure, "at most", n, ok, source)


def read(path: Path) -> list[Entry]:
    """Return the entries kept in a file; none where there is no such file."""
    if not path.is_file():
        return []
    return [Entry(**item) for item in json.loads(path.read_text(encoding="utf-8"))]


def write(path: Path, entries: Iterable[Entry]) -> None:
    """Keep the entries, ordered by area, module and the order they were measured in."""
    listed = [entry.as_dict() for entry in sorted(entries, key=lambda e: (e.area, e.module))]
    text = json.dumps(listed, indent=1, ensure_ascii=False, allow_nan=False)
    path.write_text(text + "\n", encoding="utf-8")


def merged(kept: Iterable[Entry], fresh: Iterable[Entry], modules: set[str]) -> list[Entry]:
    """Return the kept entries of other modules followed by the fresh ones."""
    return [entry for entry in kept if entry.module not in modules] + list(fresh)


def stamped(entry: Entry, module: str, commit: str) -> Entry:
    """Return the entry with the module and the commit that it speaks of."""
    return replace(entry, module=module, commit=commit)


def current_commit() -> str:
    """Return the short commit of the work tree, with ``+`` where the library was changed since."""
    git = ["git", "-C", str(HERE.parent)]
    commit = _output([*git, "rev-parse", "--short=10", "HEAD"])
    changed = _output([*git, "status", "--porcelain", "--", "lib", "benchmarks/*.py"])
    return commit + ("+" if changed else "")


def _output(command: list[str]) -> str:
    """Return what a command prints; empty where it cannot be run."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return ""
    return done.stdout.strip()


def _plain(value: Any) -> Any:
    """Turn NumPy scalars into Python ones and what is not finite into None."""
    item = value.item() if hasattr(value, "item") else value
    if isinstance(item, float):
        return float(f"{item:.10g}") if math.isfinite(item) else None
    return item
