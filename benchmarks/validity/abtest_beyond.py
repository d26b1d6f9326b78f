"""Segments, days, switchbacks and designs without randomisation: error rates by simulation."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from benchmarks.record import Entry
from benchmarks.validity._abtest_draws import EXPERIMENTS, mean_metric, share
from retention.abtest import MetricDefinition, MetricKind, Moments, Statistics, rehearse
from retention.abtest.heterogeneity import segment_effects
from retention.abtest.programme import PastResult, programme_lessons
from retention.abtest.quasi_experiment import difference_in_differences
from retention.abtest.since_assignment import daily_moments, effect_since_assignment
from retention.abtest.statistics import Cell
from retention.abtest.switchback import switchback_effect, switchback_schedule
from retention.abtest.synthetic_control import synthetic_control
from retention.engine import Engine


def cases() -> Iterator[Entry]:
    """Yield every case."""
    yield from _segments()
    yield from _since()
    yield from _rehearsals()
    yield from _declared()
    yield from _switchbacks()
    yield from _panels()
    yield from _synthetic()
    yield from _winners()


def _segments() -> Iterator[Entry]:
    """Yield the interaction test's level and the coverage of shrunken effects."""
    generator, metric = np.random.default_rng(1), mean_metric()
    for between, name in ((0.0, "equal effects"), (0.15, "effects that differ")):
        differ = inside = total = 0
        for _ in range(EXPERIMENTS):
            true = generator.normal(0.1, between, 8) if between else np.full(8, 0.1)
            cells = {}
            for s, effect in enumerate(true):
                n = int(150 + 100 * s)
                for arm, lift in (("a", 0.0), ("b", float(effect))):
                    rows = generator.gamma(1.0, 1.0, (n, 1)) + lift
                    cells[Cell("y", arm, f"s{s}")] = Moments.of(("y",), rows)
            found = segment_effects(Statistics(cells), metric, "a", "b")
            differ += found.differ
            table = found.table
            low, high = table["shrunken_low"], table["shrunken_high"]
            inside += int(((low <= true) & (true <= high)).sum())
            total += 8
        if between == 0:
            yield share("false positives: interaction of 8 segments", differ, EXPERIMENTS, 0.05,
                        "Cochran 1954")  # fmt: skip
        yield share(f"coverage of shrunken segment effects, {name}", inside, total, 0.95,
                    "Morris 1983; average over segments", at_least=True)  # fmt: skip


def _since() -> Iterator[Entry]:
    """Yield the level of daily and cumulative bands, and of the trend, over sparse purchases."""
    generator, units, days = np.random.default_rng(12), 1_000, 14
    people = pd.DataFrame({"unit_key": np.arange(units)})
    people["arm"] = np.where(people["unit_key"] % 2, "b", "a")
    daily = total = trend = 0
    for run in range(EXPERIMENTS):
        own = generator.gamma(0.5, 1.0, units)
        n = generator.poisson(0.5 * own)
        rows = people.loc[people.index.repeat(n)]
        rows = rows.assign(
            day=generator.integers(0, days, len(rows)), value=generator.gamma(2.0, 10.0, len(rows))
        )
        found = daily_moments(rows, people, days)
        seen = effect_since_assignment(found["a"], found["b"], metric="y", arm="b", seed=run)
        table = seen.table
        daily += bool(((table["ci_low"] > 0) | (table["ci_high"] < 0)).any())
        total += bool(((table["total_low"] > 0) | (table["total_high"] < 0)).any())
        trend += seen.slope_p_value < 0.05
    source = "sup-t, Montiel Olea & Plagborg-Møller 2019"
    yield share("any of 14 daily bands leaves the truth, sparse purchases", daily, EXPERIMENTS,
                0.05, source, at_most=True)  # fmt: skip
    yield share("the cumulative band leaves the truth on any of 14 days", total, EXPERIMENTS, 0.05,
                source, at_most=True)  # fmt: skip
    yield share("false positives: trend over 14 days since assignment", trend, EXPERIMENTS, 0.05,
                "unit-level slopes, Welch")  # fmt: skip


def _rehearsals() -> Iterator[Entry]:
    """Yield the false-positive rate that a rehearsal finds with looks, and with clusters."""
    generator, engine, n = np.random.default_rng(13), Engine(threads=1), 2_000
    own = np.repeat(generator.normal(0, 0.5, n // 10), 10)
    frame = pd.DataFrame({"y": own + generator.normal(size=n), "house": np.repeat(
        np.arange(n // 10), 10)})  # fmt: skip
    for looks, cluster in ((5, None), (1, "house")):
        found = rehearse(engine, frame, mean_metric(), relative_effect=0.1, draws=EXPERIMENTS,
                         looks=looks, cluster=cluster, seed=looks)  # fmt: skip
        name = "clusters of 10, correlation 0.2" if cluster else f"{looks} looks, O'Brien-Fleming"
        yield share(f"rehearsed false positives: {name}", round(found.false_positive_rate *
                    EXPERIMENTS), EXPERIMENTS, 0.05, "random splits of the past")  # fmt: skip


def _declared() -> Iterator[Entry]:
    """Yield the false-positive rate that a rehearsal finds for every kind and reading."""
    generator, engine, n = np.random.default_rng(14), Engine(threads=1), 2_000
    kind = generator.choice(["a", "b"], n, p=[0.7, 0.3])
    waited = generator.exponential(20.0, n)
    frame = pd.DataFrame({
        "kind": kind, "y": np.where(kind == "b", 40.0, 10.0) + generator.lognormal(2, 1, n),
        "waited": np.minimum(waited, 28.0), "ordered": (waited < 28.0).astype(int),
    })  # fmt: skip
    median = MetricDefinition("y", "y", MetricKind.QUANTILE, quantile=0.5)
    waiting = MetricDefinition(
        "waited", "waited", MetricKind.TIME_TO_EVENT, event="ordered", horizon=28.0
    )
    looks = {"looks": 3, "information": (0.5, 0.8, 1.0)}
    for name, metric, terms in (
        ("post-stratified mean", MetricDefinition("y", "y", strata="kind"), {}),
        ("mean, split evenly within strata", mean_metric(), {"stratify_by": "kind"}),
        ("median", median, {}), ("time to the next order", waiting, {}),
        ("median, looks at 0.5, 0.8, 1", median, looks),
        ("time to the next order, looks at 0.5, 0.8, 1", waiting, looks),
        ("mean, redrawn, 9 : 1", mean_metric(), {"share_treatment": 0.1}),
        ("mean, always valid, 10 moments", mean_metric(), {"tuned_at": n}),
    ):  # fmt: skip
        found = rehearse(engine, frame, metric, relative_effect=0.1, draws=EXPERIMENTS, seed=3,
                         **terms)  # fmt: skip
        yield share(
            f"rehearsed false positives: {name}", round(found.false_positive_rate * EXPERIMENTS),
            EXPERIMENTS, 0.05, "random splits of the past",
            at_most=bool({"tuned_at", "stratify_by"} & set(terms)),
        )  # fmt: skip


def _switchbacks() -> Iterator[Entry]:
    """Yield level and coverage of a paired switchback through a season."""
    generator = np.random.default_rng(3)
    false = covered = 0
    for run in range(EXPERIMENTS):
        effect = 0.0 if run % 2 else 0.5
        treated = switchback_schedule(40, run)
        season = 10 + 3 * np.sin(np.arange(40) / 4)
        exposure = generator.integers(80, 120, 40).astype(float)
        noise = generator.gamma(1.0, 1.0, 40)
        total = (season + effect * treated + noise) * exposure
        frame = pd.DataFrame({"treated": treated, "total": total, "exposure": exposure})
        found = switchback_effect(frame, draws=999, seed=run)
        false += effect == 0 and found.p_value < 0.05
        covered += found.ci_low <= effect <= found.ci_high
    half = EXPERIMENTS // 2
    yield share("false positives: switchback of 40 periods, skewed noise", false, half, 0.05,
                "randomisation test over pairs")  # fmt: skip
    yield share("coverage, switchback of 40 periods, skewed noise", covered, EXPERIMENTS, 0.95,
                "Student over pairs")  # fmt: skip


def _panels() -> Iterator[Entry]:
    """Yield difference-in-differences with serially correlated units."""
    generator, units, length, start = np.random.default_rng(4), 60, 12, 8
    frame = pd.DataFrame({"unit_key": np.repeat(np.arange(units), length)})
    frame["period"] = np.tile(np.arange(length), units)
    frame["treated"] = (frame["unit_key"] < 20).astype(int)
    later = (frame["treated"] == 1) & (frame["period"] >= start)
    false = covered = drifting = 0
    for run in range(EXPERIMENTS):
        effect = 0.0 if run % 2 else 1.0
        noise = generator.normal(size=(units, length))
        for t in range(1, length):
            noise[:, t] += 0.7 * noise[:, t - 1]
        level = np.repeat(generator.normal(50, 10, units), length)
        found = difference_in_differences(
            frame.assign(value=level + frame["period"] + effect * later + noise.ravel()), start
        )
        false += effect == 0 and found.p_value < 0.05
        covered += found.ci_low <= effect <= found.ci_high
        drifting += not found.parallel
    name = "60 units, autocorrelation 0.7"
    yield share(f"false positives: difference-in-differences, {name}", false, EXPERIMENTS // 2,
                0.05, "Bertrand, Duflo & Mullainathan 2004")  # fmt: skip
    yield share(f"coverage, difference-in-differences, {name}", covered, EXPERIMENTS, 0.95,
                "unit-level changes, Welch")  # fmt: skip
    yield share(f"false alarms: parallel trends, {name}", drifting, EXPERIMENTS, 0.05,
                "Hotelling's T² on the leads, Krishnamoorthy & Yu 2004")  # fmt: skip


def _synthetic() -> Iterator[Entry]:
    """Yield the level of the placebo test where any unit might have been the treated one."""
    generator, false, runs = np.random.default_rng(5), 0, max(EXPERIMENTS // 5, 1)
    for _ in range(runs):
        factors = generator.normal(size=(20, 2)).cumsum(axis=0)
        values = (
            50 + factors @ generator.uniform(0, 1, (2, 20)) + generator.normal(0, 0.3, (20, 20))
        )
        wide = pd.DataFrame(values, columns=[f"u{i:02d}" for i in range(20)])
        panel = wide.rename_axis("period").reset_index().melt("period", var_name="unit_key")
        false += synthetic_control(panel, "u00", 14).p_value <= 0.1
    yield share("false positives at 10 %: synthetic control placebo test, 19 others", false, runs,
                0.1, "Abadie, Diamond & Hainmueller 2010")  # fmt: skip


def _winners() -> Iterator[Entry]:
    """Yield what winners keep: shrunken figures against what was true."""
    from retention.abtest import Decision

    generator = np.random.default_rng(6)
    raw = shrunken = 0.0
    programmes = max(EXPERIMENTS // 8, 1)
    for _ in range(programmes):
        true = generator.normal(0.0, 0.02, 60)
        seen = generator.normal(true, 0.03)
        ship = seen > 0.045
        if not ship.any():
            continue
        decisions = [Decision.SHIP if s else Decision.DONT_SHIP for s in ship]
        lessons = programme_lessons([
            PastResult(f"e{i}", float(s), 0.03, d)
            for i, (s, d) in enumerate(zip(seen, decisions, strict=True))
        ])  # fmt: skip
        raw += float((seen - true)[ship].mean())
        shrunken += float((lessons.table["shrunken_effect"].to_numpy() - true)[ship].mean())
    raw, shrunken = raw / programmes, shrunken / programmes
    yield Entry("abtest", "bias of winners' lift after shrinkage (raw in source)", 0.0,
                round(shrunken, 5), 0.005, programmes, abs(shrunken) <= 0.005,
                f"raw figures of winners are {raw:.4f} too high")  # fmt: skip
