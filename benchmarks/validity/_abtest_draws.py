"""Simulated experiments whose truth is known, and shares of them with Monte-Carlo error."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from benchmarks.record import Entry
from retention.abtest import MetricDefinition, MetricKind, Moments, estimate

EXPERIMENTS = int(os.environ.get("RETENTION_VALIDITY_EXPERIMENTS", "2000"))
"""Simulated experiments in each case; a smaller number only shows that the cases run."""

SIGMAS = 3.5
"""Monte-Carlo errors allowed; over some hundred cases 3.5 errs about once in twenty runs."""

Draw = Callable[[np.random.Generator, int], np.ndarray]


@dataclass(frozen=True)
class World:
    """What one unit's columns look like in each arm, and the true values of the metric."""

    control: Draw
    treatment: Draw
    control_value: float
    treatment_value: float


def experiments(
    world: World, columns: tuple[str, ...], sizes: tuple[int, int], seed: int, *, null: bool
) -> Iterator[tuple[Moments, Moments]]:
    """Yield the moments of both arms of each simulated experiment; with ``null``, both control."""
    generator = np.random.default_rng(seed)
    second = world.control if null else world.treatment
    for _ in range(EXPERIMENTS):
        a, b = world.control(generator, sizes[0]), second(generator, sizes[1])
        yield Moments.of(columns, a), Moments.of(columns, b)


def share(
    case: str,
    hits: int,
    n: int,
    nominal: float,
    source: str,
    *,
    at_most: bool = False,
    at_least: bool = False,
) -> Entry:
    """Return an entry that holds where a share is nominal within Monte-Carlo error."""
    tolerance = SIGMAS * math.sqrt(nominal * (1 - nominal) / n)
    found = hits / n
    low = at_most or found >= nominal - tolerance
    high = at_least or found <= nominal + tolerance
    sign = "at most + " if at_most else "at least - " if at_least else "± "
    words, ok = f"{sign}{tolerance:.4f} ({SIGMAS} Monte-Carlo errors)", low and high
    return Entry("abtest", case, nominal, round(found, 5), words, n, bool(ok), source)


def judged(
    name: str,
    world: World,
    metric: MetricDefinition,
    columns: tuple[str, ...],
    sizes: tuple[int, int],
    seed: int,
    source: str,
) -> Iterator[Entry]:
    """Yield the false-positive rate and the coverage of difference, log and Fieller intervals."""
    size = f"{sizes[0]:,} against {sizes[1]:,}"
    null = [estimate(a, b, metric) for a, b in experiments(world, columns, sizes, seed, null=True)]
    false = sum(e.p_value < 0.05 for e in null)
    yield share(f"false positives: {name}, {size}", false, EXPERIMENTS, 0.05, source)
    pairs = list(experiments(world, columns, sizes, seed + 1, null=False))
    difference = world.treatment_value - world.control_value
    found = [estimate(a, b, metric) for a, b in pairs]
    covered = sum(e.ci_low <= difference <= e.ci_high for e in found)
    yield share(f"coverage, difference: {name}, {size}", covered, EXPERIMENTS, 0.95, source)
    lift = world.treatment_value / world.control_value - 1
    for method in ("log", "fieller"):
        relative = [estimate(a, b, metric, relative_method=method).relative for a, b in pairs]
        covered = sum(r.ci_low <= lift <= r.ci_high for r in relative)
        case = f"coverage, relative ({method}): {name}, {size}"
        yield share(case, covered, EXPERIMENTS, 0.95, source)


def revenue(rate: float = 0.05, sigma: float = 1.0, lift: float = 0.0) -> Draw:
    """Return heavy-tailed revenue: a few buy, for log-normal amounts; zero for the rest."""

    def draw(generator: np.random.Generator, n: int) -> np.ndarray:
        values = np.zeros((n, 1))
        buyers = generator.binomial(n, rate)
        values[:buyers, 0] = (1 + lift) * generator.lognormal(3.0, sigma, buyers)
        return values

    return draw


def revenue_mean(rate: float = 0.05, sigma: float = 1.0, lift: float = 0.0) -> float:
    """Return the true mean of :func:`revenue`."""
    return rate * (1 + lift) * math.exp(3.0 + sigma**2 / 2)


def rate_of(p: float) -> Draw:
    """Return conversions at rate ``p``."""

    def draw(generator: np.random.Generator, n: int) -> np.ndarray:
        values = np.zeros((n, 1))
        values[: generator.binomial(n, p), 0] = 1.0
        return values

    return draw


def mean_metric(*covariates: str) -> MetricDefinition:
    """Return the mean of ``y``, adjusted for covariates."""
    return MetricDefinition("y", "y", covariates=covariates)


PROPORTION = MetricDefinition("y", "y", MetricKind.PROPORTION, unit="share")
RATIO = MetricDefinition("y", "y", MetricKind.RATIO, denominator="d")
