"""Churn scores: coverage of their intervals under known risks, and whether leaks are caught."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
from scipy import stats

from benchmarks.record import Entry, near
from retention.churn import LabelledDate, leak_check, score_groups, score_probabilities
from retention.churn.backtest import clustered_error
from retention.results import Status

DRAWS = 1_000
AUDITS = 500
CUSTOMERS = 1_000
LEVEL = 0.05
"""Level at which the audit's tests, corrected for many groups, are held."""
SOURCE = "risks drawn from Beta(2, 3), outcomes from the risks"


def cases() -> Iterator[Entry]:
    """Yield coverage of the scores' intervals, the group audit's error rate, and leaks caught."""
    yield from _coverage()
    yield from _groups()
    yield from _leaks()


def _truth() -> dict[str, float]:
    """Return the scores of the true risks in an endless population."""
    random = np.random.default_rng(7)
    p = random.beta(2, 3, 4_000_000)
    y = random.random(len(p)) < p
    ranks = stats.rankdata(p)
    n1 = int(y.sum())
    auc = (ranks[y].sum() - n1 * (n1 + 1) / 2) / (n1 * (len(p) - n1))
    loss = -(p * np.log(p) + (1 - p) * np.log1p(-p)).mean()
    return {"auc": float(auc), "log_loss": float(loss), "brier": float((p * (1 - p)).mean()),
            "calibration_slope": 1.0, "calibration_intercept": 0.0}  # fmt: skip


def _coverage() -> Iterator[Entry]:
    """Yield how often each score's 95 % interval holds its true value."""
    truth, random = _truth(), np.random.default_rng(1)
    held: dict[str, list[bool]] = {name: [] for name in truth}
    for _ in range(DRAWS):
        p = random.beta(2, 3, CUSTOMERS)
        scores = score_probabilities((random.random(CUSTOMERS) < p).astype(int), p, draws=2)
        rows = scores.frame.set_index("metric")
        for name, value in truth.items():
            held[name].append(rows.loc[name, "ci_low"] <= value <= rows.loc[name, "ci_high"])
    slack = 3 * np.sqrt(0.95 * 0.05 / DRAWS)
    for name, inside in held.items():
        yield near(
            "churn",
            f"coverage of the 95 % interval, {name.replace('_', ' ')}, n = {CUSTOMERS:,}",
            0.95,
            float(np.mean(inside)),
            slack,
            DRAWS,
            SOURCE,
        )
    yield _clusters(random)


def _clusters(random: np.random.Generator) -> Entry:
    """Return coverage of the mean where each customer occurs at four dates."""
    inside = []
    for _ in range(DRAWS):
        own = np.repeat(random.normal(size=250), 4) + random.normal(size=1000)
        error = clustered_error(own, np.repeat(np.arange(250), 4))
        inside.append(abs(own.mean()) <= 1.959964 * error)
    slack = 3 * np.sqrt(0.95 * 0.05 / DRAWS) + 0.005
    return near(
        "churn",
        "coverage of paired differences, customers at four dates",
        0.95,
        float(np.mean(inside)),
        slack,
        DRAWS,
        "customer effect as large as the noise",
    )


def _groups() -> Iterator[Entry]:
    """Yield how often a fair model is called unfair, and an unfair one is found."""
    random = np.random.default_rng(3)
    group = np.repeat(np.array(["a", "b", "c"], dtype=object), [600, 300, 100])
    called: dict[str, list[bool]] = {"fair": [], "15 points too high for b": []}
    for _ in range(AUDITS):
        p = random.beta(2, 3, CUSTOMERS)
        y = (random.random(CUSTOMERS) < p).astype(int)
        told = np.where(group == "b", np.clip(p + 0.15, 0, 1), p)
        called["fair"].append(bool(score_groups(group, y, p, attribute="g").unfair))
        called["15 points too high for b"].append(
            "b" in score_groups(group, y, told, attribute="g").unfair
        )
    for (name, found), want, slack in zip(
        called.items(),
        (LEVEL, 0.98),
        (3 * np.sqrt(LEVEL * (1 - LEVEL) / AUDITS), 0.021),
        strict=True,
    ):
        yield near("churn", f"group audit calls unfair: {name}", want, float(np.mean(found)), slack,
                   AUDITS, SOURCE)  # fmt: skip


def _leaks() -> Iterator[Entry]:
    """Yield how often planted leaks are caught, and honest features let through."""
    random = np.random.default_rng(5)
    for name, noise, want in (
        ("clean", np.inf, 0.0),
        ("faint leak", 0.35, 1.0),
        ("leak", 0.0, 1.0),
    ):
        caught = []
        for _ in range(100):
            p = random.beta(2, 3, CUSTOMERS)
            y = (random.random(CUSTOMERS) < p).astype(np.int8)
            hint = (
                random.normal(size=CUSTOMERS)
                if np.isinf(noise)
                else (y + random.normal(0, noise, CUSTOMERS))
            )
            features = pd.DataFrame({"customer_key": np.arange(CUSTOMERS).astype(str),
                                     "recency_days": p, "hint": hint})  # fmt: skip
            date = LabelledDate("2026-01-01", 90, features, y, np.ones(CUSTOMERS), y * 1.0)
            caught.append(leak_check([date]).status is Status.FAIL)
        yield near("churn", f"leaks caught: {name}", want, float(np.mean(caught)), 0.0, 100,
                   "outcome plus noise among the features")  # fmt: skip
