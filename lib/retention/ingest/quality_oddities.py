"""What looks wrong although every rule holds: machines, double people, hours, money, spellings."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from retention.engine import Engine
from retention.ingest.codes import IngestCheck
from retention.ingest.quality_limits import QualityLimits
from retention.results import Check, Status, percent

_ENOUGH = 300
"""Orders of a source and season below which its hours say nothing."""


def oddities(engine: Engine, limits: QualityLimits) -> Iterator[Check]:
    """Yield the findings on what no rule of a single row can see.

    Parameters
    ----------
    engine
        Engine that holds the tables, ``ledger`` and where known ``names``.
    limits
        Thresholds.
    """
    if engine.has("orders"):
        yield _bots(engine, limits)
        yield _hours(engine, limits)
        yield _units(engine)
    if engine.has("customers"):
        yield _doubles(engine, limits)
        yield _guests(engine, limits)
        yield _countries(engine)


def finding(code: IngestCheck, bad: bool, detail: str, action: str) -> Check:
    """Return a check that warns, with its action, where something is wrong."""
    return Check(code, Status.WARN if bad else Status.PASS, detail, action if bad else "")


def _bots(engine: Engine, limits: QualityLimits) -> Check:
    """Find what machines do: many orders on one day, orders twice in a minute, endless visits."""
    row = engine.query("ingest_bots", orders_per_day=limits.bot_orders_per_day).frame().iloc[0]
    visits = events = 0
    if engine.has("events"):
        found = engine.sql(
            "SELECT count(*) AS visits, coalesce(sum(n), 0) AS events FROM ("
            "SELECT count(*) AS n FROM events WHERE session_key IS NOT NULL "
            "GROUP BY session_key HAVING count(*) > $most)",
            most=limits.bot_events_per_session,
        ).frame().iloc[0]  # fmt: skip
        visits, events = int(found["visits"]), int(found["events"])
    bad = row["customers"] > 0 or row["doubled"] > 0 or visits > 0
    return finding(
        IngestCheck.BOTS, bad,
        f"{row['test_records']:,.0f} records of test orders were left out by rule; "
        f"{limits.people(row['customers'])} customers placed more than "
        f"{limits.bot_orders_per_day} orders on one day ({row['orders']:,.0f} orders); "
        f"{row['doubled']:,.0f} orders repeat another of the same buyer and value within a "
        f"minute; {visits:,} visits have more than "
        f"{limits.bot_events_per_session} events ({events:,} events).",
        "Look at a few of them in the shop; exclude testers and resellers there, and filter known "
        "bots where the events are collected.",
    )  # fmt: skip


def _doubles(engine: Engine, limits: QualityLimits) -> Check:
    """Find people who share name and postcode under different identities; nobody is merged."""
    customers = int(engine.sql("SELECT count(*) AS n FROM customers").frame()["n"][0])
    groups = people = 0
    if engine.has("names"):
        row = engine.sql(
            "SELECT count(*) AS groups, coalesce(sum(n), 0) AS people FROM ("
            "SELECT count(DISTINCT coalesce(r.customer_key, names.person_key)) AS n "
            "FROM names LEFT JOIN rekeyed AS r ON names.person_key = r.token "
            "GROUP BY names.name_key HAVING n > 1)"
        ).frame().iloc[0]  # fmt: skip
        groups, people = int(row["groups"]), int(row["people"])
    share = people / max(customers, 1)
    small = people < limits.minimum_cell_size
    told = "" if small else f" ({percent(share, 2)}, in {groups:,} groups)"
    return finding(
        IngestCheck.DUPLICATED_CUSTOMERS, share > limits.duplicate_share,
        f"{limits.people(people)} customers share name and postcode with another{told}; nobody was "
        f"merged (n = {customers:,}).",
        "Declare the links of those you know to be one person (source `links`); until then repeat "
        "rates are a little low.",
    )  # fmt: skip


def _guests(engine: Engine, limits: QualityLimits) -> Check:
    """Say how many customers have no account; they stay apart unless an identity joins them."""
    row = engine.sql(
        "SELECT count(*) AS n, count(*) FILTER (WHERE is_guest) AS guests, "
        "count(*) FILTER (WHERE identity_confidence = 'name_only') AS names FROM customers"
    ).frame().iloc[0]  # fmt: skip
    share = row["guests"] / max(row["n"], 1)
    return finding(
        IngestCheck.GUEST_SHARE, share > limits.guest_share,
        f"{percent(share)} of the customers bought as guests only; "
        f"{limits.people(row['names'])} are known by a name alone and are joined with nobody "
        f"(n = {row['n']:,.0f}).",
        "Ask for an e-mail address at the checkout: a guest who comes back unrecognised looks like "
        "two who left.",
    )  # fmt: skip


def _countries(engine: Engine) -> Check:
    """Find countries that no code was found for, and those among them spelled in several ways."""
    frame = engine.sql(
        "SELECT country, count(*) AS customers FROM customers WHERE country IS NOT NULL "
        "AND NOT regexp_full_match(country, '[A-Z]{2}') GROUP BY country ORDER BY country"
    ).frame()
    frame["plain"] = frame.country.str.upper().str.replace(r"[\W_]+", "", regex=True)
    several = frame.groupby("plain").filter(lambda group: len(group) > 1)
    told = "; ".join(", ".join(group.country) for _, group in several.groupby("plain"))
    return finding(
        IngestCheck.COUNTRY_SPELLINGS, len(several) > 0,
        f"{len(frame):,} names of countries are not known and stay as they were written"
        + (f"; spelled in several ways: {told}." if told else "; none is spelled in several ways."),
        "Let the exports name countries by their two-letter code; until then group by both.",
    )  # fmt: skip


def _units(engine: Engine) -> Check:
    """Find sources whose amounts differ by a factor of units, and currencies hardly ever used."""
    frame = engine.sql(
        "SELECT source, currency, count(*) AS orders, CAST(median(net_minor) AS DOUBLE) AS median "
        "FROM orders WHERE net_minor > 0 GROUP BY source, currency ORDER BY currency, source"
    ).frame()
    told = []
    for currency, group in frame[frame.orders >= _ENOUGH // 10].groupby("currency"):
        ratio = group["median"].max() / group["median"].min()
        if ratio > 50:
            rich, poor = group.loc[group["median"].idxmax()], group.loc[group["median"].idxmin()]
            told.append(f"{currency} orders of {rich.source} are {ratio:,.0f} times those of "
                        f"{poor.source}")  # fmt: skip
    share = frame.groupby("currency").orders.sum() / max(frame.orders.sum(), 1)
    rare = share[share < 0.01]
    told += [f"{code} is the currency of {percent(value, 2)} of the orders"
             for code, value in rare.items()]  # fmt: skip
    return finding(
        IngestCheck.CURRENCY_ODDITIES, bool(told),
        ("; ".join(told) if told else "Sources agree in the size of their amounts, and no currency "
         "is a stray one") + ".",
        "A factor of a hundred is cents read as units: set the source's currency. A stray currency "
        "is often a typing error; supply its rate or mend it.",
    )  # fmt: skip


def _hours(engine: Engine, limits: QualityLimits) -> Check:
    """Find piles at midnight, sources hours apart, and clocks that ignore summer time."""
    frame = engine.query("ingest_hours").frame()
    told = [*_midnight(frame, limits), *_apart(frame), *_summer(frame)]
    return finding(
        IngestCheck.TIME_ODDITIES, bool(told),
        ("; ".join(told) or "Hours look like one shop's in every source and season") + ".",
        "Name the source's time zone in read_options (`format: time_zone = Europe/Berlin`), or "
        "export times with their offset.",
    )  # fmt: skip


def _midnight(frame: pd.DataFrame, limits: QualityLimits) -> Iterator[str]:
    """Yield the sources whose orders pile up at 00:00:00 sharp."""
    totals = frame.groupby("source")[["orders", "at_midnight"]].sum()
    share = totals.at_midnight / totals.orders
    for source, value in share[share > limits.midnight_share].items():
        yield f"{percent(value, 0)} of the orders of {source} stand at 00:00:00: their hour is lost"


def _apart(frame: pd.DataFrame) -> Iterator[str]:
    """Yield the sources whose day runs hours apart from the largest source's."""
    profiles = _profiles(frame, ["source"])
    if len(profiles) < 2:
        return
    base = profiles.sum(axis=1).idxmax()
    for source, profile in profiles.drop(index=base).iterrows():
        hours = shift_between(profiles.loc[base].to_numpy(float), profile.to_numpy(float))
        if abs(hours) >= 2:
            yield f"the day of {source} runs {hours:+d} hours against {base}"


def _summer(frame: pd.DataFrame) -> Iterator[str]:
    """Yield the sources whose clock does not follow summer time while another's does, in UTC."""
    seasons = _profiles(frame[frame.season != "between"], ["source", "season"])
    shifts: dict[str, int] = {}
    for source in seasons.index.get_level_values("source").unique():
        part = seasons.loc[source]
        if {"winter", "summer"} <= set(part.index):
            shifts[source] = shift_between(
                part.loc["winter"].to_numpy(float), part.loc["summer"].to_numpy(float)
            )
    if len(set(shifts.values())) > 1:
        told = ", ".join(f"{source} {hours:+d} h" for source, hours in sorted(shifts.items()))
        yield f"sources differ in how their day moves from winter to summer in UTC ({told})"


def _profiles(frame: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """Return orders per hour of the day, one row per group with enough orders."""
    table = frame.pivot_table(
        index=by, columns="hour", values="orders", aggfunc="sum", fill_value=0
    ).reindex(columns=range(24), fill_value=0)
    return table[table.sum(axis=1) >= _ENOUGH]


def shift_between(base: np.ndarray, other: np.ndarray) -> int:
    """Return by how many hours a day's profile runs after another, from -11 to 12.

    The circular shift with the highest correlation; 0 unless it beats no shift by 0.02.

    Examples
    --------
    >>> day = np.exp(-((np.arange(24) - 14.0) ** 2) / 8)
    >>> shift_between(day, np.roll(day, 5))
    5
    """
    scores = [float(np.corrcoef(base, np.roll(other, -shift))[0, 1]) for shift in range(24)]
    best = int(np.argmax(scores))
    if not np.isfinite(scores[best]) or scores[best] - scores[0] < 0.02:
        return 0
    return best if best <= 12 else best - 24
