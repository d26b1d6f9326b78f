"""The candidates by name, as a notebook's parameters name them."""

from __future__ import annotations

from collections.abc import Sequence

from retention.errors import ParameterError
from retention.uplift.learners import (
    DRLearner,
    EffectLearner,
    RLearner,
    SLearner,
    TLearner,
    XLearner,
)
from retention.uplift.peer import CausalForest, CausalMLLearner, UpliftForest
from retention.uplift.transformed import ClassTransformation


def named_candidates(names: Sequence[str], *, seed: int = 0) -> dict[str, EffectLearner]:
    """Return fresh learners by name, in the order given (simplest first is best).

    Names
    -----
    ``t_logistic`` (0/1 outcomes), ``t_linear``, ``s``, ``t``, ``x``, ``r``, ``dr`` (gradient
    boosting), ``causalml_s/t/x/r``, ``causal_forest`` and, for 0/1 outcomes, ``uplift_tree``,
    ``uplift_forest`` and ``class_transformation``.

    Raises
    ------
    ParameterError
        If a name is unknown.
    """
    known = _known(seed)
    for name in names:
        if name not in known:
            raise ParameterError(
                f"There is no uplift candidate {name!r}.",
                f"Choose among {', '.join(known)}.",
                column="candidates",
            )
    return {name: known[name] for name in names}


def _known(seed: int) -> dict[str, EffectLearner]:
    """Return every candidate."""
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression, RidgeCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    logistic = make_pipeline(
        SimpleImputer(keep_empty_features=True), StandardScaler(), LogisticRegression()
    )
    linear = make_pipeline(SimpleImputer(keep_empty_features=True), StandardScaler(), RidgeCV())
    small = {"trees": 30, "max_depth": 5, "smallest_leaf": 200}
    return {
        "t_logistic": TLearner(logistic), "t_linear": TLearner(linear),
        "s": SLearner(seed=seed), "t": TLearner(seed=seed), "x": XLearner(seed=seed),
        "r": RLearner(seed=seed), "dr": DRLearner(seed=seed),
        "causalml_s": CausalMLLearner("S", seed=seed),
        "causalml_t": CausalMLLearner("T", seed=seed),
        "causalml_x": CausalMLLearner("X", seed=seed),
        "causalml_r": CausalMLLearner("R", seed=seed),
        "uplift_forest": UpliftForest(**small, seed=seed),
        "uplift_tree": UpliftForest(**small | {"trees": 1}, seed=seed),
        "causal_forest": CausalForest(seed=seed),
        "class_transformation": ClassTransformation(seed=seed),
    }  # fmt: skip
