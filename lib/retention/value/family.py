"""The purchase models side by side, fitted to the same histories."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from retention.errors import ParameterError
from retention.results import Check, Status, p_text
from retention.value.codes import ValueCheck
from retention.value.forecasts import MATERIAL
from retention.value.geometric import GeometricDropout
from retention.value.geometric_covariates import GeometricDropoutCovariates
from retention.value.models import PurchaseFit, PurchaseModel, fit_purchases
from retention.value.pareto import ParetoDropout
from retention.value.summary import PurchaseSummary

Floats = NDArray[np.float64]

MODELS: dict[str, PurchaseModel] = {
    "bg_nbd": GeometricDropout(),
    "mbg_nbd": GeometricDropout(coin_at_start=True),
    "pareto_nbd": ParetoDropout(),
    "bg_nbd_covariates": GeometricDropoutCovariates(),
    "mbg_nbd_covariates": GeometricDropoutCovariates(coin_at_start=True),
    "pareto_nbd_covariates": ParetoDropout("Pareto/NBD with covariates"),
}
"""The models by the names that parameters use."""

COVARIATES = "_covariates"
"""How the names of those with static covariates end."""

PLAIN = ("bg_nbd", "mbg_nbd", "pareto_nbd")
"""Those without covariates."""

IN_DOUBT = ("mbg_nbd", "pareto_nbd", "bg_nbd")
"""Which of equals is taken: BG/NBD last, which holds all who bought once for alive."""


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

    def choose(
        self, wanted: str, later: ModelFamily, actual: Floats, forecasts: dict[str, Floats]
    ) -> str:
        """Return the model to use.

        Parameters
        ----------
        wanted
            Key of a model, or ``auto``: among the models that converged here and in ``later`` and
            are identified there (and here, too, where any is), the first one whose squared error
            in the hold-out is within half a per cent (`MATERIAL`) of the least: those without
            covariates before those with, and within each kind in the order of `IN_DOUBT`.
        later
            The same models fitted to the whole history.
        actual
            Purchases of each customer in the hold-out.
        forecasts
            What `forecasts` gives of this family for the hold-out.

        Raises
        ------
        ParameterError
            If the wanted model was not fitted.
        """
        if wanted != "auto" and wanted not in self.fits:
            raise ParameterError(
                f"There is no purchase model {wanted!r}.", f"Use auto, {', '.join(self.fits)}."
            )
        if wanted != "auto":
            return wanted
        trust = {
            name: (fit.converged and later[name].converged, later[name].identified, fit.identified)
            for name, fit in self.fits.items()
        }
        square = {
            name: np.mean((forecasts[fit.model.name] - actual) ** 2)
            for name, fit in self.fits.items()
            if trust[name] == max(trust.values())
        }
        enough = min(square.values()) * (1 + MATERIAL)
        return min((name for name, error in square.items() if error <= enough), key=_place)

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
                    "identified": fit.identified,
                    "gradient": fit.gradient_norm,
                }
                for fit in self.fits.values()
            ]
        )

    def summary(self) -> str:
        """Return in words which model describes the past best."""
        sound = [fit for fit in self.fits.values() if fit.converged] or [*self.fits.values()]
        ranked = sorted(sound, key=lambda fit: fit.information_criterion)
        best = ranked[0]
        text = f"{best.model.name} describes the past best. {best.summary()}"
        if len(ranked) > 1:
            gap = ranked[1].information_criterion - best.information_criterion
            text += f" The next, {ranked[1].model.name}, is {gap:,.1f} BIC points behind."
        return text

    def covariates(self) -> pd.DataFrame:
        """Return one line per model and covariate: what it multiplies both rates by.

        ``model``, ``covariate``, ``purchase_rate_times`` and ``dropout_rate_times`` (the factor
        between customers with and without it; in the BG/NBD family on the odds of dropping out
        after a purchase), each with its 95 % interval; no line without covariates.
        """
        names = ["model", "covariate", *(f"{rate}_rate_times{end}" for rate in (
            "purchase", "dropout") for end in ("", "_ci_low", "_ci_high"))]  # fmt: skip
        rows = [row for name, fit in self.fits.items() if name.endswith(COVARIATES)
                for row in _factors(fit)]  # fmt: skip
        return pd.DataFrame(rows, columns=names)

    def covariates_summary(self) -> str:
        """Return in words whether the covariates explain more than chance (likelihood ratio)."""
        told = [
            _gain(self.fits[name.removesuffix(COVARIATES)], fit)
            for name, fit in self.fits.items()
            if name.endswith(COVARIATES) and name.removesuffix(COVARIATES) in self.fits
        ]
        return " ".join(told) or "No static covariate varies, so none is in a model."

    def check(self, name: str) -> Check:
        """Return whether the chosen model's search converged on a peak."""
        fit = self.fits[name]
        sound = fit.converged and fit.identified
        return Check(
            ValueCheck.CONVERGENCE,
            Status.PASS if sound else Status.WARN if fit.converged else Status.FAIL,
            fit.summary(),
            ""
            if sound
            else "Choose another purchase_model or set a small penalty; do not read the parameters "
            "that the data do not identify.",
        )


def fit_family(
    summary: PurchaseSummary, names: tuple[str, ...] = PLAIN, *, penalty: float = 0.0
) -> ModelFamily:
    """Fit several purchase models to the same histories.

    Parameters
    ----------
    summary
        Unique rows with weights. Where they carry covariates, each model is fitted with them, too;
        the plain models do not look at them.
    names
        Keys of :data:`MODELS`, those without covariates.
    penalty
        Strength of the quadratic penalty per customer; 0 is none.

    Raises
    ------
    ParameterError
        If a name is unknown.
    """
    unknown = [name for name in names if name not in PLAIN]
    if unknown:
        raise ParameterError(
            f"There is no plain purchase model {unknown[0]!r}.", f"Use one of {', '.join(PLAIN)}."
        )
    plain = summary.without_covariates()
    fits = {name: fit_purchases(MODELS[name], plain, penalty=penalty) for name in names}
    if summary.covariates is not None:
        fits |= {
            name + COVARIATES: fit_purchases(MODELS[name + COVARIATES], summary, penalty=penalty)
            for name in names
        }
    return ModelFamily(fits)


def _place(name: str) -> tuple[bool, int]:
    """Return how far behind a model comes among equals."""
    return name.endswith(COVARIATES), IN_DOUBT.index(name.removesuffix(COVARIATES))


def _factors(fit: PurchaseFit) -> list[tuple[str | float, ...]]:
    """Return model, covariate and both factors with their intervals, one line per covariate."""
    table = fit.to_frame().set_index("parameter")
    listed = [p.removeprefix("purchase.") for p in table.index if p.startswith("purchase.")]
    ends = table[["estimate", "ci_low", "ci_high"]]
    return [
        (fit.model.name, name, *np.exp(ends.loc[f"purchase.{name}"]),
         *np.exp(ends.loc[f"dropout.{name}"]))
        for name in listed
    ]  # fmt: skip


def _gain(plain: PurchaseFit, rich: PurchaseFit) -> str:
    """Return in words whether one model's covariates explain more than chance."""
    from scipy.stats import chi2

    gain = 2 * (rich.log_likelihood - plain.log_likelihood)
    freedom = len(rich.names) - len(plain.names)
    chance = float(chi2.sf(max(gain, 0.0), freedom))
    verdict = "more than chance" if chance < 0.05 else "no more than chance"
    return (
        f"In {plain.model.name} the static covariates explain {verdict}: likelihood ratio "
        f"{gain:,.1f} on {freedom} degrees of freedom, {p_text(chance)}."
    )
