"""As-of dates: the instant before which everything is known and after which nothing is."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from retention.engine import Engine
from retention.errors import EvidenceError, ParameterError

DAY_S = 86_400
"""Seconds of a day; days are those of the shop's clock, which epoch seconds tell."""


def epoch_of(as_of: str) -> int:
    """Return the start of an ISO date (00:00 on the shop's clock), in seconds since 1970 there.

    Raises
    ------
    ParameterError
        If the text is no ISO date.

    Examples
    --------
    >>> epoch_of("1970-01-02")
    86400
    """
    return int(datetime.combine(_day(as_of), datetime.min.time(), UTC).timestamp())


def shifted(as_of: str, days: int) -> str:
    """Return the ISO date that many days later (earlier where negative).

    Examples
    --------
    >>> shifted("2026-07-01", -30)
    '2026-06-01'
    """
    return (_day(as_of) + timedelta(days=days)).isoformat()


def observed_until(engine: Engine) -> str:
    """Return the day after the last order: the latest as-of date that hides nothing.

    Raises
    ------
    EvidenceError
        If there is no order at all.
    """
    latest = latest_order(engine)
    if not latest:
        raise EvidenceError("The data hold no order.", "Add an export of orders.")
    return shifted(latest, 1)


def latest_order(engine: Engine) -> str:
    """Return the day of the last order, up to which the data are known; empty without orders."""
    if not engine.has("orders"):
        return ""
    latest = engine.sql("SELECT max(ordered_epoch_s) AS latest FROM orders").frame().latest[0]
    if latest != latest or latest is None:
        return ""
    return datetime.fromtimestamp(int(latest), UTC).date().isoformat()


def nobody_before(engine: Engine, as_of: str) -> EvidenceError:
    """Return what is said where no known customer had bought before a date."""
    count = "SELECT count(*) AS orders FROM orders WHERE ordered_epoch_s < $until_s"
    orders = int(engine.sql(count, until_s=epoch_of(as_of)).frame()["orders"][0])
    if not orders:
        return EvidenceError(
            f"No customer had bought before {as_of}.",
            "Add older orders, or wait until the shop has so much history.",
        )
    placed = "1 order was" if orders == 1 else f"{orders:,} orders were"
    return EvidenceError(
        f"{placed} placed before {as_of}, but none that counts has a known buyer.",
        "Add exports that name the buyers of paid orders.",
    )


def _day(text: str) -> date:
    """Parse an ISO date."""
    try:
        return date.fromisoformat(text)
    except (TypeError, ValueError) as error:
        raise ParameterError(
            f"{text!r} is not a date.", "Write it as YYYY-MM-DD, such as 2026-07-01."
        ) from error
