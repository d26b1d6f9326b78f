"""Trust first: checks on the units of an experiment, before any effect is read."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from retention.abtest.clusters import cluster_table, gap_p_value
from retention.abtest.codes import AbtestCode
from retention.abtest.estimates import Estimate
from retention.abtest.multiplicity import adjust
from retention.abtest.quasi_experiment import behrens_fisher_degrees
from retention.abtest.sample_ratio import ACTION as SRM_ACTION
from retention.abtest.sample_ratio import CHECK_LOGGING, UNUSUAL, sample_ratio
from retention.abtest.statistics import Array
from retention.abtest.unit_values import numbers as finite_numbers
from retention.errors import EvidenceError
from retention.results import Check, Status, percent

THRESHOLD = 1e-3
"""p-value below which a trust check fails: strict, since every experiment takes all of them."""


def require_arms(units: pd.DataFrame, arms: Sequence[str], arm: str = "arm") -> None:
    """Raise where an arm is empty or unplanned, or only one is there.

    Raises
    ------
    EvidenceError
        Naming the arms found and planned.
    """
    found = units[arm].value_counts()
    empty = sorted(set(arms) - set(found.index))
    if len(found) < 2 or empty:
        raise EvidenceError(
            f"Arms without a unit: {', '.join(empty) or 'all but ' + ', '.join(found.index)}.",
            "Check the arms' names in the plan against the assignment table.",
            column=arm,
        )
    strange = sorted(set(found.index) - set(arms))
    if strange:
        raise EvidenceError(
            f"Units are in arms that the plan does not have: {', '.join(strange)}.",
            "Add them to the plan, or mend the assignment table.",
            column=arm,
        )


def duplicated_units(units: pd.DataFrame, unit: str = "unit_key", arm: str = "arm") -> Check:
    """Check that every unit is there once; a unit in two arms has seen both."""
    arms = units.groupby(unit, sort=False)[arm].nunique()
    crossed, repeated = int((arms > 1).sum()), int(units[unit].duplicated().sum())
    if crossed:
        return Check(
            AbtestCode.DUPLICATED_UNITS, Status.FAIL,
            f"{crossed:,} units are in two arms.",
            "Leave them out only if the reason is known and the same in every arm; else restart.",
        )  # fmt: skip
    if repeated:
        return Check(
            AbtestCode.DUPLICATED_UNITS, Status.FAIL,
            f"{repeated:,} rows repeat a unit.",
            "Give one row per unit: repeated rows make the intervals too narrow.",
        )  # fmt: skip
    return Check(AbtestCode.DUPLICATED_UNITS, Status.PASS, "Every unit is there once.")


def sample_ratio_by_segment(
    units: pd.DataFrame,
    shares: Mapping[str, float],
    segment: str,
    arm: str = "arm",
    *,
    cluster: str | None = None,
) -> Check:
    """Check the split within each segment, corrected for their number (Holm).

    With ``cluster`` the clusters are counted that have a unit in the segment.
    """
    if cluster is not None:
        units = units.drop_duplicates([segment, arm, cluster])
    table = pd.crosstab(units[segment].astype("string").fillna("missing"), units[arm])
    table = table.reindex(columns=list(shares), fill_value=0)
    p_values = [sample_ratio(dict(row), shares).p_value for _, row in table.iterrows()]
    adjusted = adjust(p_values)
    worst = int(np.argmin(adjusted)) if len(adjusted) else 0
    smallest = adjusted[worst] if len(adjusted) else 1.0
    failed, unusual = smallest < THRESHOLD, THRESHOLD <= smallest < UNUSUAL
    name = table.index[worst] if len(table) else "none"
    return Check(
        AbtestCode.SAMPLE_RATIO_BY_SEGMENT,
        Status.FAIL if failed else Status.WARN if unusual else Status.PASS,
        f"Split within {len(table)} segments of {segment}: smallest corrected p = "
        f"{smallest:.3g} ({name}).",
        SRM_ACTION if failed else CHECK_LOGGING if unusual else "",
    )


@dataclass(frozen=True, eq=False)
class Balance:
    """Covariates of two arms before the start, and the joint test that they are alike."""

    arm: str
    table: pd.DataFrame
    p_value: float

    def to_frame(self) -> pd.DataFrame:
        """Return covariate, means and standardised difference."""
        return self.table

    def summary(self) -> str:
        """Say whether the arms were alike."""
        if self.table.empty:
            return f"{self.arm}: no numeric covariate varies, so balance cannot be judged."
        worst = self.table.loc[self.table["standardised_difference"].abs().idxmax()]
        return (
            f"{self.arm}: joint p = {self.p_value:.3g} over {len(self.table)} covariates; largest "
            f"difference {worst['standardised_difference']:+.3f} standard deviations "
            f"({worst['covariate']})."
        )

    def check(self) -> Check:
        """Return the trust check."""
        failed = self.p_value < THRESHOLD
        return Check(
            AbtestCode.BALANCE,
            Status.FAIL if failed else Status.PASS,
            self.summary(),
            "The arms differed before the start: look for carry-over or a broken assignment."
            if failed
            else "",
        )


def balance(
    units: pd.DataFrame,
    covariates: Sequence[str],
    control: str,
    treatment: str,
    arm: str = "arm",
    *,
    cluster: str | None = None,
) -> Balance:
    """Compare pre-period covariates of two arms jointly by Hotelling's T².

    Covariances may differ between the arms (Krishnamoorthy & Yu 2004). With ``cluster`` the means
    of clusters and their sizes are compared: a cluster was drawn as one. Missing values are filled
    with the pooled mean and flagged by a covariate of their own, so that a gap that differs between
    arms is seen, too. Columns that are no numbers, or don't vary, are left out.
    """
    if cluster is not None:
        units = cluster_table(units.rename(columns={arm: "arm"}), covariates, cluster)
        covariates, arm = [c for c in units.columns if c != "arm"], "arm"
    values = _numeric(units, covariates)
    in_control = (units[arm] == control).to_numpy()
    in_treatment = (units[arm] == treatment).to_numpy()
    values = values.loc[:, values[in_control | in_treatment].std() > 0]
    a, b = values[in_control], values[in_treatment]
    difference = (b.mean() - a.mean()).to_numpy()
    spread = np.sqrt((a.var() + b.var()) / 2)
    table = pd.DataFrame(
        {
            "covariate": list(values.columns),
            "control": a.mean().to_numpy(),
            "treatment": b.mean().to_numpy(),
            "standardised_difference": _standardised(difference, spread.to_numpy()),
        }
    )
    p_value = _joint_p_value(difference, a.to_numpy(), b.to_numpy())
    return Balance(treatment, table, p_value)


def _standardised(difference: Array, spread: Array) -> Array:
    """Return differences in standard deviations; infinite where an arm's values are all one."""
    found = np.sign(difference) * np.inf
    return np.divide(difference, spread, out=found, where=spread > 0)


def _numeric(units: pd.DataFrame, covariates: Sequence[str]) -> pd.DataFrame:
    """Return numeric covariates without gaps, and a flag for each that has some."""
    known = units[list(covariates)].select_dtypes(["number", "bool"]).columns
    numbers = finite_numbers(units, list(known))
    gaps = numbers.isna().astype(float)
    gaps = gaps.loc[:, gaps.any()].add_suffix(" is missing")
    return pd.concat([numbers.fillna(numbers.mean()).fillna(0.0), gaps], axis=1)


def _joint_p_value(difference: Array, a: Array, b: Array) -> float:
    """Return the test of all differences being zero; collinear ones count once."""
    if difference.size == 0 or min(len(a), len(b)) < 2:
        return 1.0
    parts = [np.atleast_2d(np.cov(side.T)) / len(side) for side in (a, b)]
    scale = np.sqrt(np.diag(parts[0] + parts[1]))
    if (scale[difference != 0] == 0).any():  # constant in each arm, and not the same constant
        return 0.0
    scale = np.where(scale > 0, scale, 1.0)
    first, second = (part / np.outer(scale, scale) for part in parts)
    values, vectors = np.linalg.eigh(first + second)
    kept = values > 1e-8 * max(values.max(), 1e-300)
    whiten = vectors[:, kept] / np.sqrt(values[kept])
    squares = (whiten.T @ (difference / scale)) ** 2
    rank = len(squares)
    degrees = behrens_fisher_degrees(
        [whiten.T @ first @ whiten, whiten.T @ second @ whiten], [len(a), len(b)]
    )
    free = degrees - rank + 1
    if free <= 1:  # more covariates than a joint test can bear: the largest one, corrected
        return float(min(1.0, rank * stats.t.sf(math.sqrt(squares.max()), degrees) * 2))
    return float(stats.f.sf(squares.sum() * free / (rank * degrees), rank, free))


def missing_outcomes(
    units: pd.DataFrame,
    outcomes: Sequence[str],
    arm: str = "arm",
    *,
    cluster: str | None = None,
    control: str = "",
) -> Check:
    """Check that outcomes are missing alike in every arm (Holm over outcomes).

    Chi-square over units, or with ``cluster`` Student's t over clusters against ``control``.
    """
    gaps = finite_numbers(units, list(outcomes)).isna()
    gaps = gaps.loc[:, gaps.any() & ~gaps.all()]
    if gaps.empty:
        return Check(AbtestCode.MISSING_OUTCOMES, Status.PASS, "No outcome is missing.")
    p_values = [
        float(stats.chi2_contingency(pd.crosstab(units[arm], gaps[c]), correction=False).pvalue)
        if cluster is None
        else gap_p_value(gaps[c], units, cluster, dict.fromkeys(units[arm].unique(), 1.0), control)
        for c in gaps
    ]
    adjusted = adjust(p_values)
    worst = int(np.argmin(adjusted))
    name = gaps.columns[worst]
    rates = gaps[name].groupby(units[arm]).mean()
    shares = ", ".join(f"{a} {percent(r, 1)}" for a, r in rates.items())
    failed = adjusted[worst] < THRESHOLD
    return Check(
        AbtestCode.MISSING_OUTCOMES,
        Status.FAIL if failed else Status.WARN,
        f"{name} is missing by arm: {shares} (p = {adjusted[worst]:.3g}).",
        "The arms lose outcomes differently: find out why before reading effects."
        if failed
        else "Alike in the arms; state the null policy.",
    )


def outliers(
    units: pd.DataFrame, outcomes: Sequence[str], arm: str = "arm", share: float = 0.05
) -> Check:
    """Warn where a thousandth of the units carries more than ``share`` of an outcome's squares.

    That is where a mean's interval rests on a few units, and a winsorised metric says more.
    """
    heaviest, worst = "", 0.0
    for name in units[list(outcomes)].select_dtypes("number"):
        values = finite_numbers(units, [str(name)])[str(name)].dropna().to_numpy()
        values = values / max(float(np.abs(values).max()), 1e-300) if len(values) else values
        squares = np.sort((values - values.mean()) ** 2) if len(values) else np.zeros(1)
        top = max(len(squares) // 1000, 1)
        carried = float(squares[-top:].sum() / squares.sum()) if squares.sum() > 0 else 0.0
        if len(np.unique(values[:10_000])) > 2 and carried > worst:
            heaviest, worst = str(name), carried
    if worst <= share:
        return Check(AbtestCode.OUTLIERS, Status.PASS, "No handful of units carries an outcome.")
    return Check(
        AbtestCode.OUTLIERS, Status.WARN,
        f"The top thousandth of the units carries {percent(worst, 0)} of the variance of "
        f"{heaviest}.",
        f"Read the winsorised {heaviest}, too, before acting on the mean.",
    )  # fmt: skip


def exposure(
    assignments: pd.DataFrame, control: str, arm: str = "arm", horizon_end_s: int | None = None
) -> list[Check]:
    """Check that exposure follows assignment, and how many of the treated were exposed.

    Parameters
    ----------
    assignments
        Rows with ``arm``, ``assigned_epoch_s`` and ``exposed_epoch_s``.
    control
        Arm that must not be exposed.
    horizon_end_s
        Last second of the data; later assignments cannot be.
    """
    assigned, exposed = assignments["assigned_epoch_s"], assignments["exposed_epoch_s"]
    checks = [_order_check(int((exposed < assigned).sum()))]
    if horizon_end_s is not None:
        checks.append(_future_check(int((assigned >= horizon_end_s).sum())))
    if exposed.notna().any():
        treated = assignments[arm] != control
        checks.append(
            _crossover_check(int((exposed.notna() & ~treated).sum()), int((~treated).sum()))
        )
        checks.append(_exposure_check(exposed.notna()[treated].groupby(assignments[arm]).mean()))
    return checks


def _order_check(count: int) -> Check:
    """Return the check that nobody was exposed before being assigned."""
    return Check(
        AbtestCode.ASSIGNED_AFTER_EXPOSURE,
        Status.FAIL if count else Status.PASS,
        f"{count:,} units were assigned after they were exposed." if count
        else "Nobody was exposed before being assigned.",
        "The log is wrong, or units chose their arm: don't read the effects." if count else "",
    )  # fmt: skip


def _future_check(count: int) -> Check:
    """Return the check that nobody was assigned after the data ends."""
    return Check(
        AbtestCode.FUTURE_DATES,
        Status.FAIL if count else Status.PASS,
        f"{count:,} units were assigned on or after the as-of date." if count
        else "Every assignment lies before the as-of date.",
        "Check the time zone of the log and the as-of date." if count else "",
    )  # fmt: skip


def _crossover_check(count: int, units: int) -> Check:
    """Return the check that control was not exposed."""
    share = count / max(units, 1)
    status = Status.PASS if not count else Status.FAIL if share > 0.01 else Status.WARN
    return Check(
        AbtestCode.CROSSOVER, status,
        f"{count:,} of {units:,} control units were exposed ({percent(share, 2)}).",
        "Effects are diluted: compare as assigned, and find the leak." if count else "",
    )  # fmt: skip


def _exposure_check(rates: pd.Series) -> Check:
    """Return the check that the treated were reached."""
    lowest = float(rates.min())
    listed = ", ".join(f"{arm} {percent(rate, 1)}" for arm, rate in rates.items())
    return Check(
        AbtestCode.EXPOSURE, Status.PASS if lowest >= 0.8 else Status.WARN,
        f"Exposed as assigned: {listed}.",
        "" if lowest >= 0.8 else "Effects are per unit assigned; per unit exposed they are larger.",
    )  # fmt: skip


def unread_metrics(estimates: Sequence[Estimate]) -> list[Check]:
    """Say which metrics could not be read, once for each reason; nothing where all were."""
    reasons: dict[tuple[str, str], list[str]] = {}
    for found in estimates:
        if not found.readable:
            reasons.setdefault((found.metric, found.reason), []).append(found.arm)
    return [
        Check(
            AbtestCode.UNREAD_METRIC, Status.WARN,
            f"{metric} could not be read for {', '.join(arms)}: {reason}",
            "The other metrics are read without it.",
        )
        for (metric, reason), arms in reasons.items()
    ]  # fmt: skip


def mixed_currencies(currencies: Sequence[str]) -> Check:
    """Check that money outcomes are in one currency."""
    found = sorted(set(currencies))
    failed = len(found) > 1
    return Check(
        AbtestCode.MIXED_CURRENCIES,
        Status.FAIL if failed else Status.PASS,
        f"Money outcomes mix {', '.join(found)}." if failed
        else f"Money outcomes are in {found[0] if found else 'no currency'}.",
        "Convert to one reporting currency with dated rates first." if failed else "",
    )  # fmt: skip


def peeking(looks_taken: int, looks_planned: int, *, always_valid: bool) -> Check:
    """Check that nobody looked more often than the analysis allows."""
    if always_valid or looks_taken <= looks_planned:
        allowed = "any number" if always_valid else f"{looks_planned}"
        detail = f"{looks_taken} look(s) taken, {allowed} allowed by the analysis."
        return Check(AbtestCode.PEEKING, Status.PASS, detail)
    return Check(
        AbtestCode.PEEKING, Status.FAIL,
        f"{looks_taken} looks were taken where the plan allows {looks_planned}.",
        "Read the always-valid interval instead of the fixed one.",
    )  # fmt: skip
