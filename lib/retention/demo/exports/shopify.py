"""Shopify's own exports: orders (one row per line) and customers."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from retention.demo.baskets import (
    CANCELLED,
    PAID,
    PART_REFUNDED,
    PENDING,
    REFUNDED,
    Baskets,
    catalogue,
)
from retention.demo.calendar import DAY_S, utc_offset_s
from retention.demo.campaigns import CODES
from retention.demo.dirt import BAD_DATE, BAD_NAME, BAD_PRICE, BAD_QUANTITY, Dirt
from retention.demo.headers import SHOPIFY_CUSTOMERS, SHOPIFY_ORDERS
from retention.demo.people import ON_ETSY, People
from retention.demo.writing import Writer, local_stamp, lookup, money, words

STATUS = {
    PAID: "paid",
    PENDING: "pending",
    CANCELLED: "voided",
    REFUNDED: "refunded",
    PART_REFUNDED: "partially_refunded",
}
FIRST_NUMBER = 1001

_MAIL = """CASE WHEN is_test THEN 'test@shop.example' WHEN spelling = 1 THEN upper(email[1:1]) || email[2:]
 WHEN spelling = 2 THEN email || ' ' WHEN spelling = 3 THEN NULL ELSE email END"""  # noqa: E501


def _head(value: str) -> str:
    """Return SQL for a field that only the first row of an order carries."""
    return f"CASE WHEN is_head THEN {value} END"


_HEAD_FIELDS: dict[str, str] = {
    "Email": _MAIL,
    "Financial Status": "status",
    "Paid at": f"CASE WHEN status NOT IN ('pending', 'voided') THEN {local_stamp('at_s + 12', 'offset_s')} END",  # noqa: E501
    "Fulfillment Status": "CASE WHEN status IN ('pending', 'voided') THEN 'unfulfilled' ELSE 'fulfilled' END",  # noqa: E501
    "Fulfilled at": f"CASE WHEN status NOT IN ('pending', 'voided') THEN {local_stamp('shipped_s', 'shipped_offset_s')} END",  # noqa: E501
    "Accepts Marketing": "CASE WHEN consents THEN 'yes' ELSE 'no' END",
    "Currency": "'USD'",
    "Subtotal": money("gross - discount"),
    "Shipping": money("shipping"),
    "Taxes": money("tax"),
    "Total": money("total"),
    "Discount Code": "code",
    "Discount Amount": money("discount"),
    "Shipping Method": "CASE WHEN shipping = 0 THEN 'Free shipping' ELSE 'Standard' END",
    "Billing Name": "full_name",
    "Billing Street": "address",
    "Billing Address1": "address",
    "Billing City": "city",
    "Billing Zip": "'''' || zip",
    "Billing Province": "province_code",
    "Billing Country": "country",
    "Shipping Name": "full_name",
    "Shipping Street": "address",
    "Shipping Address1": "address",
    "Shipping City": "city",
    "Shipping Zip": "'''' || zip",
    "Shipping Province": "province_code",
    "Shipping Country": "country",
    "Billing Phone": "CASE WHEN email IS NULL THEN phone END",
    "Note Attributes": "CASE WHEN is_gift AND number % 2 = 0 THEN 'gift_message: For you' || chr(13) || chr(10) || 'gift_wrap: yes' END",  # noqa: E501
    "Cancelled at": f"CASE WHEN status = 'voided' THEN {local_stamp('at_s + 7200', 'offset_s')} END",  # noqa: E501
    "Payment Method": "CASE WHEN is_test THEN 'bogus' WHEN number % 4 = 0 THEN 'PayPal Express Checkout' ELSE 'Shopify Payments' END",  # noqa: E501
    "Payment Reference": "'c' || id || '.1'",
    "Refunded Amount": money("refunded"),
    "Vendor": "'Hearth & Thread'",
    "Outstanding Balance": "CASE WHEN status = 'pending' THEN CAST(total AS DECIMAL(18, 0)) * 0.01 ELSE 0.00 END",  # noqa: E501
    "Id": "id",
    "Tags": "CASE WHEN is_test THEN 'test' WHEN is_gift THEN 'gift' END",
    "Risk Level": "'Low'",
    "Source": "'web'",
    "Tax 1 Name": "CASE WHEN tax > 0 THEN 'Sales tax' END",
    "Tax 1 Value": f"CASE WHEN tax > 0 THEN {money('tax')} END",
    "Phone": "CASE WHEN email IS NULL THEN phone END",
    "Billing Province Name": "province",
    "Shipping Province Name": "province",
    "Payment ID": "'c' || id || '.1'",
    "Payment References": "'c' || id || '.1'",
}

_ROW_FIELDS: dict[str, str] = {
    "Name": f"CASE WHEN bad <> {BAD_NAME} THEN '#' || number END",
    "Created at": f"CASE WHEN bad = {BAD_DATE} THEN '2025-13-45 10:00:00 -0400' ELSE {local_stamp('at_s', 'offset_s')} END",  # noqa: E501
    "Lineitem quantity": f"CASE WHEN bad = {BAD_QUANTITY} THEN '1.7' ELSE CAST(quantity AS VARCHAR) END",  # noqa: E501
    "Lineitem name": "product",
    "Lineitem price": f"CASE WHEN bad = {BAD_PRICE} THEN '12,5O' ELSE CAST({money('price')} AS VARCHAR) END",  # noqa: E501
    "Lineitem sku": "sku",
    "Lineitem requires shipping": "'true'",
    "Lineitem taxable": "'true'",
    "Lineitem fulfillment status": "CASE WHEN status IN ('pending', 'voided') THEN 'pending' ELSE 'fulfilled' END",  # noqa: E501
    "Lineitem discount": "'0.00'",
}


def order_numbers(baskets: Baskets) -> np.ndarray:
    """Return the shop's running number of every Shopify order, -1 for Etsy's."""
    numbers = np.cumsum(~baskets.is_etsy) - 1 + FIRST_NUMBER
    return np.where(baskets.is_etsy, -1, numbers)


def write_orders(
    writer: Writer, people: People, names: pa.Table, baskets: Baskets, dirt: Dirt
) -> int:
    """Write shopify/orders_export.csv, newest order first; return its rows."""
    line, order = dirt.line, baskets.line_order[dirt.line]
    is_head = baskets.line_number[line] == 0
    person = np.where(is_head, baskets.orders.customer[order], -1)
    at_s = baskets.orders.at_s[order]
    shipped_s = at_s + np.where(baskets.orders.is_late[order], 9, 2) * DAY_S
    goods = catalogue()
    number = order_numbers(baskets)[order] + np.where(dirt.is_test, 5_000_000, 0)
    rows = pa.table(
        {
            "is_head": is_head,
            "number": number,
            "id": 4_500_000_000_000 + number * 32_771,
            "at_s": at_s,
            "offset_s": utc_offset_s(at_s),
            "shipped_s": shipped_s,
            "shipped_offset_s": utc_offset_s(shipped_s),
            "is_test": dirt.is_test,
            "bad": dirt.bad,
            "spelling": dirt.spelling[order],
            "is_gift": baskets.is_gift[order],
            "status": words([STATUS[state] for state in range(5)], baskets.state[order]),
            "consents": people.consents[baskets.orders.customer[order]],
            "code": words(CODES, baskets.code[order]),
            "quantity": baskets.line_quantity[line],
            "price": baskets.line_price[line],
            "sku": words(goods.sku, baskets.line_product[line]),
            "product": words(goods.name, baskets.line_product[line]),
            **{
                name: getattr(baskets, name)[order]
                for name in ("gross", "discount", "shipping", "tax", "total", "refunded")
            },
            **{
                name: lookup(names, name, person)
                for name in (
                    "email",
                    "phone",
                    "full_name",
                    "address",
                    "city",
                    "zip",
                    "province_code",
                    "province",
                    "country",
                )
            },
        }
    )
    columns = {name: _head(value) for name, value in _HEAD_FIELDS.items()} | _ROW_FIELDS
    return writer.csv("shopify/orders_export.csv", SHOPIFY_ORDERS, columns, rows)


def write_customers(writer: Writer, people: People, names: pa.Table, baskets: Baskets) -> int:
    """Write shopify/customers_export.csv; the oldest accounts lack an id, as in real exports."""
    mine = np.flatnonzero(people.channel != ON_ETSY)
    bought = ~baskets.is_etsy
    buyer = baskets.orders.customer[bought]
    spent = np.bincount(buyer, baskets.total[bought], len(people)).astype(np.int64)
    rows = names.take(pa.array(mine))
    rows = rows.append_column("spent", pa.array(spent[mine]))
    rows = rows.append_column("orders", pa.array(np.bincount(buyer, minlength=len(people))[mine]))
    rows = rows.append_column("consents", pa.array(people.consents[mine]))
    rows = rows.append_column("is_guest", pa.array(people.is_guest[mine]))
    columns = {
        "Customer ID": "CASE WHEN customer % 50 <> 0 THEN '''' || shopify_id END",
        "First Name": "first_name",
        "Last Name": "last_name",
        "Email": "email",
        "Accepts Email Marketing": "CASE WHEN consents THEN 'yes' ELSE 'no' END",
        "Default Address Address1": "address",
        "Default Address City": "city",
        "Default Address Province Code": "province_code",
        "Default Address Country Code": "country",
        "Default Address Zip": "'''' || zip",
        "Phone": "CASE WHEN email IS NULL THEN phone END",
        "Accepts SMS Marketing": "'no'",
        "Total Spent": money("spent"),
        "Total Orders": "orders",
        "Tax Exempt": "'no'",
        "Tags": "CASE WHEN NOT is_guest THEN 'account' END",
    }
    return writer.csv("shopify/customers_export.csv", SHOPIFY_CUSTOMERS, columns, rows)
