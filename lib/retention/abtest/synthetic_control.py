"""One treated unit, many others: compare it with the weighted mix of others that it resembled.

Abadie, Diamond & Hainmueller (2010): weights are non-negative, add up to 1 and make the mix follow
the treated unit before the start. Inference by placebos: every other unit is treated as if it had
been the one. Labelled as what it is: not causal proof.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import optimize

from retention.abtest.quasi_experiment import LABEL, NEEDED
from retention.abtest.statistics import Array
from retention.errors import EvidenceError, InputError
from retention.quantities import quantity


@dataclass(frozen=True, eq=False)
class SyntheticControl:
    """Mean gap after the start, fit before it, weights of the others and the placebo rank."""

    unit: str
    effect: float
    ci_low: float
    ci_high: float
    p_value: float
    fit_before: float
    weights: pd.DataFrame
    gaps: pd.DataFrame
    placebos: int

    def to_frame(self) -> pd.DataFrame:
        """Return treated, synthetic and gap in each period."""
        return self.gaps

    def summary(self) -> str:
        """Say effect, label, fit and what a test would need."""
        return (
            f"{LABEL}: after the start the treated unit lies "
            f"{quantity(self.effect, self.unit, signed=True)} from its synthetic control "
            f"(placebo interval {quantity(self.ci_low, self.unit, signed=True)} to "
            f"{quantity(self.ci_high, self.unit, signed=True)}, placebo p = {self.p_value:.3g} "
            f"over {self.placebos} others; misfit before {quantity(self.fit_before, self.unit)}). "
            f"{NEEDED}"
        )


def synthetic_control(
    panel: pd.DataFrame, treated: str, start: int, *, unit: str = "", minimum_others: int = 10
) -> SyntheticControl:
    """Estimate the effect on one treated unit.

    Parameters
    ----------
    panel
        One row per unit and period: ``unit_key, period`` (integers), ``value``; balanced.
    treated
        Key of the treated unit.
    start
        First treated period.
    minimum_others
        Fewest other units; with n others no placebo p-value lies below 1/(n + 1).

    Notes
    -----
    p is the rank of the treated unit's ratio of misfit after to misfit before among all units
    (Abadie et al. 2010, section 3.4). The interval takes off the placebos' mean gaps, scaled by
    their misfit before, at 2.5 and 97.5 per cent.

    Raises
    ------
    EvidenceError
        If there are too few others or periods before the start.
    InputError
        If the panel is not balanced or lacks the treated unit.
    """
    wide, before = _panel(panel, treated, start, minimum_others)
    values, names = wide.to_numpy(dtype=float), list(wide.columns)
    at = names.index(treated)
    fits = {j: _fit(values, j, before) for j in range(len(names))}
    gaps = {j: values[:, j] - np.delete(values, j, axis=1) @ w for j, w in fits.items()}
    ratios = {j: _misfit(g[~before]) / max(_misfit(g[before]), 1e-12) for j, g in gaps.items()}
    p_value = float(np.mean([r >= ratios[at] for r in ratios.values()]))
    effect = float(gaps[at][~before].mean())
    scaled = _placebo_effects(gaps, at, before)
    low, high = np.quantile(scaled, [0.025, 0.975])
    others = [n for n in names if n != treated]
    weights = pd.DataFrame({"unit_key": others, "weight": fits[at]})
    table = pd.DataFrame({
        "period": wide.index.to_numpy(), "treated": values[:, at],
        "synthetic": values[:, at] - gaps[at], "gap": gaps[at],
    })  # fmt: skip
    kept = weights[weights["weight"] > 1e-6].sort_values("weight", ascending=False)
    return SyntheticControl(
        unit, effect, effect - float(high), effect - float(low), p_value,
        _misfit(gaps[at][before]), kept.reset_index(drop=True), table, len(others),
    )  # fmt: skip


def _placebo_effects(gaps: dict[int, Array], at: int, before: NDArray[np.bool_]) -> list[float]:
    """Return the others' mean gaps after the start, on the scale of the treated unit's misfit."""
    own = _misfit(gaps[at][before])
    return [
        float(g[~before].mean()) * own / max(_misfit(g[before]), 1e-12)
        for j, g in gaps.items()
        if j != at
    ]


def _panel(
    panel: pd.DataFrame, treated: str, start: int, minimum_others: int
) -> tuple[pd.DataFrame, NDArray[np.bool_]]:
    """Return period x unit values and which periods lie before the start."""
    named = panel.assign(unit_key=panel["unit_key"].astype(str))
    wide = named.pivot_table(index="period", columns="unit_key", values="value").sort_index()
    if treated not in wide or wide.isna().any().any():
        raise InputError(
            f"The panel lacks {treated!r}, or has gaps.", "Give every unit every period.",
            column="unit_key",
        )  # fmt: skip
    before = wide.index.to_numpy() < start
    if wide.shape[1] - 1 < minimum_others or before.sum() < 3 or before.all():
        raise EvidenceError(
            f"{wide.shape[1] - 1} other units and {int(before.sum())} periods before the start "
            "are too few.",
            f"Give {minimum_others} others and three periods, or use difference-in-differences.",
        )
    return wide, before


def _fit(values: Array, unit: int, before: NDArray[np.bool_]) -> Array:
    """Return the weights on the simplex that follow a unit best before the start.

    Non-negative least squares with a heavily weighted row for the sum of the weights.
    """
    others = np.delete(values, unit, axis=1)[before]
    target = values[before, unit]
    scale = max(float(np.abs(others).max()), 1e-12)
    heavy = 1e3 * np.sqrt(len(target))
    rows = np.vstack([others / scale, np.full(others.shape[1], heavy)])
    weights, _ = optimize.nnls(rows, np.append(target / scale, heavy))
    return np.asarray(weights / max(weights.sum(), 1e-12))


def _misfit(gap: Array) -> float:
    """Return the root mean square of a gap."""
    return float(np.sqrt(np.mean(gap**2)))
