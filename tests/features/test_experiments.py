"""The experiment frame: covariates from before, outcomes from after the assignment."""

from __future__ import annotations

import pandas as pd
import pytest

from retention.errors import EvidenceError
from retention.features import customer_features, experiment_frame


@pytest.fixture
def with_experiment(hand_made_shop, epoch_seconds) -> dict[str, pd.DataFrame]:
    start = epoch_seconds("2024-01-15 08:00")
    hand_made_shop["assignments"] = pd.DataFrame(
        [
            ("spring", "anna", "email", 0.5, None, start),
            ("spring", "bert", "control", 0.5, None, start + 86_400),
            ("spring", "zoe", "control", 0.5, None, start),
        ],
        columns=["experiment_key", "unit_key", "arm", "propensity", "stratum",
                 "assigned_epoch_s"],
    )  # fmt: skip
    return hand_made_shop


def test_orders_after_the_assignment_are_the_outcomes(make_engine, with_experiment):
    frame = experiment_frame(make_engine(with_experiment), "spring", 28).set_index("unit_key")
    assert frame.attrs["outcomes"] == ["purchased", "orders", "revenue"]
    assert frame.loc["anna", frame.attrs["outcomes"]].tolist() == [1, 1, 30.0]
    assert frame.loc["bert", frame.attrs["outcomes"]].tolist() == [0, 0, 0.0]


def test_covariates_stop_at_the_day_of_the_assignment(make_engine, with_experiment):
    frame = experiment_frame(make_engine(with_experiment), "spring", 28).set_index("unit_key")
    assert "order_count" in frame.attrs["covariates"]
    assert frame.loc["anna", "order_count"] == 2
    assert pd.isna(frame.loc["zoe", "order_count"])


def test_covariates_and_outcomes_of_the_export_are_taken_as_they_are(make_engine):
    key = {"experiment_key": "h"}
    tables = {
        "assignments": pd.DataFrame(
            [("h", "1", "a", 0.5, None, None), ("h", "2", "b", 0.5, None, None)],
            columns=["experiment_key", "unit_key", "arm", "propensity", "stratum",
                     "assigned_epoch_s"],
        ),
        "covariates": pd.DataFrame(
            [
                {**key, "unit_key": "1", "name": "recency", "value_number": 3.0},
                {**key, "unit_key": "1", "name": "channel", "value_text": "web"},
                {**key, "unit_key": "2", "name": "recency", "value_number": 9.0},
            ]
        ),
        "outcomes": pd.DataFrame(
            [{**key, "unit_key": "1", "metric": "visit", "value": 1.0},
             {**key, "unit_key": "2", "metric": "visit", "value": 0.0}]
        ),
    }  # fmt: skip
    frame = experiment_frame(make_engine(tables), "h", 14)
    assert frame.attrs == {"covariates": ["recency", "channel"], "outcomes": ["visit"]}
    assert frame["recency"].tolist() == [3.0, 9.0]
    assert frame.loc[0, "channel"] == "web"


def test_an_unknown_experiment_names_those_there_are(make_engine, with_experiment):
    with pytest.raises(EvidenceError, match="spring"):
        experiment_frame(make_engine(with_experiment), "autumn", 28)


def test_outcomes_without_a_time_of_assignment_are_refused(make_engine, with_experiment):
    assignments = with_experiment["assignments"].astype({"assigned_epoch_s": "Int64"})
    assignments.loc[0, "assigned_epoch_s"] = pd.NA
    with_experiment["assignments"] = assignments
    with pytest.raises(EvidenceError, match="without a time"):
        experiment_frame(make_engine(with_experiment), "spring", 28)


def test_margins_are_outcomes_where_all_costs_are_known(make_engine, with_experiment, unit_costs):
    with_experiment["costs"] = unit_costs
    frame = experiment_frame(make_engine(with_experiment), "spring", 28).set_index("unit_key")
    assert frame["net_margin"].to_dict() == {"anna": 29.0, "bert": 0.0, "zoe": 0.0}


def test_margins_are_no_outcome_where_a_cost_is_missing(make_engine, with_experiment, unit_costs):
    with_experiment["costs"] = unit_costs[unit_costs["scope_key"] != "M1"]
    frame = experiment_frame(make_engine(with_experiment), "spring", 28)
    assert "net_margin" not in frame.attrs["outcomes"]


def test_covariates_are_the_features_of_those_days_whoever_else_is_a_customer(
    make_engine, with_experiment, tmp_path
):
    everybody = customer_features(make_engine(with_experiment), "2024-01-15")
    shared = make_engine(with_experiment)
    shared.share(tmp_path / "shared")
    for engine in (make_engine(with_experiment), shared, shared):
        frame = experiment_frame(engine, "spring", 28).set_index("unit_key")
        names = frame.attrs["covariates"]
        expected = everybody.set_index("customer_key").reindex(["anna", "bert", "zoe"])[names]
        pd.testing.assert_frame_equal(frame[names], expected, check_names=False)
    units = customer_features(shared, "2024-03-01", experiment="spring")
    assert units["customer_key"].tolist() == ["anna", "bert"]  # not dora, whom nobody assigned
    assert customer_features(shared, "2024-03-01")["customer_key"].tolist() == [
        "anna", "bert", "dora",
    ]  # fmt: skip
