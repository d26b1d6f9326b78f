"""Whom the next campaign could reach: all known customers who consent, rested, as of a date."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from retention.campaign.audiences import AudienceRules, filters
from retention.engine import Engine
from retention.errors import ParameterError
from retention.features import customer_features, epoch_of
from retention.results import Metric
from retention.uplift.targeting import People, own_people
from retention.uplift.trial import Trial, encode_as

CAP_METRICS = ("contact_cap", "contact_cap_days")
"""Figures of the result file that say which cap the plan took."""

SUGGESTED = "suggested"
"""Asks for the cap that the campaign's own fatigue suggests."""


@dataclass(frozen=True)
class ContactCap:
    """From how many messages in how many days on a customer is left alone, and why."""

    messages: int
    days: int
    why: str

    def rules(self, channel: str, seed: int) -> AudienceRules:
        """Return the rules of an audience under this cap."""
        return AudienceRules(channel, self.messages, self.days, seed=seed)

    def metrics(self) -> list[Metric]:
        """Return the cap as figures, which the audience command reads."""
        units = ("messages", "days")
        values = (self.messages, self.days)
        return [Metric(n, v, u) for n, v, u in zip(CAP_METRICS, values, units, strict=True)]

    def summary(self) -> str:
        """Say the cap and where it comes from."""
        return (
            f"Customers with {self.messages} or more messages in the past {self.days} days are "
            f"left alone: {self.why}."
        )


def cap_for(asked: int | str, suggested: Mapping[int, int]) -> ContactCap:
    """Return the cap that a plan keeps to.

    Parameters
    ----------
    asked
        Messages in the past 30 days from which on a customer is left alone, or ``"suggested"``.
    suggested
        By days looked back, the most contacts before the effect is no longer shown
        (:func:`retention.campaign.groups.fatigue`); the longest look back counts. Where nothing is
        suggested the default stays.

    Raises
    ------
    ParameterError
        If another word is asked for.

    Examples
    --------
    >>> cap_for("suggested", {30: 2}).messages, cap_for(5, {30: 2}).messages
    (3, 5)
    """
    usual = AudienceRules()
    if isinstance(asked, int):
        return ContactCap(asked, usual.cap_days, "as declared")
    if asked != SUGGESTED:
        raise ParameterError(
            f"There is no contact cap {asked!r}.", "Write a number of messages, or suggested.",
            column="contact_cap",
        )  # fmt: skip
    if not suggested:
        why = "the default, since this campaign's fatigue suggests no cap"
        return ContactCap(usual.contact_cap, usual.cap_days, why)
    days = max(suggested)
    return ContactCap(suggested[days] + 1, days, "as this campaign's fatigue suggests")


def reachable(engine: Engine, trial: Trial, *, as_of: str, rules: AudienceRules) -> People:
    """Return every customer known at a date, what is known of them, and who may be contacted.

    The effects were learnt from an experiment's units; they are applied to customers whom the same
    attributes describe, whether they were in it or not. Where the snapshot holds no customers of
    its own (an experiment that brought its attributes along), its units are all there is.

    Parameters
    ----------
    engine
        Engine with the snapshot.
    trial
        The experiment, whose columns the attributes are put in.
    as_of
        ISO date; only what happened before it is known.
    rules
        Channel, contact cap and suppressions. Without consents on record nobody may be contacted.
    """
    if not (engine.has("customers") and engine.has("orders")):
        return own_people(trial)
    features = customer_features(engine, as_of)
    keys = pa.array(features["customer_key"], pa.string())
    eligible, steps = np.ones(len(keys), dtype=bool), [("known customers", len(keys))]
    for step, allowed in filters(engine, rules, epoch_of(as_of)):
        passes = pc.is_in(keys, value_set=pa.array(list(allowed), pa.string()))
        eligible &= passes.to_numpy(zero_copy_only=False)
        steps.append((step, int(eligible.sum())))
    columns = list(map(str, trial.covariates.columns))
    return People(
        keys.to_numpy(zero_copy_only=False), encode_as(features, columns), eligible,
        f"customers known as of {as_of}", tuple(steps),
    )  # fmt: skip
