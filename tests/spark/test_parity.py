"""Every query gives on Spark what it gives on DuckDB: counts and money exactly, floats to 1e-9."""

from __future__ import annotations

import re
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sqlglot import exp

from retention.engine import Engine, query_text
from retention.engine.dialect import parsed
from retention.features.counted import counted_lines, refunded_orders
from retention.features.dates import DAY_S, epoch_of
from retention.features.purchases import goods_costs, known_orders
from retention.tables import TABLES

SQL = Path(query_text.__code__.co_filename).parents[1] / "sql"
PER_FILE = {"ingest_emails", "ingest_people", "ingest_phones"}
"""Run by DuckDB on each export file by itself, on the executors (docs/scale.md says why)."""
IN_INGEST = {"ingest_accounts", "ingest_bots", "ingest_customers", "ingest_links",
             "ingest_moved", "ingest_order_sizes", "ingest_reasons"}  # fmt: skip
"""Read what an ingest leaves in its engine; tests/spark/test_ingest.py holds them equal."""
ON_DUCKDB = {path.stem for path in SQL.glob("migration_*.sql")}
"""The comparison of an old system's export with the new one's is DuckDB's work (docs/scale.md)."""
TEMPLATES = {"abtest_cap", "abtest_clusters", "abtest_origin", "abtest_statistics"}
"""Filled by retention.abtest; see tests/spark/test_library.py."""
EMPTY_HERE = {"churn_loyalty", "features_booked_returns", "features_loyalty"}
"""The simulated shop books no returns as orders (Online Retail does) and has no loyalty programme
(tests/spark/test_library.py makes one)."""
QUERIES = sorted(path.stem for path in SQL.glob("*.sql"))
PLAIN = [name for name in QUERIES if name not in PER_FILE | IN_INGEST | ON_DUCKDB | TEMPLATES]


def terms(shop) -> dict[str, object]:
    """Return a value for every parameter that a query names."""
    as_of_s = epoch_of(shop.as_of)
    return {
        "as_of_s": as_of_s, "until_s": as_of_s + 90 * DAY_S, "start_s": as_of_s - 90 * DAY_S,
        "before_s": as_of_s - 180 * DAY_S, "earlier_s": as_of_s - 270 * DAY_S,
        "settle_s": 60 * DAY_S, "arrival_s": 30 * DAY_S, "window_s": 90 * DAY_S,
        "horizon_s": 84 * DAY_S, "unit_s": 7 * DAY_S, "day_s": DAY_S, "week_s": 7 * DAY_S,
        "weeks": 4, "minor_per_major": 100, "cohort_end_s": as_of_s - 180 * DAY_S,
        "by_category": shop.name == "demo", "experiment_key": "winback_gift",
        "other_key": "spring_discount", "campaign_key": "spring_discount", "channel": "email",
        "purpose": "marketing_email", "multiple": 20.0, "model": "legacy_crm",
    }  # fmt: skip


def both(shop, text: str, parameters: dict) -> tuple[pd.DataFrame, pd.DataFrame]:
    named = set(re.findall(r"\$(\w+)", text))
    chosen = {name: value for name, value in parameters.items() if name in named}
    assert named == set(chosen), f"give tests/spark a value for {named - set(chosen)}"
    return shop.duck.sql(text, **chosen).frame(), shop.spark.sql(text, **chosen).frame()


def require_equal(duck: pd.DataFrame, spark: pd.DataFrame) -> None:
    """Hold two answers equal as sets of rows: exactly, but for floats."""
    assert list(duck.columns) == list(spark.columns)
    assert len(duck) == len(spark)
    order = [c for c in duck if not pd.api.types.is_float_dtype(duck[c])] or list(duck)
    one, other = (f.sort_values(order, ignore_index=True) for f in (duck, spark))
    for name in duck:
        left, right = one[name], other[name]
        if pd.api.types.is_float_dtype(left) or pd.api.types.is_float_dtype(right):
            np.testing.assert_allclose(
                left.to_numpy(float), right.to_numpy(float), rtol=1e-9, atol=1e-9, err_msg=name
            )
        else:
            assert left.where(left.notna(), None).tolist() == (
                right.where(right.notna(), None).tolist()
            ), name


def prepare(engine: Engine, shop, stack: ExitStack) -> None:
    """Leave in the engine what the queries of features and key figures build on."""
    stack.enter_context(known_orders(engine, shop.as_of))
    stack.enter_context(counted_lines(engine))
    stack.enter_context(refunded_orders(engine))  # last: making the others gives it up
    costed = stack.enter_context(goods_costs(engine, shop.as_of))
    none = "SELECT NULL AS order_key, CAST(NULL AS BIGINT) AS goods_cost_minor LIMIT 0"
    source = "SELECT order_key, goods_cost_minor FROM goods_costs" if costed else none
    engine.sql(source).materialise("kpis_goods_costs")
    layer = {name: terms(shop)[name] for name in ("as_of_s", "arrival_s")}
    engine.query("features_orders", **layer).materialise("features_layer_orders")
    until = {"as_of_s": terms(shop)["as_of_s"]}
    engine.query("survival_retention_gaps", **until).materialise("retention_gaps")
    stack.callback(engine.drop, "kpis_goods_costs", "features_layer_orders", "retention_gaps")


@pytest.fixture(
    scope="module", params=["demo", pytest.param("online_retail", marks=pytest.mark.realdata)]
)
def shop(request):
    marks = request.getfixturevalue(request.param)
    with ExitStack() as stack:
        for engine in (marks.duck, marks.spark):
            prepare(engine, marks, stack)
        yield marks


def tables_of(text: str) -> set[str]:
    tree = parsed(text)
    named = {cte.alias for cte in tree.find_all(exp.CTE)}
    return {table.name for table in tree.find_all(exp.Table)} - named


@pytest.mark.spark
@pytest.mark.parametrize("name", PLAIN)
def test_a_query_gives_the_same_on_both_engines(shop, name):
    absent = sorted(t for t in tables_of(query_text(name)) if not shop.has(t))
    if absent:
        assert set(absent) <= {*TABLES, "goods_costs", "counted_lines"}, (
            f"classify {name}: nothing makes {absent} here"
        )
        pytest.skip(f"{shop.name} has no {', '.join(absent)}")
    duck, spark = both(shop, query_text(name), terms(shop))
    require_equal(duck, spark)
    assert len(duck) > 0 or shop.name != "demo" or name in EMPTY_HERE
