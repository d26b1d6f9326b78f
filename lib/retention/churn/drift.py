"""Drift: whether inputs, scores and calibration still look as when the model was approved."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from retention.churn.codes import ChurnCode
from retention.churn.panel import Array, model_columns
from retention.results import Check, Status

EMPTY = 1e-4
"""Share that stands for an empty bin, so that its logarithm exists."""


@dataclass(frozen=True)
class Drift:
    """Population stability of features and scores against a reference.

    Parameters
    ----------
    frame
        Columns ``name``, ``stability_index``, ``by_chance`` (its 95 % quantile were nothing
        changed), ``missing_before``, ``missing_now``; the largest first. The row ``score`` is the
        model's own.
    threshold
        Index from which a change is called large.
    n_before, n_now
        Customers compared.
    """

    frame: pd.DataFrame
    threshold: float
    n_before: int
    n_now: int

    @property
    def drifted(self) -> list[str]:
        """Names whose index passes both the threshold and chance."""
        large = self.frame["stability_index"] > self.frame["by_chance"].clip(lower=self.threshold)
        return list(self.frame.loc[large, "name"])

    def to_frame(self) -> pd.DataFrame:
        """Return the indices."""
        return self.frame.copy()

    def summary(self) -> str:
        """Name what has moved most."""
        top = self.frame.iloc[0]
        moved = f"moved: {', '.join(self.drifted)}" if self.drifted else "nothing moved much"
        return (
            f"Against the reference ({self.n_before:,} customers then, {self.n_now:,} now), "
            f"{moved}; largest stability index {top.stability_index:.3f} ({top['name']})."
        )

    def checks(self) -> list[Check]:
        """Return one check of the inputs and one of the scores, each with an action."""
        inputs = [name for name in self.drifted if name != "score"]
        return [
            Check(ChurnCode.INPUT_DRIFT, Status.WARN if inputs else Status.PASS, self.summary(),
                  "Look whether the shop or the export changed; then retrain." if inputs else ""),
            Check(ChurnCode.SCORE_DRIFT, Status.WARN if "score" in self.drifted else Status.PASS,
                  f"Stability index of the scores {self._of('score'):.3f}.",
                  "Recalibrate once outcomes are in; hold campaigns that use fixed cut-offs."
                  if "score" in self.drifted else ""),
        ]  # fmt: skip

    def _of(self, name: str) -> float:
        """Return one index, NaN where the name is absent."""
        rows = self.frame.loc[self.frame["name"] == name, "stability_index"]
        return float(rows.iloc[0]) if len(rows) else float("nan")


def drift(
    before: pd.DataFrame,
    now: pd.DataFrame,
    *,
    scores_before: Array | None = None,
    scores_now: Array | None = None,
    threshold: float = 0.2,
    bins: int = 10,
) -> Drift:
    """Compare two feature tables, and the scores given to them.

    Parameters
    ----------
    before, now
        Feature tables of the reference and of today.
    scores_before, scores_now
        Churn probabilities given to them.
    threshold
        Index from which a change is called large (0.2 is the custom in credit scoring).
    bins
        Bins at quantiles of the reference; missing values are a bin of their own.

    Notes
    -----
    The index is the sum of (q - p)·log(q/p) over bins, p and q the shares then and now. Were
    nothing changed it would be about (1/n + 1/m)·chi-squared on bins - 1 degrees of freedom
    (Yurdakul and Naranjo 2020), whose 95 % quantile is given, so that few customers are not taken
    for change.
    """
    from scipy import stats

    columns = sorted(set(model_columns(before)) | set(model_columns(now)))
    pairs = [(c, _values(before, c), _values(now, c)) for c in columns]
    if scores_before is not None and scores_now is not None:
        pairs.append(("score", scores_before, scores_now))
    size = 1 / len(before) + 1 / len(now)
    rows = []
    for name, a, b in pairs:
        index, used = stability_index(a, b, bins)
        chance = size * float(stats.chi2.ppf(0.95, max(used - 1, 1)))
        rows.append((name, index, chance, np.isnan(a).mean(), np.isnan(b).mean()))
    frame = pd.DataFrame(rows, columns=["name", "stability_index", "by_chance", "missing_before",
                                        "missing_now"])  # fmt: skip
    frame = frame.sort_values(["stability_index", "name"], ascending=[False, True],
                              ignore_index=True)  # fmt: skip
    return Drift(frame, threshold, len(before), len(now))


def stability_index(before: Array, now: Array, bins: int = 10) -> tuple[float, int]:
    """Return the population stability index and the number of bins used.

    Examples
    --------
    >>> stability_index(np.arange(100.0), np.arange(100.0))[0]
    0.0
    """
    known = before[~np.isnan(before)]
    cuts = np.unique(np.quantile(known, np.arange(1, bins) / bins)) if len(known) else np.array([])
    p, q = _shares(before, cuts), _shares(now, cuts)
    p, q = np.maximum(p, EMPTY), np.maximum(q, EMPTY)
    return float(((q - p) * np.log(q / p)).sum()), int((np.maximum(p, q) > EMPTY).sum())


def _shares(values: Array, cuts: Array) -> Array:
    """Return the share of values in each bin, the missing ones last."""
    place = np.where(np.isnan(values), len(cuts) + 1, np.searchsorted(cuts, values, side="right"))
    return np.bincount(place, minlength=len(cuts) + 2) / len(values)


def _values(frame: pd.DataFrame, column: str) -> Array:
    """Return a column as floats, all missing where the table lacks it."""
    if column not in frame:
        return np.full(len(frame), np.nan)
    return frame[column].astype(float).to_numpy()
