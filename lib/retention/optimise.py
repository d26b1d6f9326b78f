"""Maximum likelihood from analytic gradients: robust starts, a Newton finish, honest reporting."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from scipy.optimize import OptimizeResult

Floats = NDArray[np.float64]
Objective = Callable[[Floats], tuple[float, Floats]]
"""Maps parameters to the mean log-likelihood and its gradient."""

GRADIENT_TOLERANCE = 1e-7
"""Largest gradient component (mean log-likelihood, log parameters) that counts as converged."""

LARGEST_LOG = 12.0
"""Bound on the logarithm of a (scaled) parameter; a solution there is reported as such."""

DECREMENT_TOLERANCE = 1e-14
"""Rise of the mean log-likelihood still to be had (Newton's decrement) that counts as none.

The gradient depends on the scale of the parameters, this does not.
"""

FLAT = 1e-7
"""Curvature, relative to the largest, below which the data say nothing in that direction."""

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
        Whether the gradient vanishes (but for what pushes against a bound), or no step along the
        curvature would raise the log-likelihood any more.
    plateau
        For each parameter, whether it can be changed without the data noticing: it lies along a
        direction without curvature, or at a bound.
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
    plateau: NDArray[np.bool_]
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
    objective: Objective,
    starts: Sequence[Floats],
    *,
    rough: Objective | None = None,
    bound: float = LARGEST_LOG,
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
    bound
        Largest absolute value of a parameter; infinite where parameters are not logarithms.

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
    candidates = [_climb(first, start, bound) for start in starts]
    point = max(candidates, key=lambda found: found[1])[0]
    counted = _Counted(objective)
    point, value, gradient, hessian = _polish(counted, point, hessian_of(first, point), bound)
    if not _at_peak(point, gradient, hessian, bound):
        point = _climb(counted, point, bound)[0]
        point, value, gradient, hessian = _polish(counted, point, hessian_of(counted, point), bound)
    return Optimum(
        point,
        value,
        hessian,
        _norm(point, gradient, bound),
        _at_peak(point, gradient, hessian, bound),
        _plateau(point, hessian, bound),
        len(starts),
        counted.evaluations,
    )


def newton_finished(
    function: Callable[..., float],
    start: Floats,
    args: tuple[Any, ...] = (),
    *,
    jac: Callable[..., Floats],
    **_: Any,
) -> OptimizeResult:
    """Minimise for ``scipy.optimize.minimize(method=newton_finished, jac=True)``.

    SciPy's own methods report failure ("precision loss") where a line search cannot improve a
    point any more, though its gradient is nil: that depends on the processor's rounding. Here a
    fit has converged where gradient or Newton's decrement vanish.
    """
    from scipy.optimize import OptimizeResult

    def objective(point: Floats) -> tuple[float, Floats]:
        return -float(function(point, *args)), -np.asarray(jac(point, *args), dtype=np.float64)

    best = maximise(objective, [np.asarray(start, dtype=np.float64)], bound=np.inf)
    return OptimizeResult(
        x=best.point, fun=-best.value, success=best.converged, nfev=best.evaluations
    )


def covariance_of(information: Floats) -> Floats:
    """Return the covariance that an information matrix implies.

    Directions in which the data say nothing get no variance rather than a huge or negative one:
    there the estimates are not identified, which :class:`Optimum` reports, and predictions do not
    depend on them either.
    """
    values, vectors = np.linalg.eigh(information)
    known = values > FLAT * max(float(values.max()), 0.0)
    inverse = np.where(known, 1 / np.where(known, values, 1.0), 0.0)
    return np.asarray((vectors * inverse) @ vectors.T, dtype=np.float64)


def _plateau(point: Floats, hessian: Floats, bound: float) -> NDArray[np.bool_]:
    """Return which parameters lie along a flat direction or at a bound."""
    curvature, vectors = np.linalg.eigh(-hessian)
    flat = curvature <= FLAT * max(float(curvature.max()), 0.0)
    return ((vectors[:, flat] ** 2).sum(axis=1) > 0.05) | (np.abs(point) >= bound * 0.999)


def _free_gradient(point: Floats, gradient: Floats, bound: float) -> Floats:
    """Return the gradient without the components that push against a bound."""
    return np.where(_pushing(point, gradient, bound), 0.0, gradient)


def _pushing(point: Floats, gradient: Floats, bound: float) -> NDArray[np.bool_]:
    """Return which parameters lie at a bound and would rise beyond it."""
    return (np.abs(point) >= bound * 0.999) & (gradient * point > 0)


def _norm(point: Floats, gradient: Floats, bound: float) -> float:
    """Return the largest gradient component, without those that push against a bound."""
    return float(np.abs(_free_gradient(point, gradient, bound)).max())


def _at_peak(point: Floats, gradient: Floats, hessian: Floats, bound: float) -> bool:
    """Return whether the gradient is nil, or the curvature leaves nothing to gain."""
    free = _free_gradient(point, gradient, bound)
    if not (np.isfinite(free).all() and np.isfinite(hessian).all()):
        return False
    if np.abs(free).max() <= GRADIENT_TOLERANCE:
        return True
    inside = ~_pushing(point, gradient, bound)
    curvature, vectors = np.linalg.eigh(-hessian[np.ix_(inside, inside)])
    if curvature.min() <= 0:
        return False
    return bool(((vectors.T @ free[inside]) ** 2 / curvature).sum() / 2 <= DECREMENT_TOLERANCE)


def hessian_of(objective: Objective, point: Floats) -> Floats:
    """Return the second derivatives by central differences of the analytic gradient."""
    columns = []
    for axis in range(len(point)):
        step = np.zeros(len(point))
        step[axis] = _STEP
        columns.append((objective(point + step)[1] - objective(point - step)[1]) / (2 * _STEP))
    raw = np.array(columns)
    return (raw + raw.T) / 2


def _climb(objective: Objective, start: Floats, bound: float) -> tuple[Floats, float]:
    """Climb from one start with a bounded quasi-Newton method."""
    from scipy.optimize import minimize

    def negative(point: Floats) -> tuple[float, Floats]:
        value, gradient = objective(point)
        return -value, -gradient

    found = minimize(
        negative,
        np.clip(start, -bound, bound),
        jac=True,
        method="L-BFGS-B",
        bounds=[(-bound, bound)] * len(start),
        options={"maxiter": 500, "ftol": 1e-15, "gtol": 1e-8},
    )
    return np.asarray(found.x, dtype=np.float64), float(-found.fun)


def _polish(
    objective: Objective, point: Floats, hessian: Floats, bound: float
) -> tuple[Floats, float, Floats, Floats]:
    """Take Newton steps until the gradient vanishes or no step helps.

    The given curvature (a sample's will do) is kept: near the optimum a step then costs one
    evaluation and still gains several digits. It is refreshed when a step gains too little.
    """
    value, gradient = objective(point)
    fresh = False
    for _ in range(25):
        norm = _norm(point, gradient, bound)
        if norm < GRADIENT_TOLERANCE * 1e-3:
            break
        step = _newton_step(hessian, gradient, ~_pushing(point, gradient, bound))
        trial = np.clip(point - step, -bound, bound)
        trial_value, trial_gradient = objective(trial)
        better = np.isfinite(trial_value) and _norm(trial, trial_gradient, bound) < norm * 0.5
        if better and trial_value >= value - 1e-9 * (1 + abs(value)):
            point, value, gradient, fresh = trial, trial_value, trial_gradient, False
        elif fresh:
            break
        else:
            hessian, fresh = hessian_of(objective, point), True
    return point, value, gradient, hessian_of(objective, point)


def _newton_step(hessian: Floats, gradient: Floats, free: NDArray[np.bool_]) -> Floats:
    """Return the Newton step of what is free, shortened where the curvature is not negative."""
    step = np.zeros(len(gradient))
    values, vectors = np.linalg.eigh(hessian[np.ix_(free, free)])
    curvature = np.minimum(values, -1e-8)
    step[free] = vectors @ ((vectors.T @ gradient[free]) / curvature)
    return step / max(1.0, float(np.abs(step).max()))
