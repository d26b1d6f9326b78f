"""Logistic regression that has an answer under separation, too (Firth 1993)."""

from __future__ import annotations

import numpy as np

from retention.churn.panel import Array

STEPS = 100


def logistic_line(
    churned: Array, log_odds: Array, *, fixed_slope: bool = False
) -> tuple[Array, Array]:
    """Regress the outcome on log-odds; return (intercept, slope) and their standard errors.

    Where a threshold of the log-odds separates those who churned from the others, the likelihood
    has no peak: Firth's estimate is given.
    """
    x = np.column_stack([np.ones_like(log_odds), log_odds])
    offset = x[:, 1] if fixed_slope else np.zeros(len(x))
    used = x[:, :1] if fixed_slope else x
    beta, error, converged = fit_logistic(used, churned, offset=offset)
    if not converged:
        beta, error, _ = fit_logistic(used, churned, offset=offset, firth=True)
    return (np.array([beta[0], 1.0]), np.array([error[0], 0.0])) if fixed_slope else (beta, error)


def fit_logistic(
    x: Array, y: Array, *, offset: Array | None = None, firth: bool = False
) -> tuple[Array, Array, bool]:
    """Fit a logistic regression by scoring; return coefficients, errors, and whether it converged.

    Parameters
    ----------
    x
        Design matrix, the column of ones included.
    y
        Outcomes, 0 or 1.
    offset
        Part of the log-odds that is known; None means none.
    firth
        Maximise the likelihood times the square root of the determinant of the information: finite
        under separation, and less biased in small samples (Firth 1993; Heinze and Schemper 2002).

    Examples
    --------
    >>> x = np.column_stack([np.ones(8), np.arange(8.0)])
    >>> y = (np.arange(8) > 3).astype(float)
    >>> fit_logistic(x, y)[2], fit_logistic(x, y, firth=True)[2]
    (False, True)
    """
    known = np.zeros(len(x)) if offset is None else offset
    beta, converged = np.zeros(x.shape[1]), False
    for _ in range(STEPS):
        p = 1 / (1 + np.exp(-np.clip(known + x @ beta, -30, 30)))
        weight = p * (1 - p)
        inverse = np.linalg.pinv((x * weight[:, None]).T @ x, hermitian=True)
        score = y - p
        if firth:
            score = score + weight * np.einsum("ij,jk,ik->i", x, inverse, x) * (0.5 - p)
        step = inverse @ (x.T @ score)
        beta = beta + np.clip(step, -2, 2)
        if np.abs(step).max() < 1e-10 * (1 + np.abs(beta).max()):
            converged = bool(np.linalg.cond((x * weight[:, None]).T @ x) < 1e13)
            break
    return beta, np.sqrt(np.maximum(np.diag(inverse), 0)), converged
