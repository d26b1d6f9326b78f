"""Which notebook goes next: those that others wait for, and the longest, before the rest."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from heapq import heappop, heappush
from itertools import permutations

from retention.runs.plan import Notebook
from retention.runs.settings import Settings

SEARCHED = 8
"""Notebooks up to which all their orders are looked at: 5,040 take a tenth of a second."""


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


def sequence(
    notebooks: Sequence[Notebook], seconds: Mapping[str, float], at_once: int
) -> list[str]:
    """Return the names in the order in which they are started, each as soon as it is ready.

    Of all orders the one that ends soonest, and of equals the one nearest to the most urgent first:
    a short notebook that goes before a longer one may leave the workers free just when much becomes
    ready. Of very many notebooks the most urgent go first, unsearched.

    Parameters
    ----------
    notebooks, seconds
        As in `urgency`.
    at_once
        Notebooks that run at once.
    """
    longest = urgency(notebooks, seconds)
    order = sorted((n.name for n in notebooks), key=lambda name: -longest[name])
    if at_once < 2 or len(order) > SEARCHED:
        return order
    first, *rest = order  # the longest chain begins with it: nothing is more urgent
    orders = ([first, *others] for others in permutations(rest))
    return min(orders, key=lambda each: lasts(notebooks, each, seconds, at_once))


def lasts(
    notebooks: Sequence[Notebook], order: Sequence[str], seconds: Mapping[str, float], at_once: int
) -> float:
    """Return how many seconds the notebooks take in an order.

    Parameters are those of `sequence`, and its answer.
    """
    named = {notebook.name: notebook for notebook in notebooks}
    waiting, done, now = list(order), set[str](), 0.0
    running: list[tuple[float, str]] = []
    while waiting or running:
        for name in list(waiting):
            if len(running) < at_once and not (set(named[name].needs) & named.keys()) - done:
                waiting.remove(name)
                heappush(running, (now + seconds.get(name, named[name].effort), name))
        now, ended = heappop(running)
        done.add(ended)
    return now
