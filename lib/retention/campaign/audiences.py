"""Whom to write to: consenting people under the cap, hold-out drawn and marked.

People are chosen by pseudonym; who they are is looked up at the very end, from rows that the caller
read from the identity vault, and only for those who remain.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import pandas as pd

from retention.campaign.channels import Channel, channel_named
from retention.campaign.formats import format_named, rendered
from retention.campaign.journeys import journey_named, members
from retention.engine import Engine
from retention.errors import ParameterError
from retention.features import customer_features, epoch_of

DAY_S = 86_400

DEFAULT_HOLD_OUT = 0.1
"""Share left alone where neither the caller nor the targeting says how many."""


@dataclass(frozen=True)
class AudienceRules:
    """Who may be written to, and who is left alone on purpose.

    Parameters
    ----------
    channel
        ``email`` or ``sms``; decides which consent is needed, whose messages count and where to
        the message goes.
    contact_cap
        Messages that a person may have had in the past ``cap_days``; more and they are left out.
    cap_days
        Days that the cap looks back.
    hold_out
        Share left alone by chance, so that the send can be measured. None keeps the hold-out that
        the targeting drew, whichever journey asks, and draws a tenth where there is none.
    suppress
        Pseudonyms never to write to.
    seed
        Seed of the hold-out.
    """

    channel: str = "email"
    contact_cap: int = 4
    cap_days: int = 30
    hold_out: float | None = None
    suppress: frozenset[str] = frozenset()
    seed: int = 0


@dataclass(frozen=True)
class Audience:
    """An audience: how many remained at each step, and the file's rows unless it is a dry run.

    Parameters
    ----------
    journey, format
        What was asked for.
    steps
        ``(step, people left)`` in order.
    file
        Rows of the file; None for a dry run.
    assignments
        One row per person in the form that ingest reads back as an experiment, by pseudonym.
    """

    journey: str
    format: str
    steps: tuple[tuple[str, int], ...]
    file: pd.DataFrame | None
    assignments: pd.DataFrame

    def to_frame(self) -> pd.DataFrame:
        """Return the steps; no person."""
        return pd.DataFrame(self.steps, columns=["step", "people"])

    def summary(self) -> str:
        """Word how many people remained and why others did not."""
        text = ", ".join(f"{step} {count:,}" for step, count in self.steps)
        return f"Journey {self.journey}: {text}."


def audience(
    engine: Engine,
    journey: str,
    *,
    as_of: str,
    identities: pd.DataFrame | None = None,
    rules: AudienceRules | None = None,
    targeting: pd.DataFrame | None = None,
    file_format: str = "generic",
    experiment_key: str = "",
) -> Audience:
    """Choose whom to write to, and draw the hold-out.

    Parameters
    ----------
    engine
        Engine with the snapshot; without ``consents`` nobody is assumed to consent.
    journey
        Name of the journey.
    as_of
        ISO date; only what happened before it is known.
    identities
        Rows of the vault (``customer_key, kind, value``); None makes a dry run with counts only.
    rules
        Channel, cap, suppressions and hold-out; None means the defaults.
    targeting
        The published ``targeting``: those whose recommended arm is the control are left out, the
        others are given theirs. None gives everybody the arm ``send``.
    file_format
        ``klaviyo``, ``mailchimp``, ``hubspot`` or ``generic``.
    experiment_key
        Name under which the send will be measured; empty means journey and date.

    Raises
    ------
    ParameterError
        If journey, format, channel or hold-out is impossible.
    """
    rule = rules or AudienceRules()
    _refuse_impossible(rule, journey, file_format)
    as_of_s = epoch_of(as_of)
    people = members(engine, customer_features(engine, as_of), journey, as_of_s)
    steps = [("on the journey", len(people))]
    for step, allowed in filters(engine, rule, as_of_s):
        people = people[people["customer_key"].isin(allowed)]
        steps.append((step, len(people)))
    people, more = _arms(people, rule, targeting)
    steps += more
    key = experiment_key or f"{journey}_{as_of}"
    file = None
    if identities is not None:
        people = _identified(people, identities, channel_named(rule.channel))
        steps.append(("with an address", len(people)))
        people = people.assign(journey=journey)
    people = _held_out(people, rule)
    steps += [("held out", int(people["is_hold_out"].sum())),
              ("to be sent", int((~people["is_hold_out"]).sum()))]  # fmt: skip
    if identities is not None:
        file = rendered(people, file_format, rule.channel)
    return Audience(journey, file_format, tuple(steps), file, _assignments(people, key, as_of))


def _refuse_impossible(rule: AudienceRules, journey: str, file_format: str) -> None:
    """Refuse an unknown journey, format or channel, and shares that are none."""
    journey_named(journey)
    format_named(file_format)
    channel_named(rule.channel)
    if rule.hold_out is not None and not 0 <= rule.hold_out < 1:
        raise ParameterError(
            f"A hold-out of {rule.hold_out} is impossible.", "Choose a share of 0 to below 1."
        )
    if rule.contact_cap < 0 or rule.cap_days < 1:
        raise ParameterError("The contact cap is negative or looks back no day.", "Give 0 or more.")


def filters(engine: Engine, rule: AudienceRules, as_of_s: int) -> list[tuple[str, Collection[str]]]:
    """Return each step with the pseudonyms that pass it: consent, suppressions, contact cap.

    Parameters
    ----------
    engine
        Engine with the snapshot; without ``consents`` nobody consents.
    rule
        Channel, suppressions and cap.
    as_of_s
        The date in seconds since 1970.
    """
    everyone = set(engine.sql("SELECT customer_key FROM customers").frame()["customer_key"])
    consenting: set[str] = set()
    if engine.has("consents"):
        purpose = channel_named(rule.channel).purpose
        said = engine.query("campaign_consent", purpose=purpose, as_of_s=as_of_s)
        consenting = set(said.frame()["customer_key"])
    gone, tired = set(rule.suppress), set()
    if engine.has("touches"):
        options = {"channel": rule.channel, "as_of_s": as_of_s}
        gone |= set(engine.query("campaign_suppressed", **options).frame()["customer_key"])
        sent = engine.query(
            "campaign_contacts_before", window_s=rule.cap_days * DAY_S, **options
        ).frame()
        tired = set(sent.loc[sent["contacts"] >= rule.contact_cap, "customer_key"])
    return [
        ("consenting", consenting),
        ("not suppressed", everyone - gone),
        (f"under {rule.contact_cap} messages in {rule.cap_days} days", everyone - tired),
    ]


def _arms(
    people: pd.DataFrame, rule: AudienceRules, targeting: pd.DataFrame | None
) -> tuple[pd.DataFrame, list[tuple[str, int]]]:
    """Give everybody an arm; leave out those whom the targeting leaves alone."""
    if targeting is None:
        return people.assign(arm="send"), []
    columns = list(map(str, targeting.columns))
    effects = [c.removeprefix("effect_") for c in columns if c.startswith("effect_")]
    wanted = targeting[targeting["recommended_arm"].isin(effects)]
    kept = ["customer_key", "recommended_arm", *({"is_hold_out"} & set(columns))]
    wanted = wanted[kept].rename(columns={"recommended_arm": "arm"})
    merged = people.merge(wanted, "inner", "customer_key")
    return merged, [("recommended by the targeting", len(merged))]


def _identified(people: pd.DataFrame, identities: pd.DataFrame, channel: Channel) -> pd.DataFrame:
    """Add the address and names of those who have an address, one row per address."""
    result = people.merge(channel.addresses(identities), "inner", "customer_key")
    named = identities[identities["kind"] == "name"].sort_values(["customer_key", "value"])
    named = named.drop_duplicates("customer_key")[["customer_key", "value"]]
    result = result.merge(named.rename(columns={"value": "name"}), "left", "customer_key")
    # Exports hold one name; the tools ask for two. The first word is the first name.
    words = result.pop("name").fillna("").str.split(n=1, expand=True).reindex(columns=[0, 1])
    result = result.assign(first_name=words[0].fillna(""), last_name=words[1].fillna(""))
    return result.drop_duplicates(channel.address).reset_index(drop=True)


def _held_out(people: pd.DataFrame, rule: AudienceRules) -> pd.DataFrame:
    """Mark the hold-out: the targeting's, or an exact share drawn by seed in key order."""
    if rule.hold_out is None and "is_hold_out" in people:
        return people
    share = DEFAULT_HOLD_OUT if rule.hold_out is None else rule.hold_out
    generator = np.random.default_rng(rule.seed)
    held = np.zeros(len(people), dtype=bool)
    held[generator.permutation(len(people))[: round(share * len(people))]] = True
    return people.assign(is_hold_out=held)


def _assignments(people: pd.DataFrame, key: str, as_of: str) -> pd.DataFrame:
    """Return who was given which arm, so that the next campaign can be measured."""
    share = float(people["is_hold_out"].mean()) if len(people) else 0.0
    held = people["is_hold_out"].to_numpy(dtype=bool)
    return pd.DataFrame({
        "experiment_key": key, "unit_key": people["customer_key"].to_numpy(),
        "arm": np.where(held, "control", people["arm"]), "assigned_at": as_of,
        "propensity": np.where(held, share, 1 - share),
        "stratum": people["arm"].to_numpy(),
    })  # fmt: skip
