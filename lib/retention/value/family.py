"""The three purchase models side by side, fitted to the same histories."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from retention.errors import ParameterError
from retention.results import Check, Status
from retention.value.codes import ValueCheck
from retention.value.geometric import GeometricDropout
from retention.value.models import PurchaseFit, PurchaseModel, fit_purchases
from retention.value.pareto import ParetoDropout
from retention.value.summary import PurchaseSummary

Floats = NDArray[np.float64]

MODELS: dict[str, PurchaseModel] = {
    "bg_nbd": GeometricDropout(),
    "mbg_nbd": GeometricDropout(coin_at_start=True),
    "pareto_nbd": ParetoDropout(),
}
"""The models by the names that parameters use."""


@dataclass(frozen=True)
class ModelFamily:
    """Several purchase models fitted to one summary.

    Parameters
    ----------
    fits
        One fit per model, keyed by its parameter name.
    """

    fits: dict[str, PurchaseFit]

    def __getitem__(self, name: str) -> PurchaseFit:
        """Return one fit by its parameter name (``bg_nbd`` ...)."""
        return self.fits[name]

    def forecasts(self, summary: PurchaseSummary, days: float) -> dict[str, Floats]:
        """Return each model's expected purchases per customer, keyed by the model's full name."""
        return {
            fit.model.name: summary.expand(fit.expected_future(summary, days))
            for fit in self.fits.values()
        }

    def choose(self, wanted: str, actual: Floats, summary: PurchaseSummary, days: float) -> str:
        """Return ``wanted`` if it was fitted, or for ``auto`` the best in a hold-out."""
        if wanted == "auto":
            return self.best(actual, summary, days)
        if wanted not in self.fits:
            raise ParameterError(
                f"There is no purchase model {wanted!r}.", f"Use auto, {', '.join(self.fits)}."
            )
        return wanted

    def best(self, actual: Floats, summary: PurchaseSummary, days: float) -> str:
        """Return the name of the converged model with the least squared error in a hold-out."""
        scored = [
            (
                not fit.converged,
                float(np.mean((summary.expand(fit.expected_future(summary, days)) - actual) ** 2)),
                name,
            )
            for name, fit in self.fits.items()
        ]
        return min(scored)[2]

    def to_frame(self) -> pd.DataFrame:
        """Return the parameters of all models, one line each."""
        return pd.concat([fit.to_frame() for fit in self.fits.values()], ignore_index=True)

    def scores(self) -> pd.DataFrame:
        """Return one line per model: log-likelihood, BIC, convergence."""
        return pd.DataFrame(
            [
                {
                    "model": fit.model.name,
                    "log_likelihood": fit.log_likelihood,
                    "bic": fit.information_criterion,
                    "customers": fit.customers,
                    "converged": fit.converged,
                    "gradient": fit.gradient_norm,
                }
                for fit in self.fits.values()
            ]
        )

    def summary(self) -> str:
        """Return in words which model describes the past best."""
        ranked = sorted(self.fits.values(), key=lambda fit: fit.information_criterion)
        best = ranked[0]
        text = f"{best.model.name} describes the past best. {best.summary()}"
        if len(ranked) > 1:
            gap = ranked[1].information_criterion - best.information_criterion
            text += f" The next, {ranked[1].model.name}, is {gap:,.1f} BIC points behind."
        return text

    def check(self, name: str) -> Check:
        """Return whether the chosen model's search converged."""
        fit = self.fits[name]
        return Check(
            ValueCheck.CONVERGENCE,
            Status.PASS if fit.converged else Status.WARN if fit.at_bound else Status.FAIL,
            fit.summary(),
            ""
            if fit.converged
            else "Choose another purchase_model or set a small penalty; a "
            "parameter at its bound means that the data hold no sign of it.",
        )


def fit_family(
    summary: PurchaseSummary, names: tuple[str, ...] = tuple(MODELS), *, penalty: float = 0.0
) -> ModelFamily:
    """Fit several purchase models to the same histories.

    Parameters
    ----------
    summary
        Unique rows with weights.
    names
        Keys of :data:`MODELS`.
    penalty
        Strength of the quadratic penalty per customer; 0 is none.

    Raises
    ------
    ParameterError
        If a name is unknown.
    """
    unknown = [name for name in names if name not in MODELS]
    if unknown:
        raise ParameterError(
            f"There is no purchase model {unknown[0]!r}.", f"Use one of {', '.join(MODELS)}."
        )
    return ModelFamily(
        {name: fit_purchases(MODELS[name], summary, penalty=penalty) for name in names}
    )
