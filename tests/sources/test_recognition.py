"""A file's format is told by telling columns, near misses are named, spelling does not matter."""

from __future__ import annotations

import json
from datetime import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retention.demo import headers as demo_headers
from retention.errors import InputError
from retention.sources import FORMATS, ReadOptions, recognise_file
from retention.sources.decoding import fitting_encoding
from retention.sources.recognition import recognise

SHOPIFY = (
    "Name,Email,Financial Status,Paid at,Currency,Subtotal,Shipping,Taxes,Total,Created at,"
    "Lineitem quantity,Lineitem name,Lineitem price,Id,Tags,Status,Notes"
)
ORDER = "#1001,ada@x.example,paid,,USD,20.00,0,0,20.00,2026-03-01 10:00:00 +0000,1,Mug,20.00,7,,,"
UNNEEDED = {
    "a list of products": "Handle,Title,Body (HTML),Tags,Variant SKU,Variant Price,Status",
    "a list of discounts": "Name,Value,Type,Discount Class,Code,Status,Times Used In Total",
    "a list of payouts": "Transaction Date,Type,Order,Payout Status,Payout Date,Amount,Fee,Net",
}


def seen(header: str, tmp_path):
    path = tmp_path / "export.csv"
    path.write_text(header + "\n")
    return recognise(path, FORMATS)


def test_a_renamed_required_column_is_a_near_miss_and_no_other_format(tmp_path):
    header = SHOPIFY.replace("Lineitem price", "Price") + ",Lineitem compare at price"
    found = seen(header, tmp_path)
    assert found.fits == ()
    assert found.near.format == "shopify_orders"
    assert found.near.missing == {"Lineitem price": "Price"}
    sentence = found.near.sentence()
    assert "looks like shopify_orders, but lacks 'Lineitem price'; found 'Price'" in sentence
    assert "shopify_orders: columns = Lineitem price = Price" in sentence


@pytest.mark.parametrize("required", FORMATS["shopify_orders"].required)
def test_without_any_one_required_column_an_orders_file_is_nothing_else(required, tmp_path):
    names = [name for name in SHOPIFY.split(",") if name != required]
    found = seen(",".join(names), tmp_path)
    assert found.fits == ()
    assert required in found.near.missing


@pytest.mark.parametrize(("what", "header"), UNNEEDED.items())
def test_what_no_notebook_needs_is_named_and_is_no_near_miss(what, header, tmp_path):
    found = seen(header, tmp_path)
    assert (found.fits, found.near, found.not_needed) == ((), None, what)


@given(
    st.lists(
        st.sampled_from(["Id", "Created at", "Status", "Email", "Name", "Tags", "Notes", "Total"]),
        unique=True, min_size=2,
    ),
    st.lists(st.from_regex(r"[A-Z][a-z]{4,9} [a-z]{4,9}", fullmatch=True), unique=True, min_size=8,
             max_size=20),
)  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_common_names_among_foreign_ones_make_no_format(common, foreign):
    known = {n.casefold() for f in FORMATS.values() for n in (*f.used_columns(), *f.aliases)}
    header = [*common, *(name for name in foreign if name.casefold() not in known)]
    if len(header) < len(common) + 5:
        return
    assert [f.name for f in FORMATS.values() if f.recognise(header) > 0] == []


@pytest.mark.parametrize("name", sorted(n for n, f in FORMATS.items() if len(f.required) > 2))
@pytest.mark.parametrize("spell", [str.lower, str.upper, lambda n: f"  {n} "])
def test_letter_case_and_blanks_change_nothing(name, spell):
    fmt = FORMATS[name]
    header = fmt.used_columns()
    assert fmt.recognise([spell(column) for column in header]) == fmt.recognise(header)
    assert set(fmt.columns_in([spell(column) for column in header])) == set(header)


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_header_in_small_letters_with_blanks_and_marks_is_read_alike(mapped, delimiter):
    header = "\ufeff" + delimiter.join(f'"{n.lower()} "' for n in SHOPIFY.split(","))
    text = f"{header}\n{ORDER.replace(',', delimiter)}\n"
    made = mapped(text, FORMATS["shopify_orders"], ReadOptions(threads=1, currency="EUR"))
    order = made["orders"].iloc[0]
    assert (order.gross_minor, order.currency) == (2000, "USD")
    assert order.ordered_at == datetime(2026, 3, 1, 10)
    assert made["order_lines"].iloc[0].unit_price_minor == 2000


REST = {"id": 7, "status": "completed", "currency": "EUR", "total": "20.00",
        "date_created_gmt": "2026-03-01T10:00:00", "billing": {"email": "ada@x.example"},
        "line_items": [{"id": 1, "name": "Mug", "quantity": 1, "subtotal": "20.00",
                        "total": "20.00", "sku": "M"}], "refunds": []}  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        json.dumps([REST]),
        json.dumps({"data": [REST]}, indent=1),
        json.dumps({"orders": [REST]}),
        json.dumps({"success": True, "count": 1, "data": [REST], "links": {"next": None}}),
        json.dumps(REST) + "\n",
    ],
    ids=["array", "data", "orders", "data among others", "lines"],
)
def test_json_records_are_found_wherever_they_stand(mapped, text, tmp_path):
    path = tmp_path / "orders.json"
    path.write_text(text)
    assert recognise_file(path)[0][0].name == "woocommerce_orders"
    orders = mapped(text, FORMATS["woocommerce_orders"], name="orders.json")["orders"]
    assert orders.gross_minor.tolist() == [2000]


@pytest.mark.parametrize("cut", [1, 20, 200])
def test_a_wrapped_array_that_is_cut_short_is_refused(mapped, cut):
    text = json.dumps({"data": [REST, REST], "links": 1})
    with pytest.raises(InputError, match="cut short"):
        mapped(text[:-cut], FORMATS["woocommerce_orders"], name="orders.json")


def test_the_simulated_shop_writes_headers_that_no_second_format_fits(tmp_path):
    for name in ("SHOPIFY_ORDERS", "TICKETS", "CONSENTS", "COSTS"):
        found = seen(",".join(getattr(demo_headers, name)), tmp_path)
        assert len(found.fits) == 1, name


@pytest.mark.parametrize(
    ("data", "encoding"),
    [
        ("Größe;1\n".encode(), ""),
        ("Größe;1\n".encode("utf-8-sig"), ""),
        ("Größe;1\n".encode("utf-16"), ""),
        ("Größe;1\n".encode("utf-16-le"), "utf-16-le"),
        ("Größe;1\n".encode("utf-16-be"), "utf-16-be"),
        ("Größe;1\n".encode("cp1252"), "windows-1252"),
        (b"", ""),
    ],
)
def test_an_encoding_is_declared_only_where_the_bytes_do_not_show_it(data, encoding):
    assert fitting_encoding(iter([data])) == encoding


def test_a_letter_that_lies_across_two_chunks_is_no_sign_of_another_encoding():
    data = "Größe".encode()
    assert fitting_encoding(iter([data[:3], data[3:]])) == ""
