"""One currency to report in: amounts of others are converted by dated rates, or left out.

Amounts of two currencies are never added. An order is converted by the rate of its day (the latest
on or before it, else the first), its lines and refunds by the same rate, so that they still add up;
a cost by the rate of its own day. What no rate converts is left out, counted in its own currency.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import pandas as pd

from retention.engine import Engine
from retention.quantities import minor_units
from retention.tables import TABLES, Kind

TIMES = {"orders": "ordered_epoch_s", "costs": "incurred_epoch_s"}
"""Tables whose own time chooses the rate, with that time."""

FOLLOWERS = ("order_lines", "refunds")
"""Tables whose rows are converted as their order was."""

_ALWAYS_S = 10**12
"""Seconds that no date reaches."""

NOTHING = pd.DataFrame({"currency": [], "orders": [], "gross_minor": []})


@dataclass
class Currencies:
    """The currencies of a snapshot's orders.

    Parameters
    ----------
    reporting
        The currency reported in; empty where nothing has to be converted or left out.
    converted
        Currencies that rates convert.
    left_out
        What was left out, by currency: ``orders`` and ``gross_minor``.
    """

    reporting: str = ""
    converted: tuple[str, ...] = ()
    left_out: pd.DataFrame = field(default_factory=NOTHING.copy)

    def concerns(self, table: str) -> bool:
        """Tell whether rows of a table may have to be converted or left out."""
        return bool(self.reporting) and (table in TIMES or table in FOLLOWERS)

    def in_reporting(self, table: str, rows: str) -> str:
        """Return SQL of a table's rows with what can be converted converted (``was_converted``)."""
        if not (self.concerns(table) and self.converted):
            return f"SELECT *, false AS was_converted FROM ({rows}) AS given"
        amounts = [c.name for c in TABLES[table] if c.name.endswith("_minor")]
        changed = [f"{_converted(name)} AS {name}" for name in amounts if name != "net_minor"]
        if "net_minor" in amounts:
            parts = ("gross_minor", "discount_minor", "refunded_minor")
            changed.append(f"{' - '.join(_converted(name) for name in parts)} AS net_minor")
        code = f"CASE WHEN x.multiplier IS NULL THEN u.currency ELSE '{self.reporting}' END"
        changed.append(f"{code} AS currency")
        return (
            f"SELECT u.* REPLACE ({', '.join(changed)}), x.multiplier IS NOT NULL AS was_converted "
            f"FROM ({rows}) AS u LEFT JOIN {_rate_of(table)}"
        )


def _converted(name: str) -> str:
    """Return SQL of an amount in the reporting currency."""
    return (
        f"CASE WHEN x.multiplier IS NULL THEN u.{name} "
        f"ELSE CAST(round(u.{name} * x.multiplier) AS {Kind.INTEGER}) END"
    )


def _rate_of(table: str) -> str:
    """Return SQL of the joined multiplier ``x`` of a row ``u``."""
    if table in FOLLOWERS:
        return "order_multipliers AS x ON u.order_key = x.order_key AND u.currency = x.currency"
    time = TIMES[table]
    return (
        f"fx_multipliers AS x ON u.currency = x.currency AND u.{time} >= x.start_s "
        f"AND u.{time} < x.end_s"
    )


def open_currencies(
    engine: Engine, orders: str, others: list[str], rates: str, preferred: str
) -> Currencies:
    """Choose the reporting currency and make the tables that convert to it.

    Parameters
    ----------
    engine
        Engine; ``fx_multipliers`` and ``order_multipliers`` are made in it where needed.
    orders
        SELECT of all orders of all files.
    others
        SELECTs with a column ``currency`` of what else may be in another currency.
    rates
        SELECT of the rates, empty without any.
    preferred
        The currency that the user names; it is chosen if orders have it.

    Returns
    -------
    Currencies
        Without a reporting currency if everything is in one.
    """
    amounts = engine.sql(
        "SELECT currency, CAST(sum(CASE WHEN status IN ('paid', 'refunded') THEN abs(gross_minor) "
        f"ELSE 0 END) AS BIGINT) AS value FROM ({orders}) AS o WHERE currency IS NOT NULL "
        "GROUP BY currency ORDER BY value DESC, currency"
    ).frame()
    known = [str(code) for code in amounts["currency"]]
    if not known:
        return Currencies()
    present = {*known}
    for query in others:
        found = engine.sql(f"SELECT DISTINCT currency FROM ({query}) AS c").frame()
        present |= {str(code) for code in found["currency"].dropna()}
    if len(present) == 1:
        return Currencies()
    reporting = preferred if preferred in known else known[0]
    table = multipliers(engine.sql(rates).frame(), reporting) if rates else pd.DataFrame()
    if table.empty:
        return Currencies(reporting)
    _keep(engine, table, orders)
    return Currencies(reporting, tuple(sorted(present & set(table["currency"]))))


def _keep(engine: Engine, table: pd.DataFrame, orders: str) -> None:
    """Keep the multipliers, and that of each order, as lasting tables."""
    engine.register("fx_frame", table)
    engine.execute("CREATE OR REPLACE TABLE fx_multipliers AS SELECT * FROM fx_frame")
    engine.execute(
        "CREATE OR REPLACE TABLE order_multipliers AS "
        "SELECT u.order_key, u.currency, max(x.multiplier) AS multiplier "
        f"FROM ({orders}) AS u JOIN {_rate_of('orders')} GROUP BY u.order_key, u.currency"
    )


def multipliers(rates: pd.DataFrame, reporting: str) -> pd.DataFrame:
    """Return what turns minor units of a currency into those of the reporting one, and when.

    Parameters
    ----------
    rates
        Columns ``rate_date`` (ISO), ``currency``, ``to_currency`` and ``rate``.
    reporting
        The currency to convert to; rates from it are turned round.

    Returns
    -------
    pandas.DataFrame
        ``currency``, ``start_s`` and ``end_s`` (seconds since 1970, the end excluded) and
        ``multiplier``.

    Examples
    --------
    >>> rates = pd.DataFrame({"rate_date": ["2025-01-01", "2025-02-01"], "currency": ["EUR", "USD"],
    ...                       "to_currency": ["USD", "JPY"], "rate": [1.1, 150.0]})
    >>> multipliers(rates, "USD")[["currency", "multiplier"]].values.tolist()
    [['EUR', 1.1], ['JPY', 0.6666666666666666]]
    """
    direct = rates[rates.to_currency == reporting].assign(order=0)
    turned = rates[(rates.currency == reporting) & (rates.rate > 0)]
    turned = turned.assign(currency=turned.to_currency, rate=1 / turned.rate, order=1)
    both = pd.concat([direct, turned]).query("currency != @reporting")
    both = both.sort_values(["currency", "rate_date", "order"], kind="stable")
    both = both.drop_duplicates(["currency", "rate_date"]).reset_index(drop=True)
    days = pd.to_datetime(both.rate_date).astype("datetime64[s]").astype("int64")
    start = days.where(both.currency.duplicated(), -_ALWAYS_S)
    end = days.groupby(both.currency).shift(-1).fillna(_ALWAYS_S).astype("int64")
    factor = minor_units(reporting) / both.currency.map(minor_units).astype("float64")
    return pd.DataFrame({"currency": both.currency, "start_s": start, "end_s": end,
                         "multiplier": both.rate * factor})  # fmt: skip
