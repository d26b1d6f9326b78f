"""The cost of a very large shop is arithmetic on what was measured, and the page agrees with it."""

from __future__ import annotations

import json

import pytest
from benchmarks.scale_cost import CUSTOMERS, LINES, Price, estimate, rendered, table

from benchmarks import scale_cost

PRICE = Price(core_hour=0.05, storage_month=20.0, source="a test")


def measured(power: float = 1.0) -> dict:
    rows = []
    for customers in (10_000, 100_000):
        lines = {"lines": customers * 10.0}
        cost = 36.0 * (customers / 10_000) ** power
        rows.append({"stage": "shop", "customers": customers, "processor_seconds": 1.0,
                     "answer": lines})  # fmt: skip
        rows += [{"stage": stage, "customers": customers, "processor_seconds": cost, "answer": {}}
                 for stage in ("features", "segments")]  # fmt: skip
    return {"rows": rows}


def test_stages_follow_lines_or_customers_along_their_exponent():
    features, segments = estimate(measured(), PRICE)
    assert features["hours"] == pytest.approx(0.1 * LINES / 1_000_000)
    assert segments["hours"] == pytest.approx(0.1 * CUSTOMERS / 100_000)
    assert features["spread"] == pytest.approx(features["hours"] * scale_cost.OVERHEAD)
    assert segments["money"] == pytest.approx(segments["hours"] * 0.05)


def test_growth_above_linear_is_carried_on_and_below_it_is_not():
    assert estimate(measured(1.2), PRICE)[1]["exponent"] == pytest.approx(1.2)
    assert estimate(measured(0.5), PRICE)[1]["exponent"] == 1.0


def test_the_page_holds_the_table_of_the_measurement(tmp_path, monkeypatch):
    page, data = tmp_path / "scale.md", tmp_path / "growth.json"
    page.write_text(f"before\n{scale_cost.BEGIN}\n{scale_cost.END}\nafter\n")
    arguments = ["scale_cost", "--page", str(page), "--growth", str(data)]
    monkeypatch.setattr("sys.argv", [*arguments, "--check"])
    assert scale_cost.main() == 1
    data.write_text(json.dumps(measured()))
    monkeypatch.setattr("sys.argv", arguments)
    assert scale_cost.main() == 0
    assert "one full run" in page.read_text()
    assert page.read_text().endswith("after\n")
    monkeypatch.setattr("sys.argv", [*arguments, "--check"])
    assert scale_cost.main() == 0
    data.write_text(json.dumps(measured(1.3)))
    assert scale_cost.main() == 1


def test_what_was_not_measured_is_not_made_up():
    assert table(None).startswith("Not measured yet")
    assert rendered(f"a{scale_cost.BEGIN}b{scale_cost.END}c", "new").count("new") == 1
