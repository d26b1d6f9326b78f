"""More ways to look at a held-out ranking: AUUC, uplift@k, calibration, sequential folds.

All use doubly robust effect scores, let ties share, and divide by nothing but the number of units.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats
from sklearn.base import clone

from retention.errors import ParameterError
from retention.intervals import NORMAL_95
from retention.results import p_text
from retention.uplift.clusters import error_of_mean, weighted_mean
from retention.uplift.learners import EffectLearner
from retention.uplift.ranking import areas, half_sample_areas, one_sided_p, rank_quality, ranked
from retention.uplift.scores import trial_folds
from retention.uplift.trial import Floats, Integers, Trial, finite, renumbered


@dataclass(frozen=True)
class SequentialQuality:
    """AUTOC over sequential folds: every fold is ranked by a learner of the folds before it.

    Parameters
    ----------
    estimate, error
        Mean AUTOC of the tested folds and its standard error.
    statistic, p_value
        Sum of the folds' z over the root of their number, and its one-sided p-value.
    folds
        Folds tested.
    n
        Units tested.
    """

    estimate: float
    error: float
    statistic: float
    p_value: float
    folds: int
    n: int

    def to_frame(self) -> pd.DataFrame:
        """Return one row."""
        return pd.DataFrame([vars(self)])

    def summary(self) -> str:
        """Word whether there is anything to rank."""
        found = "Effects can be ranked" if self.p_value < 0.05 else "No ranking is confirmed"
        return (
            f"{found} (AUTOC {self.estimate:.4g}, 95 % interval "
            f"{self.estimate - NORMAL_95 * self.error:.4g} to "
            f"{self.estimate + NORMAL_95 * self.error:.4g}, {p_text(self.p_value)}, "
            f"n = {self.n:,} over {self.folds} folds)."
        )


def sequential_quality(
    trial: Trial, outcome: str, scores: Floats, learner: EffectLearner, *, folds: int = 5,
    seed: int = 0, draws: int = 200,
) -> SequentialQuality:  # fmt: skip
    """Test a learner with every unit but the first fold, without a held-out part.

    Each fold is ranked by the learner fitted on the folds before it only. The z of a fold is then a
    standard normal given all that came before, so that the folds' z add up like independent ones;
    pooling ordinary cross-fitted folds does not (it rejects 17 % under the null).

    Parameters
    ----------
    trial
        A two-arm trial.
    outcome
        The outcome to rank by.
    scores
        Doubly robust effect scores of the same units.
    learner
        What is tested.
    folds, seed, draws
        Number and seed of the folds; half-samples behind each standard error.
    """
    fold = trial_folds(trial, outcome, folds, seed)
    found = []
    for number in range(1, folds):
        known = trial.take(fold < number)
        fitted = clone(learner).fit(
            known.covariates, known.arm, known.outcome(outcome), known.propensity
        )
        rows = fold == number
        priority = fitted.predict(trial.covariates.iloc[np.flatnonzero(rows)])[:, 0]
        own = None if trial.cluster is None else renumbered(trial.cluster[rows])
        quality = rank_quality(priority, scores[rows], cluster=own, seed=seed, draws=draws)
        found.append((quality.autoc, quality.autoc_error))
    estimate, error = np.array(found).T
    z = np.divide(estimate, error, out=np.zeros_like(estimate), where=error > 0)
    statistic = float(z.sum() / np.sqrt(len(z)))
    return SequentialQuality(
        float(estimate.mean()), float(np.sqrt((error**2).sum()) / len(z)), statistic,
        one_sided_p(statistic, 1.0), len(z), int((fold > 0).sum()),
    )  # fmt: skip


def area_under_uplift_curve(priority: Floats, scores: Floats) -> float:
    r"""Return AUUC = :math:`n^{-1}\sum_i (i/n)\bar\Gamma_{top\,i}`, per unit.

    It is QINI plus the area of treating at random, so it depends on the average effect and compares
    rankings of the same units only.
    """
    n = len(scores)
    return float(areas(ranked(priority, scores), None)[0] + scores.mean() * (n + 1) / (2 * n))


def uplift_at(
    priority: Floats, scores: Floats, shares: Sequence[float], cluster: Integers | None = None
) -> pd.DataFrame:
    """Return the effect among the top shares of a ranking with 95 % intervals.

    A tie at the edge counts with the weight that fills the share, whatever the order of rows.

    Returns
    -------
    DataFrame
        share, n (effective number of units, Kish), effect, standard_error, ci_low, ci_high.
    """
    rows = []
    for share in shares:
        weight = _top_weight(finite(priority, "priority"), share)
        effect, sums, part = weighted_mean(finite(scores, "scores"), weight, cluster)
        error = error_of_mean(sums, part)
        rows.append((share, round(weight.sum() ** 2 / (weight @ weight)), effect, error.value,
                     effect - error.reach, effect + error.reach))  # fmt: skip
    names = ["share", "n", "effect", "standard_error", "ci_low", "ci_high"]
    return pd.DataFrame(rows, columns=names)


def bootstrap_qini(
    priority: Floats, scores: Floats, *, replicates: int = 1000, seed: int = 0
) -> Floats:
    """Return the QINI of random halves of the units; their spread is the standard error of QINI.

    Sorted once, then one pass over the units per replicate: 1,000 replicates of 1,000,000 units
    take well under a minute on one core.
    """
    order = ranked(priority, scores)
    return half_sample_areas(order, seed=seed, draws=replicates, autoc=False)[:, 0]


def pipeline_interval(
    trial: Trial, outcome: str, scores: Floats, learner: EffectLearner, *, replicates: int = 50,
    seed: int = 0,
) -> pd.DataFrame:  # fmt: skip
    """Return QINI with an interval that holds the learner's own instability too.

    Every replicate draws a new half to learn from and is measured on the other, so the spread is
    over learner *and* units: it answers "what would this way of ranking give?", not "how good is
    this one ranking?". The spread over random halves is the standard error of the whole; it is
    read off few replicates, so that the interval is Student's.

    Returns
    -------
    DataFrame
        One row: qini (mean), standard_error, ci_low, ci_high, replicates.

    Raises
    ------
    ParameterError
        If there are fewer than ten replicates: no spread can be read off them.
    """
    if replicates < 10:
        raise ParameterError(
            f"{replicates} replicates show no spread.", "Ask for 10 or more, or for none."
        )
    found = np.empty(replicates)
    for replicate in range(replicates):
        half = trial_folds(trial, outcome, 2, seed + replicate)
        train, held = trial.take(half == 0), np.flatnonzero(half == 1)
        fitted = clone(learner).fit(
            train.covariates, train.arm, train.outcome(outcome), train.propensity
        )
        effect = fitted.predict(trial.covariates.iloc[held])[:, 0]
        found[replicate] = areas(ranked(effect, scores[held]), None)[0]
    mean, error = float(found.mean()), float(found.std(ddof=1))
    reach = float(stats.t.ppf(0.975, replicates - 1)) * error
    return pd.DataFrame(
        [(mean, error, mean - reach, mean + reach, replicates)],
        columns=["qini", "standard_error", "ci_low", "ci_high", "replicates"],
    )


def count_qini(priority: Floats, treated: Integers, outcome: Floats) -> float:
    r"""Return the Qini area by counts, divided by units times treated units.

    The curve :math:`Y_t(i) - Y_c(i) N_t(i)/N_c(i)` over the top i units (Radcliffe, 2007) less the
    straight line to its end; ties form one point. It estimates what QINI by doubly robust scores
    estimates, with more noise; kept for comparison with packages that count.
    """
    order = np.argsort(-priority, kind="stable")
    arm, value = treated[order].astype(np.float64), outcome[order]
    last = np.r_[np.diff(priority[order]) != 0, True]
    n_t, n_c = np.cumsum(arm)[last], np.cumsum(1 - arm)[last]
    y_t, y_c = np.cumsum(arm * value)[last], np.cumsum((1 - arm) * value)[last]
    gain = y_t - np.divide(y_c * n_t, n_c, out=np.zeros_like(y_c), where=n_c > 0)
    x, curve = np.r_[0.0, n_t + n_c], np.r_[0.0, gain]
    area = float(np.sum(np.diff(x) * (curve[1:] + curve[:-1]) / 2))
    return (area - x[-1] * curve[-1] / 2) / (x[-1] * n_t[-1])


def _top_weight(priority: Floats, share: float) -> Floats:
    """Return weights that pick the top share, ties at the edge in equal part."""
    wanted = share * len(priority)
    edge = np.partition(priority, len(priority) - max(1, int(np.ceil(wanted))))[
        len(priority) - max(1, int(np.ceil(wanted)))
    ]
    above, at = priority > edge, priority == edge
    part = (wanted - above.sum()) / at.sum()
    return np.where(above, 1.0, np.where(at, part, 0.0))
