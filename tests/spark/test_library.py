"""The library's own functions give on Spark what they give on DuckDB."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from retention.abtest.collect import collect
from retention.abtest.metrics import MetricDefinition, NullPolicy
from retention.engine import open_engine
from retention.features import (
    customer_features,
    experiment_frame,
    purchase_summary,
    sampled_customers,
)
from retention.features.dates import DAY_S, epoch_of
from retention.kpis.window import collect as key_figures

pytestmark = pytest.mark.spark


def test_a_loyalty_programme_is_read_alike(demo):
    as_of_s = epoch_of(demo.as_of)
    people = demo.duck.sql("SELECT DISTINCT customer_key FROM orders WHERE customer_key IS NOT "
                           "NULL ORDER BY 1 LIMIT 4").frame()["customer_key"].tolist()  # fmt: skip
    events = pd.DataFrame(
        [(people[0], "loyalty_join", 400, None), (people[0], "loyalty_earn", 300, 12.5),
         (people[0], "loyalty_redeem", 20, 2.25), (people[1], "loyalty_join", 90, None),
         (people[1], "loyalty_leave", 10, None)],
        columns=["customer_key", "event_name", "days_ago", "value"],
    )  # fmt: skip
    events["event_epoch_s"] = as_of_s - events.pop("days_ago") * DAY_S
    layer = pd.DataFrame({"customer_key": people})
    found = []
    for engine in (open_engine("duckdb", "1GB"), open_engine("spark", "1GB")):
        engine.register("events", events)
        engine.register("features_layer_orders", layer)
        found.append(engine.query("features_loyalty", as_of_s=as_of_s).frame())
        engine.close()
    pd.testing.assert_frame_equal(
        *(frame.sort_values("customer_key", ignore_index=True) for frame in found)
    )
    assert found[0].set_index("customer_key").loyalty_points.tolist().count(10.25) == 1


def test_sufficient_statistics_agree(demo):
    metrics = [
        MetricDefinition(
            "revenue",
            "revenue",
            covariates=("order_count",),
            winsorise_at=0.99,
            covariate_nulls=NullPolicy.ZERO,
        ),
        MetricDefinition("orders", "orders"),
    ]
    found = []
    units = experiment_frame(demo.duck, "winback_gift", 28)
    for engine in (demo.duck, demo.spark):
        engine.register("units_of_trial", units)
        found.append(collect(engine, "units_of_trial", metrics, segment="stratum"))
    duck, spark = (statistics.cells for statistics in found)
    assert duck.keys() == spark.keys()
    assert len(duck) >= 4
    for cell, moments in duck.items():
        assert moments.n == spark[cell].n
        np.testing.assert_allclose(spark[cell].sums, moments.sums, rtol=1e-9)
        np.testing.assert_allclose(spark[cell].products, moments.products, rtol=1e-9)


def test_the_same_customers_are_drawn_on_both_engines(demo):
    drawn = []
    for engine in (demo.duck, demo.spark):
        with sampled_customers(engine, 500) as share:
            drawn.append(customer_features(engine, demo.as_of))
        assert len(customer_features(engine, demo.as_of)) > len(drawn[-1]) > 0
        assert share < 1
    pd.testing.assert_frame_equal(*drawn, rtol=1e-9, check_dtype=True)


def test_the_library_gives_the_same_on_both_engines(demo):
    for function in (
        lambda engine: customer_features(engine, demo.as_of),
        lambda engine: purchase_summary(engine, demo.as_of, 7),
        lambda engine: experiment_frame(engine, "winback_gift", 28),
        lambda engine: key_figures(engine, demo.as_of, 90).orders,
    ):
        duck, spark = function(demo.duck), function(demo.spark)
        pd.testing.assert_frame_equal(duck, spark, rtol=1e-9, check_dtype=True)
