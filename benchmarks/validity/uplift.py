"""Uplift against known truth: no false alarms, honest intervals, Hillstrom's published verdict."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from benchmarks.record import Entry, at_most, near
from retention.uplift.effects import average_lift
from retention.uplift.evaluation import pipeline_interval
from retention.uplift.heterogeneity import best_linear_predictor, effect_by_group
from retention.uplift.learners import TLearner
from retention.uplift.policy import compare_policies, greedy_policy
from retention.uplift.ranking import areas, rank_quality, ranked
from retention.uplift.scores import balanced_folds, trial_scores
from retention.uplift.study import study_targeting
from retention.uplift.trial import Floats, Trial, trial_from_frame
from retention.uplift.verdict import Action

SIMULATIONS = 500
NULL_SIMULATIONS = 1000
"""More where a share near 5 % is to be told from 6 %."""
UNITS = 1000
ATTRIBUTES = 5
NULL = "no heterogeneity: effect 0.3 for everyone"
SET_UP = "Nie & Wager (2021) set-up A, propensity 0.5, effect 0.3 + 3 ((x1 + x2) / 2 − 0.5)"
LINEAR = make_pipeline(StandardScaler(), LinearRegression())
HILLSTROM = {"Mens E-Mail": "mens_email", "Womens E-Mail": "womens_email", "No E-Mail": "no_email"}


def cases() -> Iterator[Entry]:
    """Yield type-I errors, biases, coverages and the published Hillstrom figures."""
    yield from _type_one_errors()
    yield from _coverage()
    yield from _pipeline()
    yield from _set_ups()
    yield from _hillstrom()


def world(seed: int, *, strength: float, units: int = UNITS) -> tuple[Trial, np.ndarray]:
    """Return a trial with uniform attributes and each unit's true effect.

    Baseline sin(π x1 x2) + 2 (x3 − .5)² + x4 + .5 x5 (Nie & Wager, set-up A).
    """
    generator = np.random.default_rng([20260701, seed])
    x = generator.random((units, ATTRIBUTES))
    base = np.sin(np.pi * x[:, 0] * x[:, 1]) + 2 * (x[:, 2] - 0.5) ** 2 + x[:, 3] + 0.5 * x[:, 4]
    effect = 0.3 + strength * ((x[:, 0] + x[:, 1]) / 2 - 0.5)
    arm = generator.integers(0, 2, units)
    frame = pd.DataFrame(x, columns=[f"x{i + 1}" for i in range(ATTRIBUTES)])
    frame.insert(0, "unit_key", np.arange(units).astype(str))
    frame["unit_key"] = frame["unit_key"].str.zfill(7)
    frame["arm"], frame["propensity"] = np.where(arm == 1, "email", "none"), 0.5
    frame["sales"] = base + arm * effect + generator.normal(size=units)
    return trial_from_frame(frame, control="none", outcomes=["sales"]), effect


def _type_one_errors() -> Iterator[Entry]:
    """Count how often each verdict finds heterogeneity where there is none."""
    found = pd.DataFrame([_null_verdicts(seed) for seed in range(NULL_SIMULATIONS)])
    for verdict in found:
        yield at_most(
            "uplift", f"false positives of {verdict}, share at nominal 5 %", 0.06,
            float(found[verdict].mean()), NULL_SIMULATIONS, NULL,
        )  # fmt: skip


def _null_verdicts(seed: int) -> dict[str, bool]:
    """Return every verdict on one world without heterogeneity."""
    trial, _ = world(seed, strength=0.0)
    scores, means = trial_scores(trial, "sales", model=LINEAR, seed=seed)
    effect = scores[:, 1] - scores[:, 0]
    half = balanced_folds(trial.arm, 2, seed)
    train, held = trial.take(half == 0), trial.take(half == 1)
    learner = TLearner(LINEAR).fit(
        train.covariates, train.arm, train.outcome("sales"), train.propensity
    )
    predicted = learner.predict(held.covariates)[:, 0]
    tested = best_linear_predictor(
        predicted, held.arm, held.outcome("sales"), held.propensity[:, 1],
        (held.propensity * means[half == 1]).sum(axis=1),
    )  # fmt: skip
    ranked = rank_quality(predicted, effect[half == 1], seed=seed, draws=200)
    study = study_targeting(
        trial, "sales", candidates={"t_linear": TLearner(LINEAR)}, splits=2, seed=seed, model=LINEAR
    )
    return {
        "the omnibus test on a held-out half": tested.p_value < 0.05,
        "AUTOC on a held-out half": ranked.p_value < 0.05,
        "AUTOC over sequential folds": study.by_arm[0].held_out.sequential.p_value < 0.05,
        "the heterogeneity verdict of a study": any(arm.differs for arm in study.by_arm),
        "the recommendation to target": study.verdict.action in (Action.TARGET, Action.USE_RULE),
    }


def _coverage() -> Iterator[Entry]:
    """Yield bias and coverage of averages, tenths and policy values under heterogeneity."""
    rows = pd.DataFrame([row for seed in range(SIMULATIONS) for row in _estimates(seed)])
    for name, group in rows.groupby("name", sort=False):
        error = group["estimate"] - group["truth"]
        covered = (group["low"] <= group["truth"]) & (group["truth"] <= group["high"])
        yield near("uplift", f"{name}: mean error", 0.0, float(error.mean()),
                   float(3 * error.sem()), SIMULATIONS, SET_UP)  # fmt: skip
        yield near("uplift", f"{name}: coverage of the 95 % interval", 0.95, float(covered.mean()),
                   0.03, SIMULATIONS, SET_UP)  # fmt: skip
    harmed = rows.loc[rows["name"] == "value of the targeted policy", "harmed_contacted"]
    yield at_most(
        "uplift", "sleeping dogs contacted by the targeted policy, share", 0.35,
        float(harmed.mean()), SIMULATIONS, f"{SET_UP}, held-out units whose effect is < −0.2",
    )  # fmt: skip


def _estimates(seed: int) -> Iterator[dict[str, object]]:
    """Yield estimate, interval and truth of every figure in one world."""
    trial, truth = world(seed, strength=3.0, units=2 * UNITS)
    scores, _ = trial_scores(trial, "sales", model=LINEAR, seed=seed)
    effect = scores[:, 1] - scores[:, 0]
    lift = average_lift(trial, ["sales"]).effects[0]
    yield _row("average lift", lift.difference, lift.ci_low, lift.ci_high, 0.3)
    half = balanced_folds(trial.arm, 2, seed)
    train = trial.take(half == 0)
    learner = TLearner(LINEAR).fit(
        train.covariates, train.arm, train.outcome("sales"), train.propensity
    )
    held = np.flatnonzero(half == 1)
    predicted = learner.predict(trial.covariates.iloc[held])
    table = effect_by_group(predicted[:, 0], effect[held], groups=10)
    edges = np.quantile(predicted[:, 0], np.arange(1, 10) / 10)
    group = np.searchsorted(edges, predicted[:, 0], side="right")
    for number in (0, 4, 9):
        row = table.iloc[number]
        yield _row(f"effect of predicted tenth {number + 1}", row["measured"], row["ci_low"],
                   row["ci_high"], truth[held][group == number].mean())  # fmt: skip
    policy = greedy_policy(predicted, [0.0, 0.0])
    values = compare_policies(
        scores[held], {"none": np.zeros(len(held), dtype=np.intp), "targeted": policy},
        costs=[0.0, 0.0], reference="none",
    ).of("targeted")  # fmt: skip
    fresh, fresh_truth = world(100_000 + seed, strength=3.0, units=4000)
    chosen = greedy_policy(learner.predict(fresh.covariates), [0.0, 0.0])
    row = _row("value of the targeted policy", values.gain, values.gain_low, values.gain_high,
               float((fresh_truth * chosen).mean()))  # fmt: skip
    yield row | {"harmed_contacted": float(policy[truth[held] < -0.2].mean())}


def _pipeline() -> Iterator[Entry]:
    """Yield the interval of the whole way of ranking against what it gives on average."""
    learner, units = TLearner(LINEAR), UNITS // 2
    everybody, effects = world(200_000, strength=3.0, units=40_000)
    given = []
    for seed in range(60):
        half, _ = world(200_001 + seed, strength=3.0, units=units // 2)
        fitted = clone(learner).fit(
            half.covariates, half.arm, half.outcome("sales"), half.propensity
        )
        predicted = fitted.predict(everybody.covariates)[:, 0]
        given.append(areas(ranked(predicted, effects), None)[0])
    truth, covered = float(np.mean(given)), 0
    for seed in range(SIMULATIONS):
        trial, _ = world(300_000 + seed, strength=3.0, units=units)
        scores, _ = trial_scores(trial, "sales", model=LINEAR, seed=seed)
        row = pipeline_interval(
            trial, "sales", scores[:, 1] - scores[:, 0], learner, replicates=20, seed=seed
        ).iloc[0]
        covered += bool(row["ci_low"] <= truth <= row["ci_high"])
    yield near("uplift", "QINI of learning anew on halves: coverage of the 95 % interval", 0.95,
               covered / SIMULATIONS, 0.03, SIMULATIONS, f"{SET_UP}, {units:,} units")  # fmt: skip


@dataclass(frozen=True)
class SetUp:
    """One of Nie & Wager's (2021) four: attributes, baseline, chance of treatment and effect."""

    what: str
    attributes: Callable[[np.random.Generator, int], Floats]
    base: Callable[[Floats], Floats]
    chance: Callable[[Floats], Floats]
    effect: Callable[[Floats], Floats]


def _normal(generator: np.random.Generator, units: int) -> Floats:
    """Return five standard normal attributes."""
    return generator.normal(size=(units, ATTRIBUTES))


def _plus(values: Floats) -> Floats:
    """Return the positive part."""
    return np.maximum(values, 0.0)


SET_UPS: dict[str, SetUp] = {
    "A": SetUp(
        "hard baseline and chance, easy effect",
        lambda generator, units: generator.random((units, ATTRIBUTES)),
        lambda x: np.sin(np.pi * x[:, 0] * x[:, 1]) + 2 * (x[:, 2] - 0.5) ** 2 + x[:, 3]
        + 0.5 * x[:, 4],
        lambda x: np.sin(np.pi * x[:, 0] * x[:, 1]), lambda x: (x[:, 0] + x[:, 1]) / 2,
    ),
    "B": SetUp(
        "chance 0.5", _normal,
        lambda x: _plus(np.maximum(x[:, 0] + x[:, 1], x[:, 2])) + _plus(x[:, 3] + x[:, 4]),
        lambda x: np.full(len(x), 0.5), lambda x: x[:, 0] + np.log1p(np.exp(x[:, 1])),
    ),
    "C": SetUp(
        "easy chance, hard baseline, effect 1 for everyone", _normal,
        lambda x: 2 * np.log1p(np.exp(x[:, 0] + x[:, 1] + x[:, 2])),
        lambda x: 1 / (1 + np.exp(x[:, 1] + x[:, 2])), lambda x: np.ones(len(x)),
    ),
    "D": SetUp(
        "arms that have nothing in common", _normal,
        lambda x: (_plus(x[:, :3].sum(axis=1)) + _plus(x[:, 3:].sum(axis=1))) / 2,
        lambda x: 1 / (1 + np.exp(-x[:, 0]) + np.exp(-x[:, 1])),
        lambda x: _plus(x[:, :3].sum(axis=1)) - _plus(x[:, 3:].sum(axis=1)),
    ),
}  # fmt: skip
OVERLAP = 0.1
"""Chances are kept between this and one less it, as a trial that is stratified would."""


def _set_ups() -> Iterator[Entry]:
    """Yield bias and coverage of the average effect where each unit has its own known chance."""
    for name, set_up in SET_UPS.items():
        truth = float(set_up.effect(set_up.attributes(np.random.default_rng(7), 4_000_000)).mean())
        rows = pd.DataFrame([
            row for seed in range(SIMULATIONS) for row in _averages(set_up, seed, truth)
        ])  # fmt: skip
        source = f"Nie & Wager (2021) set-up {name}: {set_up.what}; {UNITS:,} units"
        for way, group in rows.groupby("name", sort=False):
            error = group["estimate"] - truth
            covered = (group["low"] <= truth) & (truth <= group["high"])
            case = f"set-up {name}, {way}"
            yield near("uplift", f"{case}: mean error", 0.0, float(error.mean()),
                       float(3 * error.sem()), SIMULATIONS, source)  # fmt: skip
            yield near("uplift", f"{case}: coverage of the 95 % interval", 0.95,
                       float(covered.mean()), 0.03, SIMULATIONS, source)  # fmt: skip


def _averages(set_up: SetUp, seed: int, truth: float) -> Iterator[dict[str, object]]:
    """Yield the weighted and the doubly robust average of one world."""
    generator = np.random.default_rng([20260703, seed])
    x = set_up.attributes(generator, UNITS)
    chance = np.clip(set_up.chance(x), OVERLAP, 1 - OVERLAP)
    treated = generator.random(UNITS) < chance
    frame = pd.DataFrame(x, columns=[f"x{i + 1}" for i in range(ATTRIBUTES)])
    frame.insert(0, "unit_key", [f"{i:07d}" for i in range(UNITS)])
    frame["arm"] = np.where(treated, "email", "none")
    frame["propensity"] = np.where(treated, chance, 1 - chance)
    frame["sales"] = set_up.base(x) + treated * set_up.effect(x) + generator.normal(size=UNITS)
    trial = trial_from_frame(frame, control="none", outcomes=["sales"])
    lift = average_lift(trial, ["sales"]).effects[0]
    yield _row("weighted average lift", lift.difference, lift.ci_low, lift.ci_high, truth)
    scores, _ = trial_scores(trial, "sales", model=LINEAR, seed=seed)
    effect = scores[:, 1] - scores[:, 0]
    half = 1.96 * float(effect.std(ddof=1)) / np.sqrt(UNITS)
    mean = float(effect.mean())
    yield _row("doubly robust average", mean, mean - half, mean + half, truth)


def _row(name: str, estimate: float, low: float, high: float, truth: float) -> dict[str, object]:
    """Return one estimate with its truth."""
    return {"name": name, "estimate": estimate, "low": low, "high": high, "truth": truth}


def _hillstrom() -> Iterator[Entry]:
    """Hold the e-mail test against its published figures; nothing where the data are absent."""
    trial = hillstrom()
    if trial is None:
        return
    lift = average_lift(trial, ["visit", "conversion", "spend"])
    published = {
        ("visit", "mens_email"): 0.076590, ("visit", "womens_email"): 0.045233,
        ("conversion", "mens_email"): 0.006805, ("conversion", "womens_email"): 0.003111,
        ("spend", "mens_email"): 0.769827, ("spend", "womens_email"): 0.424412,
    }  # fmt: skip
    for (outcome, arm), expected in published.items():
        yield near(
            "uplift", f"Hillstrom, {arm}, lift in {outcome}", expected,
            lift.of(outcome, arm).difference, 1e-6, trial.units, "Hillstrom (2008)",
        )  # fmt: skip
    study = study_targeting(trial, "visit", candidates={}, seed=20260701, model=LINEAR)
    womens = next(arm for arm in study.by_arm if arm.arm == "womens_email")
    for case, expected, figure in (
        ("recommendation", "mens_email to all", study.verdict.policy),
        ("best ranking for womens_email", "womens == 1", womens.ranking),
    ):
        yield Entry("uplift", f"Hillstrom, {case}", expected, figure, "equal", trial.units,
                    expected == figure, study.summary())  # fmt: skip


def hillstrom() -> Trial | None:
    """Return Hillstrom's experiment, or None where the data are not on this machine."""
    root = Path(__file__).resolve().parents[3] / "shared" / "data"
    path = Path(os.environ.get("RETENTION_DATA", root)) / "hillstrom.csv.gz"
    if not path.is_file():
        return None
    frame = pd.read_csv(path)
    frame.insert(0, "unit_key", [f"{i:06d}" for i in range(len(frame))])
    frame["arm"], frame["propensity"] = frame.pop("treatment").map(HILLSTROM), 1 / 3
    return trial_from_frame(frame, control="no_email", outcomes=["visit", "conversion", "spend"])
