"""Who the shop's customers are: persona, buying habits, channel, consent and identity."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retention.demo.calendar import DAYS, season_clock
from retention.demo.personas import PERSONAS, draw_by_persona
from retention.demo.vocabulary import (
    FIRST_NAMES,
    LAST_NAMES,
    MAIL_DOMAINS,
    PLACES,
    STREET_KINDS,
    STREETS,
)

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]

ON_SHOPIFY, ON_ETSY, ON_BOTH = 0, 1, 2


@dataclass(frozen=True)
class People:
    """One entry per customer in every array; the index is the customer.

    ``rate_day`` is in purchases per day of seasonal time, ``dropout`` the chance to leave after
    each purchase, ``first_day`` the day of the first purchase since the start of the history.
    """

    persona: NDArray[np.int8]
    rate_day: Floats
    dropout: Floats
    first_day: Floats
    budget: Floats
    favourite: Integers
    gift: Floats
    discount: Floats
    sleeping_dog: Flags
    engagement: Floats
    frequent_mail: Flags
    consents: Flags
    channel: Integers
    is_guest: Flags
    has_email: Flags
    first_name: Integers
    last_name: Integers
    domain: Integers
    place: Integers
    street: Integers
    street_kind: Integers
    house: Integers
    apple_mail: Flags

    def __len__(self) -> int:
        """Return the number of customers."""
        return len(self.persona)


def draw_people(count: int, activity: float, random: np.random.Generator) -> People:
    """Draw the customers.

    With an ``activity`` of 2 they buy twice as often, and each purchase is half as likely to be
    the last, so that they stay for as long as before.
    """
    shares = np.array([p.share for p in PERSONAS])
    persona = random.choice(len(PERSONAS), size=count, p=shares / shares.sum()).astype(np.int8)
    channel = random.choice(3, size=count, p=[0.66, 0.26, 0.08])
    return People(
        persona=persona,
        rate_day=_draw(persona, "rate", random) * activity / 365.0,
        dropout=np.minimum(_draw(persona, "dropout", random) / activity, 1.0),
        first_day=_first_days(persona, random),
        budget=_budgets(persona, random),
        favourite=_favourites(persona, random),
        gift=_draw(persona, "gift", random),
        discount=_draw(persona, "discount", random),
        sleeping_dog=random.random(count) < np.array([p.sleeping_dog for p in PERSONAS])[persona],
        engagement=random.beta(2.0, 3.0, count),
        frequent_mail=random.random(count) < 0.25,
        consents=random.random(count) < 0.72,
        channel=channel,
        has_email=(channel != ON_ETSY) & (random.random(count) > 0.02),
        **_identity(count, random),
    )  # fmt: skip


def _draw(persona: NDArray[np.int8], what: str, random: np.random.Generator) -> Floats:
    """Draw one habit per customer from its persona's distribution."""
    if what == "rate":
        pairs = [(p.rate_shape, p.rate_mean) for p in PERSONAS]
        kind = "gamma"
    else:
        pairs = [getattr(p, what) for p in PERSONAS]
        kind = "beta"
    first, second = np.array(pairs).T
    return draw_by_persona(persona, first, second, kind, random)


def _first_days(persona: NDArray[np.int8], random: np.random.Generator) -> Floats:
    """Draw first-purchase days: the shop grows, and gift givers arrive in season."""
    position = DAYS * random.random(len(persona)) ** 0.85
    days = np.empty(len(persona))
    for index, kind in enumerate(PERSONAS):
        mine = persona == index
        days[mine] = np.interp(position[mine], season_clock(kind.occasions), np.arange(DAYS + 1))
    return days


def _budgets(persona: NDArray[np.int8], random: np.random.Generator) -> Floats:
    """Draw each customer's standing on the price scale."""
    mean: Floats = np.array([p.budget for p in PERSONAS])[persona]
    return mean + 0.6 * random.standard_normal(len(persona))


def _favourites(persona: NDArray[np.int8], random: np.random.Generator) -> Integers:
    """Draw each customer's favourite category."""
    steps = np.cumsum([p.tastes for p in PERSONAS], axis=1)
    points = random.random(len(persona))
    return (points[:, None] > steps[persona][:, :-1]).sum(axis=1)


def _identity(count: int, random: np.random.Generator) -> dict[str, NDArray[Any]]:
    """Draw names and addresses as positions in the vocabulary."""
    shares = np.array([place[-1] for place in PLACES])
    return {
        "is_guest": random.random(count) < 0.3,
        "first_name": random.integers(0, len(FIRST_NAMES), count),
        "last_name": random.integers(0, len(LAST_NAMES), count),
        "domain": random.integers(0, len(MAIL_DOMAINS), count),
        "place": random.choice(len(PLACES), size=count, p=shares / shares.sum()),
        "street": random.integers(0, len(STREETS), count),
        "street_kind": random.integers(0, len(STREET_KINDS), count),
        "house": random.integers(1, 2_400, count),
        "apple_mail": random.random(count) < 0.35,
    }
