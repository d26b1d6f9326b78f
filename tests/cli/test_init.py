"""`init`: what it takes files for, what it proposes from them, and what it refuses by name."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

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
PRODUCTS = "Handle,Title,Body (HTML),Vendor,Type,Variant SKU,Variant Price,Status\nmug,Mug,,,,,9,\n"


def shopify(number: int, at: str, total: str = "20.00", currency: str = "EUR") -> str:
    return (
        f"#{number},a{number}@x.example,paid,,fulfilled,{currency},{total},0,0,{total},,0.00,"
        f"{at},1,Mug,{total},MUG,DE"
    )


def woo(number: int, at: str, name: str = "Ada") -> str:
    return (
        f"{number},Completed,{at},{name},a{number}@x.example,Card,0,20.00,0,0,20.00,0,M,1,Mug,1,"
        "20.00,,GBP"
    )


@pytest.fixture
def shop(workspace):
    """Return a function that writes files of a shop, and the folder that they are in."""
    folder = workspace.root / "exports" / "shop"
    folder.mkdir(parents=True)

    def write(encoding: str = "utf-8", **files: str) -> Path:
        for name, text in files.items():
            (folder / name).write_bytes(text.encode(encoding))
        return folder

    return write


def written(workspace, name: str = "shop") -> dict:
    folder = workspace.params / name
    return {
        key: value
        for file in ("common", "ingest")
        for key, value in yaml.safe_load((folder / f"{file}.yaml").read_text()).items()
    }


def table(header: str, *rows: str) -> str:
    return "\n".join([header, *rows]) + "\n"


def test_a_folder_gives_a_profile_and_what_no_notebook_needs_is_named(call, workspace, shop):
    folder = shop(**{
        "orders_export (1).csv": table(
            SHOPIFY, shopify(1, "2026-01-05 23:30:00 -0500", currency="USD"),
            shopify(2, "2026-07-05 10:00:00 -0400", currency="USD"),
        ),
        "products [new].csv": PRODUCTS,
        ".DS_Store": "x",
        "notes.txt": "Remember the milk\n",
        "empty.csv": "",
    })  # fmt: skip
    done = call("init", "shop", str(folder))
    assert done.code == 0, done.err
    assert "products [new].csv: not needed (a list of products)" in done.out
    assert "empty.csv: cannot be read: The file is empty" in done.out
    assert ".DS_Store" not in done.out
    assert "Notebooks with something to say: ingest, segments," in done.out
    assert "Notebooks that wait: ab_test (no assignments), campaign_lift" in done.out
    params = written(workspace)
    assert params == {
        "profile": "shop", "as_of": "2026-07-06", "currency": "USD",
        "time_zone": "America/New_York",
        "sources": ["shopify_orders: exports/shop/orders_export (1).csv"],
    }  # fmt: skip
    ingest = (workspace.params / "shop" / "ingest.yaml").read_text()
    assert "-0500 and -0400" in ingest
    assert "the day after the last order" in (workspace.params / "shop/common.yaml").read_text()


def test_the_last_order_of_an_evening_lies_before_the_as_of_date_on_every_clock(
    call, workspace, shop
):
    folder = shop(**{
        "a.csv": table(SHOPIFY, shopify(1, "2026-01-05 23:30:00 -0500", currency="CAD"))
    })  # fmt: skip
    assert call("init", "shop", str(folder)).code == 0
    assert written(workspace)["as_of"] == "2026-01-07"  # 04:30 UTC of the 6th
    assert written(workspace)["time_zone"] == "America/Toronto"


def test_a_near_miss_is_refused_by_name_and_never_taken_for_another_format(call, workspace, shop):
    header = SHOPIFY.replace("Lineitem price", "Price") + ",Id,Tags"
    folder = shop(**{"orders.csv": table(header, shopify(1, "2026-01-05 10:00:00 +0000") + ",7,")})
    done = call("init", "shop", str(folder))
    assert done.code == 2
    assert "orders.csv: looks like shopify_orders, but lacks 'Lineitem price'" in done.err
    assert "found 'Price'" in done.err
    assert not (workspace.params / "shop").exists()


def test_nothing_usable_names_every_file_and_why(call, workspace, shop):
    folder = shop(**{
        "products.csv": PRODUCTS,
        "stock.csv": "Shelf,Title,Pieces\n1,Mug,3\n",
        "consents.csv": "email,purpose,state,changed_at\na@x.example,ads,granted,2026-01-01\n",
    })  # fmt: skip
    done = call("init", "shop", str(folder))
    assert done.code == 2
    unknown = "not needed, or of a tool that is not known: 3 columns (Title, …)"
    for told in (
        "products.csv: not needed",
        f"stock.csv: {unknown}",
        "consents.csv: is consents, without sales",
    ):
        assert told in done.err


def test_a_file_that_lost_its_header_names_nobody(call, workspace, shop):
    row = "#1001,jane.canary@x.example,Jane Canary,+1 555 010 2030,2026-01-05,12.50\n"
    done = call("init", "shop", str(shop(**{"orders.csv": row * 3})))
    assert done.code == 2
    assert "is its first row data in place of column names?" in done.err
    assert "canary" not in (done.err + done.out).lower()
    assert "555" not in done.err + done.out


@pytest.mark.parametrize(
    ("days", "order", "as_of"),
    [
        (["25/03/2026", "03/04/2026"], "day_first", "2026-04-04"),
        (["03/04/2026", "04/25/2026"], "month_first", "2026-04-26"),
    ],
)
def test_one_file_that_tells_day_from_month_speaks_for_the_others(
    call, workspace, shop, days, order, as_of
):
    folder = shop(**{
        f"woo_{i}.csv": table(WOO, woo(i, f"{day} 10:00")) for i, day in enumerate(days)
    })  # fmt: skip
    assert call("init", "shop", str(folder)).code == 0
    params = written(workspace)
    assert params["read_options"] == [f"woocommerce_orders_csv: date_order = {order}"]
    assert params["as_of"] == as_of


def test_where_no_row_tells_day_from_month_the_line_to_write_is_given(call, workspace, shop):
    folder = shop(**{"woo.csv": table(WOO, woo(1, "03/04/2026 10:00"), woo(2, "05/04/2026 10:00"))})
    done = call("init", "shop", str(folder))
    assert done.code == 0, done.err
    assert '- "woocommerce_orders_csv: date_order = day_first"' in done.out
    params = written(workspace)
    assert "read_options" not in params
    assert params["as_of"] == "2026-05-05"  # the later of the two readings


def test_local_times_alone_leave_the_zone_to_a_person(call, workspace, shop):
    folder = shop(**{"woo.csv": table(WOO, woo(1, "2026-03-04 10:00"))})
    done = call("init", "shop", str(folder))
    assert "No file tells its time zone" in done.out
    assert written(workspace)["time_zone"] == "UTC"
    assert call("init", "shop2", str(folder), "--time-zone", "Europe/London").code == 0
    assert written(workspace, "shop2")["time_zone"] == "Europe/London"


def test_an_old_encoding_is_declared_for_the_files_that_have_it(call, workspace, shop):
    shop(**{"woo_1.csv": table(WOO, woo(1, "2026-03-04 10:00", "Chloé"))})
    folder = shop("cp1252", **{"woo_2.csv": table(WOO, woo(2, "2026-03-05 10:00", "Søren"))})
    assert call("init", "shop", str(folder)).code == 0
    assert written(workspace)["read_options"] == ["woo_2.csv: encoding = windows-1252"]


def test_without_a_currency_anywhere_it_is_asked_for(call, workspace, shop):
    header = WOO.replace(",Order Currency", "")
    folder = shop(**{"woo.csv": table(header, woo(1, "2026-03-04 10:00").removesuffix(",GBP"))})
    asked = call("init", "shop", str(folder))
    assert asked.code == 2
    assert "--currency EUR" in asked.err
    assert call("init", "shop", str(folder), "--currency", "GBP").code == 0
    assert written(workspace)["currency"] == "GBP"


@pytest.mark.parametrize(
    "name", ['quo"te.csv', "hash # colon: x.csv", "two [1].csv", "ö'.csv", "line\nbreak.csv"]
)
def test_no_file_name_can_add_a_parameter(call, workspace, shop, name):
    folder = shop(**{name: table(SHOPIFY, shopify(1, "2026-01-05 10:00:00 +0000"))})
    done = call("init", "shop", str(folder))
    assert done.code == 0, done.err
    assert set(written(workspace)) <= {"profile", "as_of", "sources", "currency", "time_zone"}
    assert call("check", "shop").code == 0


@pytest.mark.parametrize(
    "words",
    [
        ("--currency", 'EUR"\nquarantine_fail: 1'),
        ("--currency", "euro"),
        ("--as-of", "2026-13-01"),
        ("--time-zone", "Mars/Olympus"),
    ],
)
def test_a_value_that_cannot_be_meant_writes_nothing(call, workspace, shop, words):
    folder = shop(**{"a.csv": table(SHOPIFY, shopify(1, "2026-01-05 10:00:00 +0000"))})
    assert call("init", "shop", str(folder), *words).code == 2
    assert not (workspace.params / "shop").exists()


def test_two_currencies_are_told_and_the_one_with_most_value_is_proposed(call, workspace, shop):
    folder = shop(**{"a.csv": table(
        SHOPIFY, shopify(1, "2026-01-05 10:00:00 +0100", "30.00"),
        shopify(2, "2026-01-06 10:00:00 +0100", "20.00", "USD"),
    )})  # fmt: skip
    done = call("init", "shop", str(folder))
    assert "EUR 30.00, USD 20.00" in done.out
    assert written(workspace)["currency"] == "EUR"
