"""A tiny export format and a helper that ingests it, so that these tests stand on their own."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest

from retention.demo import headers
from retention.ingest import run_ingest
from retention.sources.base import SourceFormat, TableMapping
from retention.sources.registry import FORMATS

IDENTITIES = """
    text_of(email) AS identity_email, text_of(phone) AS identity_phone,
    text_of(buyer) AS identity_platform_id, text_of(name) AS identity_name,
    text_of(postcode) AS identity_postcode"""

RESERVED = f"""
    line_no, "order" AS source_record_id, time_of("date") AS occurred_at,
    minor_value(amount, 'USD') AS value_minor, 'USD' AS value_currency,
    CASE WHEN note = 'skip' THEN 'declared' END AS exclusion,
    reasons_of([unreadable('bad_amount:amount', amount, minor_of(amount, 'USD')),
                unreadable('bad_date:date', "date", time_of("date"))]) AS reasons, {IDENTITIES}"""

ORDERS = f"""
    SELECT "order" AS order_key, 'tiny' AS shop_id, time_of("date") AS ordered_at,
           'second' AS time_precision, 'UTC' AS shop_tz, 'paid' AS status, 'USD' AS currency,
           minor_of(amount, 'USD') AS gross_minor, 0 AS discount_minor, 0 AS shipping_minor,
           0 AS tax_minor, 0 AS marketplace_tax_minor, 0 AS refunded_minor,
           minor_of(amount, 'USD') AS net_minor, {RESERVED}
    FROM landed"""

CUSTOMERS = f"""
    SELECT time_of("date") AS first_seen_at, country, 'shop' AS channel, false AS is_guest,
           {RESERVED}
    FROM landed WHERE coalesce(email, phone, buyer, name) IS NOT NULL"""

COLUMNS = (
    "order",
    "email",
    "phone",
    "buyer",
    "name",
    "postcode",
    "date",
    "amount",
    "country",
    "note",
)

TINY = SourceFormat(
    "tiny_orders", "orders of a tiny shop", COLUMNS[:-2], COLUMNS[-2:],
    (TableMapping("orders", ORDERS, accounts=True), TableMapping("customers", CUSTOMERS)),
    money=("amount",), currency="USD",
)  # fmt: skip


class Shop:
    """A folder with exports, a store and a private folder."""

    def __init__(self, root: Path) -> None:
        self.root, self.store, self.private = root, root / "store", root / ".retention"

    def write(self, name: str, *rows: str, header: str = ",".join(COLUMNS)) -> Path:
        path = self.root / name
        path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
        return path

    def ingest(self, pattern: str = "orders*.csv", **changes):
        settings = {"root": self.root, "as_of": "2025-03-01", "threads": 1, **changes}
        return run_ingest([f"tiny_orders: {pattern}"], self.store, self.private, **settings)


def order(number, email="", amount="10.00", date="2025-02-01 10:00:00", **more):
    """Return one row of the tiny format."""
    values = {"order": number, "email": email, "amount": amount, "date": date, **more}
    return ",".join(str(values.get(column, "")) for column in COLUMNS)


@pytest.fixture
def shop(tmp_path, monkeypatch):
    monkeypatch.setenv("RETENTION_KEY", "5a" * 32)
    monkeypatch.setitem(FORMATS, "tiny_orders", TINY)
    return Shop(tmp_path)


@pytest.fixture
def make_order():
    return order


def shopify_row(number, refunded="0.00", status="paid", day=1, **more):
    """Return one Shopify order of 50.00."""
    return {
        "Name": f"#{number}", "Email": f"p{number}@shop.example", "Financial Status": status,
        "Currency": "EUR", "Subtotal": "50.00", "Shipping": "0.00", "Taxes": "0.00",
        "Total": "50.00", "Discount Amount": "0.00", "Created at": f"2025-02-{day:02d} 10:00:00 Z",
        "Lineitem quantity": "1", "Lineitem name": "Mug", "Lineitem price": "50.00",
        "Refunded Amount": refunded, "Id": f"59{number}", **more,
    }  # fmt: skip


def write_rows(folder, name, rows, header_again_at=None):
    """Write rows as a Shopify orders export, the header again before one of them if asked for."""
    handle = io.StringIO(newline="")
    writer = csv.DictWriter(handle, headers.SHOPIFY_ORDERS, lineterminator="\n")
    writer.writeheader()
    for place, row in enumerate(rows):
        if place == header_again_at:
            writer.writeheader()
        writer.writerow(row)
    (folder / name).write_text(handle.getvalue(), encoding="utf-8")


@pytest.fixture
def head():
    return shopify_row


@pytest.fixture
def write_shopify():
    return write_rows
