"""Why they leave, as they say it: shares by reason, with the silent leavers weighted in."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from retention.churn.panel import Array
from retention.engine import Engine
from retention.features import epoch_of
from retention.results import percent

FEWEST_ANSWERS = 30
"""Fewer answers than this and no share is worth a decision."""


@dataclass(frozen=True)
class LeaveReasons:
    """Shares of reasons among leavers, weighted so that those who answered speak for the silent.

    Parameters
    ----------
    frame
        Columns ``reason``, ``answers``, ``share`` (weighted), ``ci_low``, ``ci_high``,
        ``unweighted``; the largest share first.
    by_group
        Columns ``group``, ``reason``, ``share``, ``answers``; empty without groups.
    leavers, answered
        Leavers, and those of them who gave a reason.
    effective
        Effective number of answers after weighting (Kish).
    sources
        Where the reasons come from.
    """

    frame: pd.DataFrame
    by_group: pd.DataFrame
    leavers: int
    answered: int
    effective: float
    sources: tuple[str, ...]

    def to_frame(self) -> pd.DataFrame:
        """Return the shares by reason."""
        return self.frame.copy()

    def summary(self) -> str:
        """Name the leading reason, and say how many are silent."""
        if not self.answered:
            return (f"None of {self.leavers:,} leavers gave a reason. Ask on leaving: one question "
                    "is enough.")  # fmt: skip
        top = self.frame.iloc[0]
        thin = f" Fewer than {FEWEST_ANSWERS} answers: a hint, no more." * (
            self.answered < FEWEST_ANSWERS
        )
        return (
            f"Of {self.leavers:,} leavers {self.answered:,} "
            f"({percent(self.answered / self.leavers, 0)}) gave a reason; the leading one is "
            f"{str(top.reason).replace('_', ' ')} with {percent(top.share, 0)} "
            f"({percent(top.ci_low, 0)} to "
            f"{percent(top.ci_high, 0)}). Answers are weighted to stand for the silent leavers "
            f"of like "
            f"behaviour; what the silent would have said is not known.{thin}"
        )


def stated_reasons(
    engine: Engine, as_of: str, *, source: str = "exit_intent", within_days: int = 365
) -> pd.DataFrame:
    """Return each customer's latest stated reason from one source.

    Parameters
    ----------
    engine
        Engine with ``surveys`` or ``tickets``.
    as_of
        ISO date; only what was said before it counts.
    source
        A survey's instrument (``exit_intent``, ``post_purchase`` ...) or ``tickets``. Sources are
        not mixed: each asks another question.
    within_days
        How old an answer may be.

    Returns
    -------
    pandas.DataFrame
        Columns ``customer_key``, ``reason_code``, ``source``, sorted by customer; empty where the
        source is not there.
    """
    table, stem = ("tickets", "opened") if source == "tickets" else ("surveys", "answered")
    columns = ["customer_key", "reason_code", "source"]
    if not engine.has(table):
        return pd.DataFrame(columns=columns)
    until = epoch_of(as_of)
    asked = {} if table == "tickets" else {"instrument": source}
    only = "AND instrument = $instrument " if asked else ""
    text = (
        f"SELECT customer_key, reason_code, {stem}_epoch_s AS said_s FROM {table} "
        "WHERE customer_key IS NOT NULL AND reason_code IS NOT NULL "
        f"AND {stem}_epoch_s >= $since AND {stem}_epoch_s < $until {only}"
        "ORDER BY customer_key, said_s, reason_code")  # fmt: skip
    every = engine.sql(text, since=until - within_days * 86_400, until=until, **asked).frame()
    latest = every.groupby("customer_key", sort=True).tail(1).reset_index(drop=True)
    return latest.assign(source=source)[columns]


def leave_reasons(
    leavers: pd.DataFrame, said: pd.DataFrame, *, groups: Array | None = None, minimum: int = 10
) -> LeaveReasons:
    """Weight the stated reasons of leavers for non-response, and count them.

    Parameters
    ----------
    leavers
        Feature table of those who left.
    said
        Answer of :func:`stated_reasons`.
    groups
        Segment of each leaver, for reason x segment.
    minimum
        Smallest cell shown by group.

    Notes
    -----
    Each answer weighs the inverse of the response rate of its weighting class: leavers with one
    purchase or several, cut by recency halves (classes without an answer are merged into one).
    Intervals are Wilson's at Kish's effective number of answers (Kish 1965, section 11.7).
    """
    joined = leavers.reset_index(drop=True).merge(said, how="left", on="customer_key")
    answered = joined["reason_code"].notna().to_numpy()
    if not answered.any():
        empty = pd.DataFrame(columns=["reason", "answers", "share", "ci_low", "ci_high",
                                      "unweighted"])  # fmt: skip
        return LeaveReasons(empty, _by_group(joined, None, minimum), len(joined), 0, 0.0, ())
    weight = _response_weights(joined, answered)
    told = joined[answered].assign(weight=weight)
    effective = float(weight.sum() ** 2 / (weight**2).sum())
    table = (
        told.groupby("reason_code", sort=True)
        .agg(answers=("weight", "size"), total=("weight", "sum"))
        .reset_index()
    )
    share = table["total"].to_numpy() / weight.sum()
    low, high = _wilson(share, effective)
    frame = pd.DataFrame({"reason": table["reason_code"], "answers": table["answers"],
                          "share": share, "ci_low": low, "ci_high": high,
                          "unweighted": table["answers"] / len(told)})  # fmt: skip
    frame = frame.sort_values(["share", "reason"], ascending=[False, True], ignore_index=True)
    by_group = _by_group(told, None if groups is None else groups[answered], minimum)
    return LeaveReasons(frame, by_group, len(joined), int(answered.sum()), effective,
                        tuple(sorted(told["source"].unique())))  # fmt: skip


def _response_weights(joined: pd.DataFrame, answered: Array) -> Array:
    """Return the inverse response rate of each answer's class."""
    repeat = joined["repeat_order_count"].gt(0).to_numpy().astype(int)
    late = joined["recency_days"].gt(joined["recency_days"].median()).to_numpy().astype(int)
    cell = 2 * repeat + late
    rate = np.bincount(cell, answered, 4) / np.maximum(np.bincount(cell, minlength=4), 1)
    weights = 1 / rate[cell[answered]]
    return weights * len(joined) / weights.sum()


def _wilson(share: Array, n: float) -> tuple[Array, Array]:
    """Return Wilson's interval for shares of n effective answers."""
    z = 1.959964
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * np.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return centre - half, centre + half


def _by_group(told: pd.DataFrame, groups: Array | None, minimum: int) -> pd.DataFrame:
    """Return weighted shares by group, small cells left out."""
    columns = ["group", "reason", "share", "answers"]
    if groups is None:
        return pd.DataFrame(columns=columns)
    cells = told.assign(group=groups).groupby(["group", "reason_code"], sort=True)
    table = cells.agg(total=("weight", "sum"), answers=("weight", "size")).reset_index()
    table["share"] = table["total"] / table.groupby("group")["total"].transform("sum")
    table = table.rename(columns={"reason_code": "reason"})
    return table.loc[table["answers"] >= minimum, columns].reset_index(drop=True)
