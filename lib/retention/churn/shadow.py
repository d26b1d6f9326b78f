"""Shadow mode: a challenger scores beside the champion without acting, until outcomes decide."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import pandas as pd

from retention.churn.backtest import clustered_error
from retention.churn.metrics import log_losses
from retention.churn.panel import Array
from retention.errors import InputError


class Recommendation(StrEnum):
    """What to do with the challenger."""

    PROMOTE = "promote"
    KEEP = "keep"  # keep it in the shadow
    DROP = "drop"


MEANINGS = {
    Recommendation.PROMOTE: "promote it.",
    Recommendation.KEEP: "keep it in the shadow, for the difference may be chance.",
    Recommendation.DROP: "drop it.",
}


@dataclass(frozen=True)
class ShadowComparison:
    """Champion and challenger on the same customers.

    Parameters
    ----------
    frame
        Columns ``measure``, ``value``, ``ci_low``, ``ci_high``, ``n``.
    movers
        Customers who enter or leave the acted-on tenth: ``customer_key``, ``champion``,
        ``challenger``, ``moves`` (``in`` or ``out``) and, once known, ``churned``.
    recommendation
        What to do.
    outcomes_known
        Whether the horizon is over.
    note
        Why there was nothing to compare; empty where there was.
    """

    frame: pd.DataFrame
    movers: pd.DataFrame
    recommendation: Recommendation
    outcomes_known: bool
    note: str = ""

    @classmethod
    def not_possible(cls, note: str) -> ShadowComparison:
        """Return an empty comparison that says why; the champion is kept."""
        return cls(_table([]), pd.DataFrame(), Recommendation.KEEP, False, note)

    def to_frame(self) -> pd.DataFrame:
        """Return the measures."""
        return self.frame.copy()

    def summary(self) -> str:
        """Say how far they agree, who was right, and what to do."""
        if self.note:
            return self.note
        rows = self.frame.set_index("measure")
        agree = rows.loc["rank_agreement"]
        moved = int((self.movers["moves"] == "in").sum())
        text = (f"Champion and challenger agree in rank to {agree.value:.2f}; {moved:,} customers "
                "would be acted on in place of others.")  # fmt: skip
        if not self.outcomes_known:
            return f"{text} Outcomes are not known yet: keep it in the shadow."
        gain = rows.loc["log_loss_saved"]
        return (
            f"{text} The challenger saves {gain.value:+.4f} log loss per customer "
            f"({gain.ci_low:+.4f} to {gain.ci_high:+.4f}, n = {gain.n:,.0f}): "
            f"{MEANINGS[self.recommendation]}"
        )


def compare_in_shadow(
    keys: Array,
    champion: Array,
    challenger: Array,
    *,
    churned: Array | None = None,
    acted_share: float = 0.1,
    worthwhile: float = 0.0,
) -> ShadowComparison:
    """Compare a challenger's scores with the champion's (or the legacy system's).

    Parameters
    ----------
    keys
        Customers; one may occur at several dates (errors are clustered).
    champion, challenger
        Churn probabilities. A legacy score that is no probability must be calibrated first.
    churned
        What happened; None while the horizon is not over.
    acted_share
        Share of customers that is acted on, the highest scores first.
    worthwhile
        Log loss per customer the challenger must save to be worth a change.

    Raises
    ------
    InputError
        If the scores differ in number.
    """
    if not len(keys) == len(champion) == len(challenger):
        raise InputError(
            "Champion and challenger score different customers.",
            "Score the same customers with both.",
        )
    movers = _movers(keys, champion, challenger, churned, acted_share)
    rows = [_agreement(champion, challenger)]
    if churned is None:
        return ShadowComparison(_table(rows), movers, Recommendation.KEEP, False)
    saved = log_losses(churned, champion) - log_losses(churned, challenger)
    rows.append(_mean("log_loss_saved", saved, keys))
    rows.append(_mean("brier_saved", (churned - champion) ** 2 - (churned - challenger) ** 2, keys))
    rows.extend(_who_was_right(movers))
    _, _, low, high, _ = rows[1]
    choice = (
        Recommendation.PROMOTE
        if low > worthwhile
        else (Recommendation.DROP if high < worthwhile else Recommendation.KEEP)
    )
    return ShadowComparison(_table(rows), movers, choice, True)


Row = tuple[str, float, float, float, int]


def _table(rows: list[Row]) -> pd.DataFrame:
    """Return the measures as a table."""
    return pd.DataFrame(rows, columns=["measure", "value", "ci_low", "ci_high", "n"])


def _mean(name: str, values: Array, keys: Array) -> Row:
    """Return a mean with its interval, clustered by customer."""
    mean, half = float(values.mean()), 1.96 * clustered_error(values, keys)
    return name, mean, mean - half, mean + half, len(values)


def _agreement(champion: Array, challenger: Array) -> Row:
    """Return Spearman's rank correlation with Fisher's interval."""
    from scipy import stats

    rho = float(stats.spearmanr(champion, challenger).statistic)
    half = 1.96 * 1.03 / np.sqrt(max(len(champion) - 3, 1))
    centre = np.arctanh(np.clip(rho, -0.999999, 0.999999))
    return ("rank_agreement", rho, float(np.tanh(centre - half)), float(np.tanh(centre + half)),
            len(champion))  # fmt: skip


def _movers(
    keys: Array, champion: Array, challenger: Array, churned: Array | None, share: float
) -> pd.DataFrame:
    """Return who enters and who leaves the acted-on share."""
    top = max(int(len(keys) * share), 1)
    by_key = np.asarray(keys).astype(str)  # ties do not depend on the order of the rows
    chosen = [
        np.isin(np.arange(len(keys)), np.lexsort((by_key, -s))[:top])
        for s in (champion, challenger)
    ]
    moved = chosen[0] != chosen[1]
    frame = pd.DataFrame({"customer_key": keys, "champion": champion, "challenger": challenger,
                          "moves": np.where(chosen[1], "in", "out")})  # fmt: skip
    if churned is not None:
        frame["churned"] = churned
    return frame[moved].sort_values("customer_key", kind="stable", ignore_index=True)


def _who_was_right(movers: pd.DataFrame) -> list[Row]:
    """Return the churn rate of those moved in and of those moved out."""
    from statsmodels.stats.proportion import proportion_confint

    rows: list[Row] = []
    for side in ("in", "out"):
        y = movers.loc[movers["moves"] == side, "churned"]
        if len(y):
            low, high = proportion_confint(int(y.sum()), len(y), method="wilson")
            rows.append((f"churned_of_moved_{side}", float(y.mean()), low, high, len(y)))
    return rows
