"""Candidate models, from the plainest upwards; all answer P(no purchase within the horizon)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import pandas as pd

from retention.churn.attribution import linear_effects, tree_effects
from retention.churn.panel import Array, LabelledDate, design, model_columns
from retention.churn.thinning import thinned
from retention.churn.trees import Trees
from retention.errors import EvidenceError


class Fitted(Protocol):
    """A fitted candidate."""

    def probability(self, features: pd.DataFrame) -> Array:
        """Return the churn probability of each row of a feature table."""
        ...


class Candidate(Protocol):
    """A model that can be fitted to labelled dates."""

    @property
    def name(self) -> str:
        """Name in tables and reports."""
        ...

    @property
    def complexity(self) -> int:
        """Rank from plain (0) to intricate; the plainer of two equally good ones is chosen."""
        ...

    def fit(self, dates: Sequence[LabelledDate], *, seed: int) -> Fitted:
        """Fit to labelled dates."""
        ...


def pooled(dates: Sequence[LabelledDate]) -> tuple[pd.DataFrame, Array]:
    """Return the features and labels of several dates, one below the other.

    Raises
    ------
    EvidenceError
        If there is no date, or all customers ended alike.
    """
    if not dates:
        raise EvidenceError(
            "There is no earlier date with known outcomes to learn from.",
            "Use a longer history or a shorter horizon.",
        )
    churned = np.concatenate([date.churned for date in dates])
    if churned.min() == churned.max():
        raise EvidenceError(
            "All customers ended alike, so there is nothing to learn.",
            "Use another horizon or more customers.",
        )
    return pd.concat([date.features for date in dates], ignore_index=True), churned


@dataclass(frozen=True)
class RecencyRule:
    """The rule every model must beat: churn by how long ago the last purchase was."""

    bins: int = 10
    name: str = "recency_rule"
    complexity: int = 0

    def fit(self, dates: Sequence[LabelledDate], *, seed: int) -> Fitted:
        """Take the churn rate of each recency band, shrunk to the overall rate by one customer."""
        features, churned = pooled(dates)
        recency = features["recency_days"].to_numpy(dtype=float)
        cuts = np.unique(np.quantile(recency, np.arange(1, self.bins) / self.bins))
        band = np.searchsorted(cuts, recency, side="right")
        n = np.bincount(band, minlength=len(cuts) + 1)
        hits = np.bincount(band, churned, len(cuts) + 1)
        return RecencyBands(cuts, (hits + churned.mean()) / (n + 1))


@dataclass(frozen=True)
class RecencyBands:
    """Churn rate by recency band."""

    cuts: Array
    rate: Array

    def probability(self, features: pd.DataFrame) -> Array:
        """Look the rate up."""
        recency = features["recency_days"].to_numpy(dtype=float)
        return self.rate[np.searchsorted(self.cuts, recency, side="right")]


@dataclass(frozen=True)
class LogisticModel:
    """Logistic regression on standardised, logarithmic features."""

    penalty: float = 1.0
    most_customers: int = 200_000
    name: str = "logistic_regression"
    complexity: int = 2

    def fit(self, dates: Sequence[LabelledDate], *, seed: int) -> Fitted:
        """Fit by penalised maximum likelihood, on at most so many customers."""
        from sklearn.linear_model import LogisticRegression

        features, churned = pooled(thinned(dates, self.most_customers))
        scaler = Standardiser.of(features, model_columns(features))
        model = LogisticRegression(C=1 / self.penalty, max_iter=500)
        model.fit(scaler.transform(features), churned)
        return FittedLogistic(scaler, model.coef_[0], float(model.intercept_[0]))


@dataclass(frozen=True)
class FittedLogistic:
    """A fitted logistic regression: coefficients on standardised features."""

    scaler: Standardiser
    coefficients: Array
    intercept: float

    def probability(self, features: pd.DataFrame) -> Array:
        """Return the churn probability."""
        log_odds = self.scaler.transform(features) @ self.coefficients + self.intercept
        return 1 / (1 + np.exp(-log_odds))

    def effects(self, features: pd.DataFrame, typical: pd.DataFrame) -> pd.DataFrame:
        """Return what each feature adds to the log-odds: coefficient times deviation."""
        return self.scaler.effects(self.coefficients, features, typical)


@dataclass(frozen=True)
class Standardiser:
    """Features on a common scale: sign·log(1 + |x|), missing as the mean with a flag of its own."""

    columns: list[str]
    mean: Array
    spread: Array
    flagged: list[int]

    @classmethod
    def of(cls, features: pd.DataFrame, columns: list[str]) -> Standardiser:
        """Learn means, spreads and which columns have gaps; constant columns are left out."""
        x = _compressed(design(features, columns))
        seen = [i for i, column in enumerate(x.T) if len(np.unique(column[~np.isnan(column)])) > 1]
        x = x[:, seen]
        flagged = [i for i, column in enumerate(x.T) if np.isnan(column).any()]
        names = [columns[i] for i in seen]
        return cls(names, np.nanmean(x, axis=0), np.nanstd(x, axis=0), flagged)

    @property
    def names(self) -> list[str]:
        """Names of the transformed columns; flags are called ``<column> is missing``."""
        return [*self.columns, *(f"{self.columns[i]} is missing" for i in self.flagged)]

    def only(self, names: list[str]) -> Standardiser:
        """Return the same scale for some of the transformed columns."""
        kept = [i for i, column in enumerate(self.columns) if column in names]
        flagged = [kept.index(i) for i in self.flagged
                   if f"{self.columns[i]} is missing" in names and i in kept]  # fmt: skip
        return Standardiser([self.columns[i] for i in kept], self.mean[kept], self.spread[kept],
                            flagged)  # fmt: skip

    def transform(self, features: pd.DataFrame) -> Array:
        """Return the standardised columns with the flags behind."""
        x = (_compressed(design(features, self.columns)) - self.mean) / self.spread
        gaps = np.isnan(x)
        return np.hstack([np.where(gaps, 0.0, x), gaps[:, self.flagged].astype(float)])

    def effects(
        self, coefficients: Array, features: pd.DataFrame, typical: pd.DataFrame
    ) -> pd.DataFrame:
        """Return what each feature adds to a linear score, against the typical customer's."""
        moved = self.transform(features) - self.transform(typical)
        return linear_effects(moved, coefficients, self.columns, self.flagged)


def _compressed(x: Array) -> Array:
    """Return sign·log(1 + |x|): counts and money have long tails."""
    return np.sign(x) * np.log1p(np.abs(x))


MONOTONE = {"recency_days": 1, "is_unsubscribed": 1}
"""Directions that common sense fixes: longer silence and unsubscribing never lower the risk."""


@dataclass(frozen=True)
class BoostedModel:
    """Gradient-boosted trees, monotone where common sense fixes the direction."""

    iterations: int = 80
    learning_rate: float = 0.1
    leaves: int = 15
    bins: int = 63
    most_customers: int = 200_000
    name: str = "gradient_boosting"
    complexity: int = 5
    monotone: dict[str, int] = field(default_factory=lambda: dict(MONOTONE))

    def fit(self, dates: Sequence[LabelledDate], *, seed: int) -> Fitted:
        """Fit a fixed number of trees to binned features, on at most so many customers."""
        from sklearn.ensemble import HistGradientBoostingClassifier

        features, churned = pooled(thinned(dates, self.most_customers))
        columns = model_columns(features)
        model = HistGradientBoostingClassifier(
            max_iter=self.iterations, learning_rate=self.learning_rate,
            max_leaf_nodes=self.leaves, min_samples_leaf=40, l2_regularization=1.0,
            max_bins=self.bins,
            monotonic_cst=[self.monotone.get(column, 0) for column in columns],
            early_stopping=False, random_state=seed,
        )  # fmt: skip
        model.fit(design(features, columns), churned)
        return FittedBoosted(columns, Trees.of(model))


@dataclass(frozen=True)
class FittedBoosted:
    """Fitted trees."""

    columns: list[str]
    model: Trees

    def probability(self, features: pd.DataFrame) -> Array:
        """Return the churn probability."""
        return self.model.probability(design(features, self.columns))

    def effects(self, features: pd.DataFrame, typical: pd.DataFrame) -> pd.DataFrame:
        """Return the exact Shapley value of each feature against the typical customer."""
        usual = design(typical, self.columns)[0]
        added = tree_effects(self.model, design(features, self.columns), usual)
        return pd.DataFrame(added, columns=self.columns)
