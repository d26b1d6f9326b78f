"""Maximum likelihood from analytic gradients: robust starts, a Newton finish, honest reporting."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Objective = Callable[[Floats], tuple[float, Floats]]
"""Maps parameters to the mean log-likelihood and its gradient."""

GRADIENT_TOLERANCE = 1e-7
"""Largest gradient component (mean log-likelihood, log parameters) that counts as converged."""

LARGEST_LOG = 12.0
"""Bound on the logarithm of a (scaled) parameter; a solution there is reported as such."""

_STEP = 1e-5


@dataclass(frozen=True)
class Optimum:
    """Where a fit ended, and whether that can be trusted.

    Parameters
    ----------
    point
        Parameters at the optimum (logarithms of positive ones).
    value
        Mean log-likelihood there, penalty included.
    hessian
        Second derivatives of the mean log-likelihood there.
    gradient_norm
        Largest absolute component of its gradient.
    converged
        Whether the gradient vanishes, the curvature is negative and no bound is active.
    at_bound
        Whether a parameter ran to its bound (the data do not identify it).
    starts
        Number of starting points tried.
    evaluations
        Number of evaluations of the full objective.
    """

    point: Floats
    value: float
    hessian: Floats
    gradient_norm: float
    converged: bool
    at_bound: bool
    starts: int
    evaluations: int


class _Counted:
    """An objective that counts its evaluations."""

    def __init__(self, objective: Objective) -> None:
        self.objective = objective
        self.evaluations = 0

    def __call__(self, point: Floats) -> tuple[float, Floats]:
        """Evaluate and count."""
        self.evaluations += 1
        return self.objective(point)


def maximise(
    objective: Objective, starts: Sequence[Floats], *, rough: Objective | None = None
) -> Optimum:
    """Maximise a mean log-likelihood from several starts and polish the best by Newton's method.

    Parameters
    ----------
    objective
        Mean log-likelihood and gradient.
    starts
        Starting points; all are tried on the rough objective.
    rough
        A cheaper objective with nearly the same optimum (a systematic sample); None uses the
        objective itself.

    Returns
    -------
    Optimum
        The best point found, with convergence reported rather than assumed.

    Examples
    --------
    >>> best = maximise(lambda p: (-float(p @ p), -2 * p), [np.ones(2)])
    >>> best.converged, bool(abs(best.point).max() < 1e-6)
    (True, True)
    """
    first = objective if rough is None else rough
    candidates = [_climb(first, start) for start in starts]
    point = max(candidates, key=lambda found: found[1])[0]
    counted = _Counted(objective)
    if rough is not None and _curvature_fails(rough, point):
        point = _climb(counted, point)[0]
    point, value, gradient, hessian = _polish(counted, point)
    norm = float(np.abs(gradient).max())
    if norm > GRADIENT_TOLERANCE:
        point = _climb(counted, point)[0]
        point, value, gradient, hessian = _polish(counted, point)
        norm = float(np.abs(gradient).max())
    at_bound = bool((np.abs(point) >= LARGEST_LOG * 0.999).any())
    concave = bool(np.linalg.eigvalsh(hessian).max() < 0)
    return Optimum(
        point, value, hessian, norm, norm <= GRADIENT_TOLERANCE and concave and not at_bound,
        at_bound, len(starts), counted.evaluations,
    )  # fmt: skip


def hessian_of(objective: Objective, point: Floats) -> Floats:
    """Return the second derivatives by central differences of the analytic gradient."""
    columns = []
    for axis in range(len(point)):
        step = np.zeros(len(point))
        step[axis] = _STEP
        columns.append((objective(point + step)[1] - objective(point - step)[1]) / (2 * _STEP))
    raw = np.array(columns)
    return (raw + raw.T) / 2


def _climb(objective: Objective, start: Floats) -> tuple[Floats, float]:
    """Climb from one start with a bounded quasi-Newton method."""
    from scipy.optimize import minimize

    def negative(point: Floats) -> tuple[float, Floats]:
        value, gradient = objective(point)
        return -value, -gradient

    found = minimize(
        negative,
        np.clip(start, -LARGEST_LOG, LARGEST_LOG),
        jac=True,
        method="L-BFGS-B",
        bounds=[(-LARGEST_LOG, LARGEST_LOG)] * len(start),
        options={"maxiter": 500, "ftol": 1e-15, "gtol": 1e-8},
    )
    return np.asarray(found.x, dtype=np.float64), float(-found.fun)


def _curvature_fails(objective: Objective, point: Floats) -> bool:
    """Tell whether the rough optimum is no maximum, so that Newton's method must not start."""
    return bool(np.linalg.eigvalsh(hessian_of(objective, point)).max() >= 0)


def _polish(objective: Objective, point: Floats) -> tuple[Floats, float, Floats, Floats]:
    """Take Newton steps until the gradient vanishes or no step helps.

    The curvature is computed once and kept: near the optimum that costs one evaluation per step
    and still gains several digits each time. It is refreshed when a step gains too little.
    """
    value, gradient = objective(point)
    hessian = hessian_of(objective, point)
    fresh = True
    for _ in range(25):
        norm = np.abs(gradient).max()
        if norm < GRADIENT_TOLERANCE * 1e-3:
            break
        trial = np.clip(point - _newton_step(hessian, gradient), -LARGEST_LOG, LARGEST_LOG)
        trial_value, trial_gradient = objective(trial)
        better = np.isfinite(trial_value) and np.abs(trial_gradient).max() < norm * 0.5
        if better and trial_value >= value - 1e-9 * (1 + abs(value)):
            point, value, gradient, fresh = trial, trial_value, trial_gradient, False
        elif fresh:
            break
        else:
            hessian, fresh = hessian_of(objective, point), True
    return point, value, gradient, hessian_of(objective, point)


def _newton_step(hessian: Floats, gradient: Floats) -> Floats:
    """Return the Newton step, shortened where the curvature is not negative."""
    values, vectors = np.linalg.eigh(hessian)
    curvature = np.minimum(values, -1e-8)
    step = np.asarray(vectors @ ((vectors.T @ gradient) / curvature), dtype=np.float64)
    return step / max(1.0, float(np.abs(step).max()))
