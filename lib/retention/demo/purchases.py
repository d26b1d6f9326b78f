"""When customers buy and when they leave.

BG/NBD on a seasonal clock (Fader, Hardie & Lee 2005, "Counting your customers the easy way"): a
customer buys at an own gamma-distributed rate until, after some purchase, they drop out with an
own beta-distributed chance. A late delivery and a crowded inbox raise that chance.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from retention.demo.calendar import DAY_S, DAYS, START_S, season_clock, utc_offset_s
from retention.demo.people import Flags, Floats, Integers, People
from retention.demo.personas import PERSONAS

LATE_SHARE = 0.08
LATE_DROPOUT_FACTOR = 1.8
FREQUENT_MAIL_DROPOUT_FACTOR = 1.15


@dataclass(frozen=True)
class Purchases:
    """One entry per purchase (``customer``, ``at_s`` UTC seconds, ``is_late``), and the leavers.

    ``left_s`` has one entry per customer: the time of the purchase after which they dropped out,
    or -1 while they are still buying.
    """

    customer: Integers
    at_s: Integers
    is_late: Flags
    left_s: Integers


def draw_purchases(people: People, random: np.random.Generator) -> Purchases:
    """Draw every purchase of the history, in order of time."""
    clocks = np.array([season_clock(kind.occasions) for kind in PERSONAS])
    active = np.arange(len(people))
    operational = _to_clock(people.first_day, people.persona, clocks)
    left_s = np.full(len(people), -1, dtype=np.int64)
    rounds: list[tuple[Integers, Integers, Flags]] = []
    while len(active):
        days = _from_clock(operational, people.persona[active], clocks)
        at_s, is_late = _instants(days, random), random.random(len(active)) < LATE_SHARE
        rounds.append((active, at_s, is_late))
        leaves = random.random(len(active)) < _chance_to_leave(people, active, is_late)
        left_s[active[leaves]] = at_s[leaves]
        active, operational = active[~leaves], operational[~leaves]
        operational = operational + random.exponential(1.0, len(active)) / people.rate_day[active]
        inside = operational < DAYS
        active, operational = active[inside], operational[inside]
    customer, at_s, is_late = (np.concatenate(parts) for parts in zip(*rounds, strict=True))
    order = np.lexsort((customer, at_s))
    return Purchases(customer[order], at_s[order], is_late[order], left_s)


def seasonal_days(people: People, start_s: int, days: int) -> Floats:
    """Return the length of a calendar window on each customer's seasonal clock, in days."""
    start = (start_s - START_S) / DAY_S
    lengths = []
    for kind in PERSONAS:
        clock = season_clock(kind.occasions)
        ends = np.interp([start, start + days], np.arange(DAYS + 1), clock)
        lengths.append(ends[1] - ends[0])
    return np.array(lengths)[people.persona]


def _chance_to_leave(people: People, active: Integers, is_late: Flags) -> Floats:
    """Return the chance that each active customer leaves after this purchase."""
    chance = people.dropout[active] * np.where(is_late, LATE_DROPOUT_FACTOR, 1.0)
    chance = chance * np.where(people.frequent_mail[active], FREQUENT_MAIL_DROPOUT_FACTOR, 1.0)
    return np.minimum(chance, 0.98)


def _to_clock(days: Floats, persona: np.ndarray, clocks: Floats) -> Floats:
    """Turn calendar days into seasonal time."""
    grid, answer = np.arange(DAYS + 1), np.empty(len(days))
    for index, clock in enumerate(clocks):
        mine = persona == index
        answer[mine] = np.interp(days[mine], grid, clock)
    return answer


def _from_clock(operational: Floats, persona: np.ndarray, clocks: Floats) -> Floats:
    """Turn seasonal time into calendar days."""
    grid, answer = np.arange(DAYS + 1), np.empty(len(operational))
    for index, clock in enumerate(clocks):
        mine = persona == index
        answer[mine] = np.interp(operational[mine], clock, grid)
    return answer


def _instants(days: Floats, random: np.random.Generator) -> Integers:
    """Place each purchase at a plausible local hour of its day; return UTC seconds."""
    hours = 7.0 + 16.0 * random.beta(2.2, 1.7, len(days))
    local_s = START_S + np.minimum(np.floor(days), DAYS - 1) * DAY_S + np.floor(hours * 3600)
    wall = local_s.astype(np.int64)
    return wall - utc_offset_s(wall + 5 * 3600)
