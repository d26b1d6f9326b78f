"""Experiments that come as files of their own: units, numbers and attributes stay what they are."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from retention.abtest import assignment_log
from retention.engine import Engine
from retention.errors import InputError, ParameterError
from retention.features import experiment_frame
from retention.ingest import run_ingest
from retention.sources import ReadOptions
from retention.sources.registry import format_named

COLUMNS = (
    "outcomes.experiment_key = 'offer'; outcomes.platform_id = id; outcomes.metric = 'revenue'; "
    "outcomes.value = revenue; covariates.experiment_key = 'offer'; covariates.platform_id = id; "
    "covariates.name = 'age'; covariates.value_number = age"
)


@pytest.fixture
def ingest(tmp_path, monkeypatch):
    """Return a function that ingests sources of a folder and gives an engine on the snapshot."""
    monkeypatch.setenv("RETENTION_KEY", "5a" * 32)

    def run(*sources: str, **options):
        result = run_ingest(
            sources, tmp_path / "store", tmp_path / ".retention", root=tmp_path,
            as_of="2026-03-01", currency="USD", threads=1, **options,
        )  # fmt: skip
        engine = Engine(threads=1)
        result.snapshot.register(engine)
        return engine, result

    return run


def test_a_unit_named_in_two_files_is_one_unit_and_its_attributes_keep_their_names(
    ingest, tmp_path
):
    (tmp_path / "a.csv").write_text(
        "experiment,arm,assigned_at,customer_id\n"
        "offer,A,2026-01-05,U1\noffer,B,2026-01-05,U2\n"
    )  # fmt: skip
    (tmp_path / "o.csv").write_text(
        "id,revenue,age\nU1,0.3333333333333333,41\nU2,1e-05,3.2E+01\n"
    )  # fmt: skip
    engine, _ = ingest(
        "assignments: a.csv", "generic: o.csv", read_options=[f"generic: columns = {COLUMNS}"]
    )
    joined = engine.sql(
        "SELECT a.arm, o.value, c.name, c.value_number FROM assignments AS a "
        "JOIN outcomes AS o USING (unit_key) JOIN covariates AS c USING (unit_key) ORDER BY a.arm"
    ).frame()
    assert joined.to_numpy().tolist() == [["A", 1 / 3, "age", 41.0], ["B", 1e-5, "age", 32.0]]


UNITS = (
    "a.csv: columns = experiment = 'offer'; arm = version; arm.A = 'a'; arm.B = 'B'; unit = id; "
    "outcome.revenue = revenue; covariate.age = customer's age; label.city = city; cluster = shop"
)


def unit_rows(*rows: str) -> str:
    return "\n".join(["id,version,revenue,customer's age,city,shop", *rows]) + "\n"


def test_a_row_per_unit_gives_arm_outcome_covariates_and_a_keyed_cluster(ingest, tmp_path):
    (tmp_path / "a.csv").write_text(unit_rows("7.0,A ,2.5,41,Oslo,s1", "8.0,b,NaN,,Bergen,s1"))
    engine, _ = ingest("experiment_units: a.csv", read_options=[UNITS])
    frame = experiment_frame(engine, "offer", 1).sort_values("arm")
    assert frame["arm"].tolist() == ["A", "B"]
    assert frame["revenue"].fillna(-1).tolist() == [2.5, -1]
    assert frame["city"].tolist() == ["Oslo", "Bergen"]
    known = {"covariates": ["age", "city"], "outcomes": ["revenue"]}
    assert frame.attrs == {**known, "cluster": "cluster_key"}
    (cluster,) = set(frame["cluster_key"])
    assert cluster != "s1"


def test_units_that_repeat_or_contradict_themselves_are_refused_by_name(ingest, tmp_path):
    rows = ["1,A,1,30,Oslo,s", "1,A,1,30,Oslo,s", "2,A,1,30,Oslo,s", "2,B,1,30,Oslo,s",
            "3,B,1,30,Oslo,s", "4,tst,1,30,Oslo,s", "5,,1,30,Oslo,s", "6,A,seven,30,Oslo,s",
            ]  # fmt: skip
    (tmp_path / "a.csv").write_text(unit_rows(*rows))
    engine, _ = ingest("experiment_units: a.csv", read_options=[UNITS])
    refused = engine.sql("SELECT reason, count(*) AS n FROM quarantine GROUP BY 1").frame()
    assert dict(refused.to_numpy().tolist()) == {
        "repeated_unit:unit_key": 1, "contradictory_arm:unit_key": 2, "unknown_label:version": 1,
        "missing_value:version": 1, "unreadable_number:revenue": 1,
    }  # fmt: skip
    assert experiment_frame(engine, "offer", 1)["arm"].tolist() in (["A", "B"], ["B", "A"])


def test_two_experiments_of_one_format_have_options_of_their_own_and_join_by_unit(ingest, tmp_path):
    (tmp_path / "a.csv").write_text("id,arm\n1,A\n2,B\n")
    (tmp_path / "o.csv").write_text("key,revenue,visits\n1,2.5,1\n2,3.5,2\n3,9,9\n")
    engine, _ = ingest(
        "experiment_units: a.csv", "experiment_units: o.csv",
        read_options=[
            "a.csv: columns = experiment = 'offer'; arm = arm; unit = id",
            "o.csv: columns = experiment = 'offer'; unit = key; outcome.revenue = revenue; "
            "outcome.visits = visits",
        ],
    )  # fmt: skip
    frame = experiment_frame(engine, "offer", 1).sort_values("arm")
    assert frame[["arm", "revenue", "visits"]].to_numpy().tolist() == [["A", 2.5, 1], ["B", 3.5, 2]]


def test_outcomes_of_nobody_who_was_assigned_are_refused_in_a_sentence(ingest, tmp_path):
    (tmp_path / "a.csv").write_text("id,arm\n1,A\n2,B\n")
    (tmp_path / "o.csv").write_text("key,revenue\nx,2.5\ny,3.5\n")
    engine, _ = ingest(
        "experiment_units: a.csv", "experiment_units: o.csv",
        read_options=[
            "a.csv: columns = experiment = 'offer'; arm = arm; unit = id",
            "o.csv: columns = experiment = 'offer'; unit = key; outcome.revenue = revenue",
        ],
    )  # fmt: skip
    with pytest.raises(InputError, match="None of the 2 units assigned in 'offer' has an outcome"):
        experiment_frame(engine, "offer", 1)


def test_sums_by_day_give_the_counts_means_and_variances_of_their_units(ingest, tmp_path):
    rng = np.random.default_rng(3)
    days = pd.DataFrame({"day": ["2026-01-01"] * 2 + ["2026-01-02"] * 2, "arm": list("ABAB"),
                         "visitors": [31, 40, 1, 25]})  # fmt: skip
    values = [rng.exponential(4.0, size) for size in days["visitors"]]
    days["revenue"] = [v.sum() for v in values]
    days["squares"] = [(v**2).sum() for v in values]
    days["buyers"] = [3, 9, 1, 0]
    days.to_csv(tmp_path / "d.csv", index=False)
    engine, _ = ingest("experiment_days: d.csv", read_options=[
        "d.csv: columns = experiment = 'daily'; arm = arm; date = day; units = visitors; "
        "sum.revenue = revenue; squares.revenue = squares; count.bought = buyers"
    ])  # fmt: skip
    frame = experiment_frame(engine, "daily", 1)
    a = np.concatenate([values[0], values[2]])
    found = frame[frame["arm"] == "A"]
    assert len(found) == 32
    assert found["unit_key"].is_unique
    assert found["revenue"].mean() == pytest.approx(a.mean())
    assert found["revenue"].var() == pytest.approx(a.var(ddof=1))
    assert found["bought"].sum() == 4
    assert set(frame["bought"]) == {0.0, 1.0}
    log = assignment_log(engine, "daily")
    assert sorted(log["unit_key"]) == sorted(frame["unit_key"])


def test_a_sum_without_its_squares_is_refused_before_the_file_is_read():
    with pytest.raises(ParameterError, match="no sum of squares"):
        format_named("experiment_days").for_options(ReadOptions(columns=(
            "experiment = 'x'", "arm = arm", "units = n", "sum.revenue = revenue",
        )))  # fmt: skip


def test_words_for_yes_and_no_are_numbers_and_blanks_mean_what_is_said(ingest, tmp_path):
    (tmp_path / "a.csv").write_text("arm,bought,spent\nA,True,2.5\nB,no,\n")
    engine, _ = ingest("experiment_units: a.csv", read_options=[
        "a.csv: columns = experiment = 'offer'; arm = arm; outcome.bought = bought; "
        "outcome.spent = spent; blank.spent = '0'"
    ])  # fmt: skip
    frame = experiment_frame(engine, "offer", 1)
    assert frame[["arm", "bought", "spent"]].to_numpy().tolist() == [["A", 1, 2.5], ["B", 0, 0]]


def test_identities_in_covariates_never_pass_and_the_report_says_what_was_removed(ingest, tmp_path):
    people = [f"maria{number}@shop.example" for number in range(60)]
    rows = [f"{n},{'AB'[n % 2]},{n},{20 + n % 9},{'Oslo' if n % 2 else people[n]},s{n % 5}"
            for n in range(60)]  # fmt: skip
    (tmp_path / "a.csv").write_text(unit_rows(*rows))
    engine, result = ingest("experiment_units: a.csv", read_options=[UNITS])
    stored = engine.sql("SELECT DISTINCT value_text AS v FROM covariates WHERE name = 'city'")
    assert set(stored.frame()["v"]) == {"[removed]"}
    (check,) = [c for c in result.checks if c.code == "removed_covariates"]
    assert (check.status, "city (60 of 60)" in check.detail) == ("warn", True)
    assert experiment_frame(engine, "offer", 1).attrs["covariates"] == ["age"]


def test_no_common_unit_fails_the_ingest_first_and_two_arms_are_told(ingest, tmp_path):
    (tmp_path / "a.csv").write_text("id,arm\n1,A\n2,B\n3,A\n")
    (tmp_path / "b.csv").write_text("id,arm\n3,B\n")
    (tmp_path / "o.csv").write_text("key,revenue\nx,2.5\n")
    _, result = ingest(
        "experiment_units: a.csv", "experiment_units: b.csv", "experiment_units: o.csv",
        read_options=[
            "a.csv: columns = experiment = 'offer'; arm = arm; unit = id",
            "b.csv: columns = experiment = 'offer'; arm = arm; unit = id",
            "o.csv: columns = experiment = 'offer'; unit = key; outcome.revenue = revenue",
        ],
    )  # fmt: skip
    checks = {str(check.code): check for check in result.checks}
    assert checks["outcomes_of_units"].status == "fail"
    assert "None of the 3 units" in checks["outcomes_of_units"].detail
    assert checks["units_in_two_arms"].detail.startswith("1 units")
