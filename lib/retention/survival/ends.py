"""How customers' time ends: in silence, or in one of the ways that compete with it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from retention.engine import Engine
from retention.errors import EvidenceError, ParameterError
from retention.features import epoch_of, known_orders
from retention.survival.spells import DAY_S, retention_gaps, retention_spells

COLUMNS = ["customer_key", "cause", "ended_days"]


def competing_ends(
    engine: Engine, as_of: str, window_days: int, *, marketplaces: Sequence[str] = ()
) -> pd.DataFrame:
    """Return how each customer's time ended first.

    Parameters
    ----------
    engine, as_of, window_days
        As in :func:`~retention.survival.spells.retention_spells`; ``touches``, ``consents`` and
        ``contracts`` bring further ends, where they are there.
    marketplaces
        Values of ``shop_id`` that are marketplaces: who began in the own shop and has come to buy
        there alone has moved, from the first purchase there after the last one elsewhere. Accounts
        on both sides must be known to be one person's (declared links).

    Returns
    -------
    pandas.DataFrame
        The spells with ``cause`` (``fell silent``, ``unsubscribed``, ``withdrew consent``,
        ``contract ended``, ``moved to a marketplace`` or missing) and ``duration`` until the first
        of them.

    Notes
    -----
    People who were erased are no longer in the data at all, so that they cannot be an end of their
    own here; what remains of the request is the withdrawal of consent to analytics or profiling.
    """
    spells = retention_spells(engine, as_of, window_days)
    silent = spells.pop("event").map({1: "fell silent"})
    others = _other_ends(engine, as_of, marketplaces)
    first = others.sort_values(["ended_days", "cause"], kind="stable")
    first = first.drop_duplicates("customer_key")
    joined = spells.assign(cause=silent).merge(
        first, how="left", on="customer_key", suffixes=("", "_other")
    )
    earlier = joined["ended_days"].le(joined["duration"]).to_numpy()
    joined.loc[earlier, "cause"] = joined.loc[earlier, "cause_other"]
    joined.loc[earlier, "duration"] = joined.loc[earlier, "ended_days"].astype("int64")
    return joined.drop(columns=["cause_other", "ended_days"])


def _other_ends(engine: Engine, as_of: str, marketplaces: Sequence[str]) -> pd.DataFrame:
    """Return every end but silence: customer, cause and days since the first purchase."""
    with known_orders(engine, as_of):
        until = {"as_of_s": epoch_of(as_of)}
        parts = [_moved(engine.query("survival_shop_moves").frame(), marketplaces)]
        if engine.has("touches"):
            left = engine.query("survival_unsubscribed", **until).frame()
            parts.append(left.assign(cause="unsubscribed"))
        if engine.has("consents"):
            parts.append(_withdrawn(engine.query("survival_consent_withdrawn", **until).frame()))
        if engine.has("contracts"):
            ended = engine.query("survival_contract_ended", **until).frame()
            parts.append(ended.assign(cause="contract ended"))
    return pd.concat([part[COLUMNS] for part in parts], ignore_index=True)


def _moved(moves: pd.DataFrame, marketplaces: Sequence[str]) -> pd.DataFrame:
    """Return those who began in an own shop and now buy in a marketplace alone."""
    places = list(marketplaces)
    abroad = moves["shop_id"].isin(places) & ~moves["first_shop"].isin(places)
    return moves[abroad & moves["ended_days"].gt(0)].assign(cause="moved to a marketplace")


def _withdrawn(withdrawn: pd.DataFrame) -> pd.DataFrame:
    """Name a withdrawal by its purpose: marketing is unsubscribing, the rest is consent."""
    marketing = withdrawn["purpose"].str.startswith("marketing")
    return withdrawn.assign(cause=np.where(marketing, "unsubscribed", "withdrew consent"))


def departure_intervals(
    engine: Engine, as_of: str, window_days: int, *, unit_days: int = 7
) -> pd.DataFrame:
    """Return between which times each customer left, for :func:`interval_curve`.

    A customer who fell silent left at some time between the last purchase and the end of the
    window; that the curve of :func:`retention_spells` dates it at the window's end is a convention.

    Parameters
    ----------
    engine, as_of, window_days
        As in :func:`~retention.survival.spells.retention_spells`.
    unit_days
        Length of a unit of time, days; coarser units make the estimate cheaper.

    Returns
    -------
    pandas.DataFrame
        Columns ``left``, ``right`` (infinite where the customer has not left), ``weight``.

    Raises
    ------
    ParameterError
        If the window or the unit is not positive.
    EvidenceError
        If nobody had bought by then.
    """
    if min(window_days, unit_days) <= 0:
        raise ParameterError("A window or unit of no days is empty.", "Give 1 or more.",
                             column="window_days")  # fmt: skip
    with retention_gaps(engine, as_of):
        rows = engine.query("survival_silences", window_s=window_days * DAY_S).frame()
    if rows.empty:
        raise EvidenceError(f"Nobody had bought before {as_of}.", "Choose a later as-of date.")
    left = rows["last_days"] // unit_days
    right = np.where(rows["event"] == 1, -(-(rows["last_days"] + window_days) // unit_days), np.inf)
    grouped = pd.DataFrame({"left": left, "right": right, "weight": rows["weight"]})
    return grouped.groupby(["left", "right"])["weight"].sum().reset_index()
