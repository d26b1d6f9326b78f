"""Peeking, many questions and trust checks: error rates over simulated experiments."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from benchmarks.record import Entry, at_least, at_most
from benchmarks.validity._abtest_draws import EXPERIMENTS, share
from retention.abtest import (
    NormalPrior,
    adjust,
    posterior,
    sample_ratio,
    sequence_half_width,
    sequential_plan,
    sequential_sample_ratio,
)
from retention.abtest.design import Design, required_units
from retention.abtest.trust import balance, missing_outcomes

LOOKS = 200


def cases() -> Iterator[Entry]:
    """Yield every case."""
    yield from _group_sequential()
    yield from _unequal()
    yield from _always_valid()
    yield from _many_questions()
    yield from _bayes()
    yield from _splits()
    yield from _checks()


def _paths(
    generator: np.random.Generator, n: int, looks: int | Sequence[float], drift: float
) -> np.ndarray:
    """Return z at each look, shape (n, looks): equally spaced, or at shares of the information."""
    t = np.arange(1, looks + 1) / looks if isinstance(looks, int) else np.asarray(looks)
    width = np.diff(t, prepend=0.0)
    steps = drift * width + np.sqrt(width) * generator.normal(size=(n, len(t)))
    return steps.cumsum(axis=1) / np.sqrt(t)


def _unequal() -> Iterator[Entry]:
    """Yield level and power of plans whose looks are not equally spaced."""
    generator, n = np.random.default_rng(7), 25 * EXPERIMENTS
    for spending in ("obrien_fleming", "pocock"):
        for fractions in ((0.1, 0.33, 1.0), (0.5, 0.8, 1.0), (0.2, 0.9, 0.95, 1.0)):
            plan = sequential_plan(fractions, spending=spending)
            name = f"{spending.replace('_', ' ')}, looks at {', '.join(map(str, fractions))}"
            z = _paths(generator, n, fractions, 0.0)
            false = int((np.abs(z) > plan.bounds).any(axis=1).sum())
            yield share(f"false positives: {name}", false, n, 0.05, "Lan & DeMets 1983")
            design = Design(
                1.0, 1.0, looks=len(fractions), spending=spending, information=fractions
            )
            inflation = required_units(design, 0.1) / required_units(Design(1.0, 1.0), 0.1)
            drift = (1.959964 + 0.841621) * math.sqrt(inflation)
            up = (_paths(generator, n, fractions, drift) > plan.bounds).any(axis=1).sum()
            yield share(f"power: {name}", int(up), n, 0.8, "maximum size inflated by the looks")


def _group_sequential() -> Iterator[Entry]:
    """Yield level and power of group sequential plans, with and without futility."""
    generator, n = np.random.default_rng(1), 25 * EXPERIMENTS
    for spending in ("obrien_fleming", "pocock"):
        for looks in (3, 5, 10):
            fractions = [(k + 1) / looks for k in range(looks)]
            plan = sequential_plan(fractions, spending=spending, power=0.8)
            z = _paths(generator, n, looks, 0.0)
            false = int((np.abs(z) > plan.bounds).any(axis=1).sum())
            name = f"{spending.replace('_', ' ')}, {looks} looks"
            yield share(f"false positives: {name}", false, n, 0.05, "Lan & DeMets 1983")
            design = Design(1.0, 1.0, looks=looks, spending=spending)
            fixed = Design(1.0, 1.0)
            inflation = required_units(design, 0.1) / required_units(fixed, 0.1)
            drift = (1.959964 + 0.841621) * math.sqrt(inflation)
            up = (_paths(generator, n, looks, drift) > plan.bounds).any(axis=1).sum()
            yield share(f"power: {name}", int(up), n, 0.8, "maximum size inflated by the looks")
            stopped = (z < plan.futility)[:, :-1]
            crossed = z > plan.bounds
            first_up = np.where(crossed.any(1), crossed.argmax(1), looks)
            first_down = np.where(stopped.any(1), stopped.argmax(1), looks)
            false = int(((first_up < first_down) & (first_up < looks)).sum())
            yield share(f"false gains: {name}, stopping for futility", false, n, 0.025,
                        "non-binding futility", at_most=True)  # fmt: skip


def _always_valid() -> Iterator[Entry]:
    """Yield the confidence sequence under continuous peeking, on heavy-tailed revenue."""
    generator, batch = np.random.default_rng(2), 100
    truth = 0.05 * math.exp(3.5)
    for tuned_at in (4_000, 20_000):
        missed = 0
        for _ in range(EXPERIMENTS):
            sums = np.zeros((2, 2, LOOKS))
            for arm in range(2):
                buys = generator.random((LOOKS, batch)) < 0.05
                values = buys * generator.lognormal(3, 1, (LOOKS, batch))
                sums[arm] = values.sum(1).cumsum(), (values**2).sum(1).cumsum()
            n = batch * np.arange(1, LOOKS + 1)
            mean = sums[:, 0] / n
            variance = (sums[:, 1] / n - mean**2) * n / (n - 1)
            error = np.sqrt(variance.sum(axis=0) / n)
            width = np.array([sequence_half_width(1.0, 2 * int(m), tuned_at) for m in n])
            started = n >= 5 * batch
            missed += bool((np.abs(mean[1] - mean[0]) > error * width)[started].any())
        yield share(
            f"ever left the truth: confidence sequence tuned at {tuned_at:,}, {LOOKS} looks at "
            f"revenue of mean {truth:.2f}", missed, EXPERIMENTS, 0.05,
            "Waudby-Smith et al. 2021; first look at 1,000 units", at_most=True,
        )  # fmt: skip
    z = _paths(generator, EXPERIMENTS, LOOKS, 0.0)
    naive = float((np.abs(z) > 1.959964).any(axis=1).mean())
    case = f"false positives of the fixed test under {LOOKS} looks"
    yield at_least("abtest", case, 0.3, round(naive, 4), EXPERIMENTS, "why peeking is checked")


def _many_questions() -> Iterator[Entry]:
    """Yield family-wise error of Holm and false discovery rate of Benjamini-Hochberg."""
    from scipy import special

    generator = np.random.default_rng(3)
    shift = np.where(np.arange(10) < 4, 3.0, 0.0)
    holm = discovered = 0.0
    for _ in range(EXPERIMENTS):
        common = generator.normal()
        p = 2 * special.ndtr(-np.abs(shift + np.sqrt(0.3) * common
                                     + np.sqrt(0.7) * generator.normal(size=10)))  # fmt: skip
        holm += bool((adjust(p)[4:] < 0.05).any())
        refused = adjust(p, "benjamini-hochberg") < 0.05
        discovered += refused[4:].sum() / max(refused.sum(), 1)
    source = "10 correlated questions, 4 true effects"
    yield share("family-wise error of Holm", int(holm), EXPERIMENTS, 0.05, source, at_most=True)
    rate = discovered / EXPERIMENTS
    case = "false discovery rate of Benjamini-Hochberg"
    yield at_most("abtest", case, 0.05, round(rate, 5), EXPERIMENTS, source)


def _bayes() -> Iterator[Entry]:
    """Yield coverage of the posterior interval and calibration of the chance to win."""
    generator, n = np.random.default_rng(4), 5 * EXPERIMENTS
    true = generator.normal(0.01, 0.03, n)
    seen = generator.normal(true, 0.04)
    prior = NormalPrior(0.01, 0.03**2)
    found = [posterior(float(s), 0.04, prior) for s in seen]
    covered = sum(p.ci_low <= t <= p.ci_high for p, t in zip(found, true, strict=True))
    yield share("coverage of the posterior interval under its own prior", covered, n, 0.95, "Bayes")
    chance = np.array([p.chance_to_win for p in found])
    sure = chance > 0.8
    won = int((true[sure] > 0).sum())
    expected = round(float(chance[sure].mean()), 4)
    yield share("wins among tests with a chance to win above 80 %", won, int(sure.sum()), expected,
                "calibration")  # fmt: skip


def _splits() -> Iterator[Entry]:
    """Yield the level of the sample-ratio tests, fixed and sequential."""
    generator, n = np.random.default_rng(5), EXPERIMENTS
    for shares, name in (((1, 1), "2 equal arms"), ((8, 1, 1), "3 arms of 80, 10 and 10 %")):
        p = np.array(shares) / sum(shares)
        counts = generator.multinomial(10_000, p, n)
        arms = [str(i) for i in range(len(p))]
        plan = dict(zip(arms, map(float, p), strict=True))
        false = sum(
            sample_ratio(dict(zip(arms, map(int, c), strict=True)), plan).p_value < 0.05
            for c in counts
        )
        yield share(f"false alarms: sample ratio, {name}", false, n, 0.05, "Pearson 1900")
        false = 0
        for _ in range(EXPERIMENTS):
            path = generator.multinomial(100, p, LOOKS).cumsum(axis=0)
            false += sequential_sample_ratio(path, p, threshold=0.05).first_alarm is not None
        yield share(f"false alarms: sequential sample ratio, {name}, {LOOKS} looks", false,
                    EXPERIMENTS, 0.05, "Lindon & Malek 2022", at_most=True)  # fmt: skip
    quarter = EXPERIMENTS // 4
    caught = sum(
        sequential_sample_ratio(
            generator.multinomial(100, [0.54, 0.46], LOOKS).cumsum(axis=0), np.array([1.0, 1.0])
        ).first_alarm is not None
        for _ in range(quarter)
    )  # fmt: skip
    yield at_least("abtest", "sequential sample ratio catches 54 : 46 within 20,000 units", 0.99,
                   caught / quarter, quarter, "power")  # fmt: skip


def _checks() -> Iterator[Entry]:
    """Yield the level of balance and of missing outcomes."""
    generator = np.random.default_rng(6)
    false = missing = 0
    for _ in range(EXPERIMENTS):
        n = 600
        frame = pd.DataFrame(generator.gamma(1.0, 1.0, (n, 4)), columns=list("wxyz"))
        frame["arm"] = np.where(generator.random(n) < 0.3, "b", "a")
        frame["w"] = frame["w"].where(generator.random(n) > 0.2)
        false += balance(frame, list("wxyz"), "a", "b").p_value < 0.05
        missing += missing_outcomes(frame, ["w"]).status == "fail"
    yield share("false alarms: balance of 4 skewed covariates, one with gaps", false, EXPERIMENTS,
                0.05, "Hotelling's T² in Wald form")  # fmt: skip
    yield share("false alarms: outcomes missing by arm, at 0.001", missing, EXPERIMENTS, 0.001,
                "chi-square", at_most=True)  # fmt: skip
