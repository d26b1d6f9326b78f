"""From orders to durations: how long each customer stayed, as known at the as-of date."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import numpy as np
import pandas as pd

from retention.engine import Engine
from retention.errors import EvidenceError, ParameterError
from retention.features import epoch_of, known_orders
from retention.features.kept import made_once

DAY_S = 86_400

BANDS = ("lower third", "middle third", "upper third")


def retention_spells(engine: Engine, as_of: str, window_days: int) -> pd.DataFrame:
    """Return how long each customer stayed before the first silence longer than a window.

    Parameters
    ----------
    engine
        Engine with the table ``orders``.
    as_of
        ISO date; only what happened before it is known.
    window_days
        A customer has left once so many days have passed without a purchase.

    Returns
    -------
    pandas.DataFrame
        One row per customer, sorted by ``customer_key``: ``duration`` (days from the first
        purchase until the window had passed, or until the as-of date), ``event`` (1 = left), and
        what was known at the start: ``cohort`` (quarter), ``started_in_season`` (November or
        December), ``started_with_discount``, ``first_value_minor`` and ``first_value_band``
        (thirds). Only such things may split the curves: what a customer did later is partly a
        result of staying.

    Notes
    -----
    Leaving is dated when the window has passed, not at the last purchase: that day alone it is
    known, so censoring at the as-of date does not depend on what is still to come. A later return
    does not undo it (it begins another spell). Nobody can leave in the first ``window_days``.

    Raises
    ------
    ParameterError
        If the window is not positive or the date is none.
    EvidenceError
        If nobody had bought by then.
    """
    _require_window(window_days)
    with retention_gaps(engine, as_of):
        found = _fetch(engine, "survival_retention_spells", as_of, window_s=window_days * DAY_S)
    return _with_start(found)


def spell_counts(engine: Engine, as_of: str, windows: Iterable[int]) -> dict[int, pd.DataFrame]:
    """Return, for several windows, how many customers stayed how long: what curves are made of.

    Each is what :func:`retention_spells` gives, counted by ``duration`` and ``event`` in the column
    ``weight``. The orders are read once, and only counts leave the engine.

    Parameters
    ----------
    engine, as_of
        As in :func:`retention_spells`.
    windows
        Windows in days.
    """
    counted = {}
    with retention_gaps(engine, as_of):
        for days in windows:
            _require_window(days)
            query = "survival_spell_counts"
            counted[days] = _fetch(engine, query, as_of, window_s=days * DAY_S)
    return counted


@contextmanager
def retention_gaps(engine: Engine, as_of: str) -> Iterator[None]:
    """Let every purchase day with the silence after it be the table ``retention_gaps``.

    The tables of `retention.features.known_orders` are there, too.
    """
    until = epoch_of(as_of)
    gaps = made_once(engine, "retention_gaps", "survival_retention_gaps", f"retention_gaps-{until}",
                     as_of_s=until)  # fmt: skip
    with known_orders(engine, as_of), gaps:
        yield


def second_purchase_spells(engine: Engine, as_of: str) -> pd.DataFrame:
    """Return the time from first to second purchase day, one row per customer.

    Columns as in :func:`retention_spells`; ``event`` is 1 where there was a second purchase.
    """
    with known_orders(engine, as_of):
        return _with_start(_fetch(engine, "survival_second_purchase", as_of))


def purchase_gaps(engine: Engine, as_of: str) -> pd.DataFrame:
    """Return the gaps between purchase days as counts: ``duration``, ``event``, ``weight``.

    The time since a customer's last purchase is a gap still open (``event`` 0). ``order_number``
    is the purchase day the gap follows, 4 standing for the fourth and later.
    """
    with known_orders(engine, as_of):
        return _fetch(engine, "survival_purchase_gaps", as_of)


def _require_window(window_days: int) -> None:
    """Refuse a window of no length."""
    if window_days <= 0:
        raise ParameterError(
            f"A window of {window_days} days is empty.", "Give 1 or more.", column="window_days"
        )


def _fetch(engine: Engine, query: str, as_of: str, **parameters: int) -> pd.DataFrame:
    """Run one of the queries over the orders known at the as-of date."""
    frame = engine.query(query, as_of_s=epoch_of(as_of), **parameters).frame()
    if frame.empty:
        raise EvidenceError(f"Nobody had bought before {as_of}.", "Choose a later as-of date.")
    return frame


def _with_start(frame: pd.DataFrame) -> pd.DataFrame:
    """Put what was known at the start in the place of its time."""
    start = pd.to_datetime(frame.pop("start_s"), unit="s")
    frame.insert(1, "cohort", start.dt.year.astype(str) + " Q" + start.dt.quarter.astype(str))
    frame["started_in_season"] = start.dt.month.ge(11).astype(int)
    third = pd.qcut(
        frame["first_value_minor"].rank(method="average"), 3, labels=False, duplicates="drop"
    )
    frame["first_value_band"] = third.fillna(0).astype(int).map(BANDS.__getitem__)
    return frame


def starting_covariates(spells: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """Return the spells with numeric covariates of the start, and those that vary.

    ``log2_first_value`` is the base-2 logarithm of the first purchase: one unit is a doubling.
    """
    value = spells["first_value_minor"].clip(lower=1).astype(float)
    frame = spells.assign(log2_first_value=np.log2(value))
    names = ["started_with_discount", "started_in_season", "log2_first_value"]
    return frame, [name for name in names if frame[name].min() < frame[name].max()]


def landmark_spells(engine: Engine, landmark: str, as_of: str, window_days: int) -> pd.DataFrame:
    """Follow from a landmark date on those who had not left by then (late entry).

    Parameters
    ----------
    engine
        Engine with the table ``orders``.
    landmark
        ISO date at which groups are formed: anything known before it may split the curves.
    as_of
        ISO date up to which is looked.
    window_days
        Silence that counts as leaving.

    Returns
    -------
    pandas.DataFrame
        As :func:`retention_spells`, restricted to customers who had begun before the landmark and
        had not left by it, with ``entry`` (age at the landmark, in days): pass it to
        ``count_events(..., entry="entry")``. ``duration`` is still counted from the first purchase.

    Raises
    ------
    ParameterError
        If the landmark is not before the as-of date.
    """
    if epoch_of(landmark) >= epoch_of(as_of):
        raise ParameterError(
            "The landmark is not before the as-of date.",
            "Choose an earlier one.",
            column="landmark",
        )
    before = retention_spells(engine, landmark, window_days)
    there = before.loc[before["event"] == 0, ["customer_key", "duration"]]
    later = retention_spells(engine, as_of, window_days)
    joined = later.merge(there.rename(columns={"duration": "entry"}), on="customer_key")
    return joined[joined["duration"] > joined["entry"]].reset_index(drop=True)
