"""Value models beyond memory: fitted on what the engine compresses, applied batch by batch."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd
import pyarrow as pa

from retention.engine import Engine
from retention.features.purchases import purchase_rows
from retention.value.lifetime import ValueTerms, lifetime_values
from retention.value.models import PurchaseFit
from retention.value.spend import SpendFit, fit_spend
from retention.value.summary import PurchaseSummary, compress

SCORES = pa.schema(
    [("customer_key", pa.string()), ("expected_purchases", pa.float64()),
     ("probability_alive", pa.float64()), ("probability_of_purchase", pa.float64()),
     ("expected_order_value", pa.float64()), ("lifetime_value", pa.float64())]
)  # fmt: skip
"""Columns of the table that `score_lifetime_values` keeps."""

_HISTORIES = """
SELECT frequency, recency, tenure, CAST(count(*) AS DOUBLE) AS customers
FROM ({rows}) AS histories GROUP BY frequency, recency, tenure
ORDER BY frequency, recency, tenure"""

_SPENDERS = """
SELECT customer_key, frequency, monetary_value
FROM ({rows}) AS histories WHERE frequency > 0 AND monetary_value > 0
ORDER BY md5(customer_key), customer_key LIMIT {limit}"""


def compressed_histories(engine: Engine, as_of: str, unit_days: int = 1) -> PurchaseSummary:
    """Return the unique purchase histories with weights, grouped by the engine.

    What reaches this machine grows with the distinct histories, not with the customers. The way
    back from rows to customers (``row``) leads to the unique rows alone.

    Parameters
    ----------
    engine
        Engine with the orders.
    as_of
        ISO date.
    unit_days
        Grain of time, 1 or 7 days.
    """
    with purchase_rows(engine, as_of, unit_days) as rows:
        text = _HISTORIES.format(rows=rows.text)
        frame = engine.sql(text, **rows.parameters).frame()
    return compress(frame, unit_days=unit_days, weight="customers")


def fit_sampled_spend(
    engine: Engine, as_of: str, unit_days: int = 1, fit_sample_customers: int = 1_000_000
) -> SpendFit:
    """Fit the spend model to a sample of repeat buyers of stated size.

    Parameters
    ----------
    engine
        Engine with the orders.
    as_of
        ISO date.
    unit_days
        Grain of time, 1 or 7 days.
    fit_sample_customers
        Largest number of repeat buyers to fit to: those whose key has the smallest hash, so that
        both engines and every later run draw the same ones. ``customers`` of the fit says how many
        there were.
    """
    with purchase_rows(engine, as_of, unit_days) as rows:
        text = _SPENDERS.format(rows=rows.text, limit=int(fit_sample_customers))
        frame = engine.sql(text, **rows.parameters).frame().sort_values("customer_key")
    return fit_spend(
        frame["frequency"].to_numpy(dtype=float), frame["monetary_value"].to_numpy(dtype=float)
    )


@dataclass(frozen=True)
class LifetimeScorer:
    """Fitted models as a function of a batch of purchase histories.

    Parameters
    ----------
    purchases, spend
        Fitted models.
    terms
        Horizon, margin, discount rate, currency.
    unit_days
        Grain of time that the histories are in.
    """

    purchases: PurchaseFit
    spend: SpendFit
    terms: ValueTerms
    unit_days: int

    def __call__(self, histories: pd.DataFrame) -> pd.DataFrame:
        """Return the columns of `SCORES` for each customer of the batch."""
        summary = compress(histories, unit_days=self.unit_days)
        made = lifetime_values(histories, summary, self.purchases, self.spend, self.terms)
        return made.customers[SCORES.names]


def score_lifetime_values(
    engine: Engine, as_of: str, scorer: LifetimeScorer, name: str = "lifetime_value_scores"
) -> None:
    """Keep what every customer is expected to be worth as a table of the engine.

    Parameters
    ----------
    engine
        Engine with the orders.
    as_of
        ISO date.
    scorer
        The fitted models.
    name
        Name of the table; its columns are `SCORES`.
    """
    with purchase_rows(engine, as_of, scorer.unit_days) as rows:
        engine.score_batches(name, rows, scorer, SCORES)
