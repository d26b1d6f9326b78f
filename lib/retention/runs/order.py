"""Which notebook goes next: those that others wait for, and the longest, before the rest."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from retention.runs.plan import Notebook
from retention.runs.settings import Settings


def ready(
    waiting: Sequence[Settings], planned: Collection[str], done: Collection[str]
) -> list[Settings]:
    """Return the waiting notebooks whose every need is met; one that is not planned is no need."""
    return [s for s in waiting if all(need in done for need in s.notebook.needs if need in planned)]


def urgency(notebooks: Sequence[Notebook], seconds: Mapping[str, float]) -> dict[str, float]:
    """Return how long the run lasts at least from the start of each notebook.

    That is its own time and that of the longest chain of notebooks that wait for it. With several
    at once, starting the most urgent first keeps the end from waiting for one long notebook
    (list scheduling by critical path, Graham 1969).

    Parameters
    ----------
    notebooks
        All that are planned, each behind what it needs.
    seconds
        What each took in an earlier run; where that is unknown, its `Notebook.effort` counts.
    """
    longest: dict[str, float] = {}
    for notebook in reversed(notebooks):
        behind = [longest[other.name] for other in notebooks if notebook.name in other.needs]
        own = seconds.get(notebook.name, notebook.effort)
        longest[notebook.name] = own + max(behind, default=0.0)
    return longest
