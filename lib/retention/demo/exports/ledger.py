"""The shop's own lists: consents, campaign assignments, costs, and accounts known to be one."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from retention.demo.baskets import Baskets, catalogue
from retention.demo.calendar import DAY_S, END, START, START_S
from retention.demo.campaigns import Trial
from retention.demo.headers import ASSIGNMENTS, CONSENTS, COSTS, LINKS
from retention.demo.people import Flags, Integers, People
from retention.demo.writing import Writer, iso, lookup, money, words

PURPOSES = ("marketing_email", "analytics")
MESSAGE_COST = 0.4  # cents per e-mail
DESIGN_COST = 35_000  # cents per campaign
Cost = tuple[str, str, str, str, int]
"""Day, kind, scope, key of the scope, cents."""


def write_consents(
    writer: Writer, people: People, names: pa.Table, unsubscribed_s: Integers
) -> int:
    """Write consents/consents.csv: what was said at the first order, and withdrawals."""
    first_s = START_S + (people.first_day * DAY_S).astype(np.int64)
    mail = np.flatnonzero(people.has_email & people.consents)
    analytics = np.flatnonzero(people.has_email)
    gone = np.flatnonzero(unsubscribed_s >= 0)
    parts = [
        (mail, 0, 0, first_s[mail]),
        (analytics, 1, 0, first_s[analytics]),
        (gone, 0, 1, unsubscribed_s[gone]),
    ]
    who = np.concatenate([part[0] for part in parts])
    at_s = np.concatenate([part[3] for part in parts])
    purpose = np.concatenate([np.full(len(part[0]), part[1]) for part in parts])
    state = np.concatenate([np.full(len(part[0]), part[2]) for part in parts])
    order = np.lexsort((purpose, who, at_s))
    rows = pa.table(
        {
            "at_s": at_s[order],
            "email": lookup(names, "email", who[order]),
            "purpose": words(PURPOSES, purpose[order]),
            "state": words(("granted", "withdrawn"), state[order]),
        }
    )
    columns = {
        "email": "email",
        "purpose": "purpose",
        "state": "state",
        "changed_at": iso("at_s"),
        "basis": "'consent'",
        "source": "CASE WHEN state = 'granted' THEN 'checkout' ELSE 'unsubscribe link' END",
    }
    return writer.csv("consents/consents.csv", CONSENTS, columns, rows)


def write_links(writer: Writer, names: pa.Table, known_pair: Flags) -> int:
    """Write links/links.csv: whose Etsy account belongs to which address, as the shop knows."""
    who = np.flatnonzero(known_pair)
    rows = pa.table({name: lookup(names, name, who) for name in ("email", "etsy_user")})
    columns = {
        "identity": "'etsy:' || etsy_user",
        "same_as": "email",
        "state": "'linked'",
        "declared_at": "'2026-06-01T00:00:00Z'",
        "declared_by": "'help_desk'",
    }
    return writer.csv("links/links.csv", LINKS, columns, rows)


def write_assignments(writer: Writer, names: pa.Table, trials: list[Trial]) -> int:
    """Write campaigns/assignments.csv: who was given which arm, with which probability."""
    parts = []
    for trial in trials:
        campaign, total = trial.campaign, sum(arm.share for arm in trial.campaign.arms)
        shares = np.array([arm.share / total for arm in campaign.arms])
        parts.append(
            pa.table(
                {
                    "experiment": words([campaign.key], np.zeros(len(trial.arm))),
                    "email": lookup(names, "email", trial.customer),
                    "arm": words([arm.name for arm in campaign.arms], trial.arm),
                    "at_s": np.full(len(trial.arm), campaign.assigned_s),
                    "probability": shares[trial.arm],
                    "treated": trial.arm > 0,
                }
            )
        )
    columns = {
        "experiment": "experiment",
        "email": "email",
        "arm": "arm",
        "assigned_at": iso("at_s"),
        "probability": "probability",
        "exposed_at": f"CASE WHEN treated THEN {iso('at_s + 300')} END",
    }
    rows = pa.concat_tables([part.unify_dictionaries() for part in parts]).unify_dictionaries()
    return writer.csv("campaigns/assignments.csv", ASSIGNMENTS, columns, rows)


def write_costs(writer: Writer, baskets: Baskets, trials: list[Trial]) -> int:
    """Write costs/costs.csv: unit costs of goods, monthly spending, and each campaign's costs."""
    entries = [*_goods_costs(), *_monthly_costs(baskets), *_campaign_costs(trials)]
    names = ("incurred_at", "kind", "scope_type", "scope_key", "amount")
    listed = dict(zip(names, map(list, zip(*entries, strict=True)), strict=True))
    rows = pa.table(listed | {"number": np.arange(len(entries))})
    columns = {
        "cost_id": "'k' || (1000 + number)",
        "incurred_at": "incurred_at",
        "kind": "kind",
        "scope_type": "scope_type",
        "scope_key": "nullif(scope_key, '')",
        "currency": "'USD'",
        "amount": money("amount"),
    }
    return writer.csv("costs/costs.csv", COSTS, columns, rows)


def _goods_costs() -> Iterator[Cost]:
    """Yield what one piece of each product costs to make."""
    goods = catalogue()
    for sku, cost in zip(goods.sku, goods.cost, strict=True):
        yield START.isoformat(), "goods_unit", "product", sku, int(cost)


def _monthly_costs(baskets: Baskets) -> Iterator[Cost]:
    """Yield advertising, as a share of each month's takings, and the tools' monthly fees."""
    months = baskets.orders.at_s.astype("datetime64[s]").astype("datetime64[M]")
    for month in np.arange(np.datetime64(START, "M"), np.datetime64(END, "M")):
        takings = int(baskets.total[months == month].sum())
        yield f"{month}-01", "advertising", "channel", "shopify", takings * 8 // 100
        yield f"{month}-01", "advertising", "channel", "etsy", takings * 2 // 100
        yield f"{month}-01", "tool", "shop", "", 19_900


def _campaign_costs(trials: list[Trial]) -> Iterator[Cost]:
    """Yield what each campaign cost to send and to design."""
    for trial in trials:
        day = str(np.datetime64(trial.campaign.assigned_s, "s").astype("datetime64[D]"))
        sent = int((trial.arm > 0).sum())
        yield day, "message", "campaign", trial.campaign.key, int(sent * MESSAGE_COST)
        yield day, "design", "campaign", trial.campaign.key, DESIGN_COST
