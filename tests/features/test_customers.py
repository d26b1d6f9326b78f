"""The feature table on a shop that can be checked by eye."""

from __future__ import annotations

import pandas as pd
import pytest

from retention.errors import EvidenceError, ParameterError
from retention.features import FEATURES, customer_features, dictionary_frame, future_purchases

AS_OF = "2024-03-01"


@pytest.fixture
def features(make_engine, hand_made_shop) -> pd.DataFrame:
    return customer_features(make_engine(hand_made_shop), AS_OF).set_index("customer_key")


def test_only_customers_with_an_order_that_counts_have_a_row(features):
    assert list(features.index) == ["anna", "bert", "dora"]


def test_recency_and_tenure_count_days_from_the_purchase_days(features):
    assert features.loc["anna", ["recency_days", "tenure_days"]].tolist() == [11, 51]
    assert features.loc["dora", ["recency_days", "tenure_days"]].tolist() == [1, 1]


def test_two_orders_of_one_day_are_two_orders_but_one_purchase_day(features):
    assert features.loc["anna", "order_count"] == 4
    assert features.loc["anna", "repeat_order_count"] == 2


def test_gaps_are_between_purchase_days(features):
    assert features.loc["anna", "median_gap_days"] == 20.0
    assert features.loc["anna", "last_gap_days"] == 30.0
    assert pd.isna(features.loc["bert", "last_gap_days"])


def test_only_refunds_before_the_as_of_date_lower_the_value(features):
    assert features.loc["anna", "monetary_minor"] == 1000 + 1500 + 3000 + 4000 - 1500
    assert features.loc["anna", "return_share"] == pytest.approx(1500 / 9500)
    assert features.loc["anna", "refund_count"] == 1


def test_shares_are_of_value_or_of_orders(features):
    assert features.loc["anna", "discount_share"] == pytest.approx(0.05)
    assert features.loc["anna", "gift_share"] == 0.25
    assert features.loc["bert", "season_share"] == 1.0


def test_return_lines_do_not_shape_the_assortment(features):
    assert features.loc["anna", "category_count"] == 2
    assert features.loc["anna", "top_category"] == "rings"
    assert features.loc["anna", "made_to_order_share"] == 0.5
    assert features.loc["bert", "category_count"] == 0


def test_lateness_of_an_order_still_on_its_way_is_not_known(features):
    assert features.loc["anna", "late_deliveries"] == 1
    assert features.loc["dora", "late_deliveries"] == 0


def test_an_absent_table_is_an_absent_layer(make_engine, hand_made_shop):
    del hand_made_shop["order_lines"]
    columns = customer_features(make_engine(hand_made_shop), AS_OF).columns
    absent = {f.name for f in FEATURES if f.table not in ("orders",)}
    assert not absent & set(columns)


def test_an_attribute_that_the_source_does_not_bring_is_absent(make_engine, hand_made_shop):
    hand_made_shop["orders"]["is_gift"] = pd.NA
    hand_made_shop["orders"] = hand_made_shop["orders"].astype({"is_gift": "boolean"})
    hand_made_shop["order_lines"]["category"] = pd.Series([None] * 7, dtype="string")
    columns = customer_features(make_engine(hand_made_shop), AS_OF).columns
    assert not {"gift_share", "category_count", "top_category"} & set(columns)


def test_columns_come_in_the_order_of_the_dictionary(features):
    names = [name for name in dictionary_frame()["name"] if name in features.columns]
    assert list(features.columns) == names


def test_undated_refunds_count_once_the_order_is_old_enough(make_engine, hand_made_shop):
    del hand_made_shop["refunds"]
    engine = make_engine(hand_made_shop)
    young = customer_features(engine, AS_OF).set_index("customer_key")
    old = customer_features(engine, "2024-06-01").set_index("customer_key")
    assert young.loc["anna", "monetary_minor"] == 9500
    assert old.loc["anna", "monetary_minor"] == 5500


def test_several_currencies_are_refused(make_engine, hand_made_shop):
    hand_made_shop["orders"].loc[0, "currency"] = "EUR"
    with pytest.raises(EvidenceError, match="EUR, USD"):
        customer_features(make_engine(hand_made_shop), AS_OF)


@pytest.mark.parametrize("text", ["yesterday", "2024-13-01", ""])
def test_a_date_that_is_none_is_refused(make_engine, hand_made_shop, text):
    with pytest.raises(ParameterError, match="YYYY-MM-DD"):
        customer_features(make_engine(hand_made_shop), text)


def test_future_purchases_give_zero_to_known_customers_who_stay_away(make_engine, hand_made_shop):
    future = future_purchases(make_engine(hand_made_shop), "2024-01-20", 60)
    assert future.to_dict("list") == {
        "customer_key": ["anna", "bert"],
        "purchases": [2, 0],
        "purchase_days": [2, 0],
        "revenue_minor": [3000, 0],
    }


def test_the_window_of_future_purchases_is_half_open(make_engine, hand_made_shop):
    engine = make_engine(hand_made_shop)
    assert future_purchases(engine, "2024-02-01", 28)["purchases"].tolist() == [1, 0]
    assert future_purchases(engine, "2024-02-01", 18)["purchases"].tolist() == [0, 0]


def test_an_empty_horizon_is_refused(make_engine, hand_made_shop):
    with pytest.raises(ParameterError, match="empty"):
        future_purchases(make_engine(hand_made_shop), AS_OF, 0)


def test_margin_is_value_less_the_latest_known_cost_of_the_goods(
    make_engine, hand_made_shop, unit_costs
):
    hand_made_shop["costs"] = unit_costs
    table = customer_features(make_engine(hand_made_shop), AS_OF).set_index("customer_key")
    assert table.loc["anna", "margin_minor"] == 8000 - (400 + 2 * 100 + 100 + 400)
    assert pd.isna(table.loc["bert", "margin_minor"])


def test_returns_booked_as_orders_of_their_own_lower_the_value(
    make_engine, hand_made_shop, make_orders
):
    returns = make_orders(
        ("x1", "anna", "2024-02-20", "cancelled", -600, 0, 0),
        ("x2", "anna", "2024-03-02", "cancelled", -900, 0, 0),
        ("x3", "carl", "2024-02-20", "cancelled", -100, 0, 0),
    )
    hand_made_shop["orders"] = pd.concat([hand_made_shop["orders"], returns], ignore_index=True)
    table = customer_features(make_engine(hand_made_shop), AS_OF).set_index("customer_key")
    assert list(table.index) == ["anna", "bert", "dora"]
    assert table.loc["anna", "monetary_minor"] == 8000 - 600
    assert table.loc["anna", "order_count"] == 4
    assert table.loc["anna", "refund_count"] == 2
    assert table.loc["anna", "return_share"] == pytest.approx((1500 + 600) / 9500)


def test_a_feature_table_kept_for_the_run_is_the_same_and_computed_once(
    make_engine, hand_made_shop, tmp_path
):
    engine, other = make_engine(hand_made_shop), make_engine({"orders": hand_made_shop["orders"]})
    alone = customer_features(engine, AS_OF)
    engine.share(tmp_path / "shared")
    other.share(tmp_path / "shared")

    pd.testing.assert_frame_equal(customer_features(engine, AS_OF), alone)
    pd.testing.assert_frame_equal(customer_features(other, AS_OF), alone)  # read, not computed
    assert len(customer_features(engine, "2024-01-15")) == 2
    assert len(list((tmp_path / "shared").glob("customer_features-*.parquet"))) == 2


@pytest.mark.parametrize(
    "only", [[], ["order_count"], ["opens_90d", "recency_days"], ["margin_minor"]]
)
@pytest.mark.parametrize("shares", ["nothing", "what is asked for", "everything"])
def test_features_that_are_asked_for_alone_are_those_of_the_whole_table(
    make_engine, hand_made_shop, tmp_path, only, shares
):
    whole = customer_features(make_engine(hand_made_shop), AS_OF)
    engine = make_engine(hand_made_shop)
    if shares != "nothing":
        engine.share(tmp_path / "shared")
    if shares == "everything":
        customer_features(engine, AS_OF)
    found = customer_features(engine, AS_OF, only=[*only, "no feature"])
    names = [name for name in whole if name in ("customer_key", *only)]
    pd.testing.assert_frame_equal(found, whole[names])
    made = len(list((tmp_path / "shared").glob("customer_features-*.parquet")))
    assert made == (shares != "nothing")
    pd.testing.assert_frame_equal(customer_features(engine, AS_OF), whole)
