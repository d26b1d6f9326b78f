"""Class transformation: one classifier of "did what the arm should do" (0/1 outcomes)."""

from __future__ import annotations

import numpy as np

from retention.errors import EvidenceError
from retention.uplift.learners import EffectLearner
from retention.uplift.models import fit_mean, outcome_model, predict_mean
from retention.uplift.trial import Floats, Integers


class ClassTransformation(EffectLearner):
    r"""Learn :math:`z = yw + (1-y)(1-w)`; the effect is :math:`2P(z=1|x) - 1`.

    Units are weighted by the inverse of their arm's propensity, so that the identity, which was
    given for equal arms (Jaśkowski & Jaroszewicz, 2012, eq. 5), holds for any known propensity.
    """

    def _learn(self, X: Floats, arm: Integers, outcome: Floats, propensity: Floats) -> None:
        if not np.isin(outcome, (0.0, 1.0)).all():
            raise EvidenceError(
                "Class transformation learns 0/1 outcomes only.",
                "Choose a conversion outcome or another learner.",
            )
        self.models_ = []
        for k in range(1, self.n_arms_):
            rows = (arm == 0) | (arm == k)
            treated = arm[rows] == k
            agreed = (treated == (outcome[rows] == 1)).astype(np.float64)
            chance = propensity[rows, arm[rows]]
            self.models_.append(
                fit_mean(outcome_model(agreed, self.model), X[rows], agreed, 1 / chance)
            )

    def _effects(self, X: Floats) -> Floats:
        return np.column_stack([2 * predict_mean(model, X) - 1 for model in self.models_])
