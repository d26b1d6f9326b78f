"""Frequencies count customers, weights say whom the sample speaks for, entries come late."""

import numpy as np
import pandas as pd
import pytest
from statsmodels.duration.survfunc import survdiff

from retention.errors import EvidenceError, InputError
from retention.survival import (
    Weighting,
    concordance,
    count_events,
    cumulative_incidence,
    fit_accelerated,
    fit_cox,
    interval_curve,
    kaplan_meier,
    log_rank,
    restricted_mean,
)

EIGHT = pd.DataFrame(
    {
        "duration": [3, 4, 6, 7, 10, 11, 12, 12],
        "entry": [0, 0, 0, 0, 5, 5, 5, 5],
        "event": [1, 1, 1, 1, 1, 1, 1, 0],
        "arm": list("aaaabbbb"),
    }
)


@pytest.fixture(scope="module")
def drawn():
    random = np.random.default_rng(2)
    n = 300
    x = random.integers(0, 2, n)
    return pd.DataFrame(
        {
            "duration": np.ceil(random.exponential(20 * np.exp(-0.5 * x))),
            "event": (random.random(n) < 0.8).astype(int),
            "x": x,
            "z": random.normal(size=n),
            "many": random.integers(0, 5, n),
            "inverse": random.uniform(0.5, 4, n),
            "cause": random.choice(["left", "erased"], n),
        }
    )


@pytest.fixture(scope="module")
def repeated(drawn):
    return drawn.loc[drawn.index.repeat(drawn["many"])].reset_index(drop=True)


def test_log_rank_compares_those_under_observation():
    """By hand and by statsmodels: risk set = entry < t <= end; 4 observed, 2.533 expected."""
    test = log_rank(count_events(EIGHT, group="arm", entry="entry"))
    assert test.statistic == pytest.approx(5.627906976744184)
    assert test.observed["expected"].tolist() == pytest.approx([2.533333333, 4.466666667])


@pytest.mark.parametrize("seed", range(5))
def test_log_rank_with_late_entry_equals_statsmodels(seed):
    random = np.random.default_rng(seed)
    entry = random.integers(0, 20, 120)
    data = pd.DataFrame(
        {
            "entry": entry,
            "duration": entry + random.integers(1, 20, 120),
            "event": random.integers(0, 2, 120),
            "arm": random.choice(["a", "b", "c"], 120),
        }
    )
    counts = count_events(data, group="arm", entry="entry")
    columns = (data["duration"], data["event"], data["arm"])
    chi2, p_value = survdiff(*(c.to_numpy() for c in columns), entry=entry)
    assert log_rank(counts).statistic == pytest.approx(chi2)
    assert log_rank(counts).p_value == pytest.approx(p_value)
    n, d = _risk_sets(data)
    share = n / n.sum(axis=1, keepdims=True)
    expected = (share * d.sum(axis=1, keepdims=True)).sum(axis=0)
    for weighting in Weighting:
        test = log_rank(counts, weighting=weighting)
        assert test.observed["expected"].to_numpy() == pytest.approx(expected)


def _risk_sets(data):
    times = np.unique(data.loc[data["event"] == 1, "duration"])
    inside = (data["entry"].to_numpy() < times[:, None]) & (
        data["duration"].to_numpy() >= times[:, None]
    )
    ends = (data["duration"].to_numpy() == times[:, None]) & (data["event"].to_numpy() == 1)
    arms = [(data["arm"] == arm).to_numpy() for arm in "abc"]
    return tuple(np.column_stack([m[:, arm].sum(axis=1) for arm in arms]) for m in (inside, ends))


def test_a_curve_with_late_entry_can_be_told_and_read_between_departures():
    few = EIGHT.assign(entry=[1, 5, 5, 5, 5, 5, 5, 5], duration=[2, 6, 7, 8, 10, 11, 12, 12])
    curve = kaplan_meier(count_events(few, entry="entry"))
    assert "others came later" in curve.summary()
    assert curve.at([1, 3, 5.5, 9])["at_risk"].tolist() == [0, 0, 7, 4]
    start = np.arange(0, 2000, 10)
    thin = pd.DataFrame({"duration": start + 50, "entry": start, "event": 1})
    assert (
        "of all customers (200)"
        in kaplan_meier(count_events(thin, entry="entry")).summary().lower()
    )


def test_frequencies_are_repeated_rows(drawn, repeated):
    packed, plain = count_events(drawn, frequency="many"), count_events(repeated)
    pd.testing.assert_frame_equal(packed.frame, plain.frame)
    by_x = log_rank(count_events(drawn, group="x", frequency="many"))
    assert by_x.statistic == pytest.approx(log_rank(count_events(repeated, group="x")).statistic)
    ends = cumulative_incidence(drawn, frequency="many")
    pd.testing.assert_frame_equal(ends.frame, cumulative_incidence(repeated).frame)
    assert ends.n == len(repeated)


@pytest.mark.parametrize("fit", [fit_cox, fit_accelerated])
def test_a_regression_on_frequencies_is_that_on_repeated_rows(drawn, repeated, fit):
    packed, plain = fit(drawn, ["x", "z"], frequency="many"), fit(repeated, ["x", "z"])
    pd.testing.assert_frame_equal(packed.to_frame(), plain.to_frame())
    assert (packed.n, packed.events) == (len(repeated), repeated["event"].sum())


def test_concordance_on_frequencies_is_that_on_repeated_rows(drawn, repeated):
    columns = ["z", "duration", "event"]
    packed = concordance(
        *(drawn[c].to_numpy() for c in columns), frequency=drawn["many"].to_numpy()
    )
    assert packed == pytest.approx(concordance(*(repeated[c].to_numpy() for c in columns)))


def test_weights_shift_the_curve_without_adding_evidence(drawn):
    weighed = kaplan_meier(count_events(drawn, weight="inverse")).frame
    ten_fold = drawn.assign(inverse=10 * drawn["inverse"])
    same = kaplan_meier(count_events(ten_fold, weight="inverse")).frame
    pd.testing.assert_frame_equal(weighed, same)
    time, w = drawn["duration"].to_numpy(), drawn["inverse"].to_numpy()
    left = drawn["event"].to_numpy() == 1
    steps = [1 - w[(time == t) & left].sum() / w[time >= t].sum() for t in weighed["time"]]
    assert weighed["survival"].to_numpy() == pytest.approx(np.cumprod(steps), abs=1e-12)
    plain = kaplan_meier(count_events(drawn)).frame
    assert (weighed["standard_error"].iloc[5:20] > plain["standard_error"].iloc[5:20]).all()
    with pytest.raises(EvidenceError, match="fit_cox"):
        log_rank(count_events(drawn, group="x", weight="inverse"))


def test_the_error_of_a_weighted_mean_is_that_of_the_sample():
    """Monte Carlo: 400 samples of 150, half of the customers drawn three times as often."""
    random = np.random.default_rng(5)
    found = []
    for _ in range(400):
        slow = random.random(150) < 0.75
        time = np.ceil(random.exponential(np.where(slow, 40, 10)))
        data = pd.DataFrame({"duration": time, "event": 1, "w": np.where(slow, 1 / 3, 1.0)})
        row = restricted_mean(count_events(data, weight="w"), horizon=30).means.iloc[0]
        found.append((row["mean"], row["standard_error"]))
    means, errors = np.array(found).T
    assert errors.mean() == pytest.approx(means.std(), rel=0.12)  # 3 Monte-Carlo errors of 3.5 %


BAD = [np.nan, -1.0, np.inf]
DOORS = {
    "count_events": lambda frame, **how: count_events(frame, **how),
    "fit_cox": lambda frame, **how: fit_cox(frame, ["z"], **how),
    "fit_accelerated": lambda frame, **how: fit_accelerated(frame, ["z"], **how),
    "cumulative_incidence": lambda frame, **how: cumulative_incidence(frame, **how),
    "interval_curve": lambda frame, **how: interval_curve(
        frame, left="duration", right="later", **how
    ),
    "concordance": lambda frame, **how: concordance(
        *(frame[c] for c in ("z", "duration", "event")), **{k: frame[v] for k, v in how.items()}
    ),
}


@pytest.mark.parametrize("ask", DOORS.values(), ids=DOORS)
@pytest.mark.parametrize(
    ("name", "value"), [*(("weight", b) for b in BAD), *(("frequency", b) for b in [*BAD, 1.5])]
)
def test_impossible_frequencies_and_weights_are_refused_everywhere(drawn, ask, name, value):
    frame = drawn.head(40).assign(w=1.0, later=lambda f: f["duration"] + 1)
    frame.loc[3, "w"] = value
    with pytest.raises(InputError, match="1 rows is missing") as caught:
        ask(frame, **{name: "w"})
    assert caught.value.line == 4
    with pytest.raises(EvidenceError, match="are zero"):
        ask(frame.assign(w=0), **{name: "w"})


@pytest.mark.parametrize("kind", ["Float64", "double[pyarrow]"])
def test_a_nan_within_nullable_types_is_refused(drawn, kind):
    part = (pd.Series([0.0, 1.0, 2.0]).astype(kind)) / (pd.Series([0.0, 1.0, 1.0]).astype(kind))
    frame = pd.DataFrame({"duration": [4.0, 5.0, 6.0], "event": 1, "z": [1.0, 2.0, 4.0]})
    with pytest.raises(InputError):
        count_events(frame.assign(duration=part))
    with pytest.raises(InputError):
        fit_cox(frame.assign(z=part), ["z"])
