"""The two real profiles, from the raw file to published reports."""

from __future__ import annotations

from pathlib import Path

import pytest

from retention.runs.run import Run
from retention.runs.runner import run_profile
from retention.runs.workspace import Workspace

pytestmark = [pytest.mark.realdata, pytest.mark.slow]

PROJECT = Path(__file__).resolve().parents[2]


def run_real(profile: str, real_data: Path, root: Path) -> Run:
    """Run a profile of the project with outputs in a folder of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RETENTION_DATA", str(real_data))
        patch.setenv("RETENTION_ROOT", str(root))
        return run_profile(Workspace(PROJECT, root), profile)


def metrics(run: Run, notebook: str) -> dict[str, float]:
    """Return a notebook's metrics by name."""
    return {m["name"]: m["value"] for m in run.result(notebook)["metrics"]}


@pytest.fixture(scope="module")
def gift_shop(real_data, tmp_path_factory) -> Run:
    return run_real("online_retail", real_data, tmp_path_factory.mktemp("gift_shop"))


@pytest.fixture(scope="module")
def email_test(real_data, tmp_path_factory) -> Run:
    return run_real("hillstrom", real_data, tmp_path_factory.mktemp("email_test"))


def test_every_line_and_penny_of_the_gift_shop_is_accounted_for(gift_shop):
    told = metrics(gift_shop, "ingest")
    assert told["rows_read"] == 541_909
    assert told["rows_accepted"] + told["rows_quarantined"] == 541_909
    assert told["rows_excluded"] == 0
    assert round(told["value_read"], 2) == 9_747_747.93
    assert round(told["value_accepted"] + told["value_quarantined"], 2) == 9_747_747.93
    assert told["value_excluded"] == 0


def test_the_gift_shop_gets_segments_and_churn_for_its_known_customers(gift_shop):
    segments = gift_shop.table("segments")
    risk = gift_shop.table("churn_risk")
    assert segments.customer_key.is_unique
    assert 4_000 < len(segments) <= 4_372
    assert set(risk.customer_key) <= set(segments.customer_key)
    assert risk.churn_probability.between(0, 1).all()


def test_the_email_test_has_all_three_arms_and_64000_people(email_test):
    told = metrics(email_test, "ingest")
    assert told["rows_accepted"] == 64_000
    counts = email_test.table("assignments").arm.value_counts().to_dict()
    assert counts == {"mens_email": 21_307, "womens_email": 21_387, "no_email": 21_306}


@pytest.mark.parametrize(
    ("outcome", "arm", "lift"),
    [
        ("visit", "mens_email", 0.076590),
        ("visit", "womens_email", 0.045233),
        ("conversion", "mens_email", 0.006805),
        ("conversion", "womens_email", 0.003111),
        ("spend", "mens_email", 0.769827),
        ("spend", "womens_email", 0.424412),
    ],
)
def test_the_lift_of_each_email_is_the_published_one_within_its_interval(
    email_test, outcome, arm, lift
):
    metrics = email_test.result("campaign_lift")["metrics"]
    (found,) = [m for m in metrics if m["name"] == f"lift.{outcome}.{arm}"]
    assert found["value"] == pytest.approx(lift, abs=1e-6)
    assert found["ci_low"] < lift < found["ci_high"]


def test_the_email_test_ends_in_the_mens_email_for_everyone(email_test):
    result = email_test.result("campaign_lift")
    assert "mens_email" in result["headline"]
    assert "everyone" in result["headline"] or "to all" in result["headline"]
    assert any("qini" in m["name"] for m in result["metrics"])
    assert set(email_test.table("targeting").iloc[:, 1:].stack()) & {"mens_email"}


def test_no_report_holds_a_customer_number_of_the_export(gift_shop):
    for page in (gift_shop.folder / "reports").glob("*.html"):
        text = page.read_text()
        assert "17850" not in text
        assert "<script src" not in text
        assert len(text) < 5_000_000
