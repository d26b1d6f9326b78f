"""A ranking as its untouched customers show it: by tenth, among the top shares, over all folds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from retention.uplift.evaluation import (
    SequentialQuality,
    area_under_uplift_curve,
    pipeline_interval,
    sequential_quality,
    uplift_at,
)
from retention.uplift.heterogeneity import effect_by_group
from retention.uplift.learners import EffectLearner
from retention.uplift.ranking import RankQuality, rank_quality
from retention.uplift.trial import Floats, Trial

SHARES = (0.1, 0.2, 0.3, 0.5)
"""Top shares of a ranking at which its effect is shown."""

SEQUENTIAL_DRAWS = 100
"""Half-samples behind each sequential fold's error."""


@dataclass(frozen=True)
class HeldOut:
    """How one ranking did on customers that it has not seen.

    Parameters
    ----------
    ranking
        Its name.
    deciles
        Predicted and measured effect by tenth of the prediction (see ``effect_by_group``).
    top_shares
        Effect among the top shares (see ``uplift_at``).
    auuc
        Area under the uplift curve, per unit.
    sequential
        Test with all units, over sequential folds, of a learner named beforehand: the ranking shown
        was chosen by looking at some of these units, which would flatter its test.
    sequential_name
        Name of that learner.
    quality
        QINI and AUTOC of this ranking with their errors.
    pipeline
        QINI of learning the ranking anew on random halves (see ``pipeline_interval``); empty where
        it was not asked for.
    """

    ranking: str
    deciles: pd.DataFrame
    top_shares: pd.DataFrame
    auuc: float
    sequential: SequentialQuality
    sequential_name: str
    quality: RankQuality
    pipeline: pd.DataFrame

    def areas(self) -> pd.DataFrame:
        """Return every area of the ranking with its 95 % interval; AUUC compares rankings only."""
        table = self.quality.to_frame()[["measure", "value", "ci_low", "ci_high", "n"]]
        n = self.quality.n
        rows = [("AUUC", self.auuc, None, None, n)] + [
            ("QINI, learnt anew on halves", row.qini, row.ci_low, row.ci_high, self.sequential.n)
            for row in self.pipeline.itertuples()
        ]
        more = pd.DataFrame(rows, columns=table.columns).astype({"ci_low": float, "ci_high": float})
        return pd.concat([table, more], ignore_index=True)

    def pipeline_summary(self) -> str:
        """Word whether this way of ranking holds up when it is learnt anew."""
        if self.pipeline.empty:
            return f"{self.ranking} was not learnt anew."
        row = self.pipeline.iloc[0]
        words = "ranks better than chance" if row["ci_low"] > 0 else "is not shown to beat chance"
        return (
            f"Learnt anew on {row['replicates']:.0f} random halves, {self.ranking} {words} (QINI "
            f"{row['qini']:.4g}, 95 % interval {row['ci_low']:.4g} to {row['ci_high']:.4g})."
        )

    def to_frame(self) -> pd.DataFrame:
        """Return the effect by tenth."""
        return self.deciles

    def summary(self) -> str:
        """Word the effect among the best-ranked tenth and whether a ranking holds over all."""
        top = self.top_shares.iloc[0]
        return (
            f"Among the tenth that {self.ranking} ranks highest the effect is {top['effect']:.4g} "
            f"(95 % interval {top['ci_low']:.4g} to {top['ci_high']:.4g}, n = {top['n']:,.0f}). "
            f"Over sequential folds, by {self.sequential_name} alone: {self.sequential.summary()}"
        )


def look_at(
    ranking: str, fitted: EffectLearner, named: tuple[str, EffectLearner], pair: Trial,
    outcome: str, scores: Floats, held: np.ndarray, seed: int, anew: EffectLearner | None = None,
    replicates: int = 0,
) -> HeldOut:  # fmt: skip
    """Look at a ranking on held-out units, and test a named learner on all over sequential folds.

    Parameters
    ----------
    ranking
        Name of the ranking.
    fitted
        The learner, fitted without the held-out units.
    named
        Name and an unfitted copy of the learner, named beforehand, that is tested on all units.
    pair, outcome
        The two-arm trial and its outcome.
    scores
        Doubly robust effect scores of all units of the pair.
    held
        Which of them the learner has not seen.
    seed
        Seed of folds and half-samples.
    anew, replicates
        An unfitted copy of the ranking's learner and on how many random halves it is learnt anew;
        0 for none.
    """
    predicted = fitted.predict(pair.covariates.iloc[np.flatnonzero(held)])[:, 0]
    effect = scores[held]
    pipeline = pd.DataFrame()
    if anew is not None and replicates:
        pipeline = pipeline_interval(
            pair, outcome, scores, anew, replicates=replicates, seed=seed
        )  # fmt: skip
    return HeldOut(
        ranking, effect_by_group(predicted, effect, groups=10),
        uplift_at(predicted, effect, SHARES), area_under_uplift_curve(predicted, effect),
        sequential_quality(pair, outcome, scores, named[1], seed=seed, draws=SEQUENTIAL_DRAWS),
        named[0], rank_quality(predicted, effect, seed=seed), pipeline,
    )  # fmt: skip
