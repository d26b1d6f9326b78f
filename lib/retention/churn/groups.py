"""Scores and calibration by group: the model should be as honest to some as to others."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from retention.churn.codes import ChurnCode
from retention.churn.metrics import auc_with_error
from retention.churn.panel import Array
from retention.engine import Engine
from retention.errors import EvidenceError
from retention.features import texts_in_arrow
from retention.results import Check, Status, percent

LARGEST_GAP = 0.05
"""A group whose predicted and observed churn differ by more is treated unfairly."""


BANDS = ("one order", "two or three orders", "four or more orders")


def order_bands(features: pd.DataFrame) -> Array:
    """Return each customer's band by number of orders: a segment that any date can form."""
    count = features["order_count"].to_numpy(dtype=float)
    return np.array(BANDS, dtype=object)[np.searchsorted([1, 3], count, side="left")]


def protected_groups(engine: Engine, keys: Array, attribute: str) -> Array:
    """Return a protected attribute of the customers, to audit fairness; no model ever sees it.

    Missing for customers without it, and for all where the table or column is absent.
    """
    if not engine.has("customers"):
        return np.full(len(keys), None, dtype=object)
    if attribute not in engine.sql("SELECT * FROM customers").columns():
        return np.full(len(keys), None, dtype=object)
    table = texts_in_arrow(engine.sql(f'SELECT customer_key, "{attribute}" FROM customers'))
    table = table[table["customer_key"].isin(keys)].drop_duplicates("customer_key")
    known = table.set_index("customer_key")[attribute].reindex(pd.Index(keys))
    held = known.to_numpy(dtype=object)
    held[known.isna().to_numpy()] = None
    return held


@dataclass(frozen=True)
class GroupScores:
    """Calibration and ranking of the model by group.

    Parameters
    ----------
    frame
        Columns ``group``, ``n``, ``predicted``, ``observed``, ``gap`` (predicted - observed),
        ``ci_low``, ``ci_high``, ``p_adjusted`` (Holm), ``auc``, ``auc_low``, ``auc_high``; groups
        smaller than the smallest cell are left out.
    suppressed
        Number of customers in groups left out.
    attribute
        What forms the groups.
    """

    frame: pd.DataFrame
    suppressed: int
    attribute: str

    @property
    def unfair(self) -> list[str]:
        """Groups whose gap is large and not chance."""
        bad = (self.frame["gap"].abs() > LARGEST_GAP) & (self.frame["p_adjusted"] < 0.05)
        return list(self.frame.loc[bad, "group"])

    def to_frame(self) -> pd.DataFrame:
        """Return the scores by group."""
        return self.frame.copy()

    def summary(self) -> str:
        """Name the group that is told the least true story."""
        worst = self.frame.loc[self.frame["gap"].abs().idxmax()]
        word = "too high" if worst.gap > 0 else "too low"
        left = f" {self.suppressed:,} customers in small groups are not shown." * bool(
            self.suppressed
        )
        verdict = (
            "No group's risk is off by much."
            if not self.unfair
            else (f"Unfair to: {', '.join(self.unfair)}.")
        )
        return (
            f"By {self.attribute}, the widest gap is in {worst.group}: predicted "
            f"{percent(float(worst.predicted))}, observed {percent(float(worst.observed))} "
            f"({percent(float(abs(worst.gap)))} {word}; "
            f"n = {worst.n:,}). {verdict}{left}"
        )

    def check(self) -> Check:
        """Return the verdict as a trust check."""
        action = f"Recalibrate by {self.attribute}, or do not act on these groups' scores."
        status = Status.WARN if self.unfair else Status.PASS
        return Check(
            ChurnCode.FAIR_CALIBRATION, status, self.summary(), action if self.unfair else ""
        )


def score_groups(
    groups: Array, churned: Array, probability: Array, *, attribute: str, minimum: int = 10
) -> GroupScores:
    """Compare predicted with observed churn in each group.

    Parameters
    ----------
    groups
        Group of each customer (a segment, or a protected attribute that no model saw); missing
        values form the group ``unknown``.
    churned, probability
        What happened and what was said.
    attribute
        What forms the groups, for wording.
    minimum
        Smallest group to show; where one alone would be left out, the next smallest goes too, so
        that it cannot be found by subtraction.

    Raises
    ------
    EvidenceError
        If every group is too small.
    """
    label = pd.Series(groups).astype(object).where(pd.notna(pd.Series(groups)), "unknown")
    rows = [_row(str(name), churned[at], probability[at])
            for name, at in label.groupby(label.astype(str)).indices.items()]  # fmt: skip
    columns = ["group", "n", "predicted", "observed", "gap", "ci_low", "ci_high", "p_value", "auc",
               "auc_low", "auc_high"]  # fmt: skip
    table = pd.DataFrame(rows, columns=columns)
    hidden = _hidden(table["n"].to_numpy(), minimum)
    shown = table[~hidden].reset_index(drop=True)
    if shown.empty:
        raise EvidenceError(
            f"Every group by {attribute} is smaller than {minimum}.", "Use coarser groups."
        )
    from statsmodels.stats.multitest import multipletests

    shown["p_adjusted"] = multipletests(shown.pop("p_value"), method="holm")[1]
    return GroupScores(shown, int(table.loc[hidden, "n"].sum()), attribute)


def _row(name: str, y: Array, p: Array) -> tuple[str, int, float, float, float, float, float,
                                                  float, float, float, float]:  # fmt: skip
    """Return one group's gap with its interval and test, and its AUC."""
    gap = p - y
    error = float(np.sqrt((p * (1 - p)).sum())) / len(y)
    z = float(gap.mean() / error) if error else 0.0
    auc, spread = auc_with_error(y, p) if 0 < y.sum() < len(y) else (np.nan, np.nan)
    return (name, len(y), float(p.mean()), float(y.mean()), float(gap.mean()),
            float(gap.mean() - 1.96 * error), float(gap.mean() + 1.96 * error),
            float(2 * stats.norm.sf(abs(z))), auc, max(auc - 1.96 * spread, 0.0),
            min(auc + 1.96 * spread, 1.0))  # fmt: skip


def _hidden(sizes: Array, minimum: int) -> Array:
    """Return which groups stay hidden: the small ones, and a second where one stands alone."""
    hidden = sizes < minimum
    if hidden.sum() == 1 and (~hidden).any():
        rest = np.where(hidden, np.iinfo(np.int64).max, sizes)
        hidden = hidden | (np.arange(len(sizes)) == int(np.argmin(rest)))
    return hidden
