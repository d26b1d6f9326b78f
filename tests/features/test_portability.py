"""Every query of features, segments and key figures can be written for Spark as well."""

from __future__ import annotations

from importlib import resources

import pytest
import sqlglot
from sqlglot import exp

FOLDER = resources.files("retention") / "sql"
QUERIES = sorted(
    path.name
    for path in FOLDER.iterdir()
    if path.name.startswith(("features_", "segments_", "kpis_"))
)
NOT_PORTABLE = (exp.Interval, exp.DateDiff, exp.ApproxQuantile, exp.First, exp.Last)
"""What the two engines answer differently (see the portable subset in the design)."""


@pytest.mark.parametrize("name", QUERIES)
def test_a_query_is_written_for_spark_without_loss(name):
    text = (FOLDER / name).read_text(encoding="utf-8")
    tree = sqlglot.parse_one(text, read="duckdb")
    assert not list(tree.find_all(*NOT_PORTABLE))
    spark = tree.sql(dialect="spark", unsupported_level=sqlglot.ErrorLevel.RAISE)
    assert sqlglot.parse_one(spark, read="spark").sql(dialect="spark") == spark


@pytest.mark.parametrize("name", QUERIES)
def test_a_division_is_guarded_against_zero(name):
    tree = sqlglot.parse_one((FOLDER / name).read_text(encoding="utf-8"), read="duckdb")
    bare = [
        division.sql(dialect="duckdb")
        for division in tree.find_all(exp.Div)
        if not isinstance(division.expression, exp.Literal | exp.Nullif)
        and not division.expression.find(exp.Parameter, exp.Placeholder, exp.Count)
    ]
    assert bare == []
