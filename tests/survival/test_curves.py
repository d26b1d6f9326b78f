import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retention.errors import EvidenceError, InputError, ParameterError
from retention.survival import (
    Weighting,
    cohort_triangle,
    concordance,
    count_events,
    cumulative_incidence,
    evenly_spaced,
    interval_curve,
    kaplan_meier,
    landmark_spells,
    log_rank,
    nelson_aalen,
    restricted_mean,
    smoothed_hazard,
)


def frame_of(durations, events, **more):
    return pd.DataFrame({"duration": durations, "event": events, **more})


@pytest.fixture(scope="module")
def drawn():
    random = np.random.default_rng(7)
    return frame_of(
        random.integers(1, 100, 2000),
        random.integers(0, 2, 2000),
        group=random.choice(["a", "b", "c"], 2000),
    )


rows = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 1)), min_size=1, max_size=60)


@settings(max_examples=60, deadline=None)
@given(rows)
def test_compressed_rows_give_the_same_curve(pairs):
    data = frame_of(*zip(*pairs, strict=True))
    packed = data.value_counts().rename("weight").reset_index()
    one = kaplan_meier(count_events(data)).frame
    other = kaplan_meier(count_events(packed, frequency="weight")).frame
    pd.testing.assert_frame_equal(one, other)


@settings(max_examples=60, deadline=None)
@given(rows)
def test_the_curve_falls_and_stays_within_its_band(pairs):
    curve = kaplan_meier(count_events(frame_of(*zip(*pairs, strict=True)))).frame
    assert (np.diff(np.append(1.0, curve["survival"])) <= 1e-12).all()
    assert (curve["ci_low"] <= curve["survival"] + 1e-12).all()
    assert (curve["survival"] <= curve["ci_high"] + 1e-12).all()


@settings(max_examples=60, deadline=None)
@given(rows)
def test_without_censoring_the_curve_is_the_share_still_there(pairs):
    times = [time for time, _ in pairs]
    curve = kaplan_meier(count_events(frame_of(times, 1))).frame
    share = [np.mean(np.array(times) > t) for t in curve["time"]]
    assert curve["survival"].to_numpy() == pytest.approx(share)


def test_late_entry_keeps_the_unobserved_out_of_the_count():
    data = frame_of([5, 8, 8], [1, 1, 0], entry=[0, 6, 0])
    counts = count_events(data, entry="entry").frame
    assert counts["at_risk"].tolist() == [2, 2]
    assert kaplan_meier(count_events(data, entry="entry")).frame["survival"].tolist() == [0.5, 0.25]


def test_late_entry_equals_lifelines(drawn):
    from lifelines import KaplanMeierFitter

    entry = (drawn["duration"] // 3).to_numpy()
    fitted = KaplanMeierFitter().fit(drawn["duration"], drawn["event"], entry=entry)
    ours = kaplan_meier(count_events(drawn.assign(entry=entry), entry="entry")).frame
    theirs = fitted.survival_function_["KM_estimate"].loc[ours["time"]].to_numpy()
    assert np.abs(ours["survival"].to_numpy() - theirs).max() < 1e-10


def test_nobody_left_is_said_and_not_taken_for_certainty():
    counts = count_events(frame_of([10] * 30, 0))
    curve = kaplan_meier(counts)
    assert "cannot say when" in curve.summary()
    assert curve.frame["ci_low"].iloc[-1] == pytest.approx(0.025 ** (1 / 30))
    assert "None of 30" in counts.summary()
    assert counts.check().status == "warn"
    with pytest.raises(EvidenceError, match="Nobody left"):
        smoothed_hazard(counts, bandwidth=2)


def test_all_left_ends_at_zero_with_an_honest_band():
    curve = kaplan_meier(count_events(frame_of([1, 2, 3], 1))).frame
    assert curve["survival"].iloc[-1] == 0
    assert curve["ci_low"].iloc[-1] == 0
    assert curve["ci_high"].iloc[-1] > 0


@pytest.mark.parametrize("bad", [-1, np.nan, np.inf])
def test_impossible_durations_are_refused_with_their_row(bad):
    with pytest.raises(InputError, match="duration of 1 rows") as caught:
        count_events(frame_of([3.0, bad], [1, 0]))
    assert caught.value.line == 2


def test_empty_input_missing_groups_and_events_other_than_0_and_1_are_refused():
    with pytest.raises(EvidenceError, match="no customers"):
        count_events(frame_of([], []))
    with pytest.raises(InputError, match="no group"):
        count_events(frame_of([1], [1], g=[None]), group="g")
    with pytest.raises(InputError, match="neither 0 nor 1"):
        count_events(frame_of([1, 2], [1, 2]))
    with pytest.raises(InputError, match="not before the end"):
        count_events(frame_of([5], [1], entry=[5]), entry="entry")
    with pytest.raises(InputError, match="no column 'when'"):
        count_events(frame_of([1], [1]), duration="when")


def test_an_empty_group_is_named():
    counts = count_events(frame_of([1, 2], [1, 0], g=["a", "b"]), group="g")
    with pytest.raises(EvidenceError, match="'c' is empty"):
        counts.of("c")


def test_beyond_the_follow_up_nothing_is_said():
    at = kaplan_meier(count_events(frame_of([1, 5], [1, 0]))).at([5, 6])
    assert at["survival"].notna().tolist() == [True, False]
    assert at["at_risk"].tolist() == [1, 0]


def test_a_horizon_beyond_a_groups_follow_up_is_refused():
    counts = count_events(frame_of([1, 5], [1, 0]))
    with pytest.raises(EvidenceError, match="followed for 5 only"):
        restricted_mean(counts, horizon=10)
    with pytest.raises(ParameterError, match="not positive"):
        restricted_mean(counts, horizon=0)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (Weighting.LOG_RANK, None),
        (Weighting.GEHAN_WILCOXON, "wilcoxon"),
        (Weighting.TARONE_WARE, "tarone-ware"),
        (Weighting.PETO_PETO, "peto"),
        (Weighting.FLEMING_HARRINGTON_LATE, "fleming-harrington"),
    ],
)
def test_weighted_log_rank_equals_lifelines(drawn, ours, theirs):
    from lifelines.statistics import multivariate_logrank_test

    more = {"p": 0, "q": 1} if theirs == "fleming-harrington" else {}
    expected = multivariate_logrank_test(
        drawn["duration"], drawn["group"], drawn["event"], weightings=theirs, **more
    )
    test = log_rank(count_events(drawn, group="group"), weighting=ours)
    assert test.statistic == pytest.approx(expected.test_statistic, rel=1e-8)
    assert len(test.pairs) == 3
    assert (test.pairs["p_adjusted"] >= test.pairs["p_value"]).all()


def test_one_group_cannot_be_compared(drawn):
    with pytest.raises(EvidenceError, match="one group only"):
        log_rank(count_events(drawn))


def test_nelson_aalen_equals_lifelines(drawn):
    from lifelines import NelsonAalenFitter

    fitted = NelsonAalenFitter(nelson_aalen_smoothing=False).fit(drawn["duration"], drawn["event"])
    ours = nelson_aalen(count_events(drawn)).frame
    theirs = fitted.cumulative_hazard_.iloc[:, 0].loc[ours["time"]].to_numpy()
    assert ours["hazard"].to_numpy() == pytest.approx(theirs, rel=1e-10)


def test_the_smoothed_hazard_of_a_constant_pace_is_that_pace():
    random = np.random.default_rng(1)
    time = random.exponential(20, 40_000)
    data = frame_of(np.minimum(time, 30), (time < 30).astype(int))
    hazard = smoothed_hazard(count_events(data), bandwidth=5).frame
    assert hazard["hazard"].to_numpy() == pytest.approx(0.05, rel=0.12)


def test_cumulative_incidences_and_survival_add_up_to_one(drawn):
    cause = np.where(drawn["event"] == 0, None, np.where(drawn["group"] == "a", "erased", "left"))
    result = cumulative_incidence(drawn.assign(cause=cause))
    total = result.frame.groupby("time")["incidence"].sum()
    survival = kaplan_meier(count_events(drawn)).frame["survival"].to_numpy()
    assert total.to_numpy() + survival == pytest.approx(1.0)


def test_cumulative_incidence_equals_lifelines_with_its_variance(drawn):
    from lifelines import AalenJohansenFitter

    rough = np.where(drawn["event"] == 0, 0, np.where(drawn["group"] == "a", 1, 2))
    unique = drawn.assign(duration=np.arange(1.0, len(drawn) + 1))
    fitted = AalenJohansenFitter(calculate_variance=True).fit(unique["duration"], rough, 1)
    names = {0: None, 1: "one", 2: "two"}
    ours = cumulative_incidence(unique.assign(cause=[names[c] for c in rough])).frame
    ours = ours[ours["cause"] == "one"]
    theirs = fitted.cumulative_density_.iloc[:, 0].loc[ours["time"]].to_numpy()
    assert ours["incidence"].to_numpy() == pytest.approx(theirs, abs=1e-10)
    variance = pd.DataFrame(fitted.variance_).iloc[:, 0].reindex(ours["time"]).ffill().to_numpy()
    kept = np.isfinite(variance) & (variance > 0)
    assert (ours["standard_error"].to_numpy()[kept] ** 2) == pytest.approx(variance[kept], rel=0.02)


def test_exact_departures_make_turnbulls_curve_kaplan_meiers():
    data = frame_of([2, 3, 3, 5, 8], [1, 1, 0, 1, 0])
    intervals = pd.DataFrame(
        {
            "left": np.where(data["event"] == 1, data["duration"] - 1e-9, data["duration"]),
            "right": np.where(data["event"] == 1, data["duration"], np.inf),
        }
    )
    curve = interval_curve(intervals, draws=5).frame
    km = kaplan_meier(count_events(data)).frame
    expected = km.loc[km["events"] > 0, "survival"].to_numpy()
    assert curve["survival"].to_numpy()[:3] == pytest.approx(expected, abs=1e-5)


def test_interval_censored_departures_recover_the_truth():
    random = np.random.default_rng(3)
    time = random.exponential(50, 3000)
    left = np.floor(time / 10) * 10
    gone = time < 100
    data = pd.DataFrame(
        {"left": np.where(gone, left, 100.0), "right": np.where(gone, left + 10, np.inf)}
    )
    curve = interval_curve(data, draws=20).frame
    known = curve[np.isfinite(curve["right"])]
    assert known["survival"].to_numpy() == pytest.approx(np.exp(-known["right"] / 50), abs=0.03)


def test_an_interval_that_ends_before_it_starts_is_refused():
    with pytest.raises(InputError, match="end before they start"):
        interval_curve(pd.DataFrame({"left": [5.0], "right": [4.0]}))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 12), st.integers(0, 1)), min_size=1, max_size=40))
def test_exact_and_censored_times_alone_are_kaplan_meiers_curve(pairs):
    data = frame_of(*zip(*pairs, strict=True))
    exact = data.assign(
        left=data["duration"], right=data["duration"].where(data["event"] == 1, np.inf)
    )
    curve = interval_curve(exact, draws=5)
    table = curve.frame[np.isfinite(curve.frame["right"])]
    km = kaplan_meier(count_events(data)).frame
    expected = km[km["events"] > 0]
    assert table["right"].tolist() == expected["time"].tolist()
    assert table["survival"].to_numpy() == pytest.approx(expected["survival"].to_numpy(), abs=1e-6)
    assert curve.frame[["ci_low", "ci_high"]].notna().all(axis=None)
    if not data["event"].any():
        assert "nobody was seen to leave" in curve.summary()


def test_exact_times_and_intervals_share_the_mass():
    """One departs at 2; five at 3; five within (1, 3], which hold both: 1/6 and 5/6 of all."""
    rows = pd.DataFrame({"left": [2, 3, 1], "right": [2, 3, 3], "customers": [1, 5, 5]})
    curve = interval_curve(rows, frequency="customers", draws=5)
    assert curve.n == 11
    assert curve.frame["mass"].tolist() == pytest.approx([1 / 6, 5 / 6], abs=1e-6)


def test_turnbulls_band_holds_where_draws_leave_intervals_empty():
    random = np.random.default_rng(0)
    last = np.floor(random.exponential(150, 300) / 7)
    rows = pd.DataFrame({"left": last, "right": np.where(last < 20, last + 13, np.inf)})
    table = interval_curve(rows, draws=60).frame
    assert table[["ci_low", "ci_high"]].notna().all(axis=None)
    known = table[np.isfinite(table["right"])]
    assert (known["ci_low"] <= known["survival"] + 1e-9).mean() > 0.9


def test_concordance_of_uncensored_times_counts_pairs(drawn):
    risk = -drawn["duration"].to_numpy() + np.random.default_rng(1).normal(0, 30, len(drawn))
    from lifelines.utils import concordance_index

    every = concordance(risk, drawn["duration"].to_numpy(dtype=float), np.ones(len(drawn)))
    assert every == pytest.approx(concordance_index(drawn["duration"], -risk), abs=1e-9)


def test_a_triangle_marks_what_it_projects_and_agrees_with_the_cohorts_own_curve():
    random = np.random.default_rng(2)
    time = random.exponential(200, 3000)
    follow = random.choice([100.0, 400.0, 720.0], 3000)
    data = frame_of(
        np.minimum(time, follow),
        (time <= follow).astype(int),
        cohort=pd.Series(follow).map({720.0: "1", 400.0: "2", 100.0: "3"}),
    )
    triangle = cohort_triangle(data, period=90, periods=8)
    assert triangle.matrix("is_projected").sum(axis=1).tolist() == [0, 4, 7]
    own = kaplan_meier(count_events(data[data["cohort"] == "2"])).at([90, 180, 270, 360])
    assert triangle.matrix().loc["2"].iloc[:4].to_numpy() == pytest.approx(
        own["survival"].to_numpy()
    )
    truth = np.exp(-90 * np.arange(1, 9) / 200)
    assert triangle.matrix().loc["3"].to_numpy() == pytest.approx(truth, abs=0.05)


def test_the_summaries_name_their_evidence(drawn):
    counts = count_events(drawn, group="group")
    for result in (
        kaplan_meier(counts),
        log_rank(counts),
        restricted_mean(counts, horizon=90),
        nelson_aalen(counts),
        smoothed_hazard(counts, bandwidth=10),
    ):
        assert "nan" not in result.summary()
        assert len(result.to_frame())


def test_thirty_customers_are_called_thin():
    curve = kaplan_meier(count_events(frame_of(range(1, 31), [1] * 5 + [0] * 25)))
    assert "rests on 5 departures only" in curve.summary()


def test_landmarks_must_precede_the_as_of_date(tmp_path):
    from retention.engine import Engine

    with pytest.raises(ParameterError, match="not before"):
        landmark_spells(Engine(), "2026-01-01", "2026-01-01", 90)


def test_a_large_frame_is_thinned_evenly_and_a_small_one_left_alone():
    rows = pd.DataFrame({"duration": range(1001)})
    assert evenly_spaced(rows, 1001) is rows
    thinned = evenly_spaced(rows, 400)
    assert len(thinned) == 334
    assert set(np.diff(thinned["duration"])) == {3}
