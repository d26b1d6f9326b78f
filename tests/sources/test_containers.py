"""The same table in other vessels: JSON, workbooks, Parquet folders, SQLite."""

from __future__ import annotations

import json
import sqlite3
import zipfile
from datetime import datetime

import openpyxl
import pandas as pd
import pytest

from retention.errors import InputError, ParameterError
from retention.sources import FORMATS, ReadOptions, format_named, land, recognise_file

COSTS = FORMATS["costs"]
ROWS = [
    {"cost_id": "k1", "incurred_at": "2026-03-01", "kind": "tool", "amount": "11.50"},
    {"cost_id": "k2", "incurred_at": "2026-03-02", "kind": "tool", "amount": "12.00"},
]
OPTIONS = ReadOptions(threads=1, currency="USD")


def amounts(frame: pd.DataFrame) -> list[int]:
    return frame.amount_minor.tolist()


def test_json_lines_land_with_their_line_numbers(mapped):
    text = "".join(json.dumps(row) + "\n" for row in ROWS)
    made = mapped(text, COSTS, OPTIONS, name="costs.jsonl")["costs"]
    assert amounts(made) == [1150, 1200]
    assert made.line_no.tolist() == [1, 2]


def test_a_json_array_of_numbers_keeps_every_digit(mapped):
    rows = json.dumps([ROWS[0], ROWS[1] | {"amount": 0}], indent=2).replace(": 0", ": 12.30")
    made = mapped(rows, COSTS, OPTIONS, name="costs.json")["costs"]
    assert amounts(made) == [1150, 1230]


def test_whole_numbers_in_a_json_array_stay_whole(landing):
    text = json.dumps([{"id": 9007199254740993, "n": {"x": 1}, "t": "a\nb"}], indent=1)
    _, rows, _ = landing(text.encode(), name="any.json")
    assert rows.id[0] == "9007199254740993"
    assert rows["t"][0] == "a\nb"


def test_broken_json_lines_are_broken_records(landing):
    text = json.dumps(ROWS[0]) + "\nnot json\n[1]\n\n" + json.dumps(ROWS[1]) + '\n{"cut": '
    landed, rows, broken = landing(text.encode(), COSTS, name="costs.jsonl")
    assert rows.line_no.tolist() == [1, 5]
    assert broken.line_no.tolist() == [2, 3, 6]
    assert set(broken.reason) == {"unreadable_json"}
    assert landed.rows_read == 5


def test_a_json_array_cut_short_is_a_clear_error(landing):
    with pytest.raises(InputError, match="cut short"):
        landing(json.dumps(ROWS)[:-5].encode(), COSTS, name="costs.json")


@pytest.mark.parametrize(
    "text",
    [b'[{"a": 1}] rubbish', b'[{"a": "caf\xe9"}]', b"[" * 100_000, b'[{"a": 1} "b"', b"[1 2"],
    ids=["rubbish behind", "not UTF-8", "nested without end", "not closed", "numbers"],
)
def test_malformed_json_arrays_are_clear_errors(text, landing):
    with pytest.raises(InputError, match="JSON array"):
        landing(text, name="any.json")


def test_a_json_array_longer_than_a_chunk_is_read_whole(landing, monkeypatch):
    monkeypatch.setattr("retention.sources.unpacking.CHUNK", 7)
    text = json.dumps([{"a": "é€🎁", "b": [i]} for i in range(9)], ensure_ascii=False, indent=1)
    _, rows, _ = landing(text.encode(), name="any.json")
    assert rows.b.tolist() == [f"[{i}]" for i in range(9)]
    assert set(rows.a) == {"é€🎁"}


def test_objects_within_json_records_are_flattened_once(landing):
    text = json.dumps({"a": {"b": "x", "c": {"d": 1}}, "e": [1, 2], "A": None}) + "\n"
    _, rows, _ = landing(text.encode(), name="any.jsonl")
    row = rows.iloc[0]
    assert (row["a.b"], row["a.c"], row["e"]) == ("x", '{"d":1}', "[1,2]")


def workbook(tmp_path, *sheets: list[list[object]]):
    book = openpyxl.Workbook()
    book.remove(book.active)
    for number, rows in enumerate(sheets):
        sheet = book.create_sheet(f"Year {number}")
        for row in rows:
            sheet.append(row)
    path = tmp_path / "retail.xlsx"
    book.save(path)
    return path


RETAIL = ["Invoice", "StockCode", "Description", "Quantity", "InvoiceDate", "Price",
          "Customer ID", "Country"]  # fmt: skip


def test_online_retail_two_is_read_from_both_sheets_of_its_workbook(tmp_path, map_file):
    day = datetime(2009, 12, 1, 7, 45)
    first = [489434, "85048", "LIGHTS", 12, day, 6.95, 13085, "United Kingdom"]
    second = ["C489435", "85049", "HEART", -1, day, 2.1, 13085.0, "United Kingdom"]
    path = workbook(tmp_path, [RETAIL, first], [RETAIL, second])
    assert recognise_file(path)[0][0].name == "online_retail"
    made = map_file(path, FORMATS["online_retail"], tmp_path / "landed")
    assert float(made["order_lines"].value_minor.sum()) == 12 * 695 - 210
    assert made["order_lines"].line_no.tolist() == [2, 4]
    assert set(made["customers"].identity_platform_id) == {"13085"}
    assert made["orders"].status.tolist() == ["paid", "cancelled"]


def test_a_formula_without_a_stored_value_is_a_broken_record(tmp_path):
    header = ["cost_id", "incurred_at", "kind", "amount"]
    path = workbook(tmp_path, [header, ["k1", "2026-03-01", "tool", "=1+1"],
                               ["k2", "2026-03-01", "tool", 2]])  # fmt: skip
    landed = land(path, COSTS, tmp_path / "landed", OPTIONS)
    assert landed.rows_read == 2
    assert pd.read_parquet(landed.broken).reason.tolist() == ["unevaluated_formula"]


def test_sheets_of_different_tables_are_a_clear_error(tmp_path):
    path = workbook(tmp_path, [["a", "b"], [1, 2]], [["c"], [3]])
    with pytest.raises(InputError, match="another header"):
        land(path, FORMATS["costs"].__class__("any", "", (), (), ()), tmp_path / "l", OPTIONS)


def test_a_damaged_workbook_is_a_clear_error(tmp_path):
    path = tmp_path / "retail.xlsx"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("xl/workbook.xml", "<not-a-workbook/>")
    with pytest.raises(InputError, match="damaged"):
        land(path, FORMATS["online_retail"], tmp_path / "landed", OPTIONS)


def test_a_parquet_folder_is_read_in_place(tmp_path, map_file):
    folder = tmp_path / "costs"
    folder.mkdir()
    for number, row in enumerate(ROWS):
        typed = row | {"amount": float(row["amount"]), "incurred_at": pd.Timestamp(
            row["incurred_at"], tz="Europe/Berlin")}  # fmt: skip
        pd.DataFrame([typed]).to_parquet(folder / f"part-{number}.parquet")
    made = map_file(folder, COSTS, tmp_path / "landed", OPTIONS)["costs"]
    assert amounts(made) == [1150, 1200]
    assert made.incurred_at.tolist() == [datetime(2026, 2, 28, 23), datetime(2026, 3, 1, 23)]
    assert made.line_no.tolist() == [1, 2]
    assert not list((tmp_path / "landed").glob("*.parquet"))


def test_parquet_that_is_cut_short_or_differs_is_a_clear_error(tmp_path):
    folder = tmp_path / "costs"
    folder.mkdir()
    pd.DataFrame(ROWS).to_parquet(folder / "a.parquet")
    pd.DataFrame({"x": [1]}).to_parquet(folder / "b.parquet")
    with pytest.raises(InputError, match="differ"):
        land(folder, COSTS, tmp_path / "landed", OPTIONS)
    content = (folder / "a.parquet").read_bytes()
    (folder / "b.parquet").write_bytes(content[:-20])
    with pytest.raises(InputError, match="damaged"):
        land(folder, COSTS, tmp_path / "landed", OPTIONS)


def test_a_sqlite_table_and_query_are_fetched(tmp_path, map_file):
    path = tmp_path / "shop.db"
    with sqlite3.connect(path) as database:
        pd.DataFrame(ROWS).to_sql("costs", database, index=False)
    for query in ("costs", "SELECT * FROM costs ORDER BY cost_id DESC"):
        made = map_file(f"sqlite:///{path}#{query}", COSTS, tmp_path / "landed", OPTIONS)
        assert sorted(amounts(made["costs"])) == [1150, 1200]


def test_a_missing_database_and_a_bad_query_are_clear_errors(tmp_path):
    path = tmp_path / "shop.db"
    with pytest.raises(InputError, match="no such database"):
        land(f"sqlite:///{path}#costs", COSTS, tmp_path / "landed", OPTIONS)
    sqlite3.connect(path).close()
    with pytest.raises(InputError, match="refused the query"):
        land(f"sqlite:///{path}#costs", COSTS, tmp_path / "landed", OPTIONS)


def test_a_column_map_gives_a_survey_its_headers(mapped):
    text = "Token,When,Which,Stars\n1,2026-03-01 10:00:00,NPS,9\n"
    options = ReadOptions(threads=1, columns=("Submitted At = When", "Survey = Which",
                                              "Score = Stars"))  # fmt: skip
    made = mapped(text, FORMATS["surveys"], options)["surveys"]
    assert (made.score[0], made.instrument[0]) == (9.0, "nps")


@pytest.mark.parametrize("columns", [("Nonsense = When",), ("Score Stars",), ("Score =",)], ids=str)
def test_a_column_map_that_cannot_be_is_a_parameter_error(columns, mapped):
    with pytest.raises(ParameterError):
        mapped("a\n1\n", FORMATS["surveys"], ReadOptions(columns=columns))


GENERIC = ReadOptions(
    threads=1,
    delimiter="auto",
    columns=(
        "order_lines.order_line_key = Position", "order_lines.order_key = Bestellung",
        "order_lines.product_key = Artikel", "order_lines.quantity = Menge",
        "order_lines.unit_price_minor = Preis", "order_lines.currency = 'EUR'",
        "orders.order_key = Bestellung", "orders.ordered_at = Datum", "orders.currency = 'EUR'",
        "orders.email = Mail", "customers.email = Mail", "customers.first_seen_at = Datum",
    ),
)  # fmt: skip


def test_a_generic_export_with_semicolons_and_decimal_commas_feeds_orders_and_lines(mapped):
    text = (
        "Position;Bestellung;Artikel;Menge;Preis;Datum;Mail\n"
        "1;A1;Tasse;2;10,50;31.12.2025;ada@example.org\n"
        "2;A1;Kanne;1;1.020,00;31.12.2025;ada@example.org\n"
        "3;A2;Tasse;x;10,50;01.01.2026;bob@example.org\n"
    )
    made = mapped(text.encode("cp1252"), format_named("generic").for_options(GENERIC), GENERIC)
    orders, lines = made["orders"], made["order_lines"]
    assert orders.gross_minor[0] == 104_100
    assert orders.identity_email.tolist() == ["ada@example.org", "bob@example.org"]
    assert lines.reasons.tolist()[2] == ["unreadable_number:Menge"]
    assert float(lines.value_minor.sum()) == 104_100
    assert lines.currency.tolist() == ["EUR"] * 3
    assert lines.occurred_at[0] == datetime(2025, 12, 31)
    assert made["customers"].identity_email.tolist() == ["ada@example.org", "bob@example.org"]


def test_a_generic_mapping_to_an_unknown_column_is_a_parameter_error():
    with pytest.raises(ParameterError, match=r"orders\.colour"):
        format_named("generic").for_options(ReadOptions(columns=("orders.colour = Farbe",)))
    with pytest.raises(ParameterError, match="no column mapping"):
        format_named("generic").for_options(ReadOptions())
