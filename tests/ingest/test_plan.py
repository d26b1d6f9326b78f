"""Which files a source names, whatever they are called."""

from __future__ import annotations

from pathlib import Path

import pytest

from retention.errors import InputError, ParameterError
from retention.ingest.plan import plan
from retention.sources import ReadOptions


def planned(source: str, root: Path) -> list[str]:
    return [item.name for item in plan([source], root, [], ReadOptions())]


@pytest.mark.parametrize(
    "name", ["orders_export (1).csv", "orders [2].csv", "orders*.csv", "a?b.csv", "o'x, y.csv"]
)
def test_a_file_is_found_by_its_name_whatever_stands_in_it(name, tmp_path):
    folder = tmp_path / "root [of shops]"
    folder.mkdir()
    for file in (name, "orders 2.csv"):
        (folder / file).write_text("x\n")
    assert planned(f"shopify_orders: {name}", folder) == [name]


def test_a_pattern_names_every_file_that_it_matches(tmp_path):
    for name in ("orders_1.csv", "orders_2.csv", "orders [3].csv", "other.csv"):
        (tmp_path / name).write_text("x\n")
    assert planned("shopify_orders: orders_*.csv", tmp_path) == ["orders_1.csv", "orders_2.csv"]
    assert planned("shopify_orders: orders [[]3].csv", tmp_path) == ["orders [3].csv"]


def test_a_pattern_that_matches_nothing_is_said_with_the_source(tmp_path):
    with pytest.raises(InputError, match=r"No file matches the source 'shopify_orders: x\*\.csv'"):
        planned("shopify_orders: x*.csv", tmp_path)


def options_of(tmp_path: Path, *read_options: str) -> dict[str, ReadOptions]:
    for name in ("a.csv", "b (1).csv", "c [2].csv"):
        (tmp_path / name).write_text("x\n")
    found = plan(["tickets: *.csv"], tmp_path, read_options, ReadOptions(time_zone="Asia/Tokyo"))
    return {item.name: item.options for item in found}


def test_what_is_said_of_a_file_goes_before_its_format_and_that_before_all(tmp_path):
    made = options_of(
        tmp_path, "b (1).csv: date_order = day_first", "tickets: date_order = month_first",
        "*: encoding = windows-1252", "c [2].csv: columns = Id = No: 7; Created at = When",
    )  # fmt: skip
    assert {o.encoding for o in made.values()} == {"windows-1252"}
    assert made["a.csv"].date_order == "month_first"
    assert made["b (1).csv"].date_order == "day_first"
    assert made["c [2].csv"].columns == ("Id = No: 7", "Created at = When")
    assert {o.time_zone for o in made.values()} == {"Asia/Tokyo"}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("tickets: dateorder = day_first", "names no reading option"),
        ("tickets day_first", "names no reading option"),
        ("no such.csv: date_order = day_first", "No source names the file 'no such.csv'"),
    ],
)
def test_an_option_that_would_do_nothing_is_refused(text, told, tmp_path):
    with pytest.raises(ParameterError, match=told):
        options_of(tmp_path, text)
