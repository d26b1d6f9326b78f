"""Etsy's yearly exports: sold orders and sold order items."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from retention.demo.baskets import CANCELLED, PENDING, Baskets, catalogue
from retention.demo.calendar import DAY_S, utc_offset_s
from retention.demo.campaigns import CODES
from retention.demo.headers import ETSY_ITEMS, ETSY_ORDERS
from retention.demo.writing import Writer, lookup, money, words

YEARS = (2024, 2025, 2026)
_PERSON = (
    "full_name",
    "first_name",
    "last_name",
    "address",
    "city",
    "province_code",
    "zip",
    "country",
    "etsy_user",
)


def _day(column: str, pattern: str) -> str:
    """Return SQL that spells a local day."""
    return f"strftime(make_timestamp(({column}) * 1000000), '{pattern}')"


_SHARED = {
    "Sale Date": _day("local_s", "%m/%d/%y"),
    "Currency": "'USD'",
    "Order ID": "order_id",
    "Coupon Code": "code",
    "Coupon Details": "CASE WHEN code IS NOT NULL THEN code || ' - shop coupon' END",
    "Shipping Discount": "'0.00'",
    "Ship City": "city",
    "Ship State": "province_code",
    "Ship Zipcode": "zip",
    "Ship Country": "country_name",
    "Order Type": "'online'",
    "Payment Type": "'online_cc'",
    "Buyer": "etsy_user",
    "Date Shipped": f"CASE WHEN state NOT IN ({PENDING}, {CANCELLED}) THEN {_day('shipped_s', '%m/%d/%Y')} END",  # noqa: E501
}
_ORDERS = _SHARED | {
    "Buyer User ID": "etsy_user",
    "Full Name": "full_name",
    "First Name": "first_name",
    "Last Name": "last_name",
    "Number of Items": "items",
    "Payment Method": "'Credit Card'",
    "Street 1": "address",
    "Order Value": money("gross"),
    "Discount Amount": money("discount"),
    "Shipping": money("shipping"),
    "Sales Tax": "'0.00'",
    "Order Total": money("total"),
    "Status": "CASE WHEN shipped_known THEN 'Shipped' WHEN state = 2 THEN 'Canceled' ELSE 'Open' END",  # noqa: E501
    "Card Processing Fees": money("fees"),
    "Order Net": money("total - fees"),
    "Adjusted Order Total": f"CASE WHEN refunded > 0 THEN {money('total - refunded')} END",
    "Adjusted Card Processing Fees": f"CASE WHEN refunded > 0 THEN {money('fees')} END",
    "Adjusted Net Order Amount": f"CASE WHEN refunded > 0 THEN {money('total - refunded - fees')} END",  # noqa: E501
    "SKU": "skus",
}
_ITEMS = _SHARED | {
    "Item Name": "product",
    "Quantity": "quantity",
    "Price": money("price"),
    "Discount Amount": money("line_discount"),
    "Order Shipping": money("shipping"),
    "Order Sales Tax": "'0.00'",
    "Item Total": money("quantity * price"),
    "Transaction ID": "order_id * 3 + line_number",
    "Listing ID": "1400000000 + listing * 977",
    "Date Paid": f"CASE WHEN state <> {PENDING} THEN {_day('local_s', '%m/%d/%Y')} END",
    "Ship Name": "full_name",
    "Ship Address1": "address",
    "Listings Type": "'listing'",
    "SKU": "sku",
}


def write_etsy(writer: Writer, names: pa.Table, baskets: Baskets) -> int:
    """Write both files of every year; return the rows written."""
    local_s = baskets.orders.at_s + utc_offset_s(baskets.orders.at_s)
    year = local_s.astype("datetime64[s]").astype("datetime64[Y]").astype(np.int64) + 1970
    rows = 0
    for which in YEARS:
        orders = np.flatnonzero(baskets.is_etsy & (year == which))
        lines = np.flatnonzero((baskets.is_etsy & (year == which))[baskets.line_order])
        head = _common(names, baskets, local_s, orders) | _order_only(baskets, orders)
        rows += writer.csv(f"etsy/EtsySoldOrders{which}.csv", ETSY_ORDERS, _ORDERS, pa.table(head))
        items = _common(names, baskets, local_s, baskets.line_order[lines])
        items |= _item_only(baskets, lines)
        rows += writer.csv(
            f"etsy/EtsySoldOrderItems{which}.csv", ETSY_ITEMS, _ITEMS, pa.table(items)
        )
    return rows


def _common(
    names: pa.Table, baskets: Baskets, local_s: np.ndarray, order: np.ndarray
) -> dict[str, object]:
    """Return the columns both files share, one entry per row."""
    customer = baskets.orders.customer[order]
    late = baskets.orders.is_late[order]
    countries = {
        "US": "United States",
        "CA": "Canada",
        "GB": "United Kingdom",
        "DE": "Germany",
        "AU": "Australia",
    }
    country = lookup(names, "country", customer).to_numpy(zero_copy_only=False)
    return {
        "local_s": local_s[order],
        "order_id": 2_900_000_000 + order * 131,
        "state": baskets.state[order],
        "shipped_s": local_s[order] + np.where(late, 9, 2) * DAY_S,
        "shipped_known": ~np.isin(baskets.state[order], [PENDING, CANCELLED]),
        "code": words(CODES, baskets.code[order]),
        "shipping": baskets.shipping[order],
        "country_name": pa.array([countries[c] for c in country]),
        **{name: lookup(names, name, customer) for name in _PERSON},
    }


def _order_only(baskets: Baskets, order: np.ndarray) -> dict[str, object]:
    """Return the columns of the orders file alone."""
    items = np.bincount(baskets.line_order, baskets.line_quantity).astype(np.int64)
    first = np.searchsorted(baskets.line_order, order)
    return {
        "items": items[order],
        "gross": baskets.gross[order],
        "discount": baskets.discount[order],
        "total": baskets.total[order],
        "refunded": baskets.refunded[order],
        "fees": baskets.total[order] * 3 // 100 + 25,
        "skus": words(catalogue().sku, baskets.line_product[first]),
    }


def _item_only(baskets: Baskets, line: np.ndarray) -> dict[str, object]:
    """Return the columns of the items file alone; the order's discount is split by value."""
    order, value = baskets.line_order[line], baskets.line_quantity[line] * baskets.line_price[line]
    share = baskets.discount[order] * value // np.maximum(baskets.gross[order], 1)
    given = np.bincount(order, share, len(baskets.gross)).astype(np.int64)
    number = baskets.line_number[line]
    rest = np.where(number == 0, baskets.discount[order] - given[order], 0)
    product = baskets.line_product[line]
    return {
        "quantity": baskets.line_quantity[line],
        "price": baskets.line_price[line],
        "line_discount": share + rest,
        "line_number": number,
        "listing": product,
        "product": words(catalogue().name, product),
        "sku": words(catalogue().sku, product),
    }
