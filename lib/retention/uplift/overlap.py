"""Who can be compared with whom, where chance did not decide: propensities, overlap, weights.

Units of one arm that have nobody like them in the other say nothing about an effect; weights that
make up for them rest on a model alone. So overlap comes first: it decides for whom an effect is
estimated, and that is said in its name.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from scipy.optimize import minimize

from retention.errors import EvidenceError
from retention.uplift.models import fit_mean, predict_mean
from retention.uplift.scores import balanced_folds
from retention.uplift.trial import Floats, Integers, Trial

TRIM = 0.1
"""Units whose chance leaves TRIM … 1 − TRIM have no counterpart (Crump, Hotz, Imbens & Mitnik 2009,
who show that a tenth comes close to the best limit)."""

FEWEST_COMPARABLE = 0.1
"""With a smaller share of units that have a counterpart nothing is estimated."""

ZERO_MASS = 0.05
"""An attribute with at least such a share of zeros, and of others, gets a flag for them."""

OTHERS_PER_UNIT = 5
"""Units of the larger arm that are kept for each of the smaller where they are far apart."""


def features(covariates: pd.DataFrame) -> Floats:
    """Return standardised attributes with squares and flags of gaps and zeros.

    Earnings and sums of orders are zero for many and large for few; their mean alone does not make
    two groups alike. Gaps are filled with the mean. Collinear columns are left out.
    """
    columns: list[Floats] = []
    for name in covariates:
        values = covariates[name].to_numpy(np.float64)
        gaps = np.isnan(values)
        filled = np.where(gaps, values[~gaps].mean() if (~gaps).any() else 0.0, values)
        columns += [filled, gaps * 1.0]
        zeros = filled == 0
        if len(np.unique(filled)) > 2:
            columns.append(((filled - filled.mean()) / max(filled.std(), 1e-300)) ** 2)
            if ZERO_MASS <= zeros.mean() <= 1 - ZERO_MASS:
                columns.append(zeros * 1.0)
    matrix = np.column_stack(columns) if columns else np.zeros((len(covariates), 0))
    matrix = matrix[:, matrix.std(axis=0) > 1e-9 * (1 + np.abs(matrix).max(axis=0, initial=0.0))]
    matrix = (matrix - matrix.mean(axis=0)) / matrix.std(axis=0)
    return matrix[:, _independent(matrix)]


def _independent(matrix: Floats) -> Integers:
    """Return columns that are no linear combination of those before them."""
    if matrix.shape[1] == 0:
        return np.zeros(0, dtype=np.intp)
    corner = np.abs(np.diag(np.linalg.qr(matrix, mode="r")))
    return np.flatnonzero(corner > 1e-6 * np.sqrt(len(matrix)))


def estimated_chances(trial: Trial, *, model: Any = None, folds: int = 5, seed: int = 0) -> Floats:
    """Return each unit's chance of every arm from models that never saw its fold.

    Parameters
    ----------
    trial
        Units with their arms; the propensities in it are ignored.
    model
        Classifier of the arm; None means a (multinomial) logistic regression on ``features``.
    folds, seed
        Of the cross-fitting.
    """
    from sklearn.base import clone
    from sklearn.linear_model import LogisticRegression

    X = features(trial.covariates) if model is None else trial.covariates.to_numpy()
    base = LogisticRegression(max_iter=2000) if model is None else model
    fold = balanced_folds(trial.arm, folds, seed, trial.cluster)
    chance = np.empty((trial.units, len(trial.arms)))
    if X.shape[1] == 0:
        return np.tile(np.bincount(trial.arm) / trial.units, (trial.units, 1))
    for number in range(folds):
        rows = fold != number
        fitted = fit_mean(clone(base), X[rows], trial.arm[rows].astype(np.float64))
        if len(trial.arms) == 2:
            share = predict_mean(fitted, X[~rows])
            chance[~rows] = np.column_stack([1 - share, share])
        else:
            chance[~rows] = fitted.predict_proba(X[~rows])
    return np.clip(chance, 1e-6, 1 - 1e-6)


def entropy_odds(X: Floats, like: np.ndarray, others: np.ndarray) -> Floats | None:
    """Return each row's odds by which the others, so weighted, are like a group in every feature.

    Entropy balancing (Hainmueller, Political Analysis 2012): weights ∝ exp(Xλ), where λ minimises
    log Σ exp((x − target)λ), have the target's means and differ least. Scaled to add up to the size
    of the group they are odds of being in it. None where no weights reach the target.

    Parameters
    ----------
    X
        Features of all units.
    like, others
        Which units are the group, and which are weighted to be like it.
    """
    Z = X - X[like].mean(axis=0)
    own = Z[others]

    def dual(slope: Floats) -> tuple[float, Floats]:
        score = own @ slope
        weight = np.exp(score - score.max())
        total = weight.sum()
        return float(np.log(total) + score.max()), np.asarray(own.T @ weight / total)

    found = minimize(dual, np.zeros(Z.shape[1]), jac=True, method="BFGS", options={"maxiter": 500})
    score = own @ found.x
    scale = np.log(np.exp(score - score.max()).sum()) + score.max() - np.log(like.sum())
    odds = np.exp(np.clip(Z @ found.x - scale, -50.0, 50.0))
    reached = np.abs(odds[others] @ own / odds[others].sum()).max(initial=0.0) < 0.01
    return np.asarray(odds) if reached else None


def comparable(chance: Floats) -> np.ndarray:
    """Return which units had a chance of at least a tenth of every arm, scaled to two arms."""
    return np.asarray(chance.min(axis=1) >= TRIM * 2 / chance.shape[1])


def effective_size(weight: Floats) -> float:
    """Return how many equally weighted units weigh as surely (Kish)."""
    total = float(weight.sum())
    return total**2 / float(weight @ weight) if total > 0 else 0.0


def thinned(trial: Trial, chance: Floats, seed: int) -> tuple[np.ndarray, Floats]:
    """Keep of the larger arm those who are like the smaller, and return chances among those kept.

    A unit of the larger arm is kept with a chance that rises with its odds of the smaller one, up
    to certainty; its odds fall by that known factor. Units of the smaller arm without anybody like
    them in the larger are left out. What holds for those kept holds for the smaller arm: its units
    weigh alike, and those of the larger by their odds, so that chances need not add up to one.

    Returns
    -------
    (ndarray of bool, ndarray of shape (units, 2))
    """
    small = int(np.bincount(trial.arm, minlength=2).argmin())
    like = (trial.arm == small) & (chance[:, small] <= 1 - TRIM)
    others = trial.arm != small
    require_overlap(float(like.sum() / (trial.arm == small).sum()))
    odds = entropy_odds(features(trial.covariates), like, others)
    if odds is None:
        odds = chance[:, small] / chance[:, 1 - small]
    factor = OTHERS_PER_UNIT * like.sum() / odds[others].sum()
    kept_chance = np.minimum(1.0, factor * odds)
    drawn = np.random.default_rng(seed).random(trial.units) < kept_chance
    kept = np.where(others, drawn, like)
    share = np.full(trial.units, 1 / (1 + factor))
    rest = kept_chance / odds / (1 + factor)
    columns = [rest, share] if small == 1 else [share, rest]
    return np.asarray(kept, dtype=bool), np.column_stack(columns)


def require_overlap(share: float) -> None:
    """Refuse arms of which almost nobody can be compared.

    Raises
    ------
    EvidenceError
        If fewer than a tenth of the units have a counterpart.
    """
    if share < FEWEST_COMPARABLE:
        raise EvidenceError(
            f"Only {100 * share:.1f} % of those to be compared have a counterpart in the other "
            "group.",
            "Compare with customers who could have been in either group, or run a randomised test.",
        )
