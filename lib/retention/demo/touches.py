"""E-mails sent, opened and clicked, and who unsubscribes; interest fades after leaving."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from retention.demo.calendar import DAY_S, DAYS, END_S, START_S, TRACKED_FROM, day_of
from retention.demo.campaigns import Trial
from retention.demo.people import Flags, Floats, Integers, People
from retention.demo.purchases import Purchases

FADING_DAYS = 60.0
"""Mean time over which the interest of someone who has left fades."""

SENT, OPENED, CLICKED, BOUNCED, UNSUBSCRIBED, COMPLAINED = range(6)


@dataclass(frozen=True)
class Touches:
    """One entry per e-mail event, in order of time; ``campaign`` indexes ``campaign_names``."""

    customer: Integers
    at_s: Integers
    kind: Integers
    campaign: Integers
    is_machine: Flags
    campaign_names: list[str]


def fading(people_left_s: Integers, at_s: Integers, customer: Integers) -> Floats:
    """Return how much interest is left: 1 while buying, falling exponentially after leaving."""
    left = people_left_s[customer]
    since = np.where(left >= 0, np.maximum(at_s - left, 0), 0) / DAY_S
    return np.exp(-since / FADING_DAYS)


def draw_unsubscribes(
    people: People, purchases: Purchases, random: np.random.Generator
) -> Integers:
    """Return when each customer unsubscribes (UTC seconds), -1 for never."""
    count = len(people)
    has_left = purchases.left_s >= 0
    chance = 0.05 + 0.12 * people.frequent_mail + 0.14 * has_left
    start = np.where(
        has_left, purchases.left_s, START_S + (people.first_day * DAY_S).astype(np.int64)
    )
    delay_days = 5 + random.exponential(np.where(has_left, 70.0, 300.0), count)
    at_s = start + (delay_days * DAY_S).astype(np.int64)
    happens = people.has_email & people.consents & (random.random(count) < chance) & (at_s < END_S)
    return np.where(happens, at_s, -1)


def draw_touches(
    people: People,
    purchases: Purchases,
    trials: list[Trial],
    unsubscribed_s: Integers,
    random: np.random.Generator,
) -> Touches:
    """Draw the newsletters and the campaign e-mails with what became of them."""  # fmt: skip
    customer, at_s, campaign, names = _sends(people, trials, unsubscribed_s, random)
    interest = people.engagement[customer] * fading(purchases.left_s, at_s, customer)
    interest *= np.where(people.frequent_mail[customer], 0.75, 1.0)
    bounced = random.random(len(customer)) < 0.006
    opened = ~bounced & (random.random(len(customer)) < 0.08 + 0.75 * interest)
    machine = ~bounced & people.apple_mail[customer] & (random.random(len(customer)) < 0.85)
    clicked = opened & (random.random(len(customer)) < 0.10 + 0.25 * interest)
    wait = random.exponential(5 * 3600, len(customer)).astype(np.int64) + 60
    gone = np.flatnonzero(unsubscribed_s >= START_S + day_of(TRACKED_FROM) * DAY_S)
    complains = random.random(len(gone)) < 0.03
    parts = [
        (customer, at_s, SENT, campaign, False),
        (customer[machine], at_s[machine] + 45, OPENED, campaign[machine], True),
        (customer[opened], (at_s + wait)[opened], OPENED, campaign[opened], False),
        (customer[clicked], (at_s + wait + 30)[clicked], CLICKED, campaign[clicked], False),
        (customer[bounced], at_s[bounced] + 5, BOUNCED, campaign[bounced], False),
        (gone, unsubscribed_s[gone], UNSUBSCRIBED, np.full(len(gone), -1), False),
        (gone[complains], unsubscribed_s[gone[complains]] + 1, COMPLAINED,
         np.full(int(complains.sum()), -1), False),
    ]  # fmt: skip
    return _gather(parts, names)


def _sends(
    people: People, trials: list[Trial], unsubscribed_s: Integers, random: np.random.Generator
) -> tuple[Integers, Integers, Integers, list[str]]:
    """Return recipient, time and campaign of every e-mail sent."""
    who: list[Integers] = []
    when: list[Integers] = []
    which: list[Integers] = []
    names: list[str] = []
    reachable = people.has_email & people.consents
    first_s = START_S + (people.first_day * DAY_S).astype(np.int64)
    for day in range(day_of(TRACKED_FROM), DAYS, 10):
        at_s = START_S + day * DAY_S + 14 * 3600
        everyone = (day - day_of(TRACKED_FROM)) % 30 == 0
        audience = reachable & (first_s < at_s) & (people.frequent_mail | everyone)
        audience &= (unsubscribed_s < 0) | (unsubscribed_s > at_s)
        customer = np.flatnonzero(audience)
        who.append(customer)
        when.append(at_s + random.integers(0, 3600, len(customer)))
        which.append(np.full(len(customer), len(names)))
        names.append(f"newsletter_{np.datetime64(at_s, 's').astype('datetime64[D]')}")
    for trial in trials:
        treated = trial.arm > 0
        customer = trial.customer[treated]
        who.append(customer)
        when.append(np.full(len(customer), trial.campaign.assigned_s + 300))
        which.append(np.full(len(customer), len(names)))
        names.append(trial.campaign.key)
    return np.concatenate(who), np.concatenate(when), np.concatenate(which), names


def _gather(
    parts: list[tuple[Integers, Integers, int, Integers, bool]], names: list[str]
) -> Touches:
    """Put the kinds of touch together in order of time."""
    customer = np.concatenate([part[0] for part in parts])
    at_s = np.concatenate([part[1] for part in parts])
    kind = np.concatenate([np.full(len(part[0]), part[2]) for part in parts])
    campaign = np.concatenate([part[3] for part in parts])
    machine = np.concatenate([np.full(len(part[0]), part[4]) for part in parts])
    order = np.argsort(at_s, kind="stable")
    order = order[at_s[order] < END_S]
    return Touches(
        customer[order], at_s[order], kind[order], campaign[order], machine[order], names
    )
