r"""Is there anything to target? An omnibus test of held-out predictions, and their calibration.

Best linear predictor of the effect (Chernozhukov, Demirer, Duflo & Fernández-Val, arXiv 1712.04802,
eq. 3.1): :math:`y - \hat m(x) = \alpha + \beta_1 (w - e) + \beta_2 (w - e)(\hat\tau(x) -
\bar{\hat\tau}) + \varepsilon`. :math:`\beta_1` is the average effect; :math:`\beta_2` is 1 when the
predictions are calibrated and 0 when they carry nothing. The test of :math:`\beta_2 > 0` is
one-sided with HC3 standard errors.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from retention.intervals import NORMAL_95
from retention.results import p_text
from retention.uplift.clusters import mean_error, summed
from retention.uplift.ranking import one_sided_p
from retention.uplift.trial import Floats, Integers, finite, renumbered


@dataclass(frozen=True)
class Heterogeneity:
    """Best linear predictor of the effect from held-out predictions.

    Parameters
    ----------
    average, average_error
        Average effect and its standard error, in units of the outcome.
    slope, slope_error
        Calibration slope (1 = calibrated, 0 = uninformative) and its standard error; both are 0
        when the predictions do not vary.
    p_value
        One-sided, of slope > 0; 1 when the predictions do not vary.
    n
        Held-out units.
    """

    average: float
    average_error: float
    slope: float
    slope_error: float
    p_value: float
    n: int

    def to_frame(self) -> pd.DataFrame:
        """Return one row per coefficient with its 95 % interval."""
        rows = [
            ("average effect", self.average, self.average_error),
            ("calibration slope", self.slope, self.slope_error),
        ]
        return pd.DataFrame(
            [(m, v, e, v - NORMAL_95 * e, v + NORMAL_95 * e, self.n) for m, v, e in rows],
            columns=["coefficient", "value", "standard_error", "ci_low", "ci_high", "n"],
        )

    def summary(self) -> str:
        """Word whether effects differ in a way that was predicted."""
        if self.slope_error == 0:
            return f"The predictions do not differ between units: nothing to test (n = {self.n:,})."
        interval = (
            f"calibration slope {self.slope:.2f}, 95 % interval "
            f"{self.slope - NORMAL_95 * self.slope_error:.2f} to "
            f"{self.slope + NORMAL_95 * self.slope_error:.2f}, "
            f"{p_text(self.p_value)}, n = {self.n:,}"
        )
        if self.p_value < 0.05:
            return f"Effects differ between units, and the predictions tell how ({interval})."
        return f"No evidence that effects differ in the way predicted ({interval})."


def best_linear_predictor(
    effect: Floats, treated: Integers, outcome: Floats, chance: Floats, mean: Floats,
    cluster: Integers | None = None,
) -> Heterogeneity:  # fmt: skip
    """Test held-out predicted effects of one arm against the control.

    Parameters
    ----------
    effect
        Predicted effects of units that the predictor has not seen.
    treated
        1 where the unit was given the arm, 0 where it was in the control.
    outcome
        What happened.
    chance
        Known probability of the arm (pairwise).
    mean
        Cross-fitted expected outcome, whichever arm (reduces noise; need not be right).
    cluster
        Number of the cluster of each unit, where units were drawn in clusters.
    """
    surprise = treated - chance
    spread = effect - effect.mean()
    scale = float(spread.std())
    columns = [np.ones_like(surprise), surprise]
    varies = scale > 1e-12 * max(1.0, float(np.abs(effect).max(initial=0.0)))
    if varies:
        columns.append(surprise * spread / scale)
    beta, error = ols_hc3(np.column_stack(columns), outcome - mean, cluster)
    slope, slope_error = (beta[2] / scale, error[2] / scale) if varies else (0.0, 0.0)
    return Heterogeneity(
        float(beta[1]), float(error[1]), float(slope), float(slope_error),
        one_sided_p(float(slope), float(slope_error)), len(outcome),
    )  # fmt: skip


def ols_hc3(X: Floats, y: Floats, cluster: Integers | None = None) -> tuple[Floats, Floats]:
    """Return least-squares coefficients and their HC3 standard errors (MacKinnon & White, 1985).

    With clusters their sums stand for the units, scaled by G / (G − 1).
    """
    inverse = np.linalg.pinv(X.T @ X)
    beta = inverse @ (X.T @ y)
    leverage = np.einsum("ij,jk,ik->i", X, inverse, X)
    residual = (y - X @ beta) / np.maximum(1 - leverage, 1e-8)
    pulls = X * residual[:, None]
    if cluster is not None:
        pulls = np.column_stack([summed(column, cluster) for column in pulls.T])
        pulls = pulls * np.sqrt(len(pulls) / max(len(pulls) - 1, 1))
    return beta, np.sqrt(np.diag(inverse @ (pulls.T @ pulls) @ inverse))


def effect_by_group(
    effect: Floats, scores: Floats, *, groups: int = 5, cluster: Integers | None = None
) -> pd.DataFrame:
    """Return predicted and measured effect in groups of rising prediction, with 95 % intervals.

    Ties stay together, so there can be fewer groups than asked for.

    Returns
    -------
    DataFrame
        group (1 = lowest), n, predicted, measured, standard_error, ci_low, ci_high.
    """
    edges = np.unique(np.quantile(finite(effect, "effect"), np.arange(1, groups) / groups))
    group = np.searchsorted(edges, effect, side="right")
    rows: list[tuple[float, ...]] = []
    for number in np.unique(group):
        inside = group == number
        own = None if cluster is None else renumbered(cluster[inside])
        error, mean = mean_error(scores[inside], own), float(scores[inside].mean())
        rows.append((len(rows) + 1, int(inside.sum()), float(effect[inside].mean()), mean,
                     error.value, mean - error.reach, mean + error.reach))  # fmt: skip
    names = ["group", "n", "predicted", "measured", "standard_error", "ci_low", "ci_high"]
    return pd.DataFrame(rows, columns=names)
