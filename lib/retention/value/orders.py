"""What this package reads from the orders beside the features: days and the currency."""

from __future__ import annotations

import pandas as pd

from retention.engine import Engine
from retention.errors import EvidenceError
from retention.features import epoch_of, known_orders, minor_per_major


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
