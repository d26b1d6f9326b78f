"""Fixed-horizon inference over simulated experiments: coverage of intervals, level of tests."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from benchmarks.record import Entry
from benchmarks.validity._abtest_draws import (
    EXPERIMENTS,
    PROPORTION,
    RATIO,
    World,
    experiments,
    judged,
    mean_metric,
    rate_of,
    revenue,
    revenue_mean,
    share,
)
from retention.abtest import (
    Design,
    MetricDefinition,
    Moments,
    NullPolicy,
    collect,
    contrast,
    estimate,
    power_at,
    proportion_design,
    required_units,
)
from retention.abtest.quantiles import quantile_effect
from retention.abtest.rerandomisation import redrawn
from retention.abtest.stratification import post_stratified
from retention.abtest.time_to_event import time_to_event_effect
from retention.engine import Engine


def cases() -> Iterator[Entry]:
    """Yield every case."""
    yield from _means()
    yield from _rates()
    yield from _ratios()
    yield from _adjusted()
    yield from _nulls()
    yield from _clusters()
    yield from _stratified()
    yield from _quantiles()
    yield from _capped()
    yield from _times()
    yield from _power()


def _means() -> Iterator[Entry]:
    """Yield heavy-tailed revenue, equal and unequal arms."""
    name = "mean revenue, 5 % buy, log-normal"
    world = World(revenue(), revenue(lift=0.1), revenue_mean(), revenue_mean(lift=0.1))
    yield from judged(name, world, mean_metric(), ("y",), (5_000, 5_000), 1, "Welch 1947")
    for sizes, seed in (((18_000, 2_000), 2), ((45_000, 5_000), 3)):
        yield from _redrawn(name, sizes, seed)


def _redrawn(name: str, sizes: tuple[int, int], seed: int) -> Iterator[Entry]:
    """Yield means too skewed for Student's t in unequal arms: redrawn assignments."""
    generator, metric = np.random.default_rng(seed), mean_metric()
    hits = {"false": 0, "covered": 0, "relative": 0, "welch": 0}
    difference = revenue_mean(lift=0.1) - revenue_mean()
    for run in range(EXPERIMENTS):
        lift = 0.0 if run % 2 else 0.1
        a, b = (
            revenue(lift=x)(generator, n)[:, 0] for x, n in zip((0.0, lift), sizes, strict=True)
        )
        arms = [Moments.of(("y",), arm[:, None]) for arm in (a, b)]
        found = redrawn(a, b, contrast(*arms, metric), alpha=0.05, seed=run, draws=599)
        low, high, p_value, _ = found.interval
        hits["false"] += lift == 0 and p_value < 0.05
        hits["welch"] += lift == 0 and estimate(*arms, metric).p_value < 0.05
        hits["covered"] += low <= (difference if lift else 0.0) <= high
        hits["relative"] += found.relative.ci_low <= lift <= found.relative.ci_high
    half, size = EXPERIMENTS // 2, f"{sizes[0]:,} against {sizes[1]:,}"
    source = f"Chung & Romano 2013; Welch's t refuses {hits['welch'] / half:.3f} here"
    yield share(f"false positives: {name}, {size}", hits["false"], half, 0.05, source)
    yield share(f"coverage, difference: {name}, {size}", hits["covered"], EXPERIMENTS, 0.95, source)
    yield share(f"coverage, relative: {name}, {size}", hits["relative"], EXPERIMENTS, 0.95, source)


def _rates() -> Iterator[Entry]:
    """Yield conversions of 5 % and 0.5 %, equal and unequal arms."""
    source = "Miettinen & Nurminen 1985"
    for p, sizes, seed in (
        (0.05, (2_000, 2_000), 11), (0.05, (9_000, 1_000), 12),
        (0.005, (4_000, 4_000), 13), (0.005, (18_000, 2_000), 14),
    ):  # fmt: skip
        world = World(rate_of(p), rate_of(1.2 * p), p, 1.2 * p)
        yield from judged(f"rate of {100 * p:g} %", world, PROPORTION, ("y",), sizes, seed, source)


def _ratios() -> Iterator[Entry]:
    """Yield revenue per order, with orders that vary between customers."""

    def draw(lift: float):
        def values(generator: np.random.Generator, n: int) -> np.ndarray:
            orders = 1.0 + generator.negative_binomial(1, 0.5, n)
            own = generator.lognormal(3, 0.5, n)
            return np.column_stack(
                [(1 + lift) * orders * own * generator.gamma(4, 0.25, n), orders]
            )

        return values

    value = np.exp(3 + 0.125)
    world = World(draw(0.0), draw(0.05), value, 1.05 * value)
    source = "delta method; Deng, Knoblich & Lu 2018"
    for sizes, seed in (((3_000, 3_000), 21), ((9_000, 1_000), 22)):
        yield from judged("ratio, revenue per order", world, RATIO, ("y", "d"), sizes, seed, source)


def _known(lift: float, sizes: float = 1.0):
    """Return outcome with two covariates that explain 2/3 of it."""

    def draw(generator: np.random.Generator, n: int) -> np.ndarray:
        x = generator.gamma(2.0, 1.0, (n, 2))
        y = 3 * x[:, 0] + x[:, 1] + sizes * generator.gamma(1.0, 3.2, n) + lift
        return np.column_stack([y, x])

    return draw


def _adjusted() -> Iterator[Entry]:
    """Yield CUPED with one and two covariates, equal and unequal arms, small and large."""
    world = World(_known(0.0), _known(0.3), 8 + 3.2, 8 + 3.2 + 0.3)
    for covariates in (("u",), ("u", "v")):
        for sizes, seed in (((1_000, 1_000), 31), ((1_800, 200), 32)):
            yield from judged(
                f"CUPED on {len(covariates)} skewed covariate(s)", world, mean_metric(*covariates),
                ("y", "u", "v"), sizes, seed, "Deng et al. 2013",
            )  # fmt: skip


def _nulls() -> Iterator[Entry]:
    """Yield 40 % nulls: a dropped metric, and a covariate whose gaps are their own stratum."""

    def gappy(lift: float):
        inner = _known(lift)

        def draw(generator: np.random.Generator, n: int) -> np.ndarray:
            rows = inner(generator, n)
            missing = generator.random(n) < 0.4
            return np.column_stack([rows[:, 0], np.where(missing, 0, rows[:, 1]), missing])

        return draw

    world = World(gappy(0.0), gappy(0.3), 11.2, 11.5)
    metric = MetricDefinition("y", "y", covariates=("u",), covariate_nulls=NullPolicy.OWN_STRATUM)
    columns = ("y", "u", "u is missing")
    name = "CUPED, covariate 40 % null as its own stratum"
    yield from judged(name, world, metric, columns, (1_000, 1_000), 41, "23.8 % elsewhere")

    def dropped(lift: float):
        inner = revenue(0.3, lift=lift)

        def draw(generator: np.random.Generator, n: int) -> np.ndarray:
            return inner(generator, int(generator.binomial(n, 0.6)))

        return draw

    world = World(dropped(0.0), dropped(0.1), revenue_mean(0.3), revenue_mean(0.3, lift=0.1))
    name = "mean revenue, 40 % of outcomes null and dropped"
    yield from judged(name, world, mean_metric(), ("y",), (3_000, 3_000), 42, "12.5 % elsewhere")


def _clusters() -> Iterator[Entry]:
    """Yield units in clusters of unequal size with an intraclass correlation of 0.2."""
    generator = np.random.default_rng(51)
    metric = mean_metric()
    for clusters in (40, 200):
        false = covered = 0
        for run in range(EXPERIMENTS):
            lift = 0.0 if run % 2 else 0.2
            arms = []
            for effect in (0.0, lift):
                size = 1.0 + generator.poisson(19, clusters)
                own = generator.normal(0, 0.5, clusters)
                total = size * (1 + effect + own) + generator.normal(0, np.sqrt(size))
                arms.append(np.column_stack([total, size]))
            found = estimate(*(Moments.of(("y", "units in cluster"), a) for a in arms), metric)
            false += lift == 0 and found.p_value < 0.05
            covered += found.ci_low <= lift <= found.ci_high
        name = f"clusters of 20, correlation 0.2, {clusters} an arm"
        half = EXPERIMENTS // 2
        yield share(f"false positives: {name}", false, half, 0.05, "cluster sums, Welch")
        yield share(f"coverage, difference: {name}", covered, EXPERIMENTS, 0.95, "cluster sums")


def _stratified() -> Iterator[Entry]:
    """Yield post-stratification over four strata of unequal size and variance."""
    generator, metric, engine = np.random.default_rng(61), mean_metric(), Engine(threads=1)
    level, deviation = np.array([0.0, 5.0, 10.0, 20.0]), np.array([1.0, 2.0, 3.0, 6.0])
    covered = 0
    for _ in range(EXPERIMENTS):
        stratum = generator.choice(4, 800, p=[0.4, 0.3, 0.2, 0.1])
        treated = generator.random(800) < 0.5
        y = level[stratum] + deviation[stratum] * generator.normal(size=800) + 0.5 * treated
        frame = pd.DataFrame({"arm": np.where(treated, "b", "a"), "s": stratum, "y": y})
        engine.register("units", frame)
        fine = collect(engine, "units", [metric], segment="s")
        both = post_stratified(fine, metric, "a", "b")
        covered += abs(both.difference - 0.5) <= 1.96 * both.standard_error
    yield share("coverage, difference: post-stratified, 4 strata, 800 units", covered,
                EXPERIMENTS, 0.95, "Miratrix, Sekhon & Yu 2013")  # fmt: skip


def _quantiles() -> Iterator[Entry]:
    """Yield median and 90th percentile of log-normal amounts, with and without clusters."""
    generator = np.random.default_rng(71)
    for q in (0.5, 0.9):
        false = covered = 0
        truth = 0.1 * np.quantile(generator.lognormal(3, 1, 4_000_000), q)
        for run in range(EXPERIMENTS):
            lift = 0.0 if run % 2 else 0.1
            a, b = generator.lognormal(3, 1, 2_000), generator.lognormal(3, 1, 2_000) * (1 + lift)
            found = quantile_effect(a, b, q)
            false += lift == 0 and found.p_value < 0.05
            covered += found.ci_low <= (truth if lift else 0.0) <= found.ci_high
        name = f"quantile {q}, log-normal, 2,000 an arm"
        yield share(f"false positives: {name}", false, EXPERIMENTS // 2, 0.05, "Woodruff 1952")
        yield share(f"coverage, difference: {name}", covered, EXPERIMENTS, 0.95, "Woodruff 1952")
    store, false = np.repeat(np.arange(100), 20), 0
    for _ in range(EXPERIMENTS):
        a, b = (
            generator.normal(size=2_000) + 0.5 * generator.normal(size=100)[store] for _ in "ab"
        )
        found = quantile_effect(a, b, 0.5, control_clusters=store, treatment_clusters=store)
        false += found.p_value < 0.05
    yield share("false positives: median, 100 clusters of 20 an arm, correlation 0.2", false,
                EXPERIMENTS, 0.05, "Deng et al. 2018, section 4.2")  # fmt: skip


def _capped() -> Iterator[Entry]:
    """Yield a mean winsorised at the pooled 99th percentile, on very heavy tails."""
    generator, engine = np.random.default_rng(81), Engine(threads=1)
    metric = MetricDefinition("y", "y", winsorise_at=0.99)
    draw, false = revenue(0.1, sigma=1.8), 0
    arms = np.repeat(["a", "b"], [3_000, 1_000])
    for _ in range(EXPERIMENTS):
        values = generator.permutation(draw(generator, 4_000)[:, 0])
        engine.register("units", pd.DataFrame({"arm": arms, "y": values}))
        found = collect(engine, "units", [metric])
        false += estimate(found.of("y", "a"), found.of("y", "b"), metric).p_value < 0.05
    yield share("false positives: mean winsorised at the pooled 99 %, 3,000 against 1,000", false,
                EXPERIMENTS, 0.05, "pooled cap")  # fmt: skip


def _times() -> Iterator[Entry]:
    """Yield time to churn with 30 % censored: restricted mean and log-rank."""
    generator = np.random.default_rng(91)
    false_mean = false_rank = covered = 0
    truth = (1 - np.exp(-0.8 * 1.0)) / 0.8 - (1 - np.exp(-1.0))
    for run in range(EXPERIMENTS):
        hazards = (1.0, 1.0 if run % 2 else 0.8)
        arms = []
        for hazard in hazards:
            time, end = generator.exponential(1 / hazard, 400), generator.uniform(1.0, 3.0, 400)
            arms.append((np.minimum(time, end), (time <= end).astype(float)))
        found = time_to_event_effect(arms[0], arms[1], 1.0)
        false_mean += run % 2 and found.p_value < 0.05
        false_rank += run % 2 and found.log_rank_p_value < 0.05
        covered += found.ci_low <= (0.0 if run % 2 else truth) <= found.ci_high
    half = EXPERIMENTS // 2
    yield share("false positives: RMST, 400 an arm, censored", false_mean, half, 0.05,
                "Royston & Parmar 2013")  # fmt: skip
    yield share("false positives: log-rank, 400 an arm, censored", false_rank, half, 0.05,
                "Mantel 1966")  # fmt: skip
    yield share("coverage, difference in RMST, 400 an arm, censored", covered, EXPERIMENTS, 0.95,
                "Royston & Parmar 2013")  # fmt: skip


def _power() -> Iterator[Entry]:
    """Yield the power that designs promise, found by simulating them at their own size."""
    world = World(_known(0.0), _known(0.5), 11.2, 11.7)
    columns = ("y", "u", "v")
    residual = contrast(
        *(Moments.of(columns, _known(0.0)(np.random.default_rng(s), 400_000)) for s in (1, 2)),
        mean_metric("u", "v"),
    )
    variance = residual.standard_error**2 * 200_000
    n = round(required_units(Design(variance, variance), 0.5) / 2)
    pairs = experiments(world, ("y", "u", "v"), (n, n), 101, null=False)
    seen = sum(estimate(a, b, mean_metric("u", "v")).p_value < 0.05 for a, b in pairs)
    yield share(f"power of a CUPED design, {n:,} an arm", seen, EXPERIMENTS, 0.8, "design")

    design = proportion_design(0.05, 0.02)
    n = round(required_units(design, 0.02) / 2)
    pairs = experiments(
        World(rate_of(0.05), rate_of(0.07), 0.05, 0.07), ("y",), (n, n), 102, null=False
    )
    seen = sum(estimate(a, b, PROPORTION).p_value < 0.05 for a, b in pairs)
    yield share(f"power of a rate design, {n:,} an arm", seen, EXPERIMENTS,
                round(power_at(design, 0.02, 2 * n), 4), "design")  # fmt: skip

    design = Design(1.0, 1.0, margin=0.2)
    n, hits, false = round(required_units(design, 0.0) / 2), 0, 0
    generator, metric = np.random.default_rng(103), mean_metric()
    for _ in range(EXPERIMENTS):
        a, b = generator.normal(size=(n, 1)), generator.normal(size=(n, 1))
        moved = Moments.of(("y",), b - 0.2)
        hits += estimate(Moments.of(("y",), a), Moments.of(("y",), b), metric).ci_low > -0.2
        false += estimate(Moments.of(("y",), a), moved, metric).ci_low > -0.2
    yield share(
        f"power of a non-inferiority design, {n:,} an arm", hits, EXPERIMENTS, 0.8, "design"
    )
    yield share("false non-inferiority at the margin", false, EXPERIMENTS, 0.025, "one-sided")
