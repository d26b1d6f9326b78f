"""A query means the same on Spark: what differs between the engines is written out."""

from __future__ import annotations

import pytest

from retention.engine.dialect import to_spark
from retention.errors import RunError


@pytest.mark.parametrize(
    ("duck", "spark"),
    [
        ("SELECT a // 86400 FROM t", "SELECT a DIV 86400 FROM t"),
        ("SELECT s / 86400.0 FROM t", "SELECT s / CAST(86400.0 AS DOUBLE) FROM t"),
        ("SELECT CAST(1.25 AS DECIMAL(4, 2))", "SELECT CAST(1.25 AS DECIMAL(4, 2))"),
        ("SELECT a FROM t ORDER BY a", "SELECT a FROM t ORDER BY a NULLS LAST"),
        ("SELECT quantile_cont(x, 0.5) FROM t",
         "SELECT PERCENTILE(x, CAST(0.5 AS DOUBLE)) FROM t"),
        ("SELECT max_by(c, (s, c)) FROM t",
         "SELECT MAX_BY(c, STRUCT(s, c)) FILTER(WHERE NOT c IS NULL) FROM t"),
        ("SELECT row_number() OVER () AS n FROM t",
         "SELECT ROW_NUMBER() OVER (ORDER BY MONOTONICALLY_INCREASING_ID()) AS n FROM t"),
        ("SELECT u.* REPLACE (1 AS p), 2 AS w FROM u",
         "SELECT u.* EXCEPT (p), 2 AS w, 1 AS p FROM u"),
        ("SELECT a FROM t WHERE x IN (FROM gone)",
         "SELECT a FROM t WHERE x IN (SELECT * FROM gone)"),
        ("SELECT dayofweek(x) FROM t", "SELECT (DAYOFWEEK(x) - 1) FROM t"),
        ("SELECT hash(a) FROM t", "SELECT XXHASH64(a) FROM t"),
        ("SELECT CAST(a AS HUGEINT) FROM t", "SELECT CAST(a AS DECIMAL(38, 0)) FROM t"),
        ("SELECT regexp_full_match(a, '[A-Z]{3}') FROM t",
         "SELECT a RLIKE '^(?:[A-Z]{3})$' FROM t"),
    ],
)  # fmt: skip
def test_what_differs_is_written_out(duck, spark):
    assert to_spark(duck) == spark


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (3, "CAST(3 AS BIGINT)"), (-3, "CAST(-3 AS BIGINT)"), (True, "TRUE"), (None, "NULL"),
        (0.1, "CAST('0.1' AS DOUBLE)"),
        ("x' OR '1'='1", "'x\\' OR \\'1\\'=\\'1'"), ("back\\", "'back\\\\'"),
        (["a", "b'"], "CAST(ARRAY('a', 'b\\'') AS ARRAY<STRING>)"),
    ],
)  # fmt: skip
def test_parameters_become_literals_of_their_type(value, text):
    assert to_spark("SELECT $v", {"v": value}) == f"SELECT {text}"


def test_a_parameter_that_is_missing_or_of_no_type_is_refused():
    with pytest.raises(RunError, match=r"wants a parameter \$v"):
        to_spark("SELECT $v")
    with pytest.raises(RunError, match="type dict cannot be bound"):
        to_spark("SELECT $v", {"v": {}})
    with pytest.raises(RunError, match="type float cannot be bound"):
        to_spark("SELECT $v", {"v": float("nan")})
