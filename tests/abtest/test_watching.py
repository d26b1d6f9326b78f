"""From the snapshot's tables: units, days since assignment, studies, programme, planned draws."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from retention.abtest import (
    Decision,
    Experiment,
    as_units_came_in,
    came_in_summary,
    clusters_of,
    currencies,
    draw_planned,
    experiment_units,
    programme,
    rehearse,
    since_assignment,
)
from retention.abtest import MetricDefinition as Metric
from retention.abtest.evaluate import evaluate
from retention.abtest.experiment import EXAMPLE
from retention.abtest.programme import RESULTS, programme_lessons, stated_prior
from retention.abtest.register import register
from retention.abtest.since_assignment import daily_moments, effect_since_assignment
from retention.abtest.study import Study, StudyDesign, judge_study, studies, studies_table
from retention.abtest.switchback import switchback_schedule
from retention.abtest.watching import assignment_log
from retention.engine import Engine
from retention.errors import EvidenceError, InputError, ParameterError
from retention.features.dates import DAY_S, epoch_of

START, AS_OF = epoch_of("2026-03-02"), "2026-05-01"
N = 600


@pytest.fixture(scope="module")
def engine() -> Engine:
    """A shop of which every second customer got an e-mail that brings orders in its first week."""
    generator, made = np.random.default_rng(0), Engine(threads=1)
    keys = [f"c{i:04d}" for i in range(N)]
    treated = np.arange(N) % 2 == 1
    rows = []
    for first, length, rate in ((-70, 70, 0.03), (0, 7, 0.03 + 0.12 * treated), (7, 50, 0.03)):
        count = generator.poisson(rate * length * np.ones(N))
        who = np.repeat(np.arange(N), count)
        rows.append((who, START + ((first + length * generator.random(len(who))) * DAY_S)))
    who = np.concatenate([r[0] for r in rows])
    at = np.concatenate([r[1] for r in rows]).astype("int64")
    orders = pd.DataFrame({
        "order_key": [f"o{i:06d}" for i in range(len(who))],
        "customer_key": np.array(keys)[who], "ordered_epoch_s": at, "status": "paid",
        "gross_minor": 100 * generator.integers(10, 40, len(who)), "discount_minor": 0,
        "refunded_minor": 0, "shipping_minor": 0, "tax_minor": 0, "currency": "USD",
    }).assign(ordered_at=lambda f: pd.to_datetime(f["ordered_epoch_s"], unit="s", utc=True),
              net_minor=lambda f: f["gross_minor"])  # fmt: skip
    made.register("orders", orders)
    made.register("customers", pd.DataFrame({
        "customer_key": keys, "first_seen_epoch_s": START - 100 * DAY_S,
        "channel": np.where(np.arange(N) % 3 == 0, "etsy", "shopify"), "country": "DE",
    }))  # fmt: skip
    made.register("touches", pd.DataFrame({
        "customer_key": np.array(keys)[treated], "campaign_key": "reminder",
    }))  # fmt: skip
    made.register("assignments", pd.DataFrame({
        "experiment_key": "reminder", "unit_key": keys,
        "arm": np.where(treated, "email", "control"), "propensity": 0.5, "stratum": None,
        "assigned_epoch_s": START, "exposed_epoch_s": pd.Series([None] * N, dtype="Int64"),
    }))  # fmt: skip
    outcomes = pd.DataFrame({"unit_key": keys})
    inside = (at >= START) & (at < START + 28 * DAY_S)
    first = pd.Series(at[inside]).groupby(who[inside]).min().reindex(range(N))
    outcomes["first_day"] = ((first - START) / DAY_S).to_numpy()
    made.register("truth", outcomes)
    return made


PLAN = Experiment.from_text(EXAMPLE)


@pytest.fixture
def frame(engine, monkeypatch):
    """Units without the feature layer, which has tests of its own."""

    def units(_, name, days):
        log = assignment_log(engine, name)[["unit_key", "arm"]]
        if log.empty:
            raise EvidenceError("Nobody is assigned.", "Name another experiment.")
        orders = engine.sql(
            "SELECT customer_key AS unit_key, count(*) AS orders, "
            "sum(gross_minor) / 100 AS revenue FROM orders "
            "WHERE ordered_epoch_s >= $a AND ordered_epoch_s < $b GROUP BY ALL",
            a=START, b=START + days * DAY_S,
        ).frame()  # fmt: skip
        found = log.merge(orders, "left", "unit_key").fillna({"orders": 0, "revenue": 0.0})
        found.attrs = {"covariates": [], "outcomes": ["orders", "revenue"]}
        return found

    monkeypatch.setattr("retention.abtest.watching.experiment_frame", units)
    return units


def test_units_carry_time_to_the_first_order_censored_at_the_horizon(engine, frame):
    units = experiment_units(engine, PLAN, AS_OF)
    truth = engine.sql("SELECT first_day FROM truth ORDER BY unit_key").frame()["first_day"]
    assert units["ordered"].tolist() == truth.notna().astype(int).tolist()
    assert units["days_to_order"].to_numpy() == pytest.approx(truth.fillna(28.0).to_numpy())
    assert set(units["channel"]) == {"etsy", "shopify"}
    early = experiment_units(engine, PLAN, "2026-03-12")
    assert early["days_to_order"].max() == 10.0


def test_a_burst_of_the_first_week_shows_as_wearing_off(engine):
    log = assignment_log(engine, "reminder")
    (found,) = since_assignment(engine, PLAN, log, AS_OF)
    assert found.table["day"].tolist() == [7, 14, 21, 28]
    assert "wears off" in found.summary()
    assert found.settled_on is not None
    early = since_assignment(engine, PLAN, log, "2026-03-12")[0]
    assert len(early.table) == 10


def test_daily_moments_are_those_of_the_dense_matrix():
    generator = np.random.default_rng(2)
    dense = generator.poisson(0.3, (50, 5)).astype(float)
    unit, day = np.nonzero(dense)
    rows = pd.DataFrame({"unit_key": unit, "arm": "a", "day": day, "value": dense[unit, day]})
    people = pd.DataFrame({"unit_key": range(50), "arm": "a"})
    found = daily_moments(rows, people, 5)["a"]
    assert found.n == 50
    np.testing.assert_allclose(found.sums, dense.sum(axis=0))
    np.testing.assert_allclose(found.products, dense.T @ dense)
    with pytest.raises(EvidenceError, match="Fewer than two days"):
        effect_since_assignment(*[daily_moments(rows, people, 1)["a"]] * 2, metric="y", arm="b")


STUDY = Study("mailed", "Did it bring revenue?", "marketing",
              StudyDesign.DIFFERENCE_IN_DIFFERENCES, "2026-03-02",
              treated={"campaign": "reminder"}, periods_after=1)  # fmt: skip


def test_a_study_of_those_mailed_is_labelled_and_tells_its_assumption(engine, tmp_path):
    text = (
        "name: mailed\nquestion: Did it?\nowner: me\ndesign: difference_in_differences\n"
        "starts: 2026-03-02\ntreated: {campaign: reminder}\nperiods_after: 1\n"
    )
    (tmp_path / "mailed.yaml").write_text(text)
    (found,) = studies(engine, tmp_path, AS_OF)
    assert found.found.ci_low > 0
    assert "Not causal proof" in found.summary()
    assert "A test would need" in found.summary()
    table = studies_table([found])
    assert table["reading"].tolist() == ["before and after alone", "difference in differences"]
    assert "parallel trends" in table["rests_on"].iloc[1]
    assert studies(engine, tmp_path, "2026-03-05") == []


def test_a_switchback_is_read_from_the_orders_by_its_own_schedule():
    periods, seed, made = 28, 4, Engine(threads=1)
    schedule = switchback_schedule(periods, seed)
    count = np.random.default_rng(1).poisson(20 + 20 * schedule)
    at = np.repeat(START + np.arange(periods) * DAY_S + 12 * 3600, count)
    made.register("orders", pd.DataFrame({
        "ordered_epoch_s": at, "status": "paid", "gross_minor": 100, "discount_minor": 0,
        "refunded_minor": 0, "currency": "USD"}))  # fmt: skip
    study = Study("switched", "Does it sell?", "me", StudyDesign.SWITCHBACK, "2026-03-02",
                  outcome="orders", unit="orders", periods=periods, seed=seed)  # fmt: skip
    found = judge_study(made, study)
    assert found.found.ci_low < 20 / 22 < found.found.ci_high
    assert "carry-over" in found.table["rests_on"].iloc[0]


@pytest.mark.parametrize(("change", "error"), [
    ({"treated": {}}, ParameterError), ({"outcome": "joy"}, ParameterError),
    ({"treated": {"hair": "red"}}, InputError),
    ({"design": StudyDesign.SYNTHETIC_CONTROL, "treated": {"channel": "etsy"}}, EvidenceError),
])  # fmt: skip
def test_a_study_that_cannot_be_read_is_refused(engine, change, error):
    with pytest.raises(error):
        judge_study(engine, Study(**vars(STUDY) | change))


def test_the_programme_judges_what_has_ended_and_learns_from_elsewhere(engine, frame, tmp_path):
    for name in ("reminder", "unknown"):
        text = EXAMPLE.replace("name: reminder", f"name: {name}")
        (tmp_path / f"{name}.yaml").write_text(text)
    register(tmp_path, "reminder", "2026-02-20")
    line = '{"name": "old", "relative_effect": 0.1, "standard_error": 0.1, "decision": "ship"}\n'
    (tmp_path / RESULTS).write_text(4 * line)
    found = programme(engine, tmp_path, AS_OF)
    assert found.table["state"].tolist() == ["decided", "ended"]
    assert found.table["outcome"].iloc[1] == "Not judged: Nobody is assigned."
    assert len(found.past) == 5
    assert found.lessons is not None
    assert "experiments declared" in found.summary()
    assert found.past[-1].decision in set(Decision)
    (tmp_path / RESULTS).write_text("{}\n")
    with pytest.raises(InputError, match="no past result"):
        programme(engine, tmp_path, AS_OF)


def test_the_other_experiments_teach_the_prior_of_one(engine, frame, tmp_path):
    (tmp_path / "reminder.yaml").write_text(EXAMPLE)
    lines = [
        {"name": f"old {k}", "relative_effect": 0.02 * k, "standard_error": 0.01,
         "decision": "ship" if k > 2 else "don't ship"}
        for k in range(6)
    ]  # fmt: skip
    (tmp_path / RESULTS).write_text("\n".join(map(json.dumps, lines[:4])))
    few = programme(engine, tmp_path, AS_OF).prior_for("reminder", 2.0)
    assert few.summary() == "prior normal(0, 2), for 4 past results are too few to learn from"
    (tmp_path / RESULTS).write_text("\n".join(map(json.dumps, lines)))
    found = programme(engine, tmp_path, AS_OF)
    assert len(found.past) == 7
    assert found.prior_for("reminder", learn=False) == stated_prior(0.0)
    learned = found.prior_for("reminder")
    others = programme_lessons(found.past[:6]).prior
    assert (learned.mean, learned.variance) == (others.mean, others.variance)
    assert "learned from 6 results" in learned.summary()
    frame_of_results = found.results_frame()
    assert frame_of_results["expected_effect"].notna().all()
    units = experiment_units(engine, PLAN, AS_OF)
    plain = evaluate(engine, units, PLAN)
    drawn = evaluate(engine, units, PLAN, prior=learned)
    belief, raw = drawn.beliefs["email"], plain.leading
    own = learned.in_unit(raw.control_value)
    weight = own.variance / (own.variance + raw.standard_error**2)
    expected = weight * raw.difference + (1 - weight) * own.mean
    assert belief.mean == pytest.approx(expected)
    assert belief.ci_high - belief.ci_low < raw.ci_high - raw.ci_low
    assert "is to be expected" in drawn.beliefs_summary()
    assert "is to be expected" not in plain.beliefs_summary()
    assert "learned from 6 results" in drawn.beliefs_table()["prior"].iloc[0]


def test_currencies_are_those_of_the_units(engine):
    assert currencies(engine, "reminder") == ["USD"]
    assert currencies(Engine(), "reminder") == []


def test_planned_arms_are_drawn_once_and_the_same(engine, monkeypatch, tmp_path):
    people = pd.DataFrame({"customer_key": [f"c{i}" for i in range(400)],
                           "order_count": np.arange(400) % 7})  # fmt: skip
    fetched = []

    def features(*_, only):
        fetched.append(only)
        return people.copy()

    monkeypatch.setattr("retention.abtest.assignment.customer_features", features)
    text = EXAMPLE + "stratify_by: order_count\nhold_out: 0.1\nlayer: mail\nlayer_range: [0, 0.5]\n"
    (tmp_path / "reminder.yaml").write_text(text)
    one, other = (draw_planned(engine, tmp_path, "reminder", "2026-03-01") for _ in range(2))
    pd.testing.assert_frame_equal(one.to_frame(), other.to_frame())
    counts = one.counts_table()
    assert (counts["control"] - counts["email"]).abs().max() <= 1
    assert {"hold-out", "another experiment of the layer"} <= set(counts)
    with pytest.raises(ParameterError, match="started"):
        draw_planned(engine, tmp_path, "reminder", "2026-04-01")
    assert draw_planned(engine, tmp_path, "", AS_OF).to_frame().empty
    assert fetched == [["order_count"]] * 2
    (tmp_path / "reminder.yaml").write_text(text.replace("order_count", "shoe_size"))
    with pytest.raises(InputError, match="no column 'shoe_size'"):
        draw_planned(engine, tmp_path, "reminder", "2026-03-01")
    assert fetched[-1] is None  # so that the message can name what there is


def test_clusters_of_the_past_tell_what_they_cost():
    generator = np.random.default_rng(3)
    house = np.repeat(np.arange(400), 10)
    own = np.repeat(generator.normal(0, 0.5, 400), 10)
    frame = pd.DataFrame({"house": house, "y": own + generator.normal(size=4_000)})
    found = clusters_of(frame, "house", "y")
    assert found.correlation == pytest.approx(0.2, abs=0.05)
    assert found.design_effect == pytest.approx(1 + 9 * found.correlation)
    assert clusters_of(frame, "", "y").design_effect == 1.0


def test_rehearsals_know_clusters_and_looks():
    generator = np.random.default_rng(4)
    own = np.repeat(generator.normal(0, 1.0, 60), 10)
    frame = pd.DataFrame({"house": np.repeat(np.arange(60), 10),
                          "y": own + generator.normal(size=600)})  # fmt: skip
    terms = {"relative_effect": 0.1, "draws": 200, "seed": 1}
    clustered = rehearse(Engine(), frame, Metric("y", "y"), cluster="house", **terms)
    assert clustered.units == 60
    assert clustered.false_positive_low <= 0.05 <= clustered.false_positive_high
    looked = rehearse(Engine(), frame, Metric("y", "y"), looks=4, **terms)
    assert looked.false_positive_low <= 0.05 <= looked.false_positive_high
    assert "4 look(s)" in looked.summary()


def test_the_band_over_the_days_of_assignment_is_read_at_every_look(engine):
    log = assignment_log(engine, "reminder")
    generator = np.random.default_rng(5)
    units = log[["unit_key", "arm"]].assign(
        revenue=generator.gamma(2.0, 5.0, N) + 5.0 * (log["arm"] == "email")
    )
    assert as_units_came_in(engine, units, log, PLAN) == []
    late = log.assign(assigned_epoch_s=START + (np.arange(N) // 60) * DAY_S)
    (found,) = as_units_came_in(engine, units, late, PLAN)
    assert found.table["n"].tolist() == [60 * (k + 1) for k in range(10)]
    assert found.first_crossing is not None
    assert "always-valid band left zero" in came_in_summary([found])
