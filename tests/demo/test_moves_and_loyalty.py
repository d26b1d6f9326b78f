"""Who moved to the marketplace stays there; the loyalty programme never owes points."""

import pandas as pd
import pytest

from retention.sources import FORMATS


@pytest.fixture(scope="module")
def truth(folder):
    customers = pd.read_parquet(folder / "truth/customers.parquet")
    orders = pd.read_parquet(folder / "truth/orders.parquet")
    return customers, orders.merge(customers[["customer", "moved_at"]], on="customer")


def test_who_has_moved_buys_in_the_own_shop_only_with_a_campaigns_code(truth):
    customers, orders = truth
    after = orders[orders["at"] >= orders["moved_at"]]
    before = orders[orders["at"] < orders["moved_at"]]
    assert customers["moved_at"].notna().mean() == pytest.approx(0.04, abs=0.01)
    assert len(after) > 20
    assert after["is_etsy"].mean() > 0.9
    assert not before["is_etsy"].any()


def test_known_pairs_name_an_etsy_account_and_an_address_of_one_customer(folder, truth):
    links = pd.read_csv(folder / "links/links.csv")
    owner = truth[0].set_index("email")["etsy_user"]
    assert len(links) > 100
    assert ("etsy:" + owner.loc[links["same_as"]]).tolist() == links["identity"].tolist()


def test_no_balance_of_points_falls_below_zero(folder):
    events = pd.read_csv(folder / "loyalty/events.csv")
    assert set(events["event"]) == {"Loyalty Join", "Loyalty Earn", "Loyalty Redeem",
                                    "Loyalty Leave"}  # fmt: skip
    sign = events["event"].map({"Loyalty Earn": 1, "Loyalty Redeem": -1}).fillna(0)
    moved = (sign * events["value"].fillna(0)).groupby(events["userId"]).cumsum()
    assert moved.min() >= 0
    assert (events.groupby("userId")["event"].first() == "Loyalty Join").all()


def test_most_subscribers_prefer_what_they_buy(folder, truth):
    answers = pd.read_csv(folder / "surveys/answers.csv")
    said = answers[answers["Survey"] == "preference_centre"].merge(
        truth[0], left_on="Email", right_on="email"
    )
    names = {"JEW": "jewellery", "CER": "ceramics", "TEX": "textiles", "WOO": "woodwork",
             "PAP": "paper_goods", "CAN": "candles_and_soap"}  # fmt: skip
    own = "prefers_" + said["favourite"].astype(str).map(names)
    assert len(said) > 200
    assert (own == said["Reason"]).mean() == pytest.approx(0.8 + 0.2 / 6, abs=0.06)
    assert {"Survey", "Reason"} <= set(FORMATS["surveys"].required + FORMATS["surveys"].optional)
