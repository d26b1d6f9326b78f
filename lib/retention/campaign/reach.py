"""Whom the next campaign could reach: all known customers who consent, rested, as of a date."""

from __future__ import annotations

import numpy as np

from retention.campaign.audiences import AudienceRules, filters
from retention.engine import Engine
from retention.features import customer_features, epoch_of
from retention.uplift.targeting import People, own_people
from retention.uplift.trial import Trial, encode_as


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
    keys = features["customer_key"].astype(str)
    eligible, steps = np.ones(len(keys), dtype=bool), [("known customers", len(keys))]
    for step, allowed in filters(engine, rules, epoch_of(as_of)):
        eligible &= keys.isin(allowed).to_numpy()
        steps.append((step, int(eligible.sum())))
    return People(
        keys.to_numpy(dtype=object), encode_as(features, list(map(str, trial.covariates.columns))),
        eligible, f"customers known as of {as_of}", tuple(steps),
    )  # fmt: skip
