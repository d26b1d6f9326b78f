"""Lifetime values as they stood at another date, by the same model and terms."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from retention.engine import Engine
from retention.features import purchase_summary
from retention.value.family import MODELS
from retention.value.lifetime import LifetimeValues, ValueTerms, lifetime_values
from retention.value.models import fit_purchases
from retention.value.orders import with_covariates
from retention.value.spend import fit_spend
from retention.value.summary import compress


def values_as_of(
    engine: Engine,
    as_of: str,
    model: str,
    terms: ValueTerms,
    *,
    unit_days: int = 1,
    penalty: float = 0.0,
    covariates: Sequence[str] = (),
    fit_sample_customers: int | None = None,
) -> LifetimeValues:
    """Return what was expected of every customer known at an earlier date.

    Everything is fitted anew to what was known then, so that a change of value is a change of the
    customers and of what their purchases teach, not of the way of reckoning.

    Parameters
    ----------
    engine
        Engine with the table ``orders`` (and ``refunds``, where refunds are dated).
    as_of
        ISO date; nothing from then on is looked at.
    model
        Key of `retention.value.MODELS`.
    terms, unit_days, penalty, covariates
        As for today's values.
    fit_sample_customers
        Customers that the purchase model is fitted to at most, evenly spaced; None: all.

    Raises
    ------
    EvidenceError
        If nobody had bought a second time by then.
    """
    frame, names = with_covariates(
        engine, purchase_summary(engine, as_of, unit_days), as_of, covariates
    )
    summary = compress(frame, unit_days=unit_days, covariates=names)
    if not model.endswith("_covariates"):
        summary = summary.without_covariates()
    spend = fit_spend(
        frame["frequency"].to_numpy(np.float64), frame["monetary_value"].to_numpy(np.float64)
    )
    lesson = summary.of_at_most(fit_sample_customers or len(frame))
    purchases = fit_purchases(MODELS[model], lesson, penalty=penalty)
    return lifetime_values(frame, summary, purchases, spend, terms)
