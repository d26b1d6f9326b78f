"""Platforms beside the simulated shop's own: WooCommerce, Mailchimp, GA4, CDNOW, Olist."""

from __future__ import annotations

import json
from datetime import datetime

import pandas as pd
import pytest

from retention.sources import FORMATS, recognise_file

WOO = {
    "id": 727, "number": "727", "status": "completed", "currency": "EUR",
    "date_created": "2026-03-01T11:00:00", "date_created_gmt": "2026-03-01T10:00:00",
    "discount_total": "5.00", "shipping_total": "4.90", "total_tax": "1.00", "total": "45.90",
    "customer_id": 0,
    "billing": {"first_name": "Ada", "last_name": "L", "postcode": "10115", "country": "DE",
                "email": "ada@example.org", "phone": ""},
    "line_items": [
        {"id": 1, "name": "Mug", "product_id": 9, "quantity": 2, "subtotal": "40.00",
         "total": "36.00", "sku": "CER-0001"},
        {"id": 2, "name": "Towel", "product_id": 8, "quantity": 1, "subtotal": "10.00",
         "total": "9.00", "sku": ""},
    ],
    "refunds": [{"id": 800, "reason": "", "total": "-9.00"}],
}  # fmt: skip


def test_a_woocommerce_order_brings_lines_refund_and_a_guest(mapped, tmp_path):
    made = mapped(json.dumps([WOO]), FORMATS["woocommerce_orders"], name="orders.json")
    order = made["orders"].iloc[0]
    assert order.ordered_at == datetime(2026, 3, 1, 10)
    assert (order.gross_minor, order.discount_minor, order.refunded_minor, order.net_minor) == (
        5000, 500, 900, 3600,
    )  # fmt: skip
    assert made["order_lines"].unit_price_minor.tolist() == [2000, 1000]
    assert made["order_lines"].line_net_minor.tolist() == [3600, 900]
    assert made["order_lines"].product_key.tolist() == ["CER-0001", "8"]
    assert made["refunds"].amount_minor.tolist() == [900]
    assert made["customers"].is_guest.tolist() == [True]
    assert pd.isna(made["customers"].identity_platform_id[0])
    assert recognise_file(tmp_path / "orders.json")[0][0].name == "woocommerce_orders"


def test_a_woocommerce_csv_joins_fields_of_the_order_by_its_number(mapped):
    header = ("Order Number,Order Status,Order Date,Email (Billing),Cart Discount Amount,"
              "Order Shipping Amount,Order Refund Amount,SKU,Item Name,Quantity (- Refund),"
              "Item Cost,Currency\n")  # fmt: skip
    made = mapped(
        header
        + "5,Completed,2026-03-01 10:00,ada@example.org,3.00,4.00,0,A-1,Mug,2,10.00,USD\n"
        + "5,,,,,,,B-1,Towel,1,5.00,\n",
        FORMATS["woocommerce_orders_csv"],
    )
    order = made["orders"].iloc[0]
    assert (order.gross_minor, order.discount_minor, order.net_minor) == (2500, 300, 2200)
    assert made["order_lines"].currency.tolist() == ["USD", "USD"]
    assert float(made["order_lines"].value_minor.sum()) == 2500


def test_mailchimp_members_bring_consents_with_their_times(mapped):
    text = (
        "Email Address,First Name,Last Name,MEMBER_RATING,OPTIN_TIME,CONFIRM_TIME,UNSUB_TIME,"
        "LEID,EUID\n"
        "ada@example.org,Ada,L,2,2025-01-01 08:00:00,2025-01-01 09:00:00,2025-06-01 10:00:00,1,e1\n"
    )
    made = mapped(text, FORMATS["mailchimp_members"])
    assert set(zip(made["consents"].state, made["consents"].changed_at, strict=True)) == {
        ("granted", pd.Timestamp("2025-01-01 09:00:00")),
        ("withdrawn", pd.Timestamp("2025-06-01 10:00:00")),
    }
    assert made["customers"].identity_platform_id.tolist() == ["e1"]


def test_mailchimp_activity_in_rows_and_in_json_gives_the_same_touches(mapped):
    rows = (
        "email_address,action,timestamp,campaign_id\n"
        "ada@example.org,open,2026-03-01T10:00:00+00:00,c1\n"
    )
    record = {"campaign_id": "c1", "email_address": "ada@example.org", "activity": [
        {"action": "open", "timestamp": "2026-03-01T10:00:00+00:00"}]}  # fmt: skip
    one = mapped(rows, FORMATS["mailchimp_activity"])["touches"]
    two = mapped(json.dumps(record), FORMATS["mailchimp_email_activity"])["touches"]
    columns = ["touch_key", "campaign_key", "kind", "touched_at", "identity_email"]
    pd.testing.assert_frame_equal(one[columns], two[columns])
    assert one.kind.tolist() == ["opened"]


GA4 = {
    "event_date": "20260301", "event_timestamp": "1772359200123456", "event_name": "purchase",
    "user_pseudo_id": "1.2", "user_id": "u7", "event_bundle_sequence_id": "3",
    "event_params": [{"key": "ga_session_id", "value": {"int_value": "17"}}],
    "items": [{"item_id": "CER-0001", "price": 12.5}],
    "ecommerce": {"transaction_id": "1001", "purchase_revenue": 12.5},
}  # fmt: skip


def test_ga4_events_are_read_from_json_lines_and_from_parquet_alike(mapped, map_file, tmp_path):
    lines = json.dumps(GA4) + "\n" + json.dumps(GA4 | {"event_timestamp": "yesterday"})
    one = mapped(lines, FORMATS["ga4_events"], name="events.json")["events"]
    assert one.event_at[0] == datetime(2026, 3, 1, 10)
    assert one.session_key[0] == "1.2:17"
    assert (one.product_key[0], one.order_key[0], one.value[0]) == (
        "CER-0001", "shopify:1001", 12.5,
    )  # fmt: skip
    assert pd.isna(one.reasons[0])
    assert list(one.reasons[1]) == ["unreadable_time:event_timestamp"]
    typed = GA4 | {"event_timestamp": int(GA4["event_timestamp"])}
    pd.DataFrame([typed]).to_parquet(tmp_path / "events.parquet")
    two = map_file(tmp_path / "events.parquet", FORMATS["ga4_events"], tmp_path / "l")["events"]
    columns = ["event_key", "session_key", "event_at", "product_key", "order_key", "value"]
    pd.testing.assert_frame_equal(one[columns].head(1), two[columns])


def test_cdnow_is_read_through_its_blanks(mapped):
    text = (
        " customer_id  date number_of_cds  dollar_value\r\n"
        " 00001 19970101  1   11.77\r\n 00001 19970118  2   12.00\r\n 00002 199701x8  2   12.00\r\n"
    )
    made = mapped(text, FORMATS["cdnow"])["orders"]
    assert made.ordered_at[:2].tolist() == [datetime(1997, 1, 1), datetime(1997, 1, 18)]
    assert made.net_minor.tolist() == [1177, 1200, 1200]
    assert made.reasons.tolist()[2] == ["unreadable_time:date"]
    assert made.order_key.nunique() == 3


@pytest.mark.realdata
def test_cdnow_is_whole(real_data, tmp_path, map_file):
    made = map_file(real_data / "cdnow.txt.gz", FORMATS["cdnow"], tmp_path)
    assert len(made["orders"]) == 69_659
    assert made["customers"].identity_platform_id.nunique() == 23_570
    assert made["orders"].reasons.str.len().sum() == 0


def test_olist_people_are_unique_ids_and_orders_take_money_from_the_items_beside(
    tmp_path, map_file
):
    (tmp_path / "olist_orders_dataset.csv").write_text(
        "order_id,customer_id,order_status,order_purchase_timestamp,order_approved_at,"
        "order_delivered_carrier_date,order_delivered_customer_date,order_estimated_delivery_date\n"
        "o1,c1,delivered,2018-01-01 10:00:00,,,2018-01-09 00:00:00,2018-01-05 00:00:00\n"
    )
    (tmp_path / "olist_order_items_dataset.csv").write_text(
        "order_id,order_item_id,product_id,seller_id,shipping_limit_date,price,freight_value\n"
        "o1,1,p1,s1,2018-01-02 00:00:00,58.90,13.29\no1,2,p1,s1,2018-01-02 00:00:00,58.90,13.29\n"
    )
    (tmp_path / "olist_customers_dataset.csv").write_text(
        "customer_id,customer_unique_id,customer_zip_code_prefix,customer_city,customer_state\n"
        "c1,u1,14409,franca,SP\n"
    )
    landed = tmp_path / "landed"
    orders = map_file(tmp_path / "olist_orders_dataset.csv", FORMATS["olist_orders"], landed)
    order = orders["orders"].iloc[0]
    assert (order.net_minor, order.shipping_minor, order.status) == (11_780, 2_658, "paid")
    assert order.delivered_late
    lines = map_file(
        tmp_path / "olist_order_items_dataset.csv", FORMATS["olist_order_items"], landed
    )["order_lines"]
    assert float(lines.value_minor.sum()) == 11_780
    person = map_file(tmp_path / "olist_customers_dataset.csv", FORMATS["olist_customers"], landed)[
        "customers"
    ].iloc[0]
    assert (person.identity_email, person.identity_platform_id) == ("u1@olist.invalid", "c1")


def test_cdnow_is_read_as_it_was_published_without_a_header(mapped, tmp_path):
    text = (b" 00001 19970101  1   11.77\r\n 00001 19970118  2   20.00\r\n"
            b" 00002 19970112  1   12.00\r\n")  # fmt: skip
    made = mapped(text, FORMATS["cdnow"], name="CDNOW_master.txt")
    assert made["orders"].gross_minor.tolist() == [1177, 2000, 1200]
    assert made["orders"].line_no.tolist() == [1, 2, 3]
    assert recognise_file(tmp_path / "CDNOW_master.txt")[0][0].name == "cdnow"
    sample = b"   00004     1 19970101  2   29.33\n   00004     1 19970118  2   29.73\n"
    made = mapped(sample, FORMATS["cdnow"], name="CDNOW_sample.txt")
    assert made["orders"].identity_platform_id.tolist() == ["00004", "00004"]
    assert made["orders"].gross_minor.tolist() == [2933, 2973]
