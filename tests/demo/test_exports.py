"""The exports look as the platforms' own do, dirt included."""

import csv
import re
from pathlib import Path

import pandas as pd
import pytest

from retention.demo import DemoSummary, headers

FILES = {
    "shopify/orders_export.csv": headers.SHOPIFY_ORDERS,
    "shopify/customers_export.csv": headers.SHOPIFY_CUSTOMERS,
    **{f"etsy/EtsySoldOrders{y}.csv": headers.ETSY_ORDERS for y in (2024, 2025, 2026)},
    **{f"etsy/EtsySoldOrderItems{y}.csv": headers.ETSY_ITEMS for y in (2024, 2025, 2026)},
    "klaviyo/events.csv": headers.KLAVIYO_EVENTS,
    "klaviyo/profiles.csv": headers.KLAVIYO_PROFILES,
    "web/events.csv": headers.WEB_EVENTS,
    "surveys/answers.csv": headers.SURVEY_ANSWERS,
    "tickets/tickets.csv": headers.TICKETS,
    "consents/consents.csv": headers.CONSENTS,
    "campaigns/assignments.csv": headers.ASSIGNMENTS,
    "costs/costs.csv": headers.COSTS,
    "loyalty/events.csv": headers.WEB_EVENTS,
    "links/links.csv": headers.LINKS,
    "legacy/woocommerce_orders.csv": headers.WOOCOMMERCE_ORDERS,
    "legacy_crm/scores.csv": headers.LEGACY_SCORES,
}


def read(folder: Path, name: str) -> pd.DataFrame:
    return pd.read_csv(folder / name, dtype=str, keep_default_na=False)


@pytest.fixture(scope="module")
def orders(folder: Path) -> pd.DataFrame:
    return read(folder, "shopify/orders_export.csv")


@pytest.fixture(scope="module")
def heads(orders: pd.DataFrame) -> pd.DataFrame:
    return orders[orders["Id"] != ""]


@pytest.mark.parametrize("name", FILES)
def test_every_file_has_its_platforms_own_header(folder: Path, name: str) -> None:
    with (folder / name).open(encoding="utf-8", newline="") as file:
        assert tuple(next(csv.reader(file))) == FILES[name]


@pytest.mark.parametrize(
    ("header", "length"),
    [
        (headers.SHOPIFY_ORDERS, 79),
        (headers.ETSY_ITEMS, 33),
        (headers.ETSY_ORDERS, 36),
    ],
)
def test_headers_have_the_known_number_of_columns(header: tuple[str, ...], length: int) -> None:
    assert len(header) == len(set(header)) == length


def test_no_other_file_is_written_beside_the_truth(folder: Path) -> None:
    found = {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()}
    assert {name for name in found if not name.startswith("truth/")} == set(FILES)


def test_rows_are_counted_as_a_strict_reader_counts_them(shop: DemoSummary) -> None:
    with (shop.folder / "shopify/orders_export.csv").open(encoding="utf-8", newline="") as file:
        assert sum(1 for _ in csv.reader(file)) - 1 == shop.rows["shopify/orders"]


def test_continuation_rows_blank_the_order_but_keep_name_and_time(orders: pd.DataFrame) -> None:
    rest = orders[(orders["Id"] == "") & (orders["Name"] != "")]
    assert len(rest) > 1000
    assert (rest["Created at"] != "").all()
    assert (rest[["Email", "Total", "Financial Status", "Billing Zip"]] == "").all().all()


def test_offsets_follow_summer_time(heads: pd.DataFrame) -> None:
    created = heads["Created at"]
    assert created[created.str.startswith("2025-07")].str.endswith("-0400").all()
    assert created[created.str.startswith("2025-01")].str.endswith("-0500").all()


def test_totals_add_up_to_the_cent(heads: pd.DataFrame) -> None:
    cents = (heads[["Subtotal", "Shipping", "Taxes", "Total"]].astype(float) * 100).round()
    assert (cents["Subtotal"] + cents["Shipping"] + cents["Taxes"] == cents["Total"]).all()


def test_subtotals_are_the_lines_less_the_discount(orders: pd.DataFrame) -> None:
    clean = orders[orders["Lineitem price"].str.fullmatch(r"[\d.]+")]
    clean = clean[clean["Lineitem quantity"].str.fullmatch(r"\d+") & (clean["Name"] != "")]
    lines = clean["Lineitem price"].astype(float) * clean["Lineitem quantity"].astype(float)
    gross = lines.groupby(clean["Name"]).sum()
    spoilt = set(orders["Name"]) - set(clean["Name"]) | set(orders[orders.index.isin(
        orders.index.difference(clean.index))]["Name"])  # fmt: skip
    repeated = clean["Name"][clean["Id"] != ""].value_counts()
    single = set(repeated[repeated == 1].index) - spoilt
    heads = clean[(clean["Id"] != "") & clean["Name"].isin(single)].set_index("Name")
    paid = heads["Subtotal"].astype(float) + heads["Discount Amount"].astype(float)
    wrong = (gross.loc[heads.index] - paid).abs() > 0.005
    # An order whose continuation row lost its name is short of that line.
    assert wrong.sum() <= (orders["Name"] == "").sum()


def test_the_export_is_dirty_in_known_ways(orders: pd.DataFrame, folder: Path) -> None:
    truth = pd.read_parquet(folder / "truth/dirt.parquet").set_index("kind")["rows"]
    assert (orders["Lineitem price"] == "12,5O").sum() == truth["bad_price_rows"]
    assert (orders["Lineitem quantity"] == "1.7").sum() == truth["bad_quantity_rows"]
    assert orders["Created at"].str.startswith("2025-13").sum() == truth["bad_date_rows"]
    assert (orders["Name"] == "").sum() == truth["bad_name_rows"]
    assert (orders["Email"] == "test@shop.example").sum() > 0
    assert truth["duplicate_rows"] >= 8


def test_zips_phones_and_notes_are_spelt_as_the_platform_does(heads: pd.DataFrame) -> None:
    assert heads["Billing Zip"].str.startswith("'").all()
    assert heads["Note Attributes"].str.contains("\r\n").any()
    assert (heads["Phone"] != "").any()
    assert (heads["Email"] == "").any()
    assert heads["Tags"].eq("gift").mean() > 0.05


def test_etsy_dates_come_in_two_formats_and_guests_have_no_name(folder: Path) -> None:
    items = read(folder, "etsy/EtsySoldOrderItems2025.csv")
    assert items["Sale Date"].map(lambda d: bool(re.fullmatch(r"\d\d/\d\d/25", d))).all()
    paid = items["Date Paid"][items["Date Paid"] != ""]
    assert paid.map(lambda d: bool(re.fullmatch(r"\d\d/\d\d/2025", d))).all()
    assert 0.1 < (items["Buyer"] == "").mean() < 0.5
    assert "Email" not in items


def test_etsy_items_add_up_to_their_orders(folder: Path) -> None:
    items = read(folder, "etsy/EtsySoldOrderItems2025.csv")
    orders = read(folder, "etsy/EtsySoldOrders2025.csv").set_index("Order ID")
    by_order = items.groupby("Order ID")
    for theirs, ours in (("Item Total", "Order Value"), ("Discount Amount", "Discount Amount")):
        total = by_order[theirs].agg(lambda column: column.astype(float).sum())
        assert (total - orders[ours].astype(float).loc[total.index]).abs().max() < 0.005


def test_web_orders_are_the_shopify_orders(folder: Path, heads: pd.DataFrame) -> None:
    web = read(folder, "web/events.csv")
    done = web[web["event"] == "Order Completed"]
    missing = set("#" + done["orderId"]) - set(heads["Name"])
    assert len(done) > 1000
    assert len(missing) <= (heads["Name"] == "").sum()
    assert web["event"].eq("Exit Intent Shown").mean() > 0.02
    assert web["timestamp"].is_monotonic_increasing


def test_nothing_names_a_living_person(folder: Path) -> None:
    for name, column in (("klaviyo/profiles.csv", "Email"), ("klaviyo/events.csv", "Email")):
        domains = read(folder, name)[column].str.split("@").str[1]
        assert domains.str.fullmatch(r"(\w+\.)?example\.(com|org|net)").all()


def test_machine_opens_are_marked(folder: Path) -> None:
    events = read(folder, "klaviyo/events.csv")
    opened = events[events["Event"] == "Opened Email"]
    assert set(opened["Machine Open"]) == {"true", "false"}
    assert set(events[events["Event"] != "Opened Email"]["Machine Open"]) == {""}
