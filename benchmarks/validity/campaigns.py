"""The shop's campaigns against their known effects, over many worlds drawn anew."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
from scipy.stats import spearmanr

from benchmarks.record import Entry, at_least, near
from benchmarks.worlds import COVARIATES, OUTCOMES, trial_frame
from retention.demo.world import draw_world
from retention.uplift.candidates import named_candidates
from retention.uplift.effects import average_lift
from retention.uplift.study import study_targeting
from retention.uplift.trial import trial_from_frame

WORLDS = 500
CUSTOMERS = 5_000
SOURCE = "simulated shop with known lifts"


def cases() -> Iterator[Entry]:
    """Yield coverage and bias of the average lift, and what targeting finds."""
    yield from _average_lifts()
    yield from _targeting()


def _average_lifts() -> Iterator[Entry]:
    """Hold the average lift of every arm against the truth in many worlds."""
    rows = [row for seed in range(WORLDS) for row in _estimates(seed)]
    found = pd.DataFrame(rows)
    for (experiment, arm), group in found.groupby(["experiment", "arm"]):
        case = f"{experiment}, {arm}, lift in purchases"
        covered = group["low"].le(group["truth"]) & group["truth"].le(group["high"])
        slack = 3 * np.sqrt(0.95 * 0.05 / len(group))
        yield near(
            "uplift", f"{case}: coverage of the 95 % interval", 0.95, covered.mean(), slack,
            len(group), f"{SOURCE}; {len(group)} worlds of {CUSTOMERS:,} customers",
        )  # fmt: skip
        gap = group["estimate"] - group["truth"]
        yield near(
            "uplift", f"{case}: mean error", 0.0, gap.mean(), 3 * gap.sem(), len(group),
            f"{SOURCE}; mean true lift {group['truth'].mean():.4f}",
        )  # fmt: skip


def _estimates(seed: int) -> Iterator[dict[str, object]]:
    """Yield estimate, interval and truth of every arm in one world."""
    world = draw_world(CUSTOMERS, seed, 1.0)
    for drawn in world.trials:
        frame = trial_frame(world, drawn)
        trial = trial_from_frame(frame, control="control", outcomes=OUTCOMES, covariates=COVARIATES)
        for effect in average_lift(trial, ["purchased"]).effects:
            yield {
                "experiment": drawn.campaign.key, "arm": effect.arm, "low": effect.ci_low,
                "high": effect.ci_high, "estimate": effect.difference,
                "truth": frame[f"lift_{effect.arm}"].mean(),
            }  # fmt: skip


def _targeting() -> Iterator[Entry]:
    """See what targeting finds in one large world, where the effects differ by customer."""
    world = draw_world(150_000, 1, 1.0)
    frame = trial_frame(world, world.trials[0]).sort_values("unit_key")
    trial = trial_from_frame(frame, control="control", outcomes=OUTCOMES, covariates=COVARIATES)
    study = study_targeting(
        trial, "purchased", candidates=named_candidates(["t_linear", "x"], seed=1), seed=1
    )
    truth = frame[[f"lift_{arm}" for arm in trial.arms]].to_numpy()
    effects = study.predict(trial.covariates)
    position = trial.treatments.index("email_discount")
    ranked = spearmanr(effects[:, position], truth[:, position + 1]).statistic
    note = f"{SOURCE}; {study.summary()}"
    yield at_least(
        "uplift", "discount e-mail: rank correlation of predicted and true lift", 0.25, ranked,
        len(frame), note,
    )  # fmt: skip
    chosen = truth[np.arange(len(truth)), study.recommend(trial.covariates)].mean()
    single, best = truth.mean(axis=0).max(), truth.max(axis=1).mean()
    yield at_least(
        "uplift", "recommended policy: true lift against the best single arm", single, chosen,
        len(frame), f"{note}; perfect knowledge would reach {best:.4f}",
    )  # fmt: skip
    harmed = truth[:, position + 1] < 0
    spared = (study.recommend(trial.covariates)[harmed] != position + 1).mean()
    yield at_least(
        "uplift", "customers whom a discount harms: share not sent one", 0.5, spared,
        int(harmed.sum()), note,
    )  # fmt: skip
