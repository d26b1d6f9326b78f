"""Racing two ways of doing the same: own processes, interleaved, medians, answers compared.

A contestant is a function that prepares its work and returns a callable without arguments; only
that callable is timed. It returns the answer as a dictionary of numbers, by which the contestants
are compared: a disagreement is a miss, however fast.
"""

from __future__ import annotations

import json
import math
import os
import statistics
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.peers import build
from benchmarks.record import HERE, Entry

QUICK_VARIABLE = "RETENTION_BENCH_QUICK"
ROUNDS = 5


def is_quick() -> bool:
    """Tell whether a quick look was asked for (smaller sizes)."""
    return bool(os.environ.get(QUICK_VARIABLE))


@dataclass(frozen=True)
class Contestant:
    """One way of doing the work.

    Parameters
    ----------
    name
        Name for the table.
    target
        ``package.module:function``; the function prepares and returns what is timed. In a peers'
        environment the module must not import our library.
    arguments
        Keyword arguments of that function, as JSON values.
    environment
        ``own``, or a name in ``benchmarks.peers``.
    threads
        Threads that numerical libraries may use.
    """

    name: str
    target: str
    arguments: dict[str, Any] = field(default_factory=dict)
    environment: str = "own"
    threads: int = 1


@dataclass(frozen=True)
class Timing:
    """Medians over the rounds: seconds, processor seconds, peak megabytes; and the answer."""

    seconds: float
    processor: float
    peak_mb: float
    answer: dict[str, float]


def measure(contestants: list[Contestant], rounds: int = ROUNDS) -> list[Timing]:
    """Run every contestant once per round, in turn; return its medians.

    Raises
    ------
    RuntimeError
        If a contestant fails.
    """
    runs: list[list[Timing]] = [[] for _ in contestants]
    for number in range(rounds):
        turn = list(range(len(contestants)))
        for index in turn if number % 2 == 0 else reversed(turn):
            runs[index].append(_run(contestants[index]))
    return [
        Timing(
            statistics.median(run.seconds for run in mine),
            statistics.median(run.processor for run in mine),
            statistics.median(run.peak_mb for run in mine),
            mine[0].answer,
        )
        for mine in runs
    ]


def race(
    area: str,
    case: str,
    ours: Contestant,
    peer: Contestant,
    goal: float,
    n: int,
    tolerance: float = 1e-6,
    rounds: int = ROUNDS,
    note: str = "",
) -> Entry:
    """Race us against a peer: the figure is the peer's seconds divided by ours.

    Parameters
    ----------
    goal
        How many times as fast as the peer we want to be (at least).
    n
        Rows or units of the work.
    tolerance
        Largest relative difference allowed between the answers' common keys.
    """  # fmt: skip
    mine, theirs = measure([ours, peer], rounds)
    ratio = theirs.seconds / mine.seconds
    gap, key = disagreement(mine.answer, theirs.answer)
    agree = gap <= tolerance
    said = (
        f"{ours.name} {mine.seconds:.3g} s, {mine.peak_mb:,.0f} MB; "
        f"{peer.name} {theirs.seconds:.3g} s, {theirs.peak_mb:,.0f} MB; "
        f"answers differ by at most {gap:.1e}"
    )
    if not agree:
        said = f"THE ANSWERS DISAGREE on {key} by {gap:.1e}; " + said
    if note:
        said += f"; {note}"
    return Entry(
        area, f"{case}: times as fast as {peer.name}", None, ratio,
        f"answers within {tolerance:g}", n, agree and ratio >= goal, said, f"at least {goal:g}",
    )  # fmt: skip


def solo(
    area: str,
    case: str,
    ours: Contestant,
    goal_seconds: float,
    n: int,
    rounds: int = ROUNDS,
    note: str = "",
) -> Entry:
    """Time us alone: the figure is in seconds."""  # fmt: skip
    (mine,) = measure([ours], rounds)
    said = f"median of {rounds}; {mine.processor:.3g} processor s, {mine.peak_mb:,.0f} MB at peak"
    return Entry(
        area, f"{case}: seconds", None, mine.seconds, "", n, mine.seconds <= goal_seconds,
        said + (f"; {note}" if note else ""), f"at most {goal_seconds:g}",
    )  # fmt: skip


def disagreement(ours: dict[str, float], theirs: dict[str, float]) -> tuple[float, str]:
    """Return the largest relative difference over the keys both answers have, and its key.

    Answers without a common key cannot be compared: that counts as infinitely far apart.
    """
    worst, where = (math.inf, "no common key") if not set(ours) & set(theirs) else (0.0, "")
    for key in sorted(set(ours) & set(theirs)):
        scale = max(abs(ours[key]), abs(theirs[key]), 1e-12)
        gap = abs(ours[key] - theirs[key]) / scale
        if not gap <= worst:
            worst, where = (math.inf if math.isnan(gap) else gap), key
    return worst, where


def _run(contestant: Contestant) -> Timing:
    """Run one contestant once, in a process of its own."""
    python = (
        Path(sys.executable) if contestant.environment == "own" else build(contestant.environment)
    )
    threads = str(contestant.threads)
    variables = dict.fromkeys(
        ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"), threads
    )
    command = [
        str(python), str(HERE / "probe.py"), contestant.target, json.dumps(contestant.arguments),
    ]  # fmt: skip
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        cwd=HERE.parent,
        env=os.environ | variables,
        check=False,
    )
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:] or ["no message"]
        raise RuntimeError(f"{contestant.name} failed: {last[0]}")
    return Timing(**json.loads(done.stdout.strip().splitlines()[-1]))
