"""What the engine holds of an experiment: units with outcomes, purchases by day, currencies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from retention.abtest.collect import collect
from retention.abtest.experiment import Experiment
from retention.abtest.over_time import CumulativeEffect, cumulative_effect
from retention.abtest.since_assignment import (
    EffectSinceAssignment,
    daily_moments,
    effect_since_assignment,
)
from retention.abtest.statistics import Array
from retention.engine import Engine
from retention.errors import EvidenceError
from retention.features import experiment_frame, minor_per_major, spread_log
from retention.features.dates import DAY_S, epoch_of

COUNTED = ("revenue", "orders")
"""Outcomes that can be told by the day."""

WEEK = 7


def experiment_units(engine: Engine, plan: Experiment, as_of: str) -> pd.DataFrame:
    """Return the units of an experiment with covariates, outcomes and time to the first order.

    ``days_to_order`` is the time from assignment to the first order after it, or to the end of the
    horizon (or to the as-of date, if that comes first) where there is none; ``ordered`` tells
    which.
    Exports that bring outcomes of their own have neither.
    """
    units = with_channel(engine, experiment_frame(engine, plan.name, plan.horizon_days))
    if not (engine.has("orders") and "orders" in units.attrs["outcomes"]):
        return units
    times = engine.query(
        "abtest_first_order", experiment_key=plan.name, until_s=epoch_of(as_of)
    ).frame()
    observed = (epoch_of(as_of) - times["assigned_epoch_s"]) / DAY_S
    watched = observed.clip(upper=float(plan.horizon_days)).astype(float)
    first = times["first_order_s"].astype("Float64").to_numpy(float, na_value=np.inf) / DAY_S
    ordered = first < watched
    times = times[["unit_key"]].assign(
        days_to_order=np.where(ordered, first, watched.clip(lower=0.0)),
        ordered=ordered.astype("int64"),
    )
    attrs = units.attrs
    found = units.merge(times, "left", "unit_key")
    found.attrs = attrs | {"outcomes": [*attrs["outcomes"], "days_to_order", "ordered"]}
    return found


def with_channel(engine: Engine, units: pd.DataFrame) -> pd.DataFrame:
    """Return the units with the channel they were acquired through, where it is known."""
    if "channel" in units or not engine.has("customers"):
        return units
    people = engine.sql("SELECT customer_key AS unit_key, channel FROM customers").frame()
    found = units.merge(people, "left", "unit_key")
    found.attrs = units.attrs
    return found


def assignment_log(engine: Engine, experiment_key: str) -> pd.DataFrame:
    """Return ``unit_key, arm, assigned_epoch_s, exposed_epoch_s`` of one experiment."""
    log = engine.query("abtest_assignments", experiment_key=experiment_key).frame()
    return spread_log(engine, log, experiment_key)


def currencies(engine: Engine, experiment_key: str) -> list[str]:
    """Return the currencies that the units paid in, sorted; none where there are no orders."""
    if not engine.has("orders"):
        return []
    found = engine.query("abtest_currencies", experiment_key=experiment_key).frame()
    return [str(code) for code in found["currency"]]


def arrivals(log: pd.DataFrame, arms: list[str]) -> Array:
    """Return how many units had been assigned to each arm by the end of each day, cumulated.

    Units without a time of assignment cannot be placed and are left out.
    """
    dated = log.dropna(subset=["assigned_epoch_s"])
    if dated.empty:
        return np.zeros((0, len(arms)))
    days = (dated["assigned_epoch_s"] // DAY_S).rename("day")
    counts = pd.crosstab(days, dated["arm"]).reindex(columns=arms, fill_value=0)
    return counts.cumsum().to_numpy(dtype=float)


def since_assignment(
    engine: Engine, plan: Experiment, log: pd.DataFrame, as_of: str, *, seed: int = 0
) -> list[EffectSinceAssignment]:
    """Return the effect of each arm by days since assignment, on the primary metric's column.

    Only days that every unit has been watched for count; from three weeks on they are taken by the
    week, since on many a single day nobody buys. Empty where the primary metric cannot be
    told by the day (outcomes that the export brings itself, rates, ratios).
    """
    metric = plan.primary
    if metric.column not in COUNTED or metric.denominator or not engine.has("orders"):
        return []
    if log["assigned_epoch_s"].isna().all():
        return []
    until = epoch_of(as_of)
    watched = int((until - int(log["assigned_epoch_s"].max())) // DAY_S)
    days = min(plan.horizon_days, watched)
    step = WEEK if days >= 3 * WEEK else 1
    rows = _purchases(engine, plan, until).assign(
        day=lambda frame: frame["after_s"] // (step * DAY_S)
    )
    moments = daily_moments(rows, log, max(days, 0) // step)
    found = []
    for arm in plan.treatments:
        try:
            found.append(effect_since_assignment(
                moments[plan.control], moments[arm], metric=metric.name, arm=arm,
                unit=metric.unit, alpha=plan.alpha, seed=seed, step=step,
            ))  # fmt: skip
        except EvidenceError:
            continue
    return found


def _purchases(engine: Engine, plan: Experiment, until_s: int) -> pd.DataFrame:
    """Return the units' orders within the horizon, valued as the primary metric counts them."""
    rows = engine.query(
        "abtest_orders_after", experiment_key=plan.name, window_s=0,
        horizon_s=plan.horizon_days * DAY_S, until_s=until_s,
    ).frame()  # fmt: skip
    money = rows["value_minor"] / minor_per_major(engine)
    return rows.assign(value=money if plan.primary.column == "revenue" else 1.0)


def since_summary(found: Sequence[EffectSinceAssignment]) -> str:
    """Say how the effect of each arm moves, or that it cannot be told by the day."""
    return " ".join(effect.summary() for effect in found) or (
        "The primary metric cannot be told by the day here: the export brings outcomes in one "
        "figure, or too few days have passed."
    )


def as_units_came_in(
    engine: Engine, units: pd.DataFrame, log: pd.DataFrame, plan: Experiment
) -> list[CumulativeEffect]:
    """Return the primary effect of all units assigned up to each day, with an always-valid band.

    Empty where all units were assigned on one day, or the metric is not one of sums.
    """
    metric = replace(plan.primary, strata=None)
    entry = (log.set_index("unit_key")["assigned_epoch_s"] // DAY_S).dropna()
    if metric.of_units or entry.nunique() < 2:
        return []
    dated = units.assign(entry_day=units["unit_key"].map(entry)).dropna(subset=["entry_day"])
    engine.register("units_by_entry", dated.astype({"entry_day": "int64"}))
    statistics = collect(
        engine, "units_by_entry", [metric], day="entry_day", cluster=plan.cluster
    )  # fmt: skip
    tuned_at = plan.tuned_at or len(units)
    return [
        cumulative_effect(
            statistics, metric, plan.control, arm, tuned_at=tuned_at, alpha=plan.alpha
        )
        for arm in plan.treatments
    ]


def came_in_summary(found: Sequence[CumulativeEffect]) -> str:
    """Say what the bands over the days of assignment show, or that there is one day only."""
    return " ".join(effect.summary() for effect in found) or (
        "All customers were assigned at one time, so there is nothing to watch coming in."
    )
