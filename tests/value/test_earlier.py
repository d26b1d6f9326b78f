"""Static covariates, values at an earlier date, and groups beside the whole and the past."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from retention.errors import ParameterError
from retention.features import purchase_summary
from retention.value import (
    LifetimeValues,
    ValueTerms,
    beside,
    beside_summary,
    value_by,
    values_as_of,
    with_covariates,
)

TERMS = ValueTerms(180, 0.5, 0.1, "USD")


@pytest.fixture(scope="module")
def orders(orders_of):
    random = np.random.default_rng(3)
    first = random.integers(0, 300, 400)
    again = random.poisson(1.5, 400)
    keys = np.concatenate([np.arange(400), np.repeat(np.arange(400), again)])
    later = np.repeat(first, again) + random.integers(1, 400, again.sum())
    days = pd.Timestamp("2024-01-02") + pd.to_timedelta(np.concatenate([first, later]), unit="D")
    frame = orders_of([f"c{k:03d}" for k in keys], days, random.gamma(5, 8, len(keys)) + 1)
    return frame.assign(discount_minor=np.where(keys % 3 == 0, 50, 0), is_gift=keys % 2 == 0)


def test_covariates_are_of_the_first_purchase_day_and_centred(engine_of, orders):
    engine = engine_of(orders)
    frame = purchase_summary(engine, "2025-07-01")
    names = ["first_with_discount", "first_is_gift", "first_is_large"]
    found, varied = with_covariates(engine, frame, "2025-07-01", names)
    assert varied == tuple(names)
    number = found["customer_key"].str[1:].astype(int)
    assert (found["first_with_discount"] > 0).tolist() == (number % 3 == 0).tolist()
    assert found[names].mean().to_numpy() == pytest.approx(np.zeros(3), abs=1e-12)
    assert found["first_is_large"].gt(0).mean() == pytest.approx(0.5, abs=0.01)


def test_a_covariate_that_never_varies_is_left_out_and_an_unknown_one_refused(engine_of, orders):
    engine = engine_of(orders.assign(discount_minor=0))
    frame = purchase_summary(engine, "2025-07-01")
    assert with_covariates(engine, frame, "2025-07-01", ["first_with_discount"])[1] == ()
    with pytest.raises(ParameterError, match="no static covariate"):
        with_covariates(engine, frame, "2025-07-01", ["shoe_size"])


@pytest.mark.parametrize("model", ["mbg_nbd", "mbg_nbd_covariates", "pareto_nbd_covariates"])
def test_earlier_values_know_nothing_of_later_orders(engine_of, orders, model):
    date, names = "2025-02-01", ["first_is_gift"]
    early = orders[orders["ordered_at"] < date].reset_index(drop=True)
    whole, known = (
        values_as_of(engine_of(table), date, model, TERMS, covariates=names)
        for table in (orders, early)
    )
    pd.testing.assert_frame_equal(whole.customers, known.customers)
    assert whole.total > 0


def test_groups_stand_beside_the_whole_and_their_own_past(engine_of, orders):
    engine = engine_of(orders)
    now, then = (values_as_of(engine, d, "mbg_nbd", TERMS) for d in ("2025-07-01", "2025-02-01"))
    parted = [value_by(values, halves(values), by="segment") for values in (now, then)]
    table = beside(parted[0], parted[1], now).set_index("group")
    assert table.loc["often", "mean_value"] > table.loc["often", "whole"]
    change = table["mean_value"] - table["mean_before"]
    assert table["change"].to_numpy() == pytest.approx(change.to_numpy())
    assert (table["change_ci_low"] < table["change"]).all()
    assert f"{int(table['differs'].sum())} of 2 groups differ" in beside_summary(
        table.reset_index()
    )
    assert beside(parted[0], None, now)["change"].isna().all()


def halves(values: LifetimeValues) -> pd.Series[str]:
    """Return which half of the customers by expected purchases each belongs to."""
    expected = values.customers["expected_purchases"]
    return (expected > expected.median()).map({True: "often", False: "seldom"})
