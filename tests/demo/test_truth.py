"""The truth is kept apart, and the exports follow from it."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from retention.demo.calendar import DAYS, season_clock
from retention.demo.personas import PERSONAS


@pytest.fixture(scope="module")
def customers(folder: Path) -> pd.DataFrame:
    return pd.read_parquet(folder / "truth/customers.parquet")


@pytest.fixture(scope="module")
def trials(folder: Path) -> pd.DataFrame:
    return pd.read_parquet(folder / "truth/trials.parquet")


@pytest.fixture(scope="module")
def bought(folder: Path) -> pd.DataFrame:
    return pd.read_parquet(folder / "truth/orders.parquet")


def test_exports_do_not_tell_the_truth(folder: Path) -> None:
    for path in folder.rglob("*.csv"):
        text = path.read_text(encoding="utf-8")
        for persona in PERSONAS:
            assert persona.name not in text
        assert "sleeping" not in text.splitlines()[0]


@pytest.mark.parametrize("persona", PERSONAS, ids=lambda p: p.name)
def test_personas_have_their_shares(customers: pd.DataFrame, persona) -> None:
    share = (customers["persona"] == persona.name).mean()
    assert share == pytest.approx(persona.share, abs=0.02)


def test_purchase_rates_and_dropout_follow_their_distributions(customers: pd.DataFrame) -> None:
    for persona in PERSONAS:
        mine = customers[customers["persona"] == persona.name]
        shape, mean = persona.rate_shape, persona.rate_mean
        error = mean / np.sqrt(shape * len(mine))
        assert mine["rate_year"].mean() == pytest.approx(mean, abs=4 * error)
        a, b = persona.dropout
        assert mine["dropout"].mean() == pytest.approx(a / (a + b), abs=0.03)


def test_the_repeat_rate_is_that_of_a_small_shop(customers: pd.DataFrame) -> None:
    assert 0.25 < (customers["orders"] > 1).mean() < 0.5


def test_collectors_spend_more_and_gift_givers_give(customers: pd.DataFrame) -> None:
    by_persona = customers.groupby("persona", observed=True)[["net", "gift_share"]].mean()
    assert by_persona["net"].idxmax() == "Discerning Collector"
    assert by_persona["gift_share"].idxmax() == "Gift-Giving Enthusiast"


def test_gift_givers_buy_in_season(customers: pd.DataFrame, bought: pd.DataFrame) -> None:
    orders = bought.merge(customers[["customer", "persona"]], on="customer")
    december = orders["at"].dt.month.eq(12)
    share = december.groupby(orders["persona"].astype(str)).mean()
    assert share["Gift-Giving Enthusiast"] > 1.5 * share["Discerning Collector"]


def test_a_clock_without_occasions_is_the_calendar() -> None:
    np.testing.assert_allclose(season_clock({}), np.arange(DAYS + 1))


def test_arms_are_balanced_and_drawn_as_promised(folder: Path, trials: pd.DataFrame) -> None:
    assignments = pd.read_csv(folder / "campaigns/assignments.csv")
    for _, group in assignments.groupby(["experiment", "arm"]):
        size = (assignments["experiment"] == group["experiment"].iloc[0]).sum()
        promised = group["probability"].iloc[0]
        error = np.sqrt(promised * (1 - promised) / size)
        assert len(group) / size == pytest.approx(promised, abs=4 * error)
    drawn = trials[trials["is_assigned"]]
    spread = drawn.groupby(["experiment", "arm"])["baseline"].agg(["mean", "sem"])
    for _, arms in spread.groupby(level="experiment"):
        gap = arms["mean"].max() - arms["mean"].min()
        assert gap < 4 * np.sqrt((arms["sem"] ** 2).max() * 2)


def test_everyone_assigned_had_bought_and_consented(
    customers: pd.DataFrame, trials: pd.DataFrame, bought: pd.DataFrame
) -> None:
    first = bought.groupby("customer")["at"].min()
    spring = trials[trials["experiment"] == "spring_discount"]["customer"].unique()
    assert (first.loc[spring] < pd.Timestamp("2026-03-02 14:00")).all()
    assert customers.set_index("customer").loc[spring, "consents"].all()


@pytest.mark.parametrize(
    ("experiment", "assigned_at"),
    [("spring_discount", "2026-03-02 14:00"), ("winback_gift", "2026-05-04 14:00")],
)
def test_purchases_after_each_arm_happen_as_often_as_the_truth_says(
    trials: pd.DataFrame, bought: pd.DataFrame, experiment: str, assigned_at: str
) -> None:
    start = pd.Timestamp(assigned_at)
    inside = bought["at"].between(start, start + pd.Timedelta(days=28), inclusive="left")
    buyers = bought.loc[inside, "customer"]
    drawn = trials[(trials["experiment"] == experiment) & trials["is_assigned"]]
    for _, arm in drawn.groupby("arm"):
        promised = arm["baseline"] + arm["lift"]
        error = np.sqrt((promised * (1 - promised)).sum())
        gap = arm["customer"].isin(buyers).sum() - promised.sum()
        assert abs(gap) < norm.ppf(1 - 1e-4) * error


def test_some_customers_are_harmed_by_a_discount_and_most_helped(trials: pd.DataFrame) -> None:
    discount = trials[trials["arm"] == "email_discount"]["lift"]
    assert (discount < 0).mean() > 0.03
    assert discount.mean() > 0.01
    assert (trials[trials["arm"] == "control"]["lift"] == 0).all()


def test_a_crowded_inbox_weakens_a_message(customers: pd.DataFrame, trials: pd.DataFrame) -> None:
    reminded = trials[trials["arm"] == "email_reminder"].merge(
        customers[["customer", "frequent_mail", "persona"]], on="customer"
    )
    lift = reminded.groupby("frequent_mail")["lift"].mean()
    assert lift[True] < 0.75 * lift[False]


def test_leaving_shows_before_it_is_over(folder: Path, customers: pd.DataFrame) -> None:
    web = pd.read_csv(folder / "web/events.csv", usecols=["timestamp", "event", "userId"])
    web = web[web["userId"].notna()].merge(
        customers[["email", "left_at"]], left_on="userId", right_on="email"
    )
    at = pd.to_datetime(web["timestamp"]).dt.tz_localize(None)
    gone = web["left_at"].notna() & (at > web["left_at"])
    exits = web["event"].eq("Exit Intent Shown").groupby(gone).mean()
    assert exits[True] > 1.5 * exits[False]


def test_the_expected_order_value_is_what_orders_are_worth_on_average(
    customers: pd.DataFrame, folder: Path
) -> None:
    heads = pd.read_csv(folder / "shopify/orders_export.csv", dtype=str).dropna(subset=["Id"])
    heads = heads[heads["Email"].isin(customers["email"])]
    gross = heads["Subtotal"].astype(float) + heads["Discount Amount"].astype(float)
    expected = customers.set_index("email")["expected_order_value"].loc[heads["Email"]]
    error = gross.std() / np.sqrt(len(gross))
    assert gross.mean() == pytest.approx(expected.mean(), abs=4 * error)
    assert np.corrcoef(gross, expected)[0, 1] > 0.3
