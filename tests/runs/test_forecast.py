"""What is foretold of a notebook: complete, without a section, or nothing, each with numbers."""

from __future__ import annotations

from datetime import datetime

import pytest

from retention.runs.forecast import forecast
from retention.runs.params import model_for
from retention.runs.plan import NOTEBOOKS
from retention.runs.settings import Settings
from retention.runs.trial import Holdings

FULL = {"orders": 9000, "order_lines": 20000, "events": 1, "touches": 1, "surveys": 1, "tickets": 1}


def settings(**changed) -> list[Settings]:
    made = []
    for notebook in NOTEBOOKS:
        fields = model_for(notebook.name).model_fields
        given = {name: field.default for name, field in fields.items()}
        made.append(
            Settings(notebook, {}, given | {k: v for k, v in changed.items() if k in given})
        )
    return [s for s in made if s.notebook.name != "ingest"]


def holdings(rows=FULL, customers=5000, days=1200, experiments=None) -> Holdings:
    return Holdings(
        rows, customers * 3, 0, {1: customers // 2, 3: customers - customers // 2},
        datetime(2023, 1, 1), datetime(2026, 1, 1), days, experiments or {},
    )  # fmt: skip


def sentences(found: list) -> dict[str, str]:
    return {one.notebook: one.sentence() for one in found}


def test_a_large_shop_has_all_but_experiments():
    told = sentences(forecast(settings(), holdings(), []))
    for name in ("segments", "lifetime_value", "retention_curves", "churn_risk", "design"):
        assert told[name] == f"{name}: complete"
    assert "nothing yet" in told["ab_test"]


def test_a_shop_of_two_weeks_is_told_what_needs_a_longer_history():
    told = sentences(forecast(settings(), holdings({"orders": 60}, 40, 14), []))
    assert "personas (needs 200 customers with 3 orders; there are 20)" in told["segments"]
    assert "(needs 91 days of orders; there are 14)" in told["segments"]
    assert "products bought together (there are no order lines)" in told["segments"]
    assert "(needs 181 days of orders; there are 14)" in told["churn_risk"]
    assert "size of the next test (needs 29 days of orders; there are 14)" in told["design"]


@pytest.mark.parametrize("name", ["segments", "lifetime_value", "churn_risk", "design"])
def test_without_customers_a_notebook_has_nothing(name):
    empty = Holdings({"events": 5})
    told = sentences(forecast(settings(), empty, []))[name]
    assert told.startswith(f"{name}: nothing yet. customers")


def test_an_experiment_of_another_name_is_told_with_the_line_to_write():
    held = holdings(experiments={"spring": {"control": 50, "offer": 50}, "old": {"a": 3}})
    told = sentences(forecast(settings(experiment_key="", experiment="spring"), held, ["spring"]))
    assert told["ab_test"] == "ab_test: complete"
    assert "Write `experiment_key: spring` in campaign_lift.yaml" in told["campaign_lift"]
