"""Each export format: what its rows become."""

from __future__ import annotations

import csv
import io
from datetime import datetime

import pandas as pd
import pytest

from retention.demo import headers
from retention.engine import Engine
from retention.sources import (
    FORMATS,
    IDENTITY_COLUMNS,
    ReadOptions,
    ReasonCode,
    format_named,
    land,
    open_landed,
    recognise_file,
)
from retention.tables import TABLES


def table(header: tuple[str, ...], *rows: dict[str, object]) -> str:
    """Return CSV text with these fields filled."""
    handle = io.StringIO(newline="")
    writer = csv.DictWriter(handle, header, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return handle.getvalue()


SHOPIFY_HEAD = {
    "Name": "#1001", "Email": "ada@example.org", "Financial Status": "paid", "Currency": "USD",
    "Subtotal": "45.00", "Shipping": "5.00", "Taxes": "4.50", "Total": "54.50",
    "Discount Code": "TEN", "Discount Amount": "5.00", "Created at": "2024-05-01 10:00:00 -0400",
    "Lineitem quantity": "2", "Lineitem name": "Mug", "Lineitem price": "20.00",
    "Lineitem sku": "CER-0001-MTO", "Billing Zip": "'02108", "Billing Name": "Ada L",
    "Refunded Amount": "0.00", "Id": "99", "Tags": "vip, gift",
}  # fmt: skip
SHOPIFY_NEXT = {
    "Name": "#1001", "Created at": "2024-05-01 10:00:00 -0400", "Lineitem quantity": "1",
    "Lineitem name": "Towel", "Lineitem price": "10.00", "Lineitem sku": "TEX-0002",
}  # fmt: skip


def shopify(*rows: dict[str, object]) -> str:
    return table(headers.SHOPIFY_ORDERS, *rows)


def reasons_of(frame: pd.DataFrame) -> list[str]:
    return frame.reasons.explode().dropna().tolist()


def test_a_shopify_order_over_two_rows_becomes_one_order_with_two_lines(mapped):
    made = mapped(shopify(SHOPIFY_HEAD, SHOPIFY_NEXT), FORMATS["shopify_orders"])
    order, lines = made["orders"].iloc[0], made["order_lines"]
    assert len(made["orders"]) == 1
    assert order.ordered_at == datetime(2024, 5, 1, 14)
    assert (order.gross_minor, order.discount_minor, order.net_minor) == (5000, 500, 4500)
    assert (order.shipping_minor, order.tax_minor, order.status) == (500, 450, "paid")
    assert order.is_gift
    assert (order.identity_email, order.identity_postcode) == ("ada@example.org", "02108")
    assert lines.order_key.tolist() == [order.order_key] * 2
    assert lines.category.tolist() == ["CER", "TEX"]
    assert lines.is_made_to_order.tolist() == [True, False]
    assert lines.value_minor.sum() == 5000
    assert reasons_of(lines) == []


def test_continuation_rows_are_joined_by_name_even_when_orders_interleave(mapped):
    other = SHOPIFY_HEAD | {"Name": "#1002", "Currency": "EUR", "Id": "100"}
    made = mapped(shopify(SHOPIFY_HEAD, other, SHOPIFY_NEXT), FORMATS["shopify_orders"])
    lines = made["order_lines"]
    assert lines.order_key.tolist() == ["shopify:1001", "shopify:1002", "shopify:1001"]
    assert lines.currency.tolist() == ["USD", "EUR", "USD"]


def test_an_order_that_stands_in_the_file_twice_repeats_its_keys(mapped):
    rows = [SHOPIFY_HEAD, SHOPIFY_NEXT]
    made = mapped(shopify(*rows, *rows), FORMATS["shopify_orders"])
    assert made["orders"].order_key.tolist() == ["shopify:1001"] * 2
    assert made["orders"].gross_minor.tolist() == [5000, 5000]
    assert made["order_lines"].order_line_key.tolist() == [
        "shopify:1001:1", "shopify:1001:2", "shopify:1001:1", "shopify:1001:2",
    ]  # fmt: skip


def test_shopify_rows_that_cannot_stand_are_given_reasons(mapped):
    rows = [
        SHOPIFY_HEAD | {"Lineitem price": "12,5O"},
        SHOPIFY_NEXT | {"Lineitem quantity": "1.7"},
        SHOPIFY_NEXT | {"Name": "#7"},
        SHOPIFY_HEAD | {"Name": "#8", "Financial Status": "lost"},
        SHOPIFY_HEAD | {"Name": "#9", "Created at": "2025-13-45 10:00:00 -0400"},
    ]
    made = mapped(shopify(*rows), FORMATS["shopify_orders"])
    assert reasons_of(made["order_lines"]) == [
        "unreadable_money:Lineitem price",
        "unreadable_number:Lineitem quantity",
        "orphan_line:Name",
        "unreadable_time:Created at",
    ]
    assert reasons_of(made["orders"]) == [
        "unknown_label:Financial Status",
        "unreadable_time:Created at",
    ]


def test_absurd_quantities_and_prices_are_reasons_and_no_crash(mapped):
    rows = [
        SHOPIFY_HEAD | {"Lineitem price": "9999999999", "Lineitem quantity": "9999999999"},
        SHOPIFY_HEAD | {"Name": "#2", "Lineitem price": "9" * 25, "Lineitem quantity": "9" * 25},
    ]
    lines = mapped(shopify(*rows), FORMATS["shopify_orders"])["order_lines"]
    assert lines.line_net_minor.isna().all()
    assert reasons_of(lines) == [
        "unreadable_number:Lineitem quantity", "unreadable_money:Lineitem price",
    ]  # fmt: skip


def test_shopify_test_orders_are_declared_with_all_their_lines(mapped):
    made = mapped(shopify(SHOPIFY_HEAD | {"Tags": "test"}, SHOPIFY_NEXT), FORMATS["shopify_orders"])
    assert made["order_lines"].exclusion.tolist() == ["test_order"] * 2
    assert made["orders"].exclusion.tolist() == ["test_order"]


def test_a_refund_larger_than_the_goods_leaves_no_negative_net(mapped):
    made = mapped(
        shopify(SHOPIFY_HEAD | {"Lineitem price": "25.00", "Refunded Amount": "54.50",
                                "Financial Status": "refunded"}),
        FORMATS["shopify_orders"],
    )  # fmt: skip
    order, refund = made["orders"].iloc[0], made["refunds"].iloc[0]
    assert (order.refunded_minor, order.net_minor, order.status) == (4500, 0, "refunded")
    assert (refund.amount_minor, refund.dating) == (5450, "unknown")
    assert pd.isna(refund.refunded_at)


def test_newlines_in_note_attributes_keep_rows_and_line_numbers(mapped):
    noted = SHOPIFY_HEAD | {"Note Attributes": "gift_message: hi\r\ngift_wrap: yes"}
    made = mapped(shopify(noted, SHOPIFY_NEXT), FORMATS["shopify_orders"])
    assert made["order_lines"].line_no.tolist() == [2, 4]


def test_etsy_orders_count_goods_and_name_the_marketplaces_tax(mapped):
    row = {
        "Sale Date": "03/09/24", "Order ID": "77", "Buyer User ID": "ada", "Full Name": "Ada L",
        "Ship Zipcode": "02108", "Currency": "USD", "Order Value": "23.50",
        "Discount Amount": "3.50", "Shipping": "5.95", "Shipping Discount": "0.00",
        "Sales Tax": "0.00", "Order Total": "28.00", "Adjusted Order Total": "18.00",
        "Status": "Shipped",
    }  # fmt: skip
    made = mapped(table(headers.ETSY_ORDERS, row), FORMATS["etsy_sold_orders"])
    order = made["orders"].iloc[0]
    assert order.ordered_at == datetime(2024, 3, 9)
    assert order.time_precision == "day"
    assert (order.gross_minor, order.discount_minor, order.marketplace_tax_minor) == (
        2350, 350, 205,
    )  # fmt: skip
    assert (order.refunded_minor, order.net_minor) == (1000, 1000)
    assert order.identity_platform_id == "ada"
    assert made["refunds"].amount_minor.tolist() == [1000]


def test_etsy_guests_are_known_by_name_and_postcode(mapped):
    row = {"Sale Date": "03/09/24", "Order ID": "77", "Full Name": "Ada L",
           "Ship Zipcode": "02108", "Currency": "USD", "Order Value": "1.00",
           "Order Total": "1.00"}  # fmt: skip
    made = mapped(table(headers.ETSY_ORDERS, row), FORMATS["etsy_sold_orders"])
    person = made["customers"].iloc[0]
    assert person.is_guest
    assert pd.isna(person.identity_platform_id)
    assert (person.identity_name, person.identity_postcode) == ("Ada L", "02108")


def test_etsy_items_become_lines_with_their_discount(mapped):
    row = {"Sale Date": "03/09/24", "Item Name": "Mug", "Quantity": "2", "Price": "10.00",
           "Discount Amount": "4.00", "Currency": "USD", "Transaction ID": "5", "Order ID": "77",
           "Date Paid": "03/09/2024", "SKU": "CER-0001"}  # fmt: skip
    line = mapped(table(headers.ETSY_ITEMS, row), FORMATS["etsy_sold_order_items"])["order_lines"]
    assert line.line_net_minor.tolist() == [1600]
    assert line.value_minor.tolist() == [2000]
    assert line.order_key.tolist() == ["etsy:77"]


def test_klaviyo_events_become_touches_and_others_are_declared(mapped):
    rows = [
        {"Event ID": "1", "Timestamp": "2026-03-02 14:00:00+00:00", "Event": "Opened Email",
         "Email": "ada@example.org", "Machine Open": "true", "Campaign Name": "spring"},
        {"Event ID": "2", "Timestamp": "2026-03-02 14:00:01+00:00", "Event": "Placed Order",
         "Email": "ada@example.org"},
    ]  # fmt: skip
    made = mapped(table(headers.KLAVIYO_EVENTS, *rows), FORMATS["klaviyo_events"])["touches"]
    assert made.kind.iloc[0] == "opened"
    assert made.is_machine_open.iloc[0]
    assert made.exclusion.tolist() == [None, "other_event"]


def test_track_events_tell_addresses_from_other_user_ids(mapped):
    rows = [
        {"messageId": "1", "timestamp": "2026-03-02T14:00:00Z", "event": "Product Viewed",
         "anonymousId": "a", "userId": "ada@example.org", "orderId": "#12", "value": "9.5"},
        {"messageId": "2", "timestamp": "2026-03-02T14:00:00Z", "event": "Quiz Finished!",
         "anonymousId": "a", "userId": "u7", "value": "much"},
    ]  # fmt: skip
    made = mapped(table(headers.WEB_EVENTS, *rows), FORMATS["track_events"])["events"]
    assert made.event_name.tolist() == ["view_item", "quiz_finished_"]
    assert made.identity_email.tolist() == ["ada@example.org", None]
    assert made.identity_platform_id.tolist() == [None, "u7"]
    assert made.order_key.iloc[0] == "shopify:12"
    assert reasons_of(made) == ["unreadable_number:value"]


def test_comments_and_subjects_stay_in_columns_of_their_own(mapped):
    answer = {"Response ID": "1", "Submitted At": "2026-03-02 14:00:00", "Survey": "NPS",
              "Score": "9", "Reason": "Too expensive", "Comment": "call me: Ada"}  # fmt: skip
    ticket = {"Id": "1", "Subject": "Ada here", "Created at": "2026-03-02 14:00:00 UTC",
              "Reason": "late_delivery"}  # fmt: skip
    surveys = mapped(table(headers.SURVEY_ANSWERS, answer), FORMATS["surveys"])["surveys"]
    tickets = mapped(table(headers.TICKETS, ticket), FORMATS["tickets"])["tickets"]
    assert surveys.reason_code.tolist() == ["too_expensive"]
    # Ingest drops both columns unless asked for them; no other may hold such text.
    assert (surveys.comment[0], tickets.subject[0]) == ("call me: Ada", "Ada here")
    rest = surveys.drop(columns="comment").to_csv() + tickets.drop(columns="subject").to_csv()
    assert "Ada" not in rest


def test_online_retail_takes_both_header_variants(mapped):
    one = (
        "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n"
        "536365,85123A,HEART,6,12/13/2010 8:26,2.55,17850,United Kingdom\n"
    )
    two = (
        "Invoice,StockCode,Description,Quantity,InvoiceDate,Price,Customer ID,Country\n"
        "536365,85123A,HEART,6,2010-12-13 08:26:00,2.55,17850.0,United Kingdom\n"
    )
    fmt = FORMATS["online_retail"]
    first, second = mapped(one, fmt), mapped(two, fmt)
    for name in first:
        pd.testing.assert_frame_equal(first[name], second[name])
    assert first["orders"].identity_platform_id.tolist() == ["17850"]


def test_online_retail_states_a_policy_for_every_odd_line(mapped):
    head = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n"
    day = "2010-12-01 08:26:00"
    made = mapped(
        head
        + f"1,A,x,2,{day},1.005,9,UK\n"
        + f"1,A,x,2,{day},1.005,9,UK\n"
        + f"1,POST,postage,1,{day},5.00,9,UK\n"
        + f"1,D,discount,-1,{day},0.50,9,UK\n"
        + f"C2,A,x,-1,{day},1.00,9,UK\n"
        + f"3,B,gift,1,{day},0.00,,UK\n"
        + f"A4,B,Adjust bad debt,1,{day},-11.00,,UK\n",
        FORMATS["online_retail"],
    )
    lines, orders = made["order_lines"], made["orders"]
    assert reasons_of(lines) == [
        "duplicate_line:InvoiceNo", "zero_price:UnitPrice", "stock_adjustment:UnitPrice",
    ]  # fmt: skip
    assert lines.exclusion.isna().all()
    assert float(lines.value_minor.sum()) == 201 + 201 + 500 - 50 - 100 + 0 - 1100
    assert orders.status.tolist() == ["paid", "cancelled"]
    assert (orders.gross_minor[0], orders.shipping_minor[0], orders.discount_minor[0]) == (
        201, 500, 50,
    )  # fmt: skip
    assert made["refunds"].amount_minor.tolist() == [100]


@pytest.mark.realdata
def test_online_retail_is_whole_to_the_row_and_to_the_cent(real_data, tmp_path):
    fmt, options = FORMATS["online_retail"], ReadOptions(threads=1)
    landed = land(real_data / "online_retail.csv.gz", fmt, tmp_path, options)
    engine = Engine(threads=1)
    open_landed(engine.connection, landed, fmt, options)
    for view, select in fmt.tables[0].views.items():
        engine.connection.execute(f"CREATE TEMP TABLE {view} AS {select}")
    answer = engine.sql(
        "SELECT count(*) AS n, count(DISTINCT line_no) AS lines, round(sum(value_minor)) AS value, "
        "count(*) FILTER (len(reasons) > 0) AS refused, count(exclusion) AS excluded "
        f"FROM ({fmt.tables[0].select})"
    ).frame()
    engine.close()
    assert landed.rows_read == 541_909
    assert landed.sha256 == "737745256ddb4410bfe4e29f2dcb72329b7486e584837f1e84f9a07416cf7d45"
    assert answer.n[0] == answer.lines[0] == 541_909
    assert answer.value[0] == 974_774_793
    assert answer.excluded[0] == 0
    assert answer.refused[0] == 5_268 + 2_515 + 2 - 5


@pytest.mark.realdata
def test_hillstrom_becomes_assignments_outcomes_and_covariates(real_data, tmp_path, map_file):
    made = map_file(real_data / "hillstrom.csv.gz", FORMATS["hillstrom"], tmp_path)
    assert made["assignments"].arm.value_counts().to_dict() == {
        "womens_email": 21_387, "mens_email": 21_307, "no_email": 21_306,
    }  # fmt: skip
    arms = made["assignments"].set_index("unit_key").arm
    visits = made["outcomes"].query("metric == 'visit'").set_index("unit_key").value
    assert visits.groupby(arms).mean().round(6).to_dict() == {
        "mens_email": 0.182757, "no_email": 0.106167, "womens_email": 0.151400,
    }  # fmt: skip
    assert len(made["covariates"]) == 64_000 * 8


@pytest.mark.parametrize("name", [n for n, fmt in FORMATS.items() if not fmt.expand])
def test_every_mapping_yields_known_columns_and_the_bookkeeping(name, mapped, tmp_path):
    fmt = format_named(name)
    for file, companion in fmt.companions.values():
        (tmp_path / file).write_text(",".join(companion.used_columns()) + "\n")
    mark = " " if fmt.blank_delimited else ","
    quote = "" if fmt.blank_delimited else '"'
    made = mapped(mark.join(f"{quote}{c}{quote}" for c in fmt.used_columns()) + "\n", fmt)
    counting = [m for m in fmt.tables if m.accounts]
    assert len(counting) == 1
    for mapping in fmt.tables:
        columns = set(made[mapping.table].columns)
        if mapping.table == "order_lines":
            columns -= {"line_place"}
        bookkeeping = {"line_no", "source_record_id", "reasons", "exclusion", "occurred_at",
                       "value_minor", "value_currency"}  # fmt: skip
        assert bookkeeping <= columns
        assert columns - bookkeeping - set(IDENTITY_COLUMNS) <= set(TABLES[mapping.table].names)
        assert bool(mapping.person) == (set(IDENTITY_COLUMNS) <= columns)


@pytest.mark.parametrize(
    ("name", "header"),
    [
        ("shopify_orders", headers.SHOPIFY_ORDERS),
        ("shopify_customers", headers.SHOPIFY_CUSTOMERS),
        ("etsy_sold_orders", headers.ETSY_ORDERS),
        ("etsy_sold_order_items", headers.ETSY_ITEMS),
        ("klaviyo_events", headers.KLAVIYO_EVENTS),
        ("klaviyo_profiles", headers.KLAVIYO_PROFILES),
        ("track_events", headers.WEB_EVENTS),
        ("surveys", headers.SURVEY_ANSWERS),
        ("tickets", headers.TICKETS),
        ("consents", headers.CONSENTS),
        ("assignments", headers.ASSIGNMENTS),
        ("costs", headers.COSTS),
    ],
)
def test_each_export_is_recognised_by_its_header(name, header, tmp_path):
    path = tmp_path / "export.csv"
    path.write_text(table(header))
    (best, score), *others = recognise_file(path)
    assert best.name == name
    assert score > 0.6
    assert all(score - other > 0.1 for _, other in others)


def test_every_reason_names_what_to_do():
    from retention.sources import MENDS, BrokenCode, ExclusionCode

    assert set(MENDS) == {*BrokenCode, *ReasonCode, *ExclusionCode}


def test_a_mapping_that_adds_no_people_names_only_those_of_another_of_its_format():
    def identities(select: str) -> set[str]:
        return {line.strip().rstrip(",") for line in select.split("\n") if "AS identity_" in line}

    checked = 0
    for made in FORMATS.values():
        others = [identities(m.select) for m in made.tables if m.person and m.adds_people]
        for mapping in (m for m in made.tables if not m.adds_people):
            own, checked = identities(mapping.select), checked + 1
            assert len(own) == len(IDENTITY_COLUMNS), made.name
            assert own in others, made.name
    assert checked
