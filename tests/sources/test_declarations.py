"""Declarations: what they may say, what is worked out, and the examples of docs/formats.md."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from retention.errors import ParameterError
from retention.ingest.plan import plan
from retention.sources import FORMATS, ReadOptions, recognise_file
from retention.sources.declarations.compiling import source_format
from retention.sources.declarations.drafting import draft_declaration
from retention.sources.declarations.labels import ORDER_STATUS
from retention.sources.declarations.schema import declared, read_declarations
from retention.sources.registry import declared_formats, use_formats

PAGE = Path(__file__).parents[2] / "docs" / "formats.md"


def examples() -> dict[str, tuple[str, str]]:
    """Return the page's examples: name → (CSV, YAML)."""
    pattern = r"<!-- example: (\w+) -->\n```csv\n(.*?)```\n\n```yaml\n(.*?)```"
    found = re.findall(pattern, PAGE.read_text(encoding="utf-8"), re.DOTALL)
    return {name: (text, page) for name, text, page in found}


def orders_format(**columns: object):
    """Return a format of orders with these columns beside number and day."""
    orders = {"order_key": "No", "ordered_at": "Day", **columns}
    return source_format(declared({"name": "t", "meaning": "", "tables": {"orders": orders}}))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("till", [("R-1", "paid", 6000, 600, 450, 0), ("R-2", "cancelled", 2000, 0, 0, 0),
                  ("R-3", "paid", 1200, 0, 0, 0)]),
        ("market", [("A1", "paid", 2300, 0, 500, 0), ("A2", "paid", 1000, 0, 500, 400)]),
    ],
)  # fmt: skip
def test_the_examples_of_the_page_come_to_what_the_page_says(name, expected, mapped, tmp_path):
    text, page = examples()[name]
    (tmp_path / "formats").mkdir()
    (tmp_path / "formats" / "own.yaml").write_text(page, encoding="utf-8")
    (made,) = declared_formats(tmp_path / "formats")
    orders = mapped(text, made, ReadOptions(threads=1, currency="EUR"))["orders"]
    columns = ["gross_minor", "discount_minor", "shipping_minor", "refunded_minor"]
    rows = zip(orders.order_key, orders.status, *(orders[c] for c in columns), strict=True)
    assert [(key.split(":")[1], state, *map(int, rest)) for key, state, *rest in rows] == expected


def test_a_profiles_own_format_is_recognised_planned_and_forgotten_again(tmp_path):
    text, page = examples()["till"]
    (tmp_path / "till.csv").write_text(text, encoding="utf-8")
    (tmp_path / "formats").mkdir()
    (tmp_path / "formats" / "till.yaml").write_text(page, encoding="utf-8")
    use_formats(tmp_path / "formats")
    try:
        assert recognise_file(tmp_path / "till.csv")[0][0].name == "our_till"
        (item,) = plan(["our_till: till.csv"], tmp_path, [], ReadOptions())
        assert item.source.tables[0].table == "orders"
    finally:
        use_formats(tmp_path / "nowhere")
    assert "our_till" not in FORMATS


@pytest.mark.parametrize(
    ("page", "said"),
    [
        ("name: x\nmeaning: m\ntables: {orders: {order_kye: No}}", "no column 'order_kye'"),
        ("name: x\nmeaning: m\ntables: {odrers: {order_key: No}}", "no table 'odrers'"),
        ("name: X y\nmeaning: m\ntables: {orders: {order_key: No}}", "In name"),
        ("name: x\nmeaning: m\ntables: {orders: {order_key: {colunm: No}}}", "colunm"),
        ("name: x\nmeaning: m\ntables: {orders: {order_key: {first: [A], sum: [B]}}}", "one of"),
        ("name: x\n  meaning: m", "no YAML"),
        ("- a\n- b", "declaration"),
    ],
)
def test_what_is_wrong_with_a_declaration_is_said_with_its_place(page, said, tmp_path):
    path = tmp_path / "own.yaml"
    path.write_text(page, encoding="utf-8")
    with pytest.raises(ParameterError, match=re.escape(said)) as caught:
        read_declarations(path)
    assert "own.yaml" in str(caught.value)


@pytest.mark.parametrize("name", ["shopify_orders", "costs"])
def test_a_declaration_may_not_take_a_name_that_is_taken(name, tmp_path):
    page = f"name: {name}\nmeaning: m\ntables: {{orders: {{order_key: No, ordered_at: Day}}}}"
    (tmp_path / "own.yaml").write_text(page, encoding="utf-8")
    with pytest.raises(ParameterError, match="already"):
        use_formats(tmp_path)
    use_formats(tmp_path / "nowhere")
    assert name in FORMATS


@given(st.sampled_from(sorted(ORDER_STATUS)), st.sampled_from([str.upper, str.title, str.lower]))
def test_a_known_state_is_known_in_any_letter_case(word, case):
    assert ORDER_STATUS[word] in {"paid", "pending", "cancelled", "refunded"}
    assert case(word).lower() in ORDER_STATUS


@pytest.mark.parametrize(
    ("given_", "gross", "discount", "net"),
    [
        ({"gross": "20.00", "discount": "-2.00"}, 2000, 200, 1800),
        ({"gross": "20.00", "discount": "2.00"}, 2000, 200, 1800),
        ({"goods": "18.00", "discount": "2.00"}, 2000, 200, 1800),
        ({"gross": "20.00", "goods": "18.00"}, 2000, 200, 1800),
        ({"total": "25.00", "shipping": "5.00", "tax": "2.00", "discount": "2"}, 2000, 200, 1800),
        ({"gross": "20.00", "discount": "2", "refunded": "-5.00"}, 2000, 200, 1300),
        ({"gross": "20.00", "refunded": "99.00"}, 2000, 0, 0),
        ({"gross": "20.00", "status": "Fully Refunded"}, 2000, 0, 0),
    ],
)
def test_amounts_that_a_tool_does_not_name_are_worked_out(given_, gross, discount, net, mapped):
    fmt = orders_format(**{name: name for name in given_})
    text = f"No,Day,{','.join(given_)}\n1,2026-01-05,{','.join(given_.values())}\n"
    order = mapped(text, fmt, ReadOptions(threads=1, currency="EUR"))["orders"].iloc[0]
    assert (order.gross_minor, order.discount_minor, order.net_minor) == (gross, discount, net)


def test_a_negative_order_is_a_refund_of_the_order_with_its_number(mapped):
    text = "No,Day,Sum\n1,2026-01-05,20.00\n1,2026-01-09,-5.00\n2,2026-01-10,-7.00\n"
    made = mapped(text, orders_format(gross="Sum"), ReadOptions(threads=1, currency="EUR"))
    orders, refunds = made["orders"], made["refunds"]
    assert orders.exclusion.tolist() == [None, "refund_row", None]
    assert orders.status.tolist()[::2] == ["paid", "cancelled"]
    assert orders.net_minor.tolist()[0] == 1500
    assert refunds.amount_minor.tolist() == [500, 700]
    assert refunds.dating.tolist() == ["exact", "exact"]


def test_columns_called_like_the_compilers_own_names_are_read(mapped):
    fmt = orders_format(gross="key", currency="Code", status="Order Status", email="copy")
    text = "No,Day,key,Code,Order Status,copy\n1,2026-01-05,20.00,EUR,Shipped,a@example.org\n"
    order = mapped(text, fmt)["orders"].iloc[0]
    assert (order.gross_minor, order.currency, order.status) == (2000, "EUR", "paid")
    assert order.identity_email == "a@example.org"


@pytest.mark.parametrize(
    ("header", "values", "expected"),
    [
        ("Email Marketing Consent,Email Marketing Consent Timestamp", "SUBSCRIBED,2024-05-01",
         [("marketing_email", "granted", "2024-05-01")]),
        ("Email Marketing Consent,Date Added", "UNSUBSCRIBED,2023-01-02",
         [("marketing_email", "withdrawn", "2023-01-02")]),
        ("Email Marketing Consent,Date Added", "NEVER_SUBSCRIBED,2023-01-02", []),
        ("SMS Marketing Consent,Date Added", "SUBSCRIBED,2023-01-02",
         [("marketing_sms", "granted", "2023-01-02")]),
    ],
)  # fmt: skip
def test_consent_columns_of_klaviyo_profiles_become_consents(header, values, expected, mapped):
    text = f"Email,Klaviyo ID,{header}\na@example.org,k1,{values}\n"
    made = mapped(text, FORMATS["klaviyo_profiles"])["consents"]
    rows = zip(made.purpose, made.state, made.changed_at, strict=True)
    found = [(purpose, state, str(day)[:10]) for purpose, state, day in rows]
    assert found == expected


def test_consent_columns_of_shopify_customers_become_consents(mapped):
    text = ("First Name,Last Name,Email,Accepts Email Marketing,Accepts SMS Marketing,Total Spent,"
            "Total Orders\nAda,L,a@example.org,yes,no,9.00,1\n")  # fmt: skip
    made = mapped(text, FORMATS["shopify_customers"])["consents"]
    assert dict(zip(made.purpose, made.state, strict=True)) == {
        "marketing_email": "granted", "marketing_sms": "withdrawn",
    }  # fmt: skip
    assert made.identity_email.tolist() == ["a@example.org"] * 2
    assert set(made.basis) == {"unknown"}


def test_payments_are_left_out_beside_orders_and_are_the_orders_alone(tmp_path):
    for name in ("p.csv", "o.csv"):
        (tmp_path / name).write_text("a\n1\n", encoding="utf-8")
    sources = ["stripe_payments: p.csv", "squarespace_orders: o.csv"]
    beside = plan(sources, tmp_path, [], ReadOptions())[0].source
    alone = plan(sources[:1], tmp_path, [], ReadOptions())[0].source
    assert [m.table for m in beside.tables] == ["orders"]
    assert "'payment'" in beside.tables[0].select
    assert [m.table for m in alone.tables] == ["orders", "refunds", "customers"]


def test_square_items_give_lines_alone_beside_square_transactions(tmp_path):
    for name in ("i.csv", "t.csv", "e.csv"):
        (tmp_path / name).write_text("a\n1\n", encoding="utf-8")
    sources = ["square_items: i.csv", "ebay_orders: e.csv", "square_transactions: t.csv"]
    beside = plan(sources, tmp_path, [], ReadOptions())[0].source
    apart = plan(sources[:2], tmp_path, [], ReadOptions())[0].source
    assert [m.table for m in beside.tables] == ["order_lines"]
    assert "orders" in [m.table for m in apart.tables]


def test_a_generic_mapping_knows_labels_a_clock_apart_and_words_of_ones_own(mapped):
    options = ReadOptions(threads=1, currency="EUR", labels=("Offen = pending",), columns=(
        "orders.order_key = No", "orders.ordered_at = Day + Clock", "orders.total = Sum",
        "orders.status = State"))  # fmt: skip
    text = ("No,Day,Clock,Sum,State\n1,2026-01-05,10:30,20,PAID\n2,2026-01-06,,30,Completed\n"
            "3,2026-01-07,08:00,40,offen\n4,2026-01-08,08:00,40,???\n")  # fmt: skip
    made = mapped(text, FORMATS["generic"].for_options(options), options)["orders"]
    assert made.status.tolist() == ["paid", "paid", "pending", None]
    assert [str(t) for t in made.ordered_at[:2]] == ["2026-01-05 10:30:00", "2026-01-06 00:00:00"]
    assert made.time_precision.tolist()[:2] == ["second", "day"]
    assert made.reasons.tolist()[3] == ["unknown_label:State"]


def test_a_draft_names_the_right_columns_and_nobody(tmp_path):
    path = tmp_path / "till list.csv"
    rows = [f"{n},2026-01-{n:02d},0{n % 9}:15,Ada Byron {n},ada{n}@example.org,{n}.50,0.50,"
            f"{'Bezahlt' if n % 2 else 'Completed'},1" for n in range(1, 20)]  # fmt: skip
    head = "Order No,Order Date,Time,Customer Name,E-Mail,Total,Tax,Status,Shelf"
    path.write_text("\n".join([head, *rows]) + "\n", encoding="utf-8")
    text = draft_declaration(path, "own_till", tmp_path / "l", ReadOptions(threads=1))
    orders = yaml.safe_load(text)["tables"]["orders"]
    assert orders["order_key"] == "Order No"
    assert orders["ordered_at"] == {"join": ["Order Date", "Time"]}
    assert (orders["email"], orders["total"], orders["tax"]) == ("E-Mail", "Total", "Tax")
    assert orders["status"]["labels"] == {"Bezahlt": "paid", "Completed": "paid"}
    assert '"Shelf"' in text
    assert not any(word in text for word in ("Ada", "Byron", "@"))
    assert declared(yaml.safe_load(text)).name == "own_till"


def test_a_draft_of_items_declares_lines_and_leaves_unknown_words_to_a_person(tmp_path):
    path = tmp_path / "items.csv"
    rows = [
        "A1,2026-01-01,Mug,2,10.00,Merkwürdig",
        "A1,,Bowl,1,5.00,",
        "A2,2026-01-02,Mug,1,9,paid",
    ]
    head = "Order ID,Created,Item Name,Quantity,Unit Price,State"
    path.write_text("\n".join([head, *rows]) + "\n", encoding="utf-8")
    text = draft_declaration(path, "own_items", tmp_path / "l", ReadOptions(threads=1))
    made = yaml.safe_load(text)["tables"]
    assert made["order_lines"] == {
        "title": "Item Name", "quantity": "Quantity", "unit_price": "Unit Price",
    }  # fmt: skip
    assert made["orders"]["status"]["labels"] == {"paid": "paid"}
    assert '# "Merkwürdig": ???' in text
