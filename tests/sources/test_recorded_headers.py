"""Header rows as the platforms write them, with rows made by hand: recognised, and read right."""

from __future__ import annotations

from datetime import datetime

import pandas as pd
import pytest

from retention.sources import FORMATS, ReadOptions, recognise_file

ZENDESK = (
    "Summation column,Id,Requester,Requester id,Requester external id,Requester email,"
    "Requester domain,Submitter,Assignee,Group,Subject,Tags,Status,Priority,Via,Ticket type,"
    "Created at,Updated at,Assigned at,Organization,Due date,Initially assigned at,Solved at,"
    "Resolution time,Satisfaction Score,Group stations,Assignee stations,Reopens,Replies,"
    "First reply time in minutes,First reply time in minutes within business hours"
)
TYPEFORM = (
    "#,How likely are you to recommend us?,Your e-mail,Response Type,Start Date (UTC),"
    "Stage Date (UTC),Submit Date (UTC),Network ID,Tags"
)
ETSY_ITEMS = (
    "Sale Date,Item Name,Buyer,Quantity,Price,Coupon Code,Coupon Details,Discount Amount,"
    "Shipping Discount,Order Shipping,Order Sales Tax,Item Total,Currency,Transaction ID,"
    "Listing ID,Date Paid,Date Shipped,Ship Name,Ship Address1,Ship Address2,Ship City,Ship State,"
    "Ship Zipcode,Ship Country,Order ID,Variations,Order Type,Listings Type,Payment Type,"
    "InPerson Discount,InPerson Location,VAT Paid by Buyer,SKU"
)
ETSY_ORDERS = (
    "Sale Date,Order ID,Buyer User ID,Full Name,First Name,Last Name,Number of Items,"
    "Payment Method,Date Shipped,Street 1,Street 2,Ship City,Ship State,Ship Zipcode,Ship Country,"
    "Currency,Order Value,Coupon Code,Coupon Details,Discount Amount,Shipping Discount,Shipping,"
    "Sales Tax,Order Total,Status,Card Processing Fees,Order Net,Adjusted Order Total,"
    "Adjusted Card Processing Fees,Adjusted Net Order Amount,Buyer,Order Type,Payment Type,"
    "InPerson Discount,InPerson Location,SKU"
)
WOOCOMMERCE = (
    "Order Number,Order Status,Order Date,Customer Note,First Name (Billing),Last Name (Billing),"
    "Company (Billing),Address 1&2 (Billing),City (Billing),State Code (Billing),"
    "Postcode (Billing),Country Code (Billing),Email (Billing),Phone (Billing),"
    "First Name (Shipping),Payment Method Title,Cart Discount Amount,Order Subtotal Amount,"
    "Shipping Method Title,Order Shipping Amount,Order Refund Amount,Order Total Amount,"
    "Order Total Tax Amount,SKU,Item #,Item Name,Quantity (- Refund),Item Cost,Coupon Code,"
    "Discount Amount,Discount Amount Tax"
)
MAILCHIMP = (
    "Email Address,First Name,Last Name,MEMBER_RATING,OPTIN_TIME,OPTIN_IP,CONFIRM_TIME,CONFIRM_IP,"
    "LATITUDE,LONGITUDE,GMTOFF,DSTOFF,TIMEZONE,CC,REGION,LAST_CHANGED,LEID,EUID,NOTES,TAGS"
)
GA4 = (
    '{"event_date":"20260301","event_timestamp":"1772359200000000","event_name":"page_view",'
    '"event_params":[{"key":"ga_session_id","value":{"int_value":"5"}}],'
    '"event_bundle_sequence_id":"1","user_pseudo_id":"1.2","platform":"WEB","items":[]}'
)


def row(header: str, **values: str) -> str:
    """Return a row that has values in some of the header's columns, given without their blanks."""
    return ",".join(values.get(name, "") for name in header.split(","))


@pytest.mark.parametrize(
    ("header", "name"),
    [
        (ZENDESK, "tickets"), (TYPEFORM, "typeform_answers"),
        (ETSY_ITEMS, "etsy_sold_order_items"), (ETSY_ORDERS, "etsy_sold_orders"),
        (WOOCOMMERCE, "woocommerce_orders_csv"), (MAILCHIMP, "mailchimp_members"),
        (GA4, "ga4_events"),
    ],
)  # fmt: skip
def test_a_recorded_header_is_recognised(header, name, tmp_path):
    path = tmp_path / "export.csv"
    path.write_text(header + "\n")
    assert recognise_file(path)[0][0].name == name


def test_zendesk_tells_the_first_reply_in_minutes(mapped):
    values = {"Id": "7", "Requester email": "ada@example.org", "Created at": "2026-03-01 10:00:00",
              "Solved at": "2026-03-02 09:00:00", "Ticket type": "Problem",
              "First reply time in minutes": "90"}  # fmt: skip
    ticket = mapped(f"{ZENDESK}\n{row(ZENDESK, **values)}\n", FORMATS["tickets"])["tickets"].iloc[0]
    assert ticket.first_response_at == datetime(2026, 3, 1, 11, 30)
    assert ticket.closed_at == datetime(2026, 3, 2, 9)
    assert ticket.reason_code == "problem"
    assert pd.isna(ticket.reasons)


def test_typeform_answers_need_only_their_questions_named(mapped):
    values = {"#": "abc", "How likely are you to recommend us?": "9",
              "Your e-mail": "ada@x.example",
              "Submit Date (UTC)": "2026-03-01 10:02:00"}  # fmt: skip
    options = ReadOptions(threads=1, columns=(
        "Score = How likely are you to recommend us?", "Email = Your e-mail"))  # fmt: skip
    made = mapped(f"{TYPEFORM}\n{row(TYPEFORM, **values)}\n", FORMATS["typeform_answers"], options)
    answer = made["surveys"].iloc[0]
    assert (answer.score, answer.instrument) == (9, "typeform")
    assert answer.identity_email == "ada@x.example"
    assert answer.answered_at == datetime(2026, 3, 1, 10, 2)


def test_etsy_orders_and_items_meet_by_the_order_id(mapped):
    order = {"Sale Date": "03/01/26", "Order ID": "3001", "Buyer User ID": "ada1",
             "Full Name": "Ada L", "Currency": "USD", "Order Value": "40.00",
             "Discount Amount": "4.00", "Order Total": "39.60", "Shipping": "3.60",
             "Adjusted Order Total": "39.60"}  # fmt: skip
    item = {"Sale Date": "03/01/26", "Item Name": "Mug", "Quantity": "2", "Price": "20.00",
            "Discount Amount": "4.00", "Item Total": "36.00", "Currency": "USD",
            "Transaction ID": "91", "Order ID": "3001", "Date Paid": "03/01/2026"}  # fmt: skip
    orders = mapped(f"{ETSY_ORDERS}\n{row(ETSY_ORDERS, **order)}\n", FORMATS["etsy_sold_orders"])
    items = mapped(f"{ETSY_ITEMS}\n{row(ETSY_ITEMS, **item)}\n", FORMATS["etsy_sold_order_items"])
    assert orders["orders"].order_key.tolist() == items["order_lines"].order_key.tolist()
    assert orders["orders"].net_minor.tolist() == items["order_lines"].line_net_minor.tolist()
    assert orders["orders"].ordered_at.tolist() == [datetime(2026, 3, 1)]
