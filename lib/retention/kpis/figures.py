"""The shop's key figures: each defined once, for the shop, a segment or a cohort alike."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd

from retention.engine import Engine
from retention.kpis.estimates import (
    NOTHING,
    Estimate,
    Numbers,
    count,
    mean,
    promoter_score,
    ratio,
    share,
    total,
)
from retention.kpis.window import Window, collect
from retention.results import Metric
from retention.value import LifetimeValues


@dataclass(frozen=True)
class KeyFigure:
    """One key figure of a window, and how it changed against the window before.

    ``change`` is the difference to the previous window in the figure's own unit (share points for
    shares), with its 95 % interval; NaN where the previous window was not observed.
    """

    name: str
    unit: str
    definition: str
    now: Estimate
    previous: Estimate
    change: Estimate

    def metric(self) -> Metric:
        """Return the figure as a metric; None where nobody was there to show it."""
        value = None if math.isnan(self.now.value) else self.now.value
        low, high = (None if math.isnan(b) else b for b in (self.now.ci_low, self.now.ci_high))
        return Metric(self.name, value, self.unit, low, high, self.now.n)

    def changed(self) -> bool:
        """Tell whether the interval of the change leaves out zero."""
        return self.change.ci_low > 0 or self.change.ci_high < 0


@dataclass(frozen=True)
class KeyFigures:
    """All key figures of one window, of the shop or of some of its customers."""

    figures: tuple[KeyFigure, ...]
    as_of: str
    window_days: int

    def __getitem__(self, name: str) -> KeyFigure:
        """Return the figure of that name; raises KeyError where the data does not carry it."""
        for figure in self.figures:
            if figure.name == name:
                return figure
        raise KeyError(name)

    def metrics(self) -> list[Metric]:
        """Return every figure as a metric."""
        return [figure.metric() for figure in self.figures]

    def to_frame(self) -> pd.DataFrame:
        """Return one row per figure: value, interval, n, previous value, change and interval."""
        rows = [
            {
                "name": f.name, "unit": f.unit, **asdict(f.now), "previous": f.previous.value,
                "change": f.change.value, "change_ci_low": f.change.ci_low,
                "change_ci_high": f.change.ci_high, "definition": f.definition,
            }
            for f in self.figures
        ]  # fmt: skip
        return pd.DataFrame(rows)

    def summary(self) -> str:
        """Return the finding in words: what has changed beyond chance."""
        moved = [f for f in self.figures if f.changed()]
        if not moved:
            return (
                f"In the {self.window_days} days before {self.as_of} no key figure differs from "
                "the window before by more than chance."
            )
        names = ", ".join(
            f"{f.name.replace('_', ' ')} {'rose' if f.change.value > 0 else 'fell'}" for f in moved
        )
        return (
            f"In the {self.window_days} days before {self.as_of}, against the window before, "
            f"beyond chance: {names}. Seasons are not taken out."
        )


def key_figures(
    engine: Engine,
    as_of: str,
    window_days: int = 90,
    *,
    customers: pd.Series | None = None,
    lifetime_value: LifetimeValues | None = None,
    window: Window | None = None,
) -> KeyFigures:
    """Return the key figures of the window that ends at the as-of date.

    Parameters
    ----------
    engine
        Engine with ``orders`` and whichever of ``events``, ``touches``, ``surveys`` and ``costs``
        the snapshot has; figures that need an absent table are absent.
    as_of
        ISO date at which the window ends.
    window_days
        Length of the window, and of the window before that it is compared with.
    customers
        Customer keys of a segment or a cohort; None for the whole shop.
    lifetime_value
        Lifetime values of customers with their ``customer_key``, where they have been estimated.
    window
        What `collect` has gathered of the same window already; None gathers it.

    Raises
    ------
    ParameterError
        If the date or the window is impossible.
    EvidenceError
        If no order lies before the as-of date, or orders are in several currencies.
    """
    window = window or collect(engine, as_of, window_days)
    if customers is not None:
        window = window.of(customers)
    return figures_of(window, as_of, window_days, lifetime_value)


def key_figures_by(
    engine: Engine,
    as_of: str,
    groups: pd.DataFrame,
    window_days: int = 90,
    *,
    lifetime_value: LifetimeValues | None = None,
    window: Window | None = None,
    is_compared: bool = True,
) -> dict[str, KeyFigures]:
    """Return the key figures of every group; the shop's tables are read once.

    Parameters
    ----------
    groups
        Table with ``customer_key`` and ``segment`` (or any label in a column of that name).
    engine, as_of, window_days, lifetime_value, window
        As in `key_figures`.
    is_compared
        Whether each figure is wanted with that of the window before.
    """
    window = window or collect(engine, as_of, window_days, is_compared=is_compared)
    parts = window.by(groups)
    return {name: figures_of(part, as_of, window_days, lifetime_value) for name, part in parts}


def figures_of(
    window: Window, as_of: str, window_days: int, lifetime_value: LifetimeValues | None = None
) -> KeyFigures:
    """Return the key figures of a window that has been gathered."""
    found = [
        _figure(definition, window) for definition in DEFINITIONS if definition.carried(window)
    ]
    if lifetime_value is not None:
        members = window.orders["customer_key"]
        found.append(lifetime_value_figure(lifetime_value, customers=members))
    return KeyFigures(tuple(found), as_of, window_days)


@dataclass(frozen=True)
class Definition:
    """How a key figure is computed from one of the two windows ("now" or "before")."""

    name: str
    unit: str
    meaning: str
    needs: str
    estimate: Callable[[Window, str], Estimate]
    windows_needed: int = 1

    def carried(self, window: Window) -> bool:
        """Tell whether the window has the table that the figure needs."""
        return getattr(window, self.needs) is not None


def _figure(definition: Definition, window: Window) -> KeyFigure:
    """Compute one figure for both windows and the change between them."""
    now = definition.estimate(window, "now")
    begins = window.before_s if definition.windows_needed == 1 else window.earlier_s
    observed = window.is_compared and window.first_order_s <= begins
    previous = definition.estimate(window, "before") if observed else NOTHING
    unit = window.currency if definition.unit == "currency" else definition.unit
    return KeyFigure(definition.name, unit, definition.meaning, now, previous, now.less(previous))


def lifetime_value_figure(
    values: LifetimeValues,
    earlier: LifetimeValues | None = None,
    *,
    customers: pd.Series | None = None,
) -> KeyFigure:
    """Return the mean lifetime value of the customers; it belongs to a date, not to a window.

    Parameters
    ----------
    values
        Lifetime values with their ``customer_key``.
    earlier
        Those at an earlier date, for the change; left out where another model or other terms
        stand behind them, because the change would be one of the way of reckoning.
    customers
        Customer keys of a segment or a cohort; None for all.
    """
    alike = earlier is not None and (earlier.model, earlier.terms) == (values.model, values.terms)
    now = _mean_value(values, customers)
    previous = _mean_value(earlier, customers) if earlier is not None and alike else NOTHING
    return KeyFigure(
        "customer_lifetime_value", values.terms.currency,
        "mean expected lifetime value of a customer", now, previous, now.less(previous),
    )  # fmt: skip


def _mean_value(values: LifetimeValues, customers: pd.Series | None) -> Estimate:
    """Return the mean lifetime value of some customers with the models' interval."""
    keys = values.customers["customer_key"]
    members = (
        np.ones(len(keys), bool) if customers is None else keys.isin(set(customers)).to_numpy()
    )
    n = int(members.sum())
    if not n:
        return NOTHING
    low, high = (end / n for end in values.interval(members))
    return Estimate(
        float(values.customers["lifetime_value"].to_numpy()[members].mean()), low, high, n
    )


def _column(table: pd.DataFrame, name: str) -> Numbers:
    """Return a column as numbers."""
    return table[name].to_numpy(dtype=float)


def _part(table: pd.DataFrame | None, when: str) -> pd.DataFrame:
    """Return the rows of one window."""
    assert table is not None  # `carried` has been asked before
    return table[table["is_now"] == (1 if when == "now" else 0)]


def _active(window: Window, when: str) -> pd.Series:
    """Return which customers ordered in the window."""
    return window.orders[f"orders_{when}"] > 0


def _new_customers(window: Window, when: str) -> Estimate:
    """Count first orders in the window."""
    first = window.orders["first_s"]
    is_new = (
        first >= window.start_s
        if when == "now"
        else first.between(window.before_s, window.start_s - 1)
    )
    return count(int(is_new.sum()))


def _acquisition_cost(window: Window, when: str) -> Estimate:
    """Divide the advertising by the new customers; only their number is random."""
    assert window.costs is not None  # `carried` has been asked before
    new = _new_customers(window, when)
    cost = window.costs[0 if when == "now" else 1]
    if new.value == 0:
        return NOTHING
    return Estimate(cost / new.value, cost / new.ci_high, cost / new.ci_low, new.n)


def _retention(window: Window, when: str) -> Estimate:
    """Share of the customers of the window before who ordered in the window."""
    was = window.orders["was_active_earlier"] > 0 if when == "before" else _active(window, "before")
    return share(int((was & _active(window, when)).sum()), int(was.sum()))


def _churn(window: Window, when: str) -> Estimate:
    """Share of the customers of the window before who did not order in the window."""
    kept = _retention(window, when)
    return Estimate(1 - kept.value, 1 - kept.ci_high, 1 - kept.ci_low, kept.n)


def _repeat_rate(window: Window, when: str) -> Estimate:
    """Share of the window's buyers whose last order there was not their first purchase day."""
    again = window.orders[f"last_day_{when}_s"] > window.orders["first_day_s"]
    return share(int(again.sum()), int(_active(window, when).sum()))


def _reorder_rate(window: Window, when: str) -> Estimate:
    """Share of the customers known before the window who ordered in it."""
    begins = window.start_s if when == "now" else window.before_s
    known = window.orders["first_s"] < begins
    return share(int((known & _active(window, when)).sum()), int(known.sum()))


def _orders_per_customer(window: Window, when: str) -> Estimate:
    """Return orders per buyer."""
    return mean(_column(window.orders[_active(window, when)], f"orders_{when}"))


def _order_value(window: Window, when: str) -> Estimate:
    """Return value per order, customers as clusters."""
    values, orders = (_column(window.orders, f"{stem}_{when}") for stem in ("value", "orders"))
    return ratio(values / window.minor, orders)


def _revenue(window: Window, when: str) -> Estimate:
    """Return the value of all orders."""
    return total(_column(window.orders[_active(window, when)], f"value_{when}") / window.minor)


def _margin(window: Window, when: str) -> Estimate:
    """Return the margin per active customer, over customers whose goods have a known cost."""
    assert window.goods is not None  # `carried` has been asked before
    costed = window.goods[window.goods[f"costed_orders_{when}"] > 0]
    return mean(_column(costed, f"margin_{when}") / window.minor)


def _margin_rate(window: Window, when: str) -> Estimate:
    """Return the margin as a share of the value, customers as clusters."""
    assert window.goods is not None  # `carried` has been asked before
    return ratio(_column(window.goods, f"margin_{when}"), _column(window.goods, f"costed_{when}"))


def _per(table: str, top: str, bottom: str) -> Callable[[Window, str], Estimate]:
    """Return the estimate of a ratio of two columns of a table of visits or e-mails."""

    def estimate(window: Window, when: str) -> Estimate:
        part = _part(getattr(window, table), when)
        return ratio(_column(part, top), _column(part, bottom))

    return estimate


def _promoters(window: Window, when: str) -> Estimate:
    """Return the promoter score of the answers."""
    return promoter_score(np.asarray(_column(_part(window.scores, when), "score")))


DEFINITIONS: tuple[Definition, ...] = (
    Definition("active_customers", "customers", "customers with an order in the window", "orders",
               lambda w, when: count(int(_active(w, when).sum()))),
    Definition("new_customers", "customers", "customers whose first order lies in the window",
               "orders", _new_customers),
    Definition("revenue", "currency", "goods sold less discounts and refunds so far", "orders",
               _revenue),
    Definition("average_order_value", "currency", "revenue per order", "orders", _order_value),
    Definition("purchase_frequency", "orders", "orders per active customer", "orders",
               _orders_per_customer),
    Definition("repeat_purchase_rate", "share",
               "share of active customers who had bought on an earlier day", "orders",
               _repeat_rate),
    Definition("reorder_rate", "share",
               "share of all customers known before the window who ordered in it", "orders",
               _reorder_rate),
    Definition("retention_rate", "share",
               "share of the previous window's active customers who are active again", "orders",
               _retention, 2),
    Definition("churn_rate", "share",
               "share of the previous window's active customers who are not active", "orders",
               _churn, 2),
    Definition("margin_per_customer", "currency",
               "revenue less the cost of the goods, per active customer with known costs", "goods",
               _margin),
    Definition("margin_rate", "share", "margin as a share of revenue, where the costs are known",
               "goods", _margin_rate),
    Definition("customer_acquisition_cost", "currency", "advertising per new customer", "costs",
               _acquisition_cost),
    Definition("conversion_rate", "share", "share of visits with a purchase", "visits",
               _per("visits", "visits_bought", "visits")),
    Definition("cart_abandonment_rate", "share", "share of visits with a cart but no purchase",
               "visits", _per("visits", "carts_abandoned", "visits_carted")),
    Definition("email_engagement_rate", "share",
               "share of e-mails sent that a person opened or clicked", "emails",
               _per("emails", "engaged", "sent")),
    Definition("email_open_rate", "share", "share of e-mails sent that a person opened", "emails",
               _per("emails", "opened", "sent")),
    Definition("email_click_rate", "share", "share of e-mails sent that were clicked", "emails",
               _per("emails", "clicked", "sent")),
    Definition("net_promoter_score", "points", "promoters less detractors among respondents",
               "scores", _promoters),
)  # fmt: skip
"""Every key figure, in the order in which reports show them."""
