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
from numpy.typing import NDArray
from scipy import stats

from retention.abtest.codes import AbtestCode
from retention.abtest.confidence_sequence import always_valid
from retention.abtest.design import Design
from retention.abtest.metrics import MetricDefinition
from retention.abtest.past_splits import Marks, Material, Read, Split, material_of
from retention.abtest.sequential import equal_looks, sequential_plan
from retention.abtest.statistics import Array
from retention.engine import Engine
from retention.errors import ParameterError
from retention.results import Check, Status, percent

CELLS_PER_BLOCK = 4_000_000
"""Units x draws held in memory at once."""

PEEKS = 10
"""Equally spaced moments at which an always-valid test is read in a rehearsal."""


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
    is_always_valid: bool = False

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
        looks = f"{self.looks} look(s)" + (", always valid" if self.is_always_valid else "")
        return (
            f"{self.metric}: over {self.draws:,} random splits of {self.units:,} past {self.drawn} "
            f"with {looks}, the test {words} (false positives "
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
    stratify_by: str | None = None,
    looks: int = 1,
    spending: str = "obrien_fleming",
    information: Sequence[float] = (),
    tuned_at: int | None = None,
) -> Rehearsal:
    """Split past units at random, test, and count refusals.

    Parameters
    ----------
    engine
        Engine that applies the metric's null policy and cap.
    units
        Past units, one row each.
    metric
        What the test will compare; every kind, with or without strata.
    relative_effect
        Lift injected for the power: values of the treated are multiplied by 1 + lift (rates: that
        share of further successes among the treated; times to an event are stretched by it).
    share_treatment
        Share of units in treatment.
    draws
        Number of random splits.
    seed
        Seed of the splits.
    cluster
        Column of clusters that are drawn as one; None for single units.
    stratify_by
        Column within whose strata units are split evenly; None for none.
    looks, spending, information
        Looks of a group sequential test and the share of the units at each, equally spaced if not
        given: units come in random order, and a refusal at any look counts.
    tuned_at
        Units at which an always-valid test is tightest; it is read at ten moments, and a refusal
        at any counts. None for a test with planned looks.

    Raises
    ------
    EvidenceError
        If a look has too few units for the metric's estimator.
    """
    if draws < 1 or not 0 < share_treatment < 1 or looks < 1:
        raise ParameterError(
            f"{draws} splits with a share of {share_treatment} and {looks} looks are impossible.",
            "Give at least one split and look, and a share between 0 and 1.",
        )
    looks = PEEKS if tuned_at else looks
    fractions = np.asarray(information or equal_looks(looks))
    levels = _levels(alpha, fractions, spending, tuned_at)
    material = material_of(
        engine, units, metric, share=share_treatment, cluster=cluster, stratify_by=stratify_by,
        seed=seed,
    )  # fmt: skip
    null, seen, last = 0, 0, []
    for reads in _reads(material, relative_effect, share_treatment, draws, fractions, seed):
        plain, moved = (
            [_p_value(pair[side], tuned_at, alpha) for pair in reads] for side in (0, 1)
        )
        null += any(p < level for p, level in zip(plain, levels, strict=True))
        last.append(plain[-1])
        seen += any(
            p < level and pair[1][0].difference * relative_effect > 0
            for p, level, pair in zip(moved, levels, reads, strict=True)
        )
    return Rehearsal(
        metric.name, draws, alpha, *_rate(null, draws), relative_effect, *_rate(seen, draws),
        len(material.draw_within), np.array(last), looks, "clusters" if cluster else "customers",
        bool(tuned_at),
    )  # fmt: skip


def _p_value(read: Read, tuned_at: int | None, alpha: float) -> float:
    """Return the p-value that is held against the look's level."""
    both, p_value = read
    return always_valid(both, tuned_at, alpha).p_value if tuned_at else p_value


def _levels(alpha: float, fractions: Array, spending: str, tuned_at: int | None) -> Array:
    """Return the nominal two-sided level of each look."""
    if len(fractions) == 1 or tuned_at:
        return np.full(len(fractions), alpha)
    plan = sequential_plan(fractions.tolist(), alpha=alpha, spending=spending)
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
    most_customers: int | None = None,
) -> list[Rehearsal]:
    """Rehearse every metric under a design's level, shares and looks, on the same splits.

    Parameters are those of `rehearse`, of the design (``terms``), and of `few_enough`.
    """
    some = few_enough(units, most_customers, cluster)
    return [
        rehearse(
            engine, some, metric, relative_effect=relative_effect, alpha=terms.level,
            share_treatment=terms.share_treatment / (terms.share_control + terms.share_treatment),
            draws=draws, seed=seed, cluster=cluster, looks=terms.looks, spending=terms.spending,
            information=terms.information,
        )
        for metric in metrics
    ]  # fmt: skip


def few_enough(
    units: pd.DataFrame, most_customers: int | None, cluster: str | None = None
) -> pd.DataFrame:
    """Return evenly spaced units, or whole clusters of them, to rehearse on; few stay as they are.

    Each split costs as much as there are units, and whether a test keeps its level on skewed money
    shows on a hundred thousand of them: a million are nearer to the normal law, not further.

    Parameters
    ----------
    units
        Past units, one row each.
    most_customers
        Units at most (about as many, where clusters are kept whole); None for all.
    cluster
        Column of clusters that are drawn as one.

    Examples
    --------
    >>> few_enough(pd.DataFrame({"unit_key": list("abcde")}), 2)["unit_key"].tolist()
    ['a', 'd']
    """
    step = 1 if most_customers is None else -(-len(units) // most_customers)
    if step <= 1:
        return units
    place = pd.factorize(units[cluster])[0] if cluster else np.arange(len(units))
    return units[place % step == 0].reset_index(drop=True)


def _reads(
    material: Material, lift: float, share: float, draws: int, fractions: Array, seed: int
) -> Iterator[list[tuple[Read, Read]]]:
    """Yield what each random split says at each look, without and with the lift."""
    generator, within = np.random.default_rng(seed), material.draw_within
    block = max(CELLS_PER_BLOCK // len(within), 1)
    for start in range(0, draws, block):
        shape = (min(block, draws - start), len(within))
        treated = _treated(within, share, shape[0], generator)
        # When a unit comes in; one look needs no draw.
        at = generator.random(shape) if len(fractions) > 1 else np.zeros(shape)
        looks = []
        for fraction in fractions:
            there = at < fraction  # all, at the last look: draws lie below 1
            splits = [
                Split(t & ~b, t & b, fraction >= 1) for t, b in zip(there, treated, strict=True)
            ]
            looks.append(list(material.read(splits, lift)))
        yield from (list(of_one) for of_one in zip(*looks, strict=True))


def _treated(within: Marks, share: float, draws: int, generator: np.random.Generator) -> Marks:
    """Return who is treated in each draw: by chance, or evenly within each stratum."""
    position = generator.random((draws, len(within)))
    treated = np.asarray(position < share)
    for code in range(int(within.max()) + 1) if within.any() else []:
        part = np.flatnonzero(within == code)
        # A stratum's odd unit falls to either side: the cut is shifted at random.
        shift = generator.random((draws, 1))
        treated[:, part] = _lowest(position[:, part], _lawful_ranks(len(part), share, shift))
    return treated


def _lawful_ranks(units: int, share: float, shift: Array) -> NDArray[np.intp]:
    """Return how many of the ranks 0, 1, … lie below the share once they are shifted."""
    middle = int(share * units)
    near = np.arange(max(middle - 2, 0), min(middle + 3, units))
    return np.asarray(near[0] + np.count_nonzero((near + shift) / units < share, axis=1))


def _lowest(values: Array, wanted: NDArray[np.intp]) -> Marks:
    """Return which values of each row are among its lowest, as many as wanted."""
    asked = np.unique(wanted[wanted > 0])
    if not len(asked):
        return np.zeros(values.shape, dtype=bool)
    sorted_there = np.partition(values, asked - 1, axis=1)
    last = np.take_along_axis(sorted_there, np.maximum(wanted - 1, 0)[:, None], axis=1)
    return np.asarray((values <= last) & (wanted > 0)[:, None])


def _rate(count: int, draws: int) -> tuple[float, float, float]:
    """Return a share and its exact 95 % interval (Clopper & Pearson 1934)."""
    interval = stats.binomtest(count, draws).proportion_ci(0.95, method="exact")
    return count / draws, float(interval.low), float(interval.high)
