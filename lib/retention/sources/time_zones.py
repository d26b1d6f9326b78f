"""Which time zone a shop's clock is in, told by the offsets that its times carry."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

_ZONES = """
US America/New_York America/Chicago America/Denver America/Phoenix America/Los_Angeles
US America/Anchorage Pacific/Honolulu
CA America/Toronto America/Winnipeg America/Edmonton America/Regina America/Vancouver
CA America/Halifax America/St_Johns
GB Europe/London
EU Europe/Berlin Europe/Helsinki Europe/Athens Europe/Dublin Europe/Lisbon Europe/Paris
CH Europe/Zurich
SE Europe/Stockholm
NO Europe/Oslo
DK Europe/Copenhagen
PL Europe/Warsaw
CZ Europe/Prague
HU Europe/Budapest
RO Europe/Bucharest
TR Europe/Istanbul
AU Australia/Sydney Australia/Brisbane Australia/Adelaide Australia/Darwin Australia/Perth
AU Australia/Hobart
NZ Pacific/Auckland
JP Asia/Tokyo
KR Asia/Seoul
IN Asia/Kolkata
CN Asia/Shanghai
HK Asia/Hong_Kong
SG Asia/Singapore
TH Asia/Bangkok
ID Asia/Jakarta
PH Asia/Manila
AE Asia/Dubai
IL Asia/Jerusalem
ZA Africa/Johannesburg
NG Africa/Lagos
EG Africa/Cairo
KE Africa/Nairobi
BR America/Sao_Paulo
AR America/Argentina/Buenos_Aires
CL America/Santiago
CO America/Bogota
MX America/Mexico_City America/Tijuana
PK Asia/Karachi
BD Asia/Dhaka
NP Asia/Kathmandu
"""

ZONES: tuple[tuple[str, str], ...] = tuple(
    (line.split()[0], zone) for line in _ZONES.split("\n") if line for zone in line.split()[1:]
)
"""Two letters that currencies begin with, too, and a zone: of those that agree in all offsets seen,
the first that fits the currency is proposed."""


def zone_of(offsets: Iterable[tuple[datetime, int]], currency: str = "") -> str:
    """Return the zone whose clock has the offsets that were seen, UTC where none has.

    Parameters
    ----------
    offsets
        Moments in UTC without zone, each with the minutes that the shop's clock was ahead.
    currency
        The shop's currency, whose country decides between zones that agree.

    Examples
    --------
    >>> winter, summer = datetime(2026, 1, 5), datetime(2026, 7, 5)
    >>> zone_of([(winter, -300), (summer, -240)], "CAD")
    'America/Toronto'
    >>> zone_of([(winter, 0), (summer, 0)], "GBP")
    'UTC'
    """
    seen = set(offsets)
    if not seen or (all(minutes == 0 for _, minutes in seen) and _has_summer(seen)):
        return "UTC"
    home = sorted(ZONES, key=lambda pair: pair[0] != currency[:2])
    return next((zone for _, zone in home if _agrees(zone, seen)), _fixed(seen))


def _has_summer(seen: set[tuple[datetime, int]]) -> bool:
    """Tell whether a zone with summer time would have shown it."""
    months = {moment.month for moment, _ in seen}
    return bool(months & {5, 6, 7, 8, 9}) and bool(months & {12, 1, 2})


def _agrees(zone: str, seen: set[tuple[datetime, int]]) -> bool:
    """Tell whether a zone's clock had all of the offsets."""
    clock = ZoneInfo(zone)
    return all(
        moment.replace(tzinfo=UTC).astimezone(clock).utcoffset() == timedelta(minutes=minutes)
        for moment, minutes in seen
    )


def _fixed(seen: set[tuple[datetime, int]]) -> str:
    """Return a zone of one whole offset, where there is but one; else UTC."""
    minutes = {minutes for _, minutes in seen}
    if len(minutes) != 1 or min(minutes) % 60:
        return "UTC"
    hours = min(minutes) // 60
    return f"Etc/GMT{-hours:+d}" if hours else "UTC"
