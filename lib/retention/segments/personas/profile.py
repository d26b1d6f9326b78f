"""What makes a persona: its distinguishing features, with effect sizes, and its name."""

from __future__ import annotations

import numpy as np
import pandas as pd

from retention.intervals import NORMAL_95
from retention.segments.personas.methods import Labels
from retention.segments.personas.preparation import Prepared

DISTINGUISHING = 0.5
"""Standardised difference from which a feature may name a persona: Cohen's medium effect."""

UNPLACED = "unplaced"
"""Persona of customers whom the clustering leaves out or who have too few orders."""


EFFECT_COLUMNS = ["cluster", "feature", "customers", "mean", "mean_others", "effect", "ci_low",
                  "ci_high"]  # fmt: skip


def effects(prepared: Prepared, raw: pd.DataFrame, labels: Labels) -> pd.DataFrame:
    """Return how each cluster differs from all other customers, feature by feature.

    Returns
    -------
    pandas.DataFrame
        ``cluster, feature, customers, mean, mean_others, effect, ci_low, ci_high``: means in the
        feature's own unit; the effect is Cohen's d on the scale that was clustered, with the 95 %
        interval of Hedges and Olkin (1985, equation 5.15).
    """
    rows = []
    for cluster in sorted(set(labels[labels >= 0])):
        inside = labels == cluster
        n, m = int(inside.sum()), int((~inside).sum())
        for place, feature in enumerate(prepared.features):
            own, others = prepared.values[inside, place], prepared.values[~inside, place]
            pooled = np.sqrt(((n - 1) * own.var(ddof=1) + (m - 1) * others.var(ddof=1))
                             / (n + m - 2))  # fmt: skip
            effect = float((own.mean() - others.mean()) / max(pooled, 1e-9))
            half = NORMAL_95 * np.sqrt(1 / n + 1 / m + effect**2 / (2 * (n + m)))
            means = raw.loc[inside, feature].mean(), raw.loc[~inside, feature].mean()
            rows.append((int(cluster), feature, n, *means, effect, effect - half, effect + half))
    return pd.DataFrame(rows, columns=EFFECT_COLUMNS)


def names(found: pd.DataFrame) -> dict[int, str]:
    """Name every cluster after its two most distinguishing features.

    Examples
    --------
    >>> names(pd.DataFrame({"cluster": [0, 0], "feature": ["gift_share", "order_count"],
    ...                     "effect": [1.4, -0.2]}))
    {0: 'high gift share'}
    """
    ordered = found.assign(size=found["effect"].abs()).sort_values(
        ["cluster", "size", "feature"], ascending=[True, False, True]
    )
    phrases: dict[int, list[str]] = {int(c): [] for c in ordered["cluster"].unique()}
    for cluster, feature, effect in zip(
        ordered["cluster"], ordered["feature"], ordered["effect"], strict=True
    ):
        if abs(effect) >= DISTINGUISHING:
            phrases[int(cluster)].append(f"{'high' if effect > 0 else 'low'} {_words(feature)}")
    named = {c: ", ".join(p[:2]) or "close to the average" for c, p in phrases.items()}
    twice = [c for c in named if list(named.values()).count(named[c]) > 1]
    return {c: f"{name} ({c + 1})" if c in twice else name for c, name in named.items()}


def _words(feature: str) -> str:
    """Write a feature's name as words, without its unit."""
    return feature.removesuffix("_minor").removesuffix("_90d").replace("_", " ")
