"""What the key figures are made of: two windows of equal length, per customer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from retention.engine import Engine
from retention.errors import EvidenceError, ParameterError
from retention.features import (
    epoch_of,
    goods_costs,
    known_orders,
    minor_per_major,
    texts_in_arrow,
)
from retention.features.dates import DAY_S


@dataclass(frozen=True)
class Window:
    """Orders, visits, e-mails, scores and costs of a window and of the one before it.

    Parameters
    ----------
    orders
        One row per customer known at the as-of date (``sql/kpis_orders.sql``).
    visits, emails, scores
        One row per person and window; None where the snapshot has no such table.
    goods
        The orders again, where the cost of some goods sold in the window is known.
    costs
        What was spent on acquisition now and before, major units; None where unknown, as for a
        segment or a cohort, to which advertising is not attributed.
    start_s, before_s, earlier_s
        Where the window, the one before and the one before that begin.
    currency, minor
        Currency of the orders and its minor units per major one.
    is_compared
        Whether visits, e-mails and scores of the window before were gathered, too.
    """

    orders: pd.DataFrame
    visits: pd.DataFrame | None
    emails: pd.DataFrame | None
    scores: pd.DataFrame | None
    goods: pd.DataFrame | None
    costs: tuple[float, float] | None
    start_s: int
    before_s: int
    earlier_s: int
    first_order_s: int
    currency: str
    minor: int
    is_compared: bool = True

    def of(self, customers: pd.Series) -> Window:
        """Return the same window for some customers only: a segment or a cohort."""
        tables = self._tables()
        return self._of({n: t[t["customer_key"].isin(customers)] for n, t in tables.items()})

    def by(self, groups: pd.DataFrame) -> Iterator[tuple[str, Window]]:
        """Yield each group's name and the same window for its customers alone, names in order.

        Whose group each row is of is looked up once, not once for every group.

        Parameters
        ----------
        groups
            One row per customer: ``customer_key`` and the name of the group, ``segment``.
        """
        label = groups.set_index("customer_key")["segment"]
        given = self._tables()
        places = {name: table.groupby(table["customer_key"].map(label), observed=True).indices
                  for name, table in given.items()}  # fmt: skip
        for group in sorted(label.dropna().unique()):
            rows = {name: table.iloc[places[name].get(group, [])] for name, table in given.items()}
            yield str(group), self._of(rows)

    def _tables(self) -> dict[str, pd.DataFrame]:
        """Return the tables that the window has, each with a row per person."""
        tables = {name: getattr(self, name) for name in ("orders", "visits", "emails", "scores")}
        return {name: table for name, table in tables.items() if table is not None}

    def _of(self, rows: dict[str, Any]) -> Window:
        """Return the window with fewer rows, to which no advertising is attributed."""
        goods = None if self.goods is None else rows["orders"]
        return replace(self, **rows, goods=goods, costs=None)


def collect(engine: Engine, as_of: str, window_days: int, *, is_compared: bool = True) -> Window:
    """Gather the window that ends at the as-of date and the one before it.

    Parameters
    ----------
    engine, as_of, window_days
        As for `retention.kpis.key_figures`.
    is_compared
        Whether its figures will be compared with those of the window before; otherwise only the
        orders of that are gathered, for the figures of those who come back.

    Raises
    ------
    ParameterError
        If the window is not positive.
    EvidenceError
        If no order that counts lies before the as-of date.
    """
    if window_days <= 0:
        raise ParameterError(f"A window of {window_days} days is empty.", "Give 1 or more.")
    as_of_s, length = epoch_of(as_of), window_days * DAY_S
    start_s, before_s, earlier_s = (as_of_s - k * length for k in (1, 2, 3))
    orders = _orders(engine, as_of, {"start_s": start_s, "before_s": before_s,
                                     "earlier_s": earlier_s})  # fmt: skip
    if orders.empty:
        raise EvidenceError(f"No order lies before {as_of}.", "Choose a later as-of date.")
    times = {"as_of_s": as_of_s, "start_s": start_s, "before_s": before_s}
    looked_at = times if is_compared else {**times, "before_s": start_s}
    minor = minor_per_major(engine)
    return Window(
        orders=orders,
        visits=_optional(engine, "kpis_visits", "events", looked_at),
        emails=_optional(engine, "kpis_emails", "touches", looked_at),
        scores=_optional(engine, "kpis_scores", "surveys", looked_at),
        goods=orders if orders["costed_orders_now"].sum() > 0 else None,
        costs=_costs(engine, times, minor),
        start_s=start_s,
        before_s=before_s,
        earlier_s=earlier_s,
        first_order_s=int(orders["first_s"].min()),
        currency=_currency(engine),
        minor=minor,
        is_compared=is_compared,
    )


def _orders(engine: Engine, as_of: str, times: dict[str, int]) -> pd.DataFrame:
    """Return what each customer ordered in the windows, and what the goods cost, where known."""
    # Accounts, not features: a refund that is known counts in the window of its order.
    with known_orders(engine, as_of, 0), goods_costs(engine, as_of) as known:
        if not known:
            nothing = "SELECT NULL AS order_key, CAST(NULL AS BIGINT) AS goods_cost_minor LIMIT 0"
        source = "SELECT order_key, goods_cost_minor FROM goods_costs" if known else nothing
        engine.sql(source).view("kpis_goods_costs")
        found = texts_in_arrow(engine.query("kpis_orders", **times))
    engine.drop("kpis_goods_costs")
    return found


def _optional(engine: Engine, query: str, table: str, times: dict[str, int]) -> pd.DataFrame | None:
    """Return the answer of a query on a table that the snapshot may lack."""
    return texts_in_arrow(engine.query(query, **times)) if engine.has(table) else None


def _costs(engine: Engine, times: dict[str, int], minor: int) -> tuple[float, float] | None:
    """Return what was spent on acquisition in both windows, None where nothing is on record."""
    if not engine.has("costs"):
        return None
    row = engine.query("kpis_acquisition_costs", **times).frame().iloc[0]
    if row.isna().any():
        return None
    return float(row["cost_now"]) / minor, float(row["cost_before"]) / minor


def _currency(engine: Engine) -> str:
    """Return the one currency of the orders (several have been refused before)."""
    return str(engine.sql("SELECT min(currency) AS code FROM orders").frame()["code"][0])
