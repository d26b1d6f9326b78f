"""`check`: it reads everything as the run would, says the line to write, and keeps nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

SHOPIFY = (
    "Name,Email,Financial Status,Paid at,Fulfillment Status,Currency,Subtotal,Shipping,Taxes,"
    "Total,Discount Code,Discount Amount,Created at,Lineitem quantity,Lineitem name,"
    "Lineitem price,Lineitem sku,Billing Country"
)
WOO = (
    "Order Number,Order Status,Order Date,First Name (Billing),Email (Billing),"
    "Payment Method Title,Cart Discount Amount,Order Subtotal Amount,Order Shipping Amount,"
    "Order Refund Amount,Order Total Amount,Order Total Tax Amount,SKU,Item #,Item Name,"
    "Quantity (- Refund),Item Cost,Coupon Code,Order Currency"
)


def shopify(number: int, at: str, total: str = "20.00") -> str:
    return (
        f"#{number},a{number % 4}@x.example,paid,,fulfilled,EUR,{total},0,0,{total},,0.00,"
        f"{at},1,Mug,{total},MUG,DE"
    )


def woo(number: int, at: str) -> str:
    return (
        f"{number},Completed,{at},Ada,a{number}@x.example,Card,0,20.00,0,0,20.00,0,M,1,Mug,1,"
        "20.00,,GBP"
    )


@pytest.fixture
def profile(workspace):
    """Return a function that writes one file of a shop and a profile that reads it."""
    params = workspace.params / "shop"
    params.mkdir()

    def write(source: str, text: str | bytes, as_of: str = "2026-06-01", more: str = "") -> Path:
        name = "orders.csv"
        data = text.encode() if isinstance(text, str) else text
        (workspace.root / name).write_bytes(data)
        (params / "common.yaml").write_text(f'profile: shop\nas_of: "{as_of}"\n')
        (params / "ingest.yaml").write_text(f'sources:\n  - "{source}: {name}"\n{more}')
        for notebook in ("segments", "lifetime_value", "campaign_lift"):
            (params / f"{notebook}.yaml").write_text("")
        return params

    return write


ORDERS = "\n".join([SHOPIFY, *(shopify(i, f"2026-0{1 + i}-05 10:00:00 +0000") for i in range(5))])


def test_what_there_will_be_is_foretold_and_nothing_is_kept(call, workspace, profile):
    profile("shopify_orders", ORDERS)
    done = call("check", "shop", "--json")
    assert done.code == 0, done.err
    found = json.loads(done.out)
    assert found["notebooks"] == ["ingest", "segments", "lifetime_value", "campaign_lift"]
    assert found["inputs"] == ["orders.csv"]
    lacks = " ".join(found["forecast"]["segments"])
    assert "personas (there are no customers with 3 orders)" in lacks
    assert "net promoter score (there are no survey answers)" in lacks
    assert "products bought together" not in lacks
    assert "(needs 10 customers with 2 orders; there are 1)" in str(
        found["forecast"]["lifetime_value"]
    )
    assert "format `assignments`" in found["forecast"]["campaign_lift"]
    assert not (workspace.outputs / "shop").exists()
    left = [p for p in workspace.private.rglob("*") if p.is_file()]
    assert left == []


@pytest.mark.parametrize(
    ("source", "text", "as_of", "code", "told"),
    [
        (
            "woocommerce_orders_csv", f"{WOO}\n{woo(1, '03/04/2026 10:00')}\n", "2026-06-01", 2,
            '- "woocommerce_orders_csv: date_order = day_first"',
        ),
        (
            "woocommerce_orders_csv",
            f"{WOO}\n{woo(1, '2026-04-03 10:00').replace('Ada', 'Chloé')}\n".encode("cp1252"),
            "2026-06-01", 2, '- "orders.csv: encoding = windows-1252"',
        ),
        ("shopify_orders", ORDERS, "2025-12-01", 2, "All 5 orders lie on or after the as-of date"),
        (
            "shopify_orders", ORDERS.replace("-05 10", "-05 ten"), "2026-06-01", 1,
            "allowed_failures: [",
        ),
        ("shopify_orders", ORDERS.replace("Lineitem price", "Price"), "2026-06-01", 2,
         "No column 'Lineitem price'"),
    ],
    ids=["day or month", "encoding", "as-of before all", "refused rows", "missing column"],
)  # fmt: skip
def test_what_would_stop_the_run_is_found_with_the_line_to_write(
    call, profile, source, text, as_of, code, told
):
    profile(source, text, as_of)
    done = call("check", "shop")
    assert done.code == code, done.out + done.err
    assert told in done.err
    assert "Traceback" not in done.err


def test_columns_that_are_mapped_by_hand_pass(call, profile):
    text = "No,When,Mail,Sum\n1,2026-01-05,a@x.example,20.00\n2,2026-02-05,b@x.example,30.00\n"
    options = (
        'read_options:\n  - "generic: columns = orders.order_key = No; orders.ordered_at = When; '
        'orders.email = Mail; orders.gross_minor = Sum"\ncurrency: EUR\n'
    )
    profile("generic", text, more=options)
    done = call("check", "shop")
    assert done.code == 0, done.err
    assert "2 orders of 2 customers before 2026-06-01" in done.out
    assert "Check passed. Next: retention run shop" in done.out
