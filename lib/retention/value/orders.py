"""What this package reads from the orders beside the features: days and the currency."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from retention.engine import Engine
from retention.errors import EvidenceError, ParameterError
from retention.features import epoch_of, known_orders, minor_per_major, purchase_summary
from retention.features.dates import nobody_before

STATIC_COVARIATES = (
    "first_with_discount", "first_is_gift", "first_in_season", "first_is_large",
)  # fmt: skip
"""What is known of a customer for good once the first purchase day is over."""


def daily_purchases(engine: Engine, as_of: str, cohort_end: str) -> pd.DataFrame:
    """Return first and repeat purchase days per calendar day of customers acquired by a date.

    Parameters
    ----------
    engine
        Engine with the table ``orders``.
    as_of
        ISO date; later orders are not looked at.
    cohort_end
        ISO date; only customers whose first purchase lies before it.

    Returns
    -------
    pandas.DataFrame
        ``day`` (days since 1970), ``first_purchases``, ``repeat_purchases``; days without a
        purchase are absent.
    """
    with known_orders(engine, as_of):
        return engine.query("value_daily_purchases", cohort_end_s=epoch_of(cohort_end)).frame()


def with_covariates(
    engine: Engine, frame: pd.DataFrame, as_of: str, names: Sequence[str]
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Return a purchase summary with static covariates of the first purchase day.

    All of them are known once a customer exists, so that none can look ahead. They are centred: the
    parameters then speak of a customer in the middle of the base, which the search finds sooner.

    Parameters
    ----------
    engine
        Engine with the table ``orders``.
    frame
        Purchase summary as of the date, with ``customer_key``.
    as_of
        ISO date.
    names
        Among ``first_with_discount``, ``first_is_gift``, ``first_in_season`` and
        ``first_is_large`` (above the median first order).

    Returns
    -------
    tuple
        The frame with one column per covariate that varies, and their names.

    Raises
    ------
    ParameterError
        If there is no such covariate.
    """
    unknown = [name for name in names if name not in STATIC_COVARIATES]
    if unknown:
        raise ParameterError(
            f"There is no static covariate {unknown[0]!r}.", f"Use {', '.join(STATIC_COVARIATES)}."
        )
    with known_orders(engine, as_of):
        found = engine.query("value_first_orders").frame()
    known = found.set_index("customer_key").reindex(frame["customer_key"])
    known["first_is_large"] = (known["first_minor"] > known["first_minor"].median()).astype(float)
    columns = {name: known[name].fillna(0.0).astype(float).to_numpy() for name in names}
    varied = {name: values - values.mean() for name, values in columns.items() if values.std() > 0}
    return frame.assign(**varied), tuple(varied)


def purchase_histories(engine: Engine, as_of: str, unit_days: int = 1) -> pd.DataFrame:
    """Return what `retention.features.purchase_summary` does, of one customer at least.

    Raises
    ------
    EvidenceError
        If nobody had bought before the date.
    """
    frame = purchase_summary(engine, as_of, unit_days)
    if frame.empty:
        raise nobody_before(engine, as_of)
    return frame


def reporting_currency(engine: Engine) -> str:
    """Return the ISO 4217 code of the orders' one currency.

    Raises
    ------
    EvidenceError
        If there is no order, or there are several currencies.
    """
    minor_per_major(engine)
    found = engine.sql("SELECT min(currency) AS currency FROM orders").frame()["currency"][0]
    if not isinstance(found, str):
        raise EvidenceError("The snapshot holds no order.", "Check what ingest accepted.")
    return found
