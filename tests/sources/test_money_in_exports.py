"""What exports say of money: refunds, prices with tax, discounts, guests, copies of a record."""

from __future__ import annotations

import csv
import io

import numpy as np
import pytest

from retention.demo import headers
from retention.errors import InputError
from retention.sources import FORMATS, recognise_file
from retention.sources.formats.etsy_sold_orders import BRITISH

AMERICAN = {name: alias for alias, name in BRITISH.items() if alias.startswith("D")}
ADJUSTED = ("Adjusted Order Total", "Adjusted Card Processing Fees", "Adjusted Net Order Amount")


def table(header, rows):
    """Return CSV text with these fields filled."""
    handle = io.StringIO(newline="")
    writer = csv.DictWriter(handle, header, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return handle.getvalue()


def sale(number, adjusted=("", "", ""), **more):
    """Return one Etsy order of 20.00 with 4.00 shipping, 1.00 fees and 2.00 marketplace tax."""
    row = {"Sale Date": f"03/{number % 28 + 1:02d}/24", "Order ID": number,
           "Buyer User ID": f"user{number}", "Full Name": "Ada L", "Ship Zipcode": "02108",
           "Currency": "USD", "Order Value": "20.00", "Shipping": "4.00", "Sales Tax": "0.00",
           "Order Total": "26.00", "Card Processing Fees": "1.00",
           "Order Net": "23.00"}  # fmt: skip
    return row | dict(zip(ADJUSTED, adjusted, strict=True)) | more


def etsy(mapped, rows, **options):
    return mapped(table(headers.ETSY_ORDERS, rows), FORMATS["etsy_sold_orders"], **options)


def refunded(made):
    return dict(zip(made["orders"].source_record_id, made["orders"].refunded_minor, strict=True))


@pytest.mark.parametrize("untouched", [("", "", ""), ("0.00", "0.00", "0.00"), ("0.00", "", ""),
                                       ("26.00", "1.00", "23.00")])  # fmt: skip
def test_etsy_columns_that_say_the_same_on_every_row_refund_nothing(mapped, untouched):
    made = etsy(mapped, [sale(n, untouched) for n in range(5)])
    assert set(refunded(made).values()) == {0}
    assert made["refunds"].empty


def test_an_etsy_refund_is_read_from_the_other_two_columns_where_the_total_is_a_constant(mapped):
    # 26.00 paid; fees 1.00 -> 0.50 and net 23.00 -> 12.50: 11.00 went back.
    rows = [sale(n, ("0.00", "0.00", "0.00")) for n in range(4)]
    made = etsy(mapped, [*rows, sale(9, ("0.00", "0.50", "12.50"))])
    assert refunded(made) == {"0": 0, "1": 0, "2": 0, "3": 0, "9": 1100}
    assert made["refunds"].amount_minor.tolist() == [1100]


def test_an_etsy_row_of_zeros_among_blank_ones_is_a_full_refund(mapped):
    made = etsy(mapped, [*(sale(n) for n in range(4)), sale(9, ("0.00", "0.00", "0.00"))])
    assert refunded(made)["9"] == 2000
    assert made["orders"].net_minor.sum() == 8000
    assert made["refunds"].amount_minor.tolist() == [2600]


def test_etsy_downloads_of_both_habits_in_one_file_are_not_all_refunded(mapped):
    rows = [sale(n) for n in range(6)] + [sale(n, ("0.00",) * 3) for n in range(10, 20)]
    assert set(refunded(etsy(mapped, rows)).values()) == {0}


@pytest.mark.parametrize("blank", ["", "0.00"])
def test_an_etsy_refund_is_what_the_buyer_no_longer_pays(mapped, blank):
    rows, right = [sale(n, (blank,) * 3) for n in range(60)], {}
    kept = np.random.default_rng(1).integers(0, 2600, 40)
    for number, left in enumerate(np.concatenate([kept, [0] * 4]).tolist(), start=100):
        left = left or (1 if blank else 0)  # a full refund cannot be told from zeros
        changed = (0 if blank else left, left // 26, left - left // 26 - 200 if left else 0)
        rows.append(sale(number, tuple(f"{x / 100:.2f}" for x in changed)))
        right[str(number)] = min(2600 - left, 2000)
    found = refunded(etsy(mapped, rows))
    assert {number: found[number] for number in right} == right
    assert sum(found.values()) == sum(right.values())


def test_etsy_buyers_without_user_id_are_guests_by_name(mapped):
    rows = [sale(1, Buyer="Ada L (user1)"), sale(2, **{"Buyer User ID": "", "Buyer": "Maria"})]
    people = etsy(mapped, rows)["customers"]
    assert people.is_guest.tolist() == [False, True]
    assert people.identity_platform_id.fillna("").tolist() == ["user1", ""]


def test_an_etsy_file_that_knows_no_user_id_names_accounts_in_buyer(mapped):
    rows = [sale(n, **{"Buyer User ID": "", "Buyer": buyer})
            for n, buyer in enumerate(("ada77", "Ada L (ada78)", "Ada L"))]  # fmt: skip
    people = etsy(mapped, rows)["customers"]
    assert people.identity_platform_id.fillna("").tolist() == ["ada77", "ada78", ""]


def test_etsy_files_with_british_headers_are_read_alike(mapped, tmp_path):
    british = tuple(AMERICAN.get(name, name) for name in headers.ETSY_ORDERS)
    british = tuple({"Order Total": "Order total", "Sales Tax": "Sales tax"}.get(n, n)
                    for n in british)  # fmt: skip
    assert {"Date Posted", "Delivery", "Delivery Discount", "Order total"} <= set(british)
    rows = [sale(n, **{"Shipping Discount": "1.00"}) for n in range(3)]
    text = table(headers.ETSY_ORDERS, rows).split("\n", 1)[1]
    content = ",".join(british) + "\n" + text
    (tmp_path / "sold.csv").write_text(content, encoding="utf-8")
    assert recognise_file(tmp_path / "sold.csv")[0][0].name == "etsy_sold_orders"
    made = mapped(content, FORMATS["etsy_sold_orders"])["orders"]
    assert made.equals(etsy(mapped, rows)["orders"])
    assert made.shipping_minor.tolist() == [300, 300, 300]


@pytest.mark.parametrize(("dates", "days"), [
    (("03/04/24", "05/06/24"), (4, 6)), (("03/25/2024", "05/06/2024"), (25, 6)),
    (("25/03/2024", "05/06/2024"), (25, 5)),
])  # fmt: skip
def test_values_overrule_the_platforms_order_of_day_and_month(mapped, dates, days):
    made = etsy(mapped, [sale(n, **{"Sale Date": text}) for n, text in enumerate(dates)])
    assert tuple(made["orders"].ordered_at.dt.day) == days


def test_etsy_dates_that_a_spreadsheet_wrote_anew_are_asked_about(mapped):
    with pytest.raises(InputError, match="day first or month first"):
        etsy(mapped, [sale(1, **{"Sale Date": "03/04/2024"})])


def shopify_order(number, goods, tax, *, shipping=0, within=True, name="", **more):
    """Return one Shopify order of one line; amounts in cents."""
    total = goods + shipping + (0 if within else tax)
    text = {key: f"{value / 100:.2f}" for key, value in {
        "Subtotal": goods, "Shipping": shipping, "Taxes": tax, "Total": total,
        "Lineitem price": goods}.items()}  # fmt: skip
    row = {"Name": f"#{number}", "Email": f"p{number}@example.org", "Financial Status": "paid",
           "Currency": "EUR", "Discount Amount": "0.00", "Created at": "2024-05-01 10:00:00 +0200",
           "Lineitem quantity": "1", "Lineitem name": "Mug", "Refunded Amount": "0.00",
           "Tax 1 Name": name}  # fmt: skip
    return row | text | more


def shopify(mapped, rows):
    header = tuple(dict.fromkeys((*headers.SHOPIFY_ORDERS, "Tax 1 Name", "Tax 2 Name")))
    return mapped(table(header, rows), FORMATS["shopify_orders"])


def test_prices_that_contain_tax_leave_goods_without_it(mapped):
    # 21 % of 100.00 in 121.00, untaxed shipping: the tax is the goods' alone.
    made = shopify(mapped, [shopify_order(n, 12100, 2100, shipping=500) for n in range(3)])
    orders, lines = made["orders"], made["order_lines"]
    assert orders.gross_minor.tolist() == orders.net_minor.tolist() == [10000] * 3
    assert orders.tax_in_prices.all()
    assert lines.line_net_minor.tolist() == lines.unit_price_minor.tolist() == [10000] * 3
    assert lines.value_minor.astype(float).tolist() == [12100.0] * 3


def test_a_named_rate_tells_that_shipping_is_taxed(mapped):
    # 19 % in 119.00 + 11.90: 19.00 on the goods and 1.90 on shipping.
    made = shopify(mapped, [shopify_order(1, 11900, 2090, shipping=1190, name="DE MwSt 19%")])
    order = made["orders"].iloc[0]
    assert (order.net_minor, order.shipping_minor, order.tax_minor) == (10000, 1000, 2090)


def test_without_names_the_fewer_rates_tell_that_shipping_is_taxed(mapped):
    rows = [shopify_order(n, 12000, round((12000 + ship) / 6), shipping=ship)
            for n, ship in enumerate((0, 600, 1200, 2400))]  # fmt: skip
    assert shopify(mapped, rows)["orders"].net_minor.tolist() == [10000] * 4


def test_each_order_says_itself_whether_its_prices_contain_tax(mapped):
    rows = [shopify_order(1, 12000, 2000), shopify_order(2, 12000, 2000, within=False),
            shopify_order(3, 12000, 0)]  # fmt: skip
    made = shopify(mapped, rows)["orders"]
    assert made.net_minor.tolist() == [10000, 12000, 12000]
    assert made.tax_in_prices.tolist() == [True, False, False]


def test_an_order_whose_total_decides_nothing_follows_its_file(mapped):
    tip = {"Total": "150.00"}
    for within, net in ((True, 10000), (False, 12000)):
        rows = [shopify_order(n, 12000, 2000, within=within) for n in range(2)]
        made = shopify(mapped, [*rows, shopify_order(9, 12000, 2000, **tip)])["orders"]
        assert made.net_minor.tolist() == [net] * 3


def test_a_refund_of_prices_with_tax_leaves_between_nothing_and_the_net(mapped):
    draw, rows, right = np.random.default_rng(2), [], []
    for number in range(200):
        goods, shipping = int(draw.integers(1, 99_999)), int(draw.integers(0, 2000))
        rate, back = int(draw.choice([5, 7, 19, 20, 25])), int(draw.integers(0, goods + shipping))
        tax = round((goods + shipping) * rate / (100 + rate))
        row = shopify_order(number, goods, tax, shipping=shipping, name=f"VAT {rate}%")
        rows.append(row | {"Refunded Amount": f"{back / 100:.2f}"})
        right.append(max(0.0, goods - back) * 100 / (100 + rate))
    orders = shopify(mapped, rows)["orders"]
    assert (np.abs(orders.net_minor - right) <= 1).all()
    parts = orders.gross_minor - orders.discount_minor - orders.refunded_minor
    assert (orders.net_minor == parts).all()


def test_an_order_that_is_called_refunded_nets_nothing(mapped):
    called = {"Financial Status": "refunded"}
    rows = [shopify_order(n, 12100, 2100, **called, **{"Refunded Amount": amount})
            for n, amount in enumerate(("121.00", "0.00", ""))]  # fmt: skip
    made = shopify(mapped, [*rows, shopify_order(9, 12100, 2100)])
    assert made["orders"].net_minor.tolist() == [0, 0, 0, 10000]
    assert made["refunds"].amount_minor.tolist() == [12100] * 3


def test_shopify_buyers_are_guests_only_where_nothing_but_a_name_is_known(mapped):
    named = {"Billing Name": "Ada", "Billing Zip": "1"}
    rows = [shopify_order(1, 100, 0), shopify_order(2, 100, 0, Email="", Phone="+12125550100"),
            shopify_order(3, 100, 0, Email="", **named)]  # fmt: skip
    assert shopify(mapped, rows)["customers"].is_guest.tolist() == [False, False, True]


def test_yen_have_no_cents(mapped):
    row = shopify_order(1, 0, 0) | {"Currency": "JPY", "Subtotal": "11000", "Taxes": "1000",
                                    "Total": "11000", "Lineitem price": "11000",
                                    "Shipping": "0", "Refunded Amount": "1100"}  # fmt: skip
    order = shopify(mapped, [row])["orders"].iloc[0]
    assert (order.gross_minor, order.refunded_minor, order.net_minor) == (10000, 1000, 9000)


WOO = ("Order Number", "Order Status", "Order Date", "Email (Billing)", "Cart Discount Amount",
       "Order Shipping Amount", "Order Refund Amount", "Order Total Amount",
       "Order Total Tax Amount", "SKU", "Item #", "Item Name", "Quantity", "Item Cost",
       "Order Currency")  # fmt: skip


def woo_row(number, item, **more):
    """Return one item of 60.00 of a WooCommerce order of two, with tax beside its prices."""
    row = {"Order Number": number, "Order Status": "completed",
           "Order Date": "2024-05-13 10:00", "Email (Billing)": f"p{number}@example.org",
           "Cart Discount Amount": "-20.00", "Order Shipping Amount": "5.00",
           "Order Refund Amount": "0.00", "Order Total Amount": "125.00",
           "Order Total Tax Amount": "20.00", "SKU": f"A-{item}", "Item #": item,
           "Item Name": "Mug", "Quantity": 1, "Item Cost": "60.00",
           "Order Currency": "EUR"}  # fmt: skip
    return row | more


def woo(mapped, rows):
    return mapped(table(WOO, rows), FORMATS["woocommerce_orders_csv"])


def test_negative_discounts_are_discounts(mapped):
    order = woo(mapped, [woo_row(1, 1), woo_row(1, 2)])["orders"].iloc[0]
    assert (order.gross_minor, order.discount_minor, order.net_minor) == (12000, 2000, 10000)
    row = sale(1, **{"Discount Amount": "-5.00"})
    assert etsy(mapped, [row])["orders"][["discount_minor", "net_minor"]].iloc[0].tolist() == [
        500, 1500,
    ]  # fmt: skip


def test_woocommerce_prices_that_contain_tax_are_recognised_by_the_total(mapped):
    within = {"Order Total Amount": "105.00", "Order Total Tax Amount": "20.00"}
    made = woo(mapped, [woo_row(1, 1, **within), woo_row(1, 2, **within)])
    order = made["orders"].iloc[0]
    assert bool(order.tax_in_prices)
    assert (order.net_minor, order.gross_minor) == (8000, 9600)
    assert made["order_lines"].line_net_minor.tolist() == [4800, 4800]


def test_a_refunded_woocommerce_order_nets_nothing_though_no_amount_stands_there(mapped):
    row = woo_row(1, 1, **{"Order Status": "Refunded", "Cart Discount Amount": ""})
    assert woo(mapped, [row])["orders"].net_minor.tolist() == [0]


def test_items_of_an_order_that_come_again_are_a_copy_and_no_further_items(mapped):
    rows = [woo_row(1, 1), woo_row(1, 2), woo_row(2, 1), woo_row(1, 1), woo_row(1, 2)]
    made = woo(mapped, rows)
    assert made["orders"].gross_minor.tolist() == [12000, 6000, 12000]
    keys = made["order_lines"].order_line_key.tolist()
    assert keys[:2] == keys[3:]


def test_items_of_interleaved_orders_stay_with_their_order(mapped):
    made = woo(mapped, [woo_row(1, 1), woo_row(2, 1), woo_row(1, 2)])
    assert made["orders"].gross_minor.tolist() == [12000, 6000]
    assert len(np.unique(made["order_lines"].order_line_key)) == 3
