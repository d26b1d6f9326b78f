"""Log-rank test and its weighted forms for any number of groups."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from itertools import combinations

import numpy as np
import pandas as pd
from scipy import stats

from retention.choices import choice
from retention.errors import EvidenceError
from retention.survival.counts import Array, EventCounts


class Weighting(StrEnum):
    """Where along time the test looks hardest."""

    LOG_RANK = "log_rank"  # everywhere alike
    GEHAN_WILCOXON = "gehan_wilcoxon"  # early: weight n
    TARONE_WARE = "tarone_ware"  # early: weight sqrt(n)
    PETO_PETO = "peto_peto"  # early: weight S
    FLEMING_HARRINGTON_LATE = "fleming_harrington_late"  # late: weight 1 - S(t-)


def p_text(p_value: float) -> str:
    """Return a p-value in words; one too small to tell from zero is not called zero.

    Examples
    --------
    >>> p_text(0.0123), p_text(1e-30)
    ('p = 0.0123', 'p < 0.0001')
    """
    return "p < 0.0001" if p_value < 1e-4 else f"p = {p_value:.3g}"


@dataclass(frozen=True)
class LogRankTest:
    """Whether the groups leave at the same pace.

    Parameters
    ----------
    statistic
        Chi-squared statistic.
    degrees_of_freedom
        Groups less one.
    p_value
        Upper tail probability.
    weighting
        Form of the test.
    observed
        Columns ``group``, ``n``, ``observed``, ``expected``.
    pairs
        Every pair of groups: ``group_a``, ``group_b``, ``statistic``, ``p_value``,
        ``p_adjusted`` (Holm).
    """

    statistic: float
    degrees_of_freedom: int
    p_value: float
    weighting: Weighting
    observed: pd.DataFrame
    pairs: pd.DataFrame

    def to_frame(self) -> pd.DataFrame:
        """Return observed and expected events per group."""
        return self.observed.copy()

    def summary(self) -> str:
        """Say whether the groups differ, and how many pairs of them."""
        found = "leave at different paces" if self.p_value < 0.05 else "cannot be told apart"
        text = (
            f"The groups {found} ({self.weighting.replace('_', ' ')} test, chi-squared "
            f"{self.statistic:.2f} on {self.degrees_of_freedom} df, {p_text(self.p_value)})."
        )
        if self.degrees_of_freedom < 2:
            return text
        clear = int((self.pairs["p_adjusted"] < 0.05).sum())
        return f"{text} {clear} of {len(self.pairs)} pairs differ after Holm's correction."


def log_rank(counts: EventCounts, *, weighting: Weighting = Weighting.LOG_RANK) -> LogRankTest:
    """Test whether two or more groups share one hazard.

    Parameters
    ----------
    counts
        Compressed durations with at least two groups.
    weighting
        Form of the test (Klein and Moeschberger 2003, section 7.3).

    Raises
    ------
    EvidenceError
        If there is one group only, no event, or sampling weights.

    Notes
    -----
    At each departure those are compared who are under observation then: entered before, not yet
    gone.

    Examples
    --------
    >>> from retention.survival import count_events
    >>> data = pd.DataFrame({"duration": [1, 2, 3, 4], "event": 1, "arm": ["a", "a", "b", "b"]})
    >>> log_rank(count_events(data, group="arm")).degrees_of_freedom
    1
    """
    weighting = choice(Weighting, weighting, "weighting")
    groups = counts.groups
    if len(groups) < 2:
        raise EvidenceError(f"There is one group only: {groups}.", "A comparison needs two.")
    at_risk, events = _aligned(counts)
    statistic, expected = _statistic(at_risk, events, weighting)
    n = counts.totals()["n"].to_numpy()
    observed = pd.DataFrame(
        {"group": groups, "n": n, "observed": events.sum(axis=0), "expected": expected}
    )
    freedom = len(groups) - 1
    p_value = float(stats.chi2.sf(statistic, freedom))
    return LogRankTest(
        statistic, freedom, p_value, weighting, observed, _pairs(groups, at_risk, events, weighting)
    )


@dataclass(frozen=True)
class LogRankFamily:
    """The same groups tested with each weighting, corrected for there being several.

    Parameters
    ----------
    frame
        Columns ``weighting``, ``statistic``, ``degrees_of_freedom``, ``p_value``, ``p_adjusted``
        (Holm).
    """

    frame: pd.DataFrame

    def to_frame(self) -> pd.DataFrame:
        """Return the tests."""
        return self.frame.copy()

    def summary(self) -> str:
        """Say under which weightings the groups differ."""
        clear = self.frame.loc[self.frame["p_adjusted"] < 0.05, "weighting"]
        if clear.empty:
            return "No weighting tells the groups apart after Holm's correction."
        if len(clear) == len(self.frame):
            return "Early, late and evenly weighted tests all tell the groups apart (Holm)."
        named = ", ".join(str(name).replace("_", " ") for name in clear)
        return (f"The groups differ under {len(clear)} of {len(self.frame)} weightings ({named}; "
                "Holm's correction): the difference is not the same early and late.")  # fmt: skip


def log_rank_family(counts: EventCounts) -> LogRankFamily:
    """Test the groups with every weighting and correct for testing several times.

    Raises
    ------
    EvidenceError
        If there is one group only, or no event.

    Examples
    --------
    >>> from retention.survival import count_events
    >>> data = pd.DataFrame({"duration": [1, 2, 3, 4], "event": 1, "arm": ["a", "a", "b", "b"]})
    >>> len(log_rank_family(count_events(data, group="arm")).to_frame())
    5
    """
    from statsmodels.stats.multitest import multipletests

    if len(counts.groups) < 2:
        raise EvidenceError(f"There is one group only: {counts.groups}.", "A comparison needs two.")
    at_risk, events = _aligned(counts)
    freedom = len(counts.groups) - 1
    rows = []
    for weighting in Weighting:
        statistic, _ = _statistic(at_risk, events, weighting)
        p_value = float(stats.chi2.sf(statistic, freedom))
        rows.append((str(weighting), statistic, freedom, p_value))
    columns = ["weighting", "statistic", "degrees_of_freedom", "p_value"]
    frame = pd.DataFrame(rows, columns=columns)
    return LogRankFamily(frame.assign(p_adjusted=multipletests(frame["p_value"], method="holm")[1]))


def _aligned(counts: EventCounts) -> tuple[Array, Array]:
    """Return numbers at risk and events, one row per event time, one column per group."""
    if counts.is_weighted:
        raise EvidenceError(
            "A log-rank test does not know the error of sampling weights.",
            "Compare the groups with fit_cox(..., weight=...), whose errors are robust.",
        )
    frame = counts.frame
    times = np.unique(frame.loc[frame["events"] > 0, "time"])
    if not len(times):
        raise EvidenceError("Nobody left in any group.", "Follow the customers for longer.")
    at_risk = np.zeros((len(times), len(counts.groups)))
    events = np.zeros_like(at_risk)
    for column, group in enumerate(counts.groups):
        at_risk[:, column] = counts.at_risk(group, times)
        part = counts.of(group)
        happened = part[part["events"] > 0]
        events[np.searchsorted(times, happened["time"]), column] = happened["events"]
    return at_risk, events


def _statistic(at_risk: Array, events: Array, weighting: Weighting) -> tuple[float, Array]:
    """Return the chi-squared statistic and the (unweighted) expected events per group."""
    n, d = at_risk.sum(axis=1), events.sum(axis=1)
    share = at_risk / n[:, None]
    expected = share * d[:, None]
    weight = _weights(n, d, weighting)
    score = (weight[:, None] * (events - expected)).sum(axis=0)
    spread = weight**2 * d * np.divide(n - d, n - 1, out=np.zeros_like(n), where=n > 1)
    covariance = np.diag(spread @ share) - share.T @ (spread[:, None] * share)
    reduced, inverse = score[:-1], np.linalg.pinv(covariance[:-1, :-1])
    return float(reduced @ inverse @ reduced), expected.sum(axis=0)


def _weights(n: Array, d: Array, weighting: Weighting) -> Array:
    """Return the weight of each event time."""
    before = np.concatenate([[1.0], np.cumprod(1 - d / n)[:-1]])
    table = {
        Weighting.LOG_RANK: np.ones_like(n),
        Weighting.GEHAN_WILCOXON: n,
        Weighting.TARONE_WARE: np.sqrt(n),
        Weighting.PETO_PETO: np.cumprod(1 - d / (n + 1)),
        Weighting.FLEMING_HARRINGTON_LATE: 1 - before,
    }
    return table[weighting]


def _pairs(groups: list[str], at_risk: Array, events: Array, weighting: Weighting) -> pd.DataFrame:
    """Test every pair of groups and adjust the p-values by Holm's method."""
    from statsmodels.stats.multitest import multipletests

    rows = []
    for a, b in combinations(range(len(groups)), 2):
        both = at_risk[:, [a, b]].sum(axis=1) > 0
        statistic, _ = _statistic(at_risk[both][:, [a, b]], events[both][:, [a, b]], weighting)
        rows.append((groups[a], groups[b], statistic, float(stats.chi2.sf(statistic, 1))))
    frame = pd.DataFrame(rows, columns=["group_a", "group_b", "statistic", "p_value"])
    return frame.assign(p_adjusted=multipletests(frame["p_value"], method="holm")[1])
