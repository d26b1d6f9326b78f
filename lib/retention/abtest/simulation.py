"""Dress rehearsal on the shop's own past: real false-positive rate and real power of a design.

Past units are split at random again and again as the test would split them. Nothing was done to
them, so every refusal is a false positive (A/A); with an effect injected, refusals are power. Real
spend is skewed and full of zeros: this shows whether the formulas hold on it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from retention.abtest.codes import AbtestCode
from retention.abtest.collect import moments_of, unit_matrix
from retention.abtest.design import Design
from retention.abtest.estimates import estimate
from retention.abtest.metrics import MetricDefinition, MetricKind
from retention.abtest.sequential import sequential_plan
from retention.abtest.statistics import Array, Moments
from retention.engine import Engine
from retention.errors import ParameterError
from retention.results import Check, Status, percent

CELLS_PER_BLOCK = 4_000_000
"""Units x draws held in memory at once."""


@dataclass(frozen=True, eq=False)
class Rehearsal:
    """Share of random splits that refused, with its exact interval, without and with effect."""

    metric: str
    draws: int
    alpha: float
    false_positive_rate: float
    false_positive_low: float
    false_positive_high: float
    relative_effect: float
    power: float
    power_low: float
    power_high: float
    units: int
    p_values: Array
    looks: int = 1
    drawn: str = "customers"

    def to_frame(self) -> pd.DataFrame:
        """Return the rehearsal as one row."""
        return pd.DataFrame([{k: v for k, v in vars(self).items() if k != "p_values"}])

    def summary(self) -> str:
        """Say whether the test keeps its promises on this shop's data."""
        words = "keeps its level"
        if self.false_positive_low > self.alpha:
            words = "does not keep its level"
        elif self.false_positive_high < self.alpha:
            words = "is more cautious than its level"
        return (
            f"{self.metric}: over {self.draws:,} random splits of {self.units:,} past {self.drawn} "
            f"with {self.looks} look(s), the test {words} (false positives "
            f"{percent(self.false_positive_rate, 1)}, "
            f"{percent(self.false_positive_low, 1)} to {percent(self.false_positive_high, 1)}, "
            f"nominal {percent(self.alpha, 0)}) and sees a lift of "
            f"{percent(self.relative_effect, 0)} in {percent(self.power, 0)} of them."
        )

    def check(self) -> Check:
        """Return the trust check on the false-positive rate."""
        broken = self.false_positive_low > self.alpha
        return Check(
            AbtestCode.FALSE_POSITIVE_RATE,
            Status.FAIL if broken else Status.PASS,
            self.summary(),
            "Winsorise the metric, use more units, or equal arms." if broken else "",
        )


def rehearse(
    engine: Engine,
    units: pd.DataFrame,
    metric: MetricDefinition,
    *,
    relative_effect: float,
    share_treatment: float = 0.5,
    alpha: float = 0.05,
    draws: int = 1_000,
    seed: int = 0,
    cluster: str | None = None,
    looks: int = 1,
    spending: str = "obrien_fleming",
) -> Rehearsal:
    """Split past units at random, test, and count refusals.

    Parameters
    ----------
    engine
        Engine that applies the metric's null policy and cap.
    units
        Past units, one row each.
    metric
        What the test will compare.
    relative_effect
        Lift injected for the power: values of the treated are multiplied by 1 + lift (rates: that
        share of further successes among the treated).
    share_treatment
        Share of units in treatment.
    draws
        Number of random splits.
    seed
        Seed of the splits.
    cluster
        Column of clusters that are drawn as one; None for single units.
    looks, spending
        Looks of a group sequential test: units come in random order, and a refusal at any look
        counts.
    """
    if draws < 1 or not 0 < share_treatment < 1 or looks < 1:
        raise ParameterError(
            f"{draws} splits with a share of {share_treatment} and {looks} looks are impossible.",
            "Give at least one split and look, and a share between 0 and 1.",
        )
    generator = np.random.default_rng(seed)
    engine.register("rehearsal_units", units)
    names, rows = unit_matrix(engine, "rehearsal_units", metric, cluster)
    levels = _levels(alpha, looks, spending)
    null, seen, last = 0, 0, []
    for arms in _splits(rows, names, share_treatment, draws, looks, generator):
        found = [estimate(a, b, metric, alpha=alpha) for a, b in arms]
        null += any(e.p_value < level for e, level in zip(found, levels, strict=True))
        last.append(found[-1].p_value)
        moved = [(a, _injected(b, metric, relative_effect, generator)) for a, b in arms]
        raised = [estimate(a, b, metric, alpha=alpha) for a, b in moved]
        seen += any(
            e.p_value < level and e.difference * relative_effect > 0
            for e, level in zip(raised, levels, strict=True)
        )
    return Rehearsal(
        metric.name, draws, alpha, *_rate(null, draws), relative_effect, *_rate(seen, draws),
        len(rows), np.array(last), looks, "clusters" if cluster else "customers",
    )  # fmt: skip


def _levels(alpha: float, looks: int, spending: str) -> Array:
    """Return the nominal two-sided level of each equally spaced look."""
    if looks == 1:
        return np.array([alpha])
    plan = sequential_plan(
        [(k + 1) / looks for k in range(looks)], alpha=alpha, spending=spending
    )  # fmt: skip
    return plan.to_frame()["nominal_p_value"].to_numpy(dtype=float)


def rehearse_all(
    engine: Engine,
    units: pd.DataFrame,
    metrics: Sequence[MetricDefinition],
    terms: Design,
    *,
    relative_effect: float,
    draws: int,
    seed: int,
    cluster: str | None = None,
) -> list[Rehearsal]:
    """Rehearse every metric under a design's level, shares and looks, on the same splits."""
    return [
        rehearse(
            engine, units, metric, relative_effect=relative_effect, alpha=terms.level,
            share_treatment=terms.share_treatment / (terms.share_control + terms.share_treatment),
            draws=draws, seed=seed, cluster=cluster, looks=terms.looks, spending=terms.spending,
        )
        for metric in metrics
    ]  # fmt: skip


def _splits(
    rows: Array,
    names: tuple[str, ...],
    share: float,
    draws: int,
    looks: int,
    generator: np.random.Generator,
) -> Iterator[list[tuple[Moments, Moments]]]:
    """Yield the moments of control and treatment of each random split, so far at each look."""
    block = max(CELLS_PER_BLOCK // len(rows), 1)
    for start in range(0, draws, block):
        shape = (min(block, draws - start), len(rows))
        treated = generator.random(shape) < share
        # The look at which a unit has come in; one look needs no draw.
        at = generator.integers(looks, size=shape) if looks > 1 else np.zeros(shape, dtype=int)
        sums = [
            [((at == k) & side).astype(float) @ rows for k in range(looks)]
            for side in (~treated, treated)
        ]
        a, b = (np.cumsum(side, axis=0) for side in sums)
        for i in range(shape[0]):
            yield [(moments_of(a[k, i], names), moments_of(b[k, i], names)) for k in range(looks)]


def _injected(
    moments: Moments, metric: MetricDefinition, lift: float, generator: np.random.Generator
) -> Moments:
    """Return the moments after the treatment has moved the metric by a relative lift."""
    if metric.kind is MetricKind.PROPORTION and not metric.covariates:
        successes = round(float(moments.sums[0]))
        moved = generator.binomial(successes, abs(lift)) * int(np.sign(lift))
        return Moments.of_counts(metric.column, min(successes + moved, moments.n), moments.n)
    scale = np.ones(len(moments.columns))
    scale[moments.index(metric.column)] = 1 + lift
    return Moments(
        moments.columns, moments.n, moments.sums * scale,
        moments.products * np.outer(scale, scale),
    )  # fmt: skip


def _rate(count: int, draws: int) -> tuple[float, float, float]:
    """Return a share and its exact 95 % interval (Clopper & Pearson 1934)."""
    interval = stats.binomtest(count, draws).proportion_ci(0.95, method="exact")
    return count / draws, float(interval.low), float(interval.high)
