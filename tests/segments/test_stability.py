"""Stability against resampling and staleness of cut-offs."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from retention.errors import ParameterError
from retention.results import Status
from retention.segments import (
    columns_read,
    drift,
    redrawing,
    resampled_agreement,
    rfm,
    staleness,
)

RULES = ["top: recency_score >= 4", "low: recency_score <= 2"]


def customers(n: int, scale: float = 100.0) -> pd.DataFrame:
    random = np.random.default_rng(4)
    return pd.DataFrame(
        {
            "customer_key": [f"c{i:05d}" for i in range(n)],
            "recency_days": random.exponential(scale, n).astype(int) + 1,
            "order_count": random.poisson(2, n) + 1,
            "monetary_minor": random.integers(100, 9999, n),
        }
    )


def draw(source: pd.DataFrame, target: pd.DataFrame) -> pd.Series:
    return rfm(source, RULES).apply(target)


def test_many_customers_are_stable_and_few_are_not():
    many = resampled_agreement(customers(4000), draw, seed=1)
    few = resampled_agreement(customers(40), draw, seed=1)
    assert many.checks()[0].status is Status.PASS
    assert many.interval()[0] > few.interval()[0]


@pytest.mark.parametrize(
    "scoring",
    [{}, {"levels": 4}, {"method": "fixed", "recency_cuts": [30, 90], "frequency_cuts": [2, 3],
                         "monetary_cuts": [5000]}],
)  # fmt: skip
def test_redrawn_cut_offs_segment_as_a_new_segmentation_would(scoring):
    rules = ["new: recency_score >= 2 and tenure_days < 50", *RULES]
    source, target = (
        customers(500, scale).assign(tenure_days=range(500), note="", city="") for scale in (90, 70)
    )
    read = columns_read(target, rules)
    assert read == [
        "customer_key", "recency_days", "order_count", "monetary_minor", "tenure_days",
    ]  # fmt: skip
    mixed = source.sample(frac=1.0, random_state=3)
    anew = rfm(mixed, rules, **scoring).apply(target)
    assert redrawing(rules, **scoring)(mixed[read], target[read]).tolist() == anew.tolist()


def test_the_seed_decides_the_resamples():
    first, second = (resampled_agreement(customers(200), draw, seed=9) for _ in range(2))
    assert first.agreement.tolist() == second.agreement.tolist()


def test_one_resample_is_refused():
    with pytest.raises(ParameterError, match="spread"):
        resampled_agreement(customers(50), draw, resamples=1)


def test_cut_offs_drawn_from_other_customers_are_stale():
    now = customers(2000)
    found = rfm(now, RULES)
    old = rfm(customers(2000, scale=400.0), RULES).apply(now)
    same = staleness(found.apply(now), found.apply(now), "2024-01-01")
    assert same.changed == 0
    assert same.checks()[0].status is Status.PASS
    stale = staleness(found.apply(now), old, "2024-01-01")
    assert stale.changed > 500
    assert stale.checks()[0].status is Status.WARN
    assert "2024-01-01" in stale.summary()
    assert same.to_frame()["overlap"].tolist() == [1.0] * len(same.to_frame())
    assert same.checks()[1].status is Status.PASS


def test_a_definition_that_finds_other_people_is_named():
    fresh = pd.Series(["good"] * 100 + ["rest"] * 900)
    old = pd.Series(["rest"] * 50 + ["good"] * 100 + ["rest"] * 850)
    found = staleness(fresh, old, "2024-01-01")
    row = found.to_frame().iloc[0]
    assert (row["segment"], row["both"], row["overlap"]) == ("good", 50, pytest.approx(1 / 3))
    assert found.changed == 100
    check = found.checks()[1]
    assert check.status is Status.WARN
    assert "good (33 %)" in check.detail
    assert "rest" not in check.detail


def test_every_check_on_cut_offs_gives_the_same_advice_and_it_fits_the_method():
    fresh, old = pd.Series(["a", "b"] * 200), pd.Series(["a", "a", "b", "b"] * 100)
    values = pd.DataFrame({"x": np.arange(400.0)})
    for method, said in (("quantile", "set `rfm_method` to fixed"), ("fixed", "cut-offs anew")):
        checks = staleness(fresh, old, "2024-01-01", method).checks()
        checks += drift(values, values + 300, "a", "b", ["x"], method).checks()
        assert {str(check.status) for check in checks} <= {"warn", "fail"}
        assert len({check.action for check in checks}) == 1
        assert said in checks[0].action
