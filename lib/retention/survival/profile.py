"""Likelihood-ratio tests, profile intervals and separation in Cox regressions.

Where a covariate separates those who left from those who stayed the partial likelihood rises
without end: the estimate is infinite, Wald's test sees nothing, the likelihood-ratio test does.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy import optimize, stats

from retention.survival.counts import Array
from retention.survival.partial_likelihood import PartialLikelihood

SEPARATED = 50.0
"""Standard error of the effect of a covariate's whole range from which on it is not finite."""

MOST_ROWS = 100_000
"""Rows up to which each covariate is tested by its likelihood ratio: it costs a fit for each."""

FARTHEST = 60.0
"""Effect of a standard deviation beyond which an interval is open."""


def with_likelihood_ratios(
    table: pd.DataFrame, likelihood: PartialLikelihood, confidence: float
) -> tuple[pd.DataFrame, list[str]]:
    """Return the coefficients with likelihood-ratio tests, and the covariates that separate.

    Parameters
    ----------
    table
        Coefficients, errors, hazard ratios, intervals and Wald's p-values.
    likelihood
        Likelihood of the same rows and covariates, in the same order.
    confidence
        Level of the intervals.

    Returns
    -------
    tuple
        The table with ``likelihood_ratio_p``; where a covariate separates, the hazard ratio is 0
        or infinite, its interval the profile likelihood's and ``p_value`` that of the ratio.
    """
    start = table["coefficient"].to_numpy() * likelihood.scale
    beta, value, information, _ = likelihood.maximum(np.clip(start, -FARTHEST, FARTHEST))
    lost = separated(likelihood, information)
    tested = np.ones(len(beta), bool) if _rows(likelihood) <= MOST_ROWS else lost
    p_values = np.array([
        ratio_p(likelihood, beta, value, j) if tested[j] else np.nan for j in range(len(beta))
    ])  # fmt: skip
    table = table.assign(likelihood_ratio_p=p_values)
    for j in np.flatnonzero(lost).tolist():
        low, high = profile_interval(likelihood, beta, value, j, confidence)
        sign = np.sign(beta[j])
        low, high = (-np.inf, high) if sign < 0 else (low, np.inf)
        columns = ["coefficient", "standard_error", "hazard_ratio", "ci_low", "ci_high", "p_value"]
        scaled = np.exp(np.array([low, high]) / likelihood.scale[j])
        row = [sign * np.inf, np.inf, 0.0 if sign < 0 else np.inf, *scaled, p_values[j]]
        for column, figure in zip(columns, row, strict=True):
            table[column] = table[column].mask(table.index == table.index[j], figure)
    return table, table["covariate"][lost].tolist()


def separated(likelihood: PartialLikelihood, information: Array) -> Array:
    """Return which covariates have no finite estimate: their information vanishes."""
    ridge = 1e-12 * np.eye(len(information))
    error = np.sqrt(np.abs(np.diag(np.linalg.pinv(information + ridge, rcond=1e-15))))
    x = np.concatenate([part.x for part in likelihood.strata])
    return np.asarray(error * np.ptp(x, axis=0) > SEPARATED)


def ratio_p(likelihood: PartialLikelihood, beta: Array, value: float, j: int) -> float:
    """Return the p-value of leaving one covariate out."""
    without = beta.copy()
    without[j] = 0.0
    rest = likelihood.maximum(without, held=j)[1]
    return float(stats.chi2.sf(max(2 * (value - rest), 0.0), 1))


def profile_interval(
    likelihood: PartialLikelihood, beta: Array, value: float, j: int, confidence: float
) -> tuple[float, float]:
    """Return where the profile likelihood of one scaled coefficient has fallen by the quantile."""
    limit = float(stats.chi2.ppf(confidence, 1))

    def excess(at: float) -> float:
        held = beta.copy()
        held[j] = at
        return 2 * (value - likelihood.maximum(held, held=j)[1]) - limit

    ends = []
    for direction in (-1.0, 1.0):
        reach = 0.25
        while reach < FARTHEST and excess(beta[j] + direction * reach) < 0:
            reach *= 2
        if reach >= FARTHEST:
            ends.append(direction * np.inf)
        else:
            inner = beta[j] + direction * (reach / 2 if reach > 0.25 else 0.0)
            ends.append(optimize.brentq(excess, inner, beta[j] + direction * reach, xtol=1e-7))
    return ends[0], ends[1]


def firth_table(
    likelihood: PartialLikelihood, covariates: Sequence[str], confidence: float
) -> tuple[pd.DataFrame, float, float]:
    """Return Firth's coefficients with profile intervals, the likelihood, and its ratio to none."""
    beta, value, information, _ = likelihood.maximum(np.zeros(len(covariates)))
    error = np.sqrt(np.diag(np.linalg.inv(information)))
    ends = [profile_interval(likelihood, beta, value, j, confidence) for j in range(len(beta))]
    low, high = np.array(ends).T / likelihood.scale
    table = pd.DataFrame({
        "covariate": list(covariates), "coefficient": beta / likelihood.scale,
        "standard_error": error / likelihood.scale,
        "hazard_ratio": np.exp(beta / likelihood.scale),
        "ci_low": np.exp(low), "ci_high": np.exp(high),
        "p_value": 2 * stats.norm.sf(np.abs(beta / error)),
        "likelihood_ratio_p": [ratio_p(likelihood, beta, value, j) for j in range(len(beta))],
    })  # fmt: skip
    ratio = max(2 * (value - likelihood.at(np.zeros(len(beta)))[0]), 0.0)
    return table, value + float(np.log(likelihood.scale).sum()), ratio


def _rows(likelihood: PartialLikelihood) -> int:
    """Return the number of rows behind a likelihood."""
    return sum(len(part.last) for part in likelihood.strata)
