"""Orders as other shop tools export them: invented rows under real headers, sums made by hand."""

from __future__ import annotations

import csv
import io

import pytest

from retention.sources import FORMATS, ReadOptions, recognise_file
from retention.sources.header_names import header_key

SQUARE = (
    "Date,Time,Time Zone,Gross Sales,Discounts,Net Sales,Gift Card Sales,Tax,Tip,Partial Refunds,"
    "Total Collected,Source,Card,Card Entry Methods,Cash,Square Gift Card,Other Tender,"
    "Other Tender Type,Other Tender Note,Fees,Net Total,Transaction ID,Payment ID,Card Brand,"
    "PAN Suffix,Device Name,Staff Name,Staff ID,Details,Description,Event Type,Location,"
    "Dining Option,Customer ID,Customer Name,Customer Reference ID"
)
SQUARE_ITEMS = (
    "Date,Time,Time Zone,Category,Item,Qty,Price Point Name,SKU,Modifiers Applied,Gross Sales,"
    "Discounts,Net Sales,Tax,Transaction ID,Payment ID,Device Name,Notes,Details,Event Type,"
    "Location,Dining Option,Customer ID,Customer Name,Customer Reference ID,Unit,Count"
)
SQUARESPACE = (
    "Order ID,Email,Financial Status,Paid at,Fulfillment Status,Fulfilled at,Currency,Subtotal,"
    "Shipping,Taxes,Amount Refunded,Total,Discount Code,Discount Amount,Shipping Method,Created at,"
    "Lineitem quantity,Lineitem name,Lineitem price,Lineitem sku,Lineitem variant,"
    "Lineitem requires shipping,Lineitem taxable,Lineitem fulfillment status,Billing Name,"
    "Billing Address1,Billing Address2,Billing City,Billing Zip,Billing Province,Billing Country,"
    "Billing Phone,Shipping Name,Shipping Address1,Shipping Address2,Shipping City,Shipping Zip,"
    "Shipping Province,Shipping Country,Shipping Phone,Cancelled at,Private Notes,Payment Method,"
    "Payment Reference"
)
WIX = (
    "Order number,Date created,Time,Fulfill by,Total order quantity,Contact email,"
    "Note from customer,Additional checkout info,Item,Variant,SKU,Qty,Quantity refunded,Price,"
    "Weight,Custom text,Deposit amount,Delivery method,Delivery time,Recipient name,"
    "Recipient phone,Recipient company name,Delivery country,Delivery state,Delivery city,"
    "Delivery address,Delivery zip/postal code,Billing name,Billing phone,Billing company name,"
    "Delivery country,Delivery state,Delivery city,Delivery address,Delivery zip/postal code,"
    "Payment status,Payment method,Coupon code,Gift card amount,Shipping rate,Total tax,Total,"
    "Currency,Refunded amount,Net amount,Additional fees,Fulfillment status,Tracking number"
)
BIGCOMMERCE = (
    "Order ID,Customer ID,Customer Name,Customer Email,Customer Phone,Order Date,Order Status,"
    "Subtotal (inc tax),Subtotal (ex tax),Tax Total,Shipping Cost (inc tax),"
    "Shipping Cost (ex tax),Ship Method,Handling Cost (inc tax),Handling Cost (ex tax),"
    "Order Total (inc tax),Order Total (ex tax),Refund Amount,Payment Method,Total Quantity,"
    "Total Shipped,Date Shipped,Order Currency Code,Exchange Rate,Order Notes,Customer Message,"
    "Billing First Name,Billing Last Name,Billing Zip,Billing Country,Billing Email"
)
MAGENTO = (
    "ID,Purchase Point,Purchase Date,Bill-to Name,Ship-to Name,Grand Total (Base),"
    "Grand Total (Purchased),Status,Billing Address,Shipping Address,Shipping Information,"
    "Customer Email,Customer Group,Subtotal,Shipping and Handling,Customer Name,Payment Method,"
    "Total Refunded,Allocated sources"
)
PRESTASHOP = "ID;Reference;New client;Delivery;Customer;Total;Payment;Status;Date"
EBAY = (
    "Sales Record Number,Order Number,Buyer Username,Buyer Name,Buyer Email,Buyer Note,"
    "Buyer Address 1,Buyer Address 2,Buyer City,Buyer State,Buyer Zip,Buyer Country,Ship To Name,"
    "Ship To Phone,Ship To Address 1,Ship To Address 2,Ship To City,Ship To State,Ship To Zip,"
    "Ship To Country,Item Number,Item Title,Custom Label,Sold Via Promoted Listings,Quantity,"
    "Sold For,Shipping And Handling,Seller Collected Tax,eBay Collected Tax,Total Price,"
    "eBay Collected Tax Included in Total,Payment Method,Sale Date,Paid On Date,Ship By Date,"
    "Transaction ID,Variation Details"
)
AMAZON = (
    "amazon-order-id,merchant-order-id,purchase-date,last-updated-date,order-status,"
    "fulfillment-channel,sales-channel,order-channel,url,ship-service-level,product-name,sku,asin,"
    "item-status,quantity,currency,item-price,item-tax,shipping-price,shipping-tax,"
    "gift-wrap-price,gift-wrap-tax,item-promotion-discount,ship-promotion-discount,ship-city,"
    "ship-state,ship-postal-code,ship-country,promotion-ids"
)
AMAZON_REPORT = (
    "order-id,order-item-id,purchase-date,payments-date,buyer-email,buyer-name,"
    "buyer-phone-number,sku,product-name,quantity-purchased,currency,item-price,item-tax,"
    "shipping-price,shipping-tax,ship-service-level,recipient-name,ship-address-1,ship-city,"
    "ship-state,ship-postal-code,ship-country"
)
STRIPE = (
    "id,Description,Seller Message,Created (UTC),Amount,Amount Refunded,Currency,Converted Amount,"
    "Converted Amount Refunded,Fee,Tax,Converted Currency,Mode,Status,Statement Descriptor,"
    "Customer ID,Customer Description,Customer Email,Captured,Card ID,Card Last4,Card Brand,"
    "Card Funding,Card Exp Month,Card Exp Year,Card Name,Card Address Zip"
)
PAYPAL = (
    "Date,Time,TimeZone,Name,Type,Status,Currency,Gross,Fee,Net,From Email Address,"
    "To Email Address,Transaction ID,Shipping Address,Address Status,Item Title,Item ID,"
    "Shipping and Handling Amount,Insurance Amount,Sales Tax,Reference Txn ID,Invoice Number,"
    "Custom Number,Quantity,Receipt ID,Balance,Contact Phone Number,Subject,Note,Country Code,"
    "Balance Impact"
)
ANALYTICS = (
    "Date,Order #,N. Revenue (formatted),Status,Customer,Customer type,Product(s),Items sold,"
    "Coupon(s),Net Sales,Attribution"
)
WEBTOFFEE = (
    "order_id,order_number,order_date,paid_date,status,shipping_total,shipping_tax_total,fee_total,"
    "fee_tax_total,tax_total,cart_discount,order_discount,discount_total,order_total,"
    "order_subtotal,order_currency,payment_method,payment_method_title,transaction_id,"
    "customer_ip_address,customer_user_agent,shipping_method,customer_id,customer_user,"
    "customer_email,billing_first_name,billing_last_name,billing_company,billing_email,"
    "billing_phone,billing_postcode,billing_country,shipping_country,wt_import_key,refund_items"
)


def export(header: str, *rows: dict[str, object], delimiter: str = ",") -> str:
    """Return a file with these fields filled; a header may name a column twice."""
    names = header.split(delimiter)
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=delimiter, lineterminator="\n")
    writer.writerow(names)
    for row in rows:
        assert set(row) <= set(names), set(row) - set(names)
        writer.writerow([row.get(name, "") for name in names])
    return out.getvalue()


CASES = {
    # gross 40 with 4 off, tax 2.88, tip aside; a second sale of 30, of which 12 came back later.
    "square_transactions": (
        export(
            SQUARE,
            {"Date": "2026-07-18", "Time": "12:59:30", "Time Zone": "Eastern Time (US & Canada)",
             "Gross Sales": "$40.00", "Discounts": "-$4.00", "Net Sales": "$36.00", "Tax": "$2.88",
             "Tip": "$2.00", "Total Collected": "$40.88", "Transaction ID": "T1",
             "Event Type": "Payment", "Customer ID": "C1", "Customer Name": "Ada L"},
            {"Date": "2026-07-18", "Time": "13:00:00", "Time Zone": "Eastern Time (US & Canada)",
             "Gross Sales": "$30.00", "Discounts": "$0.00", "Net Sales": "$30.00", "Tax": "$0.00",
             "Total Collected": "$30.00", "Transaction ID": "T2", "Event Type": "Payment"},
            {"Date": "2026-07-20", "Time": "09:00:00", "Time Zone": "Eastern Time (US & Canada)",
             "Gross Sales": "-$12.00", "Net Sales": "-$12.00", "Total Collected": "-$12.00",
             "Transaction ID": "T2", "Event Type": "Refund"},
        ),
        [("T1", "2026-07-18 16:59:30", "paid", 4000, 400, 0, 288, 0, 3600),
         ("T2", "2026-07-18 17:00:00", "paid", 3000, 0, 0, 0, 1200, 1800)],
    ),
    "square_items": (
        export(
            SQUARE_ITEMS,
            {"Date": "2026-07-18", "Time": "12:59:30", "Time Zone": "Eastern Time (US & Canada)",
             "Item": "Mug", "Qty": "2", "Gross Sales": "$36.00", "Discounts": "-$3.60",
             "Net Sales": "$32.40", "Tax": "$2.00", "Transaction ID": "T1",
             "Event Type": "Payment"},
            {"Date": "2026-07-18", "Time": "12:59:30", "Time Zone": "Eastern Time (US & Canada)",
             "Item": "Card", "Qty": "1", "Gross Sales": "$4.00", "Discounts": "-$0.40",
             "Net Sales": "$3.60", "Tax": "$0.25", "Transaction ID": "T1",
             "Event Type": "Payment"},
        ),
        [("T1", "2026-07-18 16:59:30", "paid", 4000, 400, 0, 225, 0, 3600)],
    ),
    # 2 x 10 + 5 = 25, 2.50 off, 4 shipping, 1.80 tax; then one that was cancelled.
    "squarespace_orders": (
        export(
            SQUARESPACE,
            {"Order ID": "00011", "Email": "ada@example.org", "Financial Status": "PAID",
             "Currency": "USD", "Subtotal": "25.00", "Shipping": "4.00", "Taxes": "1.80",
             "Amount Refunded": "5.00", "Total": "28.30", "Discount Amount": "2.50",
             "Created at": "2026-05-01 10:00:00 -0400", "Lineitem quantity": "2",
             "Lineitem name": "Mug", "Lineitem price": "10.00", "Billing Name": "Ada L"},
            {"Order ID": "00011", "Lineitem quantity": "1", "Lineitem name": "Card",
             "Lineitem price": "5.00"},
            {"Order ID": "00012", "Email": "bob@example.org", "Financial Status": "PENDING",
             "Currency": "USD", "Subtotal": "7.00", "Shipping": "0", "Taxes": "0",
             "Amount Refunded": "0", "Total": "7.00", "Created at": "2026-05-02 10:00:00 -0400",
             "Lineitem quantity": "1", "Lineitem name": "Card", "Lineitem price": "7.00",
             "Cancelled at": "2026-05-03 10:00:00 -0400"},
        ),
        [("00011", "2026-05-01 14:00:00", "paid", 2500, 250, 400, 180, 500, 1750),
         ("00012", "2026-05-02 14:00:00", "cancelled", 700, 0, 0, 0, 0, 700)],
    ),
    # Lines 39.98; total 40.98 with 5 shipping and 3 tax: goods 32.98, so 7.00 were given.
    "wix_orders": (
        export(
            WIX,
            {"Order number": "10021", "Date created": "Dec 8, 2024", "Time": "9:15:51 AM",
             "Contact email": "ada@example.org", "Item": "Mug", "SKU": "CER-1", "Qty": "1",
             "Price": "19.99", "Payment status": "Paid", "Shipping rate": "5", "Total tax": "3",
             "Total": "40.98", "Currency": "EUR", "Refunded amount": "0"},
            {"Order number": "10021", "Item": "Bowl", "Qty": "1", "Price": "19.99"},
            {"Order number": "10022", "Date created": "Dec 9, 2024", "Time": "1:05:00 PM",
             "Contact email": "bob@example.org", "Item": "Mug", "Qty": "1", "Price": "19.99",
             "Payment status": "Unpaid", "Shipping rate": "0", "Total tax": "0", "Total": "19.99",
             "Currency": "EUR"},
        ),
        [("10021", "2024-12-08 09:15:51", "paid", 3998, 700, 500, 300, 0, 3298),
         ("10022", "2024-12-09 13:05:00", "pending", 1999, 0, 0, 0, 0, 1999)],
    ),
    # Without tax: 50 of goods, total 52 with 6 + 1 of shipping and handling: 45 paid, 5 given.
    "bigcommerce_orders": (
        export(
            BIGCOMMERCE,
            {"Order ID": "101", "Customer ID": "7", "Customer Name": "Ada L",
             "Customer Email": "ada@example.org", "Order Date": "15/01/2026",
             "Order Status": "Awaiting Fulfillment", "Subtotal (inc tax)": "60.00",
             "Subtotal (ex tax)": "50.00", "Tax Total": "10.40", "Shipping Cost (ex tax)": "6.00",
             "Handling Cost (ex tax)": "1.00", "Order Total (inc tax)": "62.40",
             "Order Total (ex tax)": "52.00", "Refund Amount": "10.00",
             "Order Currency Code": "GBP"},
            {"Order ID": "102", "Customer ID": "0", "Customer Email": "bob@example.org",
             "Order Date": "16/01/2026", "Order Status": "Declined", "Subtotal (ex tax)": "8.00",
             "Tax Total": "0", "Shipping Cost (ex tax)": "0", "Handling Cost (ex tax)": "0",
             "Order Total (ex tax)": "8.00", "Refund Amount": "0", "Order Currency Code": "GBP"},
        ),
        [("101", "2026-01-15 00:00:00", "paid", 5000, 500, 700, 1040, 1000, 3500),
         ("102", "2026-01-16 00:00:00", "cancelled", 800, 0, 0, 0, 0, 800)],
    ),
    # 24 + 5 shipping, grand total 26.60: at most 21.60 of it is for the goods.
    "magento_orders": (
        export(
            MAGENTO,
            {"ID": "000000301", "Purchase Date": "Jun 9, 2023 9:00:00 AM", "Status": "Complete",
             "Grand Total (Base)": "$26.60", "Grand Total (Purchased)": "$26.60",
             "Customer Email": "ada@example.org", "Subtotal": "$24.00",
             "Shipping and Handling": "$5.00", "Customer Name": "Ada L"},
            {"ID": "000000302", "Purchase Date": "Jun 10, 2023 2:30:00 PM", "Status": "Closed",
             "Grand Total (Base)": "$10.00", "Grand Total (Purchased)": "$10.00",
             "Customer Email": "bob@example.org", "Subtotal": "$10.00",
             "Shipping and Handling": "$0.00", "Total Refunded": "$10.00"},
        ),
        [("000000301", "2023-06-09 09:00:00", "paid", 2400, 240, 500, 0, 0, 2160),
         ("000000302", "2023-06-10 14:30:00", "refunded", 1000, 0, 0, 0, 1000, 0)],
    ),
    "prestashop_orders": (
        export(
            PRESTASHOP,
            {"ID": "5", "Reference": "XKBKNABJK", "New client": "1", "Delivery": "France",
             "Customer": "A. L", "Total": "58.50", "Payment": "Card",
             "Status": "Payment accepted", "Date": "2026-02-01 10:20:30"},
            {"ID": "6", "Reference": "OHSATSERP", "New client": "0", "Delivery": "France",
             "Customer": "B. M", "Total": "20.00", "Payment": "Bank wire",
             "Status": "Awaiting bank wire payment", "Date": "2026-02-02 10:20:30"},
            delimiter=";",
        ),
        [("XKBKNABJK", "2026-02-01 10:20:30", "paid", 5850, 0, 0, 0, 0, 5850),
         ("OHSATSERP", "2026-02-02 10:20:30", "pending", 2000, 0, 0, 0, 0, 2000)],
    ),
    # Two items with a row of the order before them: 10 + 2 x 5, shipping 4, tax by the marketplace.
    "ebay_orders": (
        export(
            EBAY,
            {"Order Number": "13-1", "Buyer Username": "ada77", "Buyer Name": "Ada L",
             "Buyer Email": "ada@members.example.org", "Buyer Zip": "02108", "Quantity": "3",
             "Shipping And Handling": "$4.00", "Seller Collected Tax": "$0.00",
             "eBay Collected Tax": "$1.65", "Total Price": "$24.00", "Sale Date": "Aug-02-26",
             "Paid On Date": "Aug-02-26"},
            {"Order Number": "13-1", "Buyer Username": "ada77", "Item Number": "1",
             "Item Title": "Shirt", "Quantity": "1", "Sold For": "$10.00"},
            {"Order Number": "13-1", "Buyer Username": "ada77", "Item Number": "2",
             "Item Title": "Cap", "Quantity": "2", "Sold For": "$5.00"},
            {"Order Number": "13-2", "Buyer Username": "bob", "Item Number": "2",
             "Item Title": "Cap", "Quantity": "1", "Sold For": "AU $5.00",
             "Shipping And Handling": "AU $0.00", "Sale Date": "Aug-03-26"},
        ),
        [("13-1", "2026-08-02 00:00:00", "paid", 2000, 0, 400, 0, 0, 2000),
         ("13-2", "2026-08-03 00:00:00", "pending", 500, 0, 0, 0, 0, 500)],
    ),
    "amazon_all_orders": (
        export(
            AMAZON,
            {"amazon-order-id": "112-1", "purchase-date": "2026-04-11T14:42:00Z",
             "order-status": "Shipped - Delivered to Buyer", "product-name": "Mug", "sku": "M4",
             "quantity": "2", "currency": "EUR", "item-price": "42.00", "item-tax": "7.98",
             "shipping-price": "5.99", "item-promotion-discount": "2.00"},
            {"amazon-order-id": "112-1", "purchase-date": "2026-04-11T14:42:00Z",
             "order-status": "Shipped - Delivered to Buyer", "product-name": "Napkin", "sku": "N",
             "quantity": "1", "currency": "EUR", "item-price": "18.00", "item-tax": "3.42",
             "shipping-price": "1.00"},
            {"amazon-order-id": "112-2", "purchase-date": "2026-04-12T08:00:00Z",
             "order-status": "Cancelled", "product-name": "Mug", "sku": "M4", "quantity": "0",
             "currency": "EUR", "item-price": "21.00"},
            delimiter=",",
        ).replace(",", "\t"),
        [("112-1", "2026-04-11 14:42:00", "paid", 6000, 200, 699, 1140, 0, 5800),
         ("112-2", "2026-04-12 08:00:00", "cancelled", 2100, 0, 0, 0, 0, 2100)],
    ),
    "amazon_order_report": (
        export(
            AMAZON_REPORT,
            {"order-id": "205-1", "order-item-id": "1", "purchase-date": "2026-04-11T14:42:00Z",
             "buyer-email": "x1@marketplace.example.com", "buyer-name": "Ada L", "sku": "M4",
             "product-name": "Mug", "quantity-purchased": "2", "currency": "USD",
             "item-price": "42.00", "item-tax": "3.36", "shipping-price": "5.00"},
        ).replace(",", "\t"),
        [("205-1", "2026-04-11 14:42:00", "paid", 4200, 0, 500, 336, 0, 4200)],
    ),
    "stripe_payments": (
        export(
            STRIPE,
            {"id": "ch_1", "Created (UTC)": "2026-06-05 20:38:34", "Amount": "31.25",
             "Amount Refunded": "6.25", "Currency": "usd", "Mode": "Live", "Status": "Paid",
             "Customer Email": "ada@example.org"},
            {"id": "ch_2", "Created (UTC)": "2026-06-06 20:38:34", "Amount": "10.00",
             "Amount Refunded": "0.00", "Currency": "usd", "Mode": "Live", "Status": "Failed",
             "Customer Email": "bob@example.org"},
        ),
        [("ch_1", "2026-06-05 20:38:34", "paid", 3125, 0, 0, 0, 625, 2500),
         ("ch_2", "2026-06-06 20:38:34", "cancelled", 1000, 0, 0, 0, 0, 1000)],
    ),
    # 25 with 5 shipping; 10 came back under the sale's number; a supplier's bill is no sale.
    "paypal_activity": (
        export(
            PAYPAL,
            {"Date": "13/01/2026", "Time": "10:00:00", "TimeZone": "CET", "Name": "Ada L",
             "Type": "Express Checkout Payment", "Status": "Completed", "Currency": "EUR",
             "Gross": "25.00", "From Email Address": "ada@example.org", "Transaction ID": "A1",
             "Shipping and Handling Amount": "5.00", "Sales Tax": "0.00"},
            {"Date": "14/01/2026", "Time": "10:00:00", "TimeZone": "CET", "Name": "Ada L",
             "Type": "Payment Refund", "Status": "Completed", "Currency": "EUR",
             "Gross": "-10.00", "From Email Address": "shop@example.com", "Transaction ID": "R1",
             "Reference Txn ID": "A1"},
            {"Date": "15/01/2026", "Time": "10:00:00", "TimeZone": "CET", "Name": "Clay Ltd",
             "Type": "General Payment", "Status": "Completed", "Currency": "EUR",
             "Gross": "-80.00", "From Email Address": "shop@example.com", "Transaction ID": "S1"},
            {"Date": "16/01/2026", "Time": "10:00:00", "TimeZone": "CET",
             "Type": "General Withdrawal", "Status": "Completed", "Currency": "EUR",
             "Gross": "-12.00", "From Email Address": "", "Transaction ID": "W1"},
        ),
        [("A1", "2026-01-13 09:00:00", "paid", 2000, 0, 500, 0, 1000, 1000)],
    ),
    "woocommerce_analytics": (
        export(
            ANALYTICS,
            {"Date": "2026-03-01 12:00:00", "Order #": "501", "N. Revenue (formatted)": "€38.00",
             "Status": "completed", "Customer": "Ada L", "Customer type": "new",
             "Product(s)": "2× Mug", "Items sold": "2", "Net Sales": "32"},
        ),
        [("501", "2026-03-01 12:00:00", "paid", 3200, 0, 0, 0, 0, 3200)],
    ),
    "woocommerce_webtoffee": (
        export(
            WEBTOFFEE,
            {"order_id": "77", "order_number": "77", "order_date": "2026-03-01 12:00:00",
             "status": "processing", "shipping_total": "4.00", "tax_total": "3.60",
             "discount_total": "2.00", "order_total": "25.60", "order_subtotal": "20.00",
             "order_currency": "EUR", "customer_id": "0", "billing_email": "ada@example.org",
             "billing_first_name": "Ada", "billing_last_name": "L"},
            {"order_id": "78", "order_number": "78", "order_date": "2026-03-02 12:00:00",
             "status": "refunded", "shipping_total": "0", "tax_total": "0", "discount_total": "0",
             "order_total": "9.00", "order_subtotal": "9.00", "order_currency": "EUR",
             "customer_id": "4", "billing_email": "bob@example.org"},
        ),
        [("77", "2026-03-01 12:00:00", "paid", 2000, 200, 400, 360, 0, 1800),
         ("78", "2026-03-02 12:00:00", "refunded", 900, 0, 0, 0, 900, 0)],
    ),
}  # fmt: skip

AMOUNTS = ["gross_minor", "discount_minor", "shipping_minor", "tax_minor", "refunded_minor"]


@pytest.mark.parametrize("name", CASES)
def test_orders_of_each_tool_come_to_the_sums_made_by_hand(name, mapped):
    text, expected = CASES[name]
    options = ReadOptions(threads=1, currency="USD")
    orders = mapped(text, FORMATS[name], options)["orders"]
    sold = orders[orders.exclusion.isna()].sort_values("line_no")
    found = [
        (row.order_key.split(":")[1], str(row.ordered_at), row.status,
         *(int(getattr(row, column)) for column in (*AMOUNTS, "net_minor")))
        for row in sold.itertuples()
    ]  # fmt: skip
    assert found == expected
    assert sold.reasons.explode().dropna().tolist() == []


@pytest.mark.parametrize("name", CASES)
def test_each_tools_header_is_recognised_as_its_own(name, tmp_path):
    path = tmp_path / "export.csv"
    path.write_text(CASES[name][0], encoding="utf-8")
    (best, score), *others = recognise_file(path)
    assert best.name == name
    assert all(score - other > 0.05 for _, other in others)


@pytest.mark.parametrize("name", CASES)
def test_every_header_of_a_sample_is_known_or_of_no_use(name):
    text, _ = CASES[name]
    first = text.splitlines()[0]
    delimiter = next(mark for mark in "\t;," if mark in first)
    known = {header_key(n) for n in (*FORMATS[name].used_columns(), *FORMATS[name].aliases)}
    names = {header_key(n) for n in first.split(delimiter)}  # Wix repeats some of its names
    unknown = names - known
    assert len(unknown) <= len(names) // 5, unknown


def test_a_refund_of_its_own_row_is_dated_and_the_order_keeps_the_rest(mapped):
    made = mapped(CASES["paypal_activity"][0], FORMATS["paypal_activity"])
    refunds = made["refunds"]
    assert refunds.order_key.tolist() == ["paypal:A1"]
    assert refunds.amount_minor.tolist() == [1000]
    assert refunds.dating.tolist() == ["exact"]
    assert str(refunds.refunded_at[0]) == "2026-01-14 09:00:00"
    assert made["orders"].exclusion.tolist() == [None, "refund_row", "other_record", "other_record"]


def test_a_row_of_the_order_alone_is_no_line(mapped):
    lines = mapped(CASES["ebay_orders"][0], FORMATS["ebay_orders"])["order_lines"]
    assert lines.exclusion.tolist() == ["aggregate_row", None, None, None]
    assert lines.line_net_minor.tolist()[1:] == [1000, 1000, 500]


def test_an_order_that_stands_twice_row_by_row_is_gathered_once(mapped):
    text = CASES["squarespace_orders"][0]
    head, *rows = text.splitlines()
    once = mapped(text, FORMATS["squarespace_orders"])
    twice = mapped("\n".join([head, *rows, *rows]) + "\n", FORMATS["squarespace_orders"])
    assert twice["orders"].net_minor.tolist() == once["orders"].net_minor.tolist()
    keys = twice["order_lines"].order_line_key.tolist()
    assert keys[:3] == keys[3:]


@pytest.mark.parametrize("count", [1, 2, 3])
def test_lines_that_are_alike_within_an_order_all_count(count, mapped):
    row = {"amazon-order-id": "112-9", "purchase-date": "2026-04-12T08:00:00Z", "quantity": "1"}
    row |= {"order-status": "Shipped", "sku": "A", "currency": "EUR", "item-price": "3.00"}
    other = row | {"sku": "B", "item-price": "1.00"}
    text = export(AMAZON, *[row] * count, other)
    order = mapped(text, FORMATS["amazon_all_orders"])["orders"].iloc[0]
    assert order.gross_minor == 300 * count + 100
