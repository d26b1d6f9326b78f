"""How good are churn probabilities: ranking, sharpness and calibration, each with an interval."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from retention.churn.logistic import logistic_line
from retention.churn.panel import Array
from retention.errors import EvidenceError, InputError
from retention.results import Metric

FLOOR = 1e-6
"""Probabilities are kept this far from 0 and 1, so that one surprise cannot cost infinity."""

BINS = 10


@dataclass(frozen=True)
class Scores:
    """Scores of churn probabilities against what happened.

    Parameters
    ----------
    frame
        Columns ``metric``, ``value``, ``ci_low``, ``ci_high``; one row per score.
    calibration
        Reliability by tenth of the score: ``predicted``, ``observed``, ``ci_low``, ``ci_high``,
        ``n``.
    n, churned
        Customers scored and how many of them churned.
    """

    frame: pd.DataFrame
    calibration: pd.DataFrame
    n: int
    churned: int

    def __getitem__(self, metric: str) -> float:
        """Return one score's value."""
        return float(self.frame.loc[self.frame["metric"] == metric, "value"].iloc[0])

    def to_frame(self) -> pd.DataFrame:
        """Return the scores."""
        return self.frame.copy()

    def metrics(self, prefix: str = "") -> list[Metric]:
        """Return the scores as metrics for the run's result."""
        rows = self.frame.itertuples(index=False, name=None)
        return [Metric(f"{prefix}{metric}", value, "", low, high, self.n)
                for metric, value, low, high in rows]  # fmt: skip

    def summary(self) -> str:
        """Say how well the scores rank and whether their level is right."""
        rows = self.frame.set_index("metric")
        auc, slope = rows.loc["auc"], rows.loc["calibration_slope"]
        right = slope.ci_low <= 1 <= slope.ci_high
        level = (
            "agree with what happened"
            if right
            else ("are too extreme" if slope.value < 1 else "are too timid")
        )
        return (
            f"Ranking: AUC {auc.value:.3f} ({auc.ci_low:.3f} to {auc.ci_high:.3f}) on {self.n:,} "
            f"customers, {self.churned:,} of whom churned. Probabilities {level}: slope "
            f"{slope.value:.2f} ({slope.ci_low:.2f} to {slope.ci_high:.2f})."
        )


def score_probabilities(
    churned: Array, probability: Array, *, confidence: float = 0.95, draws: int = 100, seed: int = 0
) -> Scores:
    """Score churn probabilities.

    Parameters
    ----------
    churned
        What happened, 0 or 1.
    probability
        Predicted probability of 1.
    confidence
        Level of the intervals.
    draws
        Poisson bootstrap draws for the scores without a closed error (PR AUC, ECE).
    seed
        Seed of the draws.

    Raises
    ------
    InputError
        If a probability is missing or outside 0 to 1.
    EvidenceError
        If all customers churned, or none.

    Notes
    -----
    AUC: DeLong et al. 1988. Brier and log loss: error of the mean. Calibration intercept and
    slope: logistic regression of the outcome on the predicted log-odds (Cox 1958), the intercept
    with slope held at 1. ECE: mean |predicted - observed| over tenths. Lift: churn rate among the
    tenth with the highest scores over that of all; customers tied at its edge count in part.
    """
    p, y = _checked(churned, probability)
    z = float(stats.norm.ppf(0.5 + confidence / 2))
    reliability = calibration_table(y, p, z)
    drawn = _bootstrap(y, p, draws, seed)
    ece = _ece(p - y, _tenths(p), np.ones(len(p)))
    tail = 100 * (1 - confidence) / 2
    rows = [
        ("auc", *_with_error(*auc_with_error(y, p), z)),
        ("log_loss", *_mean_with_error(log_losses(y, p), z)),
        ("brier", *_mean_with_error((y - p) ** 2, z)),
        *_slope_and_intercept(y, p, z),
        _lift(y, p, z),
        *[(name, value, *np.percentile(drawn[name], [tail, 100 - tail]))
          for name, value in (("pr_auc", average_precision(y, p)), ("ece", ece))],
    ]  # fmt: skip
    frame = pd.DataFrame(rows, columns=["metric", "value", "ci_low", "ci_high"])
    return Scores(frame, reliability, len(y), int(y.sum()))


def log_losses(churned: Array, probability: Array) -> Array:
    """Return each customer's log loss."""
    p = np.clip(probability, FLOOR, 1 - FLOOR)
    return -np.where(churned == 1, np.log(p), np.log1p(-p))


def auc_with_error(churned: Array, probability: Array) -> tuple[float, float]:
    """Return the area under the ROC curve and its standard error (DeLong et al. 1988).

    Examples
    --------
    >>> auc_with_error(np.array([0, 0, 1, 1]), np.array([0.1, 0.4, 0.35, 0.8]))[0]
    0.75
    """
    positive, negative = probability[churned == 1], probability[churned == 0]
    m, n = len(positive), len(negative)
    ranks = stats.rankdata(np.concatenate([positive, negative]))
    own = np.concatenate([stats.rankdata(positive), stats.rankdata(negative)])
    above = (ranks[:m] - own[:m]) / n
    below = 1 - (ranks[m:] - own[m:]) / m
    variance = (above.var(ddof=1) / m if m > 1 else 0) + (below.var(ddof=1) / n if n > 1 else 0)
    return float(above.mean()), float(np.sqrt(variance))


def auc_of(churned: Array, score: Array) -> float:
    """Return the area under the ROC curve alone, ties counted half.

    Examples
    --------
    >>> auc_of(np.array([0, 0, 1, 1]), np.array([0.1, 0.4, 0.35, 0.8]))
    0.75
    """
    positive = int(churned.sum())
    ranks = stats.rankdata(score)[churned == 1].sum() - positive * (positive + 1) / 2
    return float(ranks / (positive * (len(churned) - positive)))


def average_precision(churned: Array, probability: Array) -> float:
    """Return the area under the precision-recall curve (steps, ties taken together)."""
    order = np.argsort(-probability, kind="stable")
    last = _last_of_ties(probability[order])
    return _precision(churned[order].astype(float), np.ones(len(order)), last)


def _last_of_ties(falling: Array) -> Array:
    """Return the last position of each run of equal scores."""
    return np.append(np.flatnonzero(np.diff(falling)), len(falling) - 1)


def _precision(churned: Array, weight: Array, last: Array) -> float:
    """Return the average precision of rows sorted by falling score."""
    hit, every = np.cumsum(weight * churned)[last], np.cumsum(weight)[last]
    gained = np.diff(hit, prepend=0.0)
    share = np.divide(hit, every, out=np.zeros(len(last)), where=every > 0)
    return float(gained @ share / hit[-1])


def calibration_table(churned: Array, probability: Array, z: float = 1.959964) -> pd.DataFrame:
    """Return predicted and observed churn by tenth of the score, with Wilson's intervals."""
    tenth = _tenths(probability)
    n = np.bincount(tenth, minlength=BINS).astype(float)
    kept = n > 0
    mean = np.bincount(tenth, probability, BINS)[kept] / n[kept]
    share, n = np.bincount(tenth, churned, BINS)[kept] / n[kept], n[kept]
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * np.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return pd.DataFrame({"predicted": mean, "observed": share, "ci_low": centre - half,
                         "ci_high": centre + half, "n": n.astype(int)})  # fmt: skip


def logit(probability: Array) -> Array:
    """Return log-odds, kept finite."""
    p = np.clip(probability, FLOOR, 1 - FLOOR)
    return np.log(p) - np.log1p(-p)


def _checked(churned: Array, probability: Array) -> tuple[Array, Array]:
    """Refuse probabilities and outcomes that cannot be scored."""
    p, y = np.asarray(probability, dtype=float), np.asarray(churned).astype(float)
    if len(p) != len(y) or not np.isfinite(p).all() or (p < 0).any() or (p > 1).any():
        raise InputError(
            "A predicted probability is missing or outside 0 to 1.",
            "Score every customer with a number between 0 and 1.",
        )
    if y.min() == y.max():
        raise EvidenceError(
            "All customers ended alike, so nothing can be told apart.",
            "Use another horizon or more customers.",
        )
    return np.clip(p, FLOOR, 1 - FLOOR), y


def _with_error(value: float, error: float, z: float) -> tuple[float, float, float]:
    """Return a share with its interval, kept within 0 and 1."""
    return value, max(value - z * error, 0.0), min(value + z * error, 1.0)


def _mean_with_error(values: Array, z: float) -> tuple[float, float, float]:
    """Return a mean with its interval."""
    mean, half = float(values.mean()), z * float(values.std(ddof=1)) / np.sqrt(len(values))
    return mean, mean - half, mean + half


def _slope_and_intercept(y: Array, p: Array, z: float) -> list[tuple[str, float, float, float]]:
    """Return the calibration slope, and the intercept at slope 1."""
    free, free_error = logistic_line(y, logit(p))
    level, level_error = logistic_line(y, logit(p), fixed_slope=True)
    pairs = (("calibration_slope", free[1], free_error[1]),
             ("calibration_intercept", level[0], level_error[0]))  # fmt: skip
    return [(name, float(b), float(b - z * e), float(b + z * e)) for name, b, e in pairs]


def _lift(y: Array, p: Array, z: float) -> tuple[str, float, float, float]:
    """Return the lift in the highest tenth; the interval treats the overall rate as known.

    Customers whose score ties with the last of the tenth are in it by the same part each.
    """
    top = max(len(p) // 10, 1)
    last = np.partition(p, len(p) - top)[len(p) - top]
    above, tied = p > last, p == last
    part = (top - above.sum()) / tied.sum()
    share, base = (y[above].sum() + part * y[tied].sum()) / top, y.mean()
    n = top**2 / (above.sum() + part**2 * tied.sum())  # customers that say as much
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * np.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return "lift_top_decile", share / base, (centre - half) / base, (centre + half) / base


def _tenths(p: Array) -> Array:
    """Return the tenth each score falls in; equal scores share one."""
    cuts = np.quantile(p, np.arange(1, BINS) / BINS)
    return np.searchsorted(cuts, p, side="left")


def _ece(gap: Array, tenth: Array, weight: Array) -> float:
    """Return the mean gap between predicted and observed over tenths of the score."""
    return float(np.abs(np.bincount(tenth, weight * gap, BINS)).sum() / weight.sum())


_POISSON = np.repeat(
    np.arange(10.0), np.diff(np.rint(65_536 * stats.poisson.cdf(np.arange(-1, 10), 1)).astype(int))
)
"""Quantiles of the Poisson distribution with mean 1, at every 65,536th."""


def poisson_ones(count: int, random: np.random.Generator) -> Array:
    """Return Poisson draws with mean 1, exact to 1/65,536, in a tenth of the usual time.

    Examples
    --------
    >>> poisson_ones(100_000, np.random.default_rng(0)).mean().round(1)
    np.float64(1.0)
    """
    return _POISSON[random.integers(0, len(_POISSON), count, dtype=np.uint16)]


def _bootstrap(y: Array, p: Array, draws: int, seed: int) -> dict[str, list[float]]:
    """Return Poisson bootstrap draws of PR AUC and ECE; rows are sorted and cut only once."""
    random = np.random.default_rng(seed)
    order = np.lexsort((y, -p))  # so that the draws do not depend on the order of the rows
    churned, score = y[order], p[order]
    last, tenth, gap = _last_of_ties(score), _tenths(score), score - churned
    drawn: dict[str, list[float]] = {"pr_auc": [], "ece": []}
    for _ in range(draws):
        weight = poisson_ones(len(y), random)
        if (weight * churned).sum():
            drawn["pr_auc"].append(_precision(churned, weight, last))
            drawn["ece"].append(_ece(gap, tenth, weight))
    return drawn
