"""How long a silence means goodbye: the return-probability curve, its knee, and sensitivity."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from retention.churn.panel import Array
from retention.errors import EvidenceError
from retention.results import percent
from retention.survival import EventCounts, count_events, kaplan_meier


@dataclass(frozen=True)
class ReturnProbability:
    """Chance that a customer silent for so many days buys within the horizon.

    Parameters
    ----------
    curve
        Columns ``silent_days``, ``return_probability``, ``ci_low``, ``ci_high``, ``at_risk``.
    knee_days
        Silence at which the curve stops falling steeply; None where it does not bend.
    knee_range
        Knees found for half to one and a half times the horizon: how firm the choice is; None
        where none was found.
    horizon_days
        Within which a return is looked for.
    gaps
        Columns ``quantile``, ``days``: quantiles of completed gaps.
    n
        Gaps behind the curve, open ones included.
    """

    curve: pd.DataFrame
    knee_days: int | None
    knee_range: tuple[int, int] | None
    horizon_days: int
    gaps: pd.DataFrame
    n: int

    def to_frame(self) -> pd.DataFrame:
        """Return the curve."""
        return self.curve.copy()

    @property
    def window_days(self) -> int:
        """Silence to count as leaving: the knee, or the horizon where the curve does not bend."""
        return self.knee_days or self.horizon_days

    def summary(self) -> str:
        """Say where the knee is and what a return is still worth there."""
        if self.knee_days is None or self.knee_range is None:
            return (
                "The chance of another purchase falls without a bend: no length of silence sets "
                f"those who have left apart. {self.horizon_days} days are taken instead."
            )
        row = self.curve.set_index("silent_days").loc[self.knee_days]
        low, high = self.knee_range
        firm = f" (other horizons put it between {low} and {high})" if low < high else ""
        return (
            f"After {self.knee_days} days of silence{firm}, "
            f"{percent(float(row.return_probability))} "
            f"({percent(float(row.ci_low))} to {percent(float(row.ci_high))}) of customers buy "
            f"within the next {self.horizon_days} days; from there on waiting longer tells little "
            "more."
        )


def return_probability(
    gaps: pd.DataFrame, *, horizon_days: int, longest_days: int | None = None
) -> ReturnProbability:
    """Estimate how the chance of a return falls with the length of the silence.

    Parameters
    ----------
    gaps
        Compressed gaps from :func:`retention.survival.purchase_gaps`, the open ones included:
        leaving those out would count only customers who came back.
    horizon_days
        Within which a return is looked for.
    longest_days
        Longest silence to look at; None means as far as the data follow a silence and its horizon.

    Notes
    -----
    With S the Kaplan-Meier curve of the gaps, the chance after g days is 1 - S(g + H)/S(g); its
    variance follows from Greenwood's sum between g and g + H. The knee is the point farthest below
    the line from the curve's first to its last point (Satopaa et al. 2011).

    Raises
    ------
    EvidenceError
        If no gap was ever completed, or the follow-up is shorter than the horizon.
    """
    completed = gaps[gaps["event"] == 1]
    if completed.empty:
        raise EvidenceError("No customer has bought twice.", "Wait for repeat purchases.")
    counts = count_events(gaps, frequency="weight")
    longest = _longest(counts, horizon_days, longest_days)
    curve = _curve(counts, horizon_days, longest)
    knees = [_knee(_curve(counts, max(int(horizon_days * f), 1), longest)) for f in (0.5, 1, 1.5)]
    weights = completed["weight"].to_numpy()
    quantiles = pd.DataFrame({"quantile": [0.5, 0.75, 0.9]})
    order = np.argsort(completed["duration"].to_numpy(), kind="stable")
    share = np.cumsum(weights[order]) / weights.sum()
    days = completed["duration"].to_numpy()[order]
    quantiles["days"] = [int(days[np.searchsorted(share, q)]) for q in quantiles["quantile"]]
    found = [knee for knee in knees if knee is not None]
    spread = (min(found), max(found)) if found else None
    n = int(gaps["weight"].sum())
    return ReturnProbability(curve, knees[1], spread, horizon_days, quantiles, n)


def window_sensitivity(
    spells: dict[int, pd.DataFrame], *, at_days: Sequence[float]
) -> pd.DataFrame:
    """Return retention at given times for several inactivity windows.

    Parameters
    ----------
    spells
        Per window, the spells of :func:`retention.survival.retention_spells`, or their counts
        (:func:`retention.survival.spell_counts`).
    at_days
        Times at which retention is read.

    Returns
    -------
    pandas.DataFrame
        Columns ``window_days``, ``time``, ``survival``, ``ci_low``, ``ci_high``, ``at_risk``.
    """
    parts = []
    for window, frame in sorted(spells.items()):
        weight = "weight" if "weight" in frame else None
        part = kaplan_meier(count_events(frame, frequency=weight)).at(at_days)
        parts.append(part.assign(window_days=window))
    columns = ["window_days", "time", "survival", "ci_low", "ci_high", "at_risk"]
    return pd.concat(parts, ignore_index=True)[columns]


def _longest(counts: EventCounts, horizon_days: int, longest_days: int | None) -> int:
    """Return the longest silence whose horizon the data follow with some gaps still open."""
    frame = counts.frame
    supported = frame.loc[frame["at_risk"] >= 30, "time"]
    reach = int(supported.max() if len(supported) else frame["time"].max()) - horizon_days
    longest = reach if longest_days is None else min(reach, longest_days)
    if longest < 2:
        raise EvidenceError(
            f"Silences are followed for fewer than {horizon_days} days.",
            "Shorten the horizon or take a longer history.",
        )
    return longest


def _curve(counts: EventCounts, horizon_days: int, longest: int) -> pd.DataFrame:
    """Return the return probability for each day of silence up to the longest."""
    days = np.arange(0, longest + 1)
    frame = counts.frame
    steps, n = frame["time"].to_numpy(), frame["at_risk"].to_numpy()
    d = frame["events"].to_numpy()
    log = _stepped(np.log1p(-np.minimum(d / n, 1 - 1e-12)), steps)
    greenwood = _stepped(d / np.maximum(n * (n - d), 1), steps)
    later = days + horizon_days
    stays = np.exp(_read(log, steps, later) - _read(log, steps, days))
    error = stays * np.sqrt(_read(greenwood, steps, later) - _read(greenwood, steps, days))
    at_risk = np.append(n, 0.0)[np.searchsorted(steps, days, side="left")]
    return pd.DataFrame({"silent_days": days, "return_probability": 1 - stays,
                         "ci_low": np.clip(1 - stays - 1.96 * error, 0, 1),
                         "ci_high": np.clip(1 - stays + 1.96 * error, 0, 1),
                         "at_risk": at_risk})  # fmt: skip


def _stepped(terms: Array, steps: Array) -> Array:
    """Return cumulative sums with a leading 0, to be read as a step function of ``steps``."""
    return np.concatenate([[0.0], np.cumsum(terms)])


def _read(cumulative: Array, steps: Array, at: Array) -> Array:
    """Read a step function just after each time."""
    return cumulative[np.searchsorted(steps, at, side="right")]


def _knee(curve: pd.DataFrame) -> int | None:
    """Return the day at which the curve lies farthest below the line between its ends, if any."""
    days = curve["silent_days"].to_numpy(dtype=float)
    chance = curve["return_probability"].to_numpy()
    start = int(np.argmax(chance))
    x, y = days[start:], chance[start:]
    if len(x) < 3:
        return None
    below = y[0] + (y[-1] - y[0]) * (x - x[0]) / (x[-1] - x[0]) - y
    return int(x[np.argmax(below)]) if below.max() > 1e-9 else None
