"""Small shops as the exports that they would download: few orders, and few columns beside."""

from __future__ import annotations

import csv
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

SHOPIFY = (
    "Name,Email,Financial Status,Paid at,Fulfillment Status,Fulfilled at,Accepts Marketing,"
    "Currency,Subtotal,Shipping,Taxes,Total,Discount Code,Discount Amount,Shipping Method,"
    "Created at,Lineitem quantity,Lineitem name,Lineitem price,Lineitem compare at price,"
    "Lineitem sku,Lineitem requires shipping,Lineitem taxable,Lineitem fulfillment status,"
    "Billing Name,Billing Zip,Billing Country,Shipping Country,Cancelled at,Payment Method,"
    "Refunded Amount,Id,Tags,Source,Lineitem discount,Phone"
).split(",")

ETSY = (
    "Sale Date,Order ID,Buyer User ID,Full Name,First Name,Last Name,Number of Items,"
    "Payment Method,Date Shipped,Street 1,Street 2,Ship City,Ship State,Ship Zipcode,Ship Country,"
    "Currency,Order Value,Coupon Code,Coupon Details,Discount Amount,Shipping Discount,Shipping,"
    "Sales Tax,Order Total,Status,Card Processing Fees,Order Net,Adjusted Order Total,"
    "Adjusted Card Processing Fees,Adjusted Net Order Amount,Buyer,Order Type,Payment Type,"
    "InPerson Discount,InPerson Location,SKU"
).split(",")

GOODS = (("Mug", "18.00"), ("Bowl", "24.50"), ("Vase", "65.00"), ("Plate", "21.00"))


@dataclass(frozen=True)
class Order:
    """One order: when, by whom (empty: nobody known), how many pieces of which good."""

    day: date
    buyer: int | None
    good: int
    pieces: int
    currency: str = "EUR"
    is_refunded: bool = False

    @property
    def value(self) -> float:
        """Value of the goods."""
        return self.pieces * float(GOODS[self.good][1])


def orders(
    count: int, days: int, last: date, *, buyers: int | None = None, seed: int = 1
) -> list[Order]:
    """Draw orders that are spread over the days before (and on) the last one."""
    draw = random.Random(seed)
    people = buyers or max(round(count * 0.7), 1)
    spread = [*sorted(draw.randrange(days) for _ in range(count - 1)), days - 1]
    first = last - timedelta(days=days - 1)
    return [
        Order(first + timedelta(days=day), draw.randrange(people), draw.randrange(4),
              draw.choice((1, 1, 1, 2)))
        for day in spread
    ]  # fmt: skip


def write_shopify(path: Path, placed: Iterable[Order]) -> Path:
    """Write orders as Shopify exports them: one line item each, one address a buyer."""
    rows = []
    for number, order in enumerate(placed, start=1001):
        name, price = GOODS[order.good]
        paid = f"{order.value:.2f}"
        rows.append({
            "Name": f"#{number}",
            "Email": "" if order.buyer is None else f"buyer{order.buyer}@example.com",
            "Financial Status": "refunded" if order.is_refunded else "paid",
            "Currency": order.currency, "Subtotal": paid, "Shipping": "0.00", "Taxes": "0.00",
            "Total": paid, "Discount Amount": "0.00", "Lineitem discount": "0.00",
            "Created at": f"{order.day} 10:{number % 60:02d}:00 +0100",
            "Lineitem quantity": order.pieces, "Lineitem name": name, "Lineitem price": price,
            "Lineitem sku": name.upper(), "Id": 5_900_000_000_000 + number, "Source": "web",
            "Refunded Amount": paid if order.is_refunded else "0.00",
        })  # fmt: skip
    return _write(path, SHOPIFY, rows)


def write_etsy(path: Path, placed: Iterable[Order]) -> Path:
    """Write orders as Etsy's SoldOrders: no e-mail, no line items, no adjustment."""
    rows = [
        {
            "Sale Date": f"{order.day:%m/%d/%y}", "Order ID": 2_300_000_000 + number,
            "Buyer User ID": f"buyer{order.buyer}", "Full Name": f"P {order.buyer}",
            "Number of Items": order.pieces, "Payment Method": "Credit Card",
            "Ship Zipcode": "10000", "Ship Country": "United States", "Currency": "USD",
            "Order Value": f"{order.value:.2f}", "Discount Amount": "0.00",
            "Shipping Discount": "0.00", "Shipping": "4.00", "Sales Tax": "0.00",
            "Order Total": f"{order.value + 4:.2f}", "Card Processing Fees": "1.00",
            "Order Net": f"{order.value + 3:.2f}", "Buyer": f"P {order.buyer} (buyer{order.buyer})",
            "Order Type": "online", "Payment Type": "online_cc",
        }
        for number, order in enumerate(placed)
    ]  # fmt: skip
    return _write(path, ETSY, rows)


def _write(path: Path, header: Sequence[str], rows: Sequence[dict[str, object]]) -> Path:
    """Write rows as a file with this header."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, header, restval="")
        writer.writeheader()
        writer.writerows(rows)
    return path
