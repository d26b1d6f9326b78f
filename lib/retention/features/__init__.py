"""Customer features as of a date: what was known of each customer before that day began.

Examples
--------
>>> from retention.engine import Engine
>>> from retention.features import customer_features  # doctest: +SKIP
>>> customer_features(engine, "2026-07-01").head()  # doctest: +SKIP
"""

from __future__ import annotations

from retention.features.customers import customer_features, feature_rows, future_purchases
from retention.features.dates import epoch_of, observed_until, shifted
from retention.features.dictionary import FEATURES, Feature, Layer, dictionary_frame
from retention.features.experiment_cells import spread_log
from retention.features.experiments import experiment_frame
from retention.features.purchases import (
    goods_costs,
    known_orders,
    minor_per_major,
    purchase_rows,
    purchase_summary,
    texts_in_arrow,
)
from retention.features.sample import sampled_customers

__all__ = [
    "FEATURES",
    "Feature",
    "Layer",
    "customer_features",
    "dictionary_frame",
    "epoch_of",
    "experiment_frame",
    "feature_rows",
    "future_purchases",
    "goods_costs",
    "known_orders",
    "minor_per_major",
    "observed_until",
    "purchase_rows",
    "purchase_summary",
    "sampled_customers",
    "shifted",
    "spread_log",
    "texts_in_arrow",
]
