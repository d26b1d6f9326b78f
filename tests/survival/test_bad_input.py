"""Bad input: an honest answer or a clear error, from every door of the package."""

import numpy as np
import pandas as pd
import pytest

from retention.engine import Engine
from retention.errors import EvidenceError, InputError, ParameterError
from retention.features import epoch_of
from retention.survival import (
    best_accelerated,
    competing_ends,
    count_events,
    cumulative_incidence,
    departure_intervals,
    fit_accelerated,
    fit_cox,
    interval_curve,
    kaplan_meier,
    log_rank,
    log_rank_family,
    restricted_mean,
    retention_spells,
    smoothed_hazard,
)

NO_EVENTS = pd.DataFrame({"duration": [5, 9, 12, 20], "event": 0, "x": [1.0, 2.0, 3.0, 4.0],
                          "arm": ["a", "a", "b", "b"]})  # fmt: skip


def shop(*orders):
    """Return a shop with one order per (customer, day, shop)."""
    epoch = np.array([epoch_of(day) for _, day, _ in orders])
    engine = Engine(threads=1)
    engine.register("orders", pd.DataFrame({
        "order_key": [f"o{i}" for i in range(len(orders))], "status": "paid", "currency": "USD",
        "customer_key": [who for who, _, _ in orders], "shop_id": [where for *_, where in orders],
        "ordered_at": pd.to_datetime(epoch, unit="s"), "ordered_epoch_s": epoch,
        "gross_minor": 1_000, "discount_minor": 0, "refunded_minor": 0,
        "is_gift": pd.array([None] * len(orders), dtype="boolean"),
        "delivered_late": pd.array([None] * len(orders), dtype="boolean"),
    }))  # fmt: skip
    return engine


@pytest.mark.parametrize(
    "ask",
    [
        lambda frame: fit_cox(frame, ["x"]),
        lambda frame: fit_accelerated(frame, ["x"]),
        lambda frame: best_accelerated(frame, ["x"]),
        lambda frame: log_rank(count_events(frame, group="arm")),
        lambda frame: log_rank_family(count_events(frame, group="arm")),
        lambda frame: cumulative_incidence(frame.assign(cause=None)),
    ],
)
def test_without_events_models_and_tests_say_that_nobody_left(ask):
    with pytest.raises(EvidenceError, match=r"Nobody left|Nothing has ended"):
        ask(NO_EVENTS)


def test_without_events_the_curve_stays_at_one_and_the_mean_is_the_horizon():
    counts = count_events(NO_EVENTS)
    assert kaplan_meier(counts).frame["survival"].eq(1).all()
    assert restricted_mean(counts, horizon=12).means["mean"].tolist() == [12.0]


def test_where_all_left_curves_hazards_and_tests_still_answer():
    frame = NO_EVENTS.assign(event=1)
    counts = count_events(frame, group="arm")
    assert kaplan_meier(counts).frame.groupby("group")["survival"].last().tolist() == [0.0, 0.0]
    assert np.isfinite(log_rank(counts).p_value)
    assert log_rank_family(counts).to_frame()["p_adjusted"].between(0, 1).all()
    assert np.isfinite(smoothed_hazard(count_events(frame), bandwidth=5).frame["hazard"]).all()


@pytest.mark.parametrize("duration", [-1.0, np.nan, np.inf])
@pytest.mark.parametrize("ask", [count_events, lambda f: fit_cox(f, ["x"]),
                                 lambda f: fit_accelerated(f, ["x"])])  # fmt: skip
def test_impossible_durations_are_refused_by_every_door(ask, duration):
    frame = NO_EVENTS.assign(event=1, duration=[5.0, duration, 12.0, 20.0])
    with pytest.raises(InputError):
        ask(frame)


def test_a_zero_duration_is_counted_but_has_no_logarithm():
    frame = NO_EVENTS.assign(event=1, duration=[0, 3, 5, 9])
    assert kaplan_meier(count_events(frame)).at([0])["survival"].tolist() == [0.75]
    with pytest.raises(InputError, match="zero"):
        fit_accelerated(frame, ["x"])


def test_a_group_with_one_customer_or_without_events_is_compared_with_care():
    frame = NO_EVENTS.assign(event=[1, 1, 0, 0])
    test = log_rank(count_events(frame, group="arm"))
    assert test.observed["observed"].tolist() == [2.0, 0.0]
    alone = frame.assign(arm=["a", "a", "a", "b"])
    assert np.isfinite(log_rank(count_events(alone, group="arm")).statistic)


def test_orders_of_the_future_change_nothing():
    known = [("a", "2026-01-05", "own"), ("b", "2026-02-01", "own"), ("b", "2026-03-01", "own")]
    later = [("a", "2027-01-05", "own"), ("z", "2027-02-01", "own")]
    plain = retention_spells(shop(*known), "2026-06-01", 60)
    pd.testing.assert_frame_equal(plain, retention_spells(shop(*known, *later), "2026-06-01", 60))


def test_a_single_day_of_orders_leaves_everybody_followed_for_that_long():
    spells = retention_spells(shop(("a", "2026-05-31", "own"), ("b", "2026-05-31", "own")),
                              "2026-06-01", 90)  # fmt: skip
    assert spells["duration"].tolist() == [1, 1]
    assert not spells["event"].any()
    with pytest.raises(EvidenceError):
        retention_spells(shop(("a", "2026-05-31", "own")), "2026-05-31", 90)


def test_ends_compete_and_the_first_one_counts():
    engine = shop(("silent", "2026-01-01", "own"), ("mover", "2026-01-01", "own"),
                  ("mover", "2026-01-21", "etsy"), ("mover", "2026-02-20", "etsy"),
                  ("guest", "2026-01-01", "own"), ("guest", "2026-01-21", "etsy"),
                  ("guest", "2026-05-20", "own"),
                  ("abroad", "2026-01-01", "etsy"), ("abroad", "2026-03-01", "etsy"),
                  ("private", "2026-01-01", "own"), ("member", "2026-01-01", "own"))  # fmt: skip
    engine.register("consents", pd.DataFrame({
        "customer_key": ["private", "private"], "purpose": ["analytics", "analytics"],
        "state": ["granted", "withdrawn"],
        "changed_epoch_s": [epoch_of("2026-01-01"), epoch_of("2026-01-11")]}))  # fmt: skip
    engine.register("contracts", pd.DataFrame({
        "customer_key": ["member"], "started_epoch_s": [epoch_of("2026-01-01")],
        "ended_epoch_s": [epoch_of("2026-01-31")]}))  # fmt: skip
    ends = competing_ends(engine, "2026-06-01", 90, marketplaces=["etsy"])
    told = ends.set_index("customer_key")[["cause", "duration"]]
    assert told.loc["silent"].tolist() == ["fell silent", 90]
    assert told.loc["mover"].tolist() == ["moved to a marketplace", 20]
    assert told.loc["guest", "cause"] == "fell silent"  # came back to the own shop
    assert told.loc["private"].tolist() == ["withdrew consent", 10]
    assert told.loc["member"].tolist() == ["contract ended", 30]
    assert told.loc["abroad", "cause"] == "fell silent"
    at_home = competing_ends(engine, "2026-06-01", 90).set_index("customer_key")
    assert at_home.loc["mover", "cause"] == "fell silent"


def test_departures_are_dated_between_the_last_purchase_and_the_windows_end():
    engine = shop(("a", "2026-01-01", "own"), ("a", "2026-01-15", "own"),
                  ("b", "2026-05-20", "own"))  # fmt: skip
    intervals = departure_intervals(engine, "2026-06-01", 28, unit_days=7)
    assert intervals.to_numpy().tolist() == [[0.0, np.inf, 1.0], [2.0, 6.0, 1.0]]
    curve = interval_curve(intervals, frequency="weight", unit="weeks", draws=2)
    assert curve.n == 2
    with pytest.raises(ParameterError):
        departure_intervals(engine, "2026-06-01", 0)
