"""A ranking as customers show it whom it was not learnt from: by tenth, at the top, over folds."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pandas as pd

from retention.uplift.cross_fitting import ArmFolds
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


POOLED_ERROR = 2**0.5
"""By how much the error of a ranking over pooled folds grows.

Every pair of folds counts twice, each taught by the other, so that where nothing can be ranked the
variance is twice that of independent folds.
"""


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


@dataclass(frozen=True)
class Looks:
    """How a ranking is looked at.

    Parameters
    ----------
    named
        Name and an unfitted copy of the learner, named beforehand, that is tested over sequential
        folds.
    anew, replicates
        An unfitted copy of the ranking's learner and on how many random halves it is learnt anew;
        0 for none.
    seed
        Seed of folds and half-samples.
    """

    named: tuple[str, EffectLearner]
    anew: EffectLearner
    replicates: int
    seed: int


def look_at(
    ranking: str, folds: ArmFolds, pair: Trial, outcome: str, scores: Floats, looks: Looks
) -> HeldOut:
    """Look at a cross-fitted ranking, and test a named learner over sequential folds.

    Parameters
    ----------
    ranking
        Name of the ranking.
    folds
        Its predictions, each learnt without the unit's fold, for the units of the pair.
    pair, outcome
        The two-arm trial and its outcome.
    scores
        Doubly robust effect scores of the units of the pair.
    looks
        What else to learn.
    """
    own, order = pair.cluster, folds.order
    pipeline = pd.DataFrame()
    if looks.replicates:
        pipeline = pipeline_interval(
            pair, outcome, scores, looks.anew, replicates=looks.replicates, seed=looks.seed
        )
    sequential = sequential_quality(
        pair, outcome, scores, looks.named[1], seed=looks.seed, draws=SEQUENTIAL_DRAWS
    )
    quality = rank_quality(order, scores, cluster=own, seed=looks.seed)
    return HeldOut(
        ranking, effect_by_group(folds.ranking, scores, groups=10, cluster=own),
        uplift_at(order, scores, SHARES, own), area_under_uplift_curve(order, scores),
        sequential, looks.named[0],
        replace(
            quality, qini_error=POOLED_ERROR * quality.qini_error,
            autoc_error=POOLED_ERROR * quality.autoc_error,
        ),
        pipeline,
    )  # fmt: skip
