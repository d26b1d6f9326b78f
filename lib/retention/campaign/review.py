"""A campaign under review: every part that the snapshot allows, the others said to be missing."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import pandas as pd

from retention.campaign.engagement import engagement_by_time
from retention.campaign.groups import fatigue, lift_by_group, overlap
from retention.campaign.guardrails import guardrail_units, judge_guardrails
from retention.campaign.timeline import effect_over_weeks
from retention.engine import Engine
from retention.errors import InputError
from retention.features import minor_per_major
from retention.results import Check
from retention.uplift.trial import Trial

WEEKS, EARLY_WEEKS = 8, 4


@dataclass(frozen=True)
class Part:
    """One part of a review: its table (empty where it could not be made), finding and checks.

    ``caps`` are the caps on contacts that it suggests: days looked back, most contacts.
    """

    name: str
    table: pd.DataFrame
    finding: str
    checks: tuple[Check, ...] = ()
    caps: tuple[tuple[int, int], ...] = ()

    def summary(self) -> str:
        """Return the finding."""
        return self.finding


@dataclass(frozen=True)
class CampaignReview:
    """All parts of a review by name: weeks, groups, guardrails, fatigue, overlap, engagement."""

    parts: dict[str, Part]

    def __getitem__(self, name: str) -> Part:
        """Return one part; raises KeyError where there is none."""
        return self.parts[name]

    @property
    def suggested_caps(self) -> dict[int, int]:
        """Most contacts before the effect is no longer shown, by days looked back."""
        return dict(self["fatigue"].caps)

    def to_frame(self) -> pd.DataFrame:
        """Return one row per part with its finding."""
        rows = [(part.name, part.finding) for part in self.parts.values()]
        return pd.DataFrame(rows, columns=["part", "finding"])

    def summary(self) -> str:
        """Word all findings."""
        return " ".join(part.finding for part in self.parts.values())

    def checks(self) -> list[Check]:
        """Return the checks of all parts."""
        return [check for part in self.parts.values() for check in part.checks]


def review_campaign(
    engine: Engine, trial: Trial, frame: pd.DataFrame, experiment_key: str, *, outcome: str,
    group_by: str, horizon_days: int, currency: str, smallest: int,
    send_time_randomised: bool = False,
) -> CampaignReview:  # fmt: skip
    """Review a campaign: weeks, groups, guardrails, past contacts, other campaigns, send time.

    Parameters
    ----------
    engine
        Engine with the snapshot's tables.
    trial, frame
        The experiment, and the frame it was made from.
    experiment_key
        The experiment.
    outcome
        The outcome that groups and past contacts are judged by.
    group_by
        Attribute, known before the assignment, that makes the groups.
    horizon_days
        Days in which guardrails are watched.
    currency
        ISO code of the money.
    smallest
        Smallest group to show, in units of each arm.
    send_time_randomised
        Whether channel and hour of the messages were drawn by chance; else what they go with is an
        association.
    """
    parts = [_weeks(engine, trial, experiment_key, currency)]
    groups = attribute_groups(frame, group_by)
    by_group = lift_by_group(trial, outcome, groups, what=group_by, smallest=smallest)
    parts.append(Part("groups", by_group.to_frame(), by_group.summary()))
    report = judge_guardrails(
        trial, guardrail_units(engine, trial, experiment_key, horizon_days=horizon_days)
    )
    parts.append(Part("guardrails", report.to_frame(), report.summary(), tuple(report.checks())))
    parts.append(_fatigue(engine, trial, experiment_key, outcome, smallest))
    parts.append(_overlap(engine, trial, experiment_key, outcome, smallest))
    parts.append(_engagement(engine, send_time_randomised))
    return CampaignReview({part.name: part for part in parts})


def attribute_groups(frame: pd.DataFrame, name: str) -> pd.Series:
    """Return each unit's group by an attribute: labels as they are, numbers in four quantile bins.

    Raises
    ------
    InputError
        If the experiment has no such attribute.
    """
    if name not in frame:
        raise InputError(
            f"The experiment has no attribute {name!r}.", "Name one of its attributes.", column=name
        )
    values = frame.set_index("unit_key")[name]
    if not pd.api.types.is_numeric_dtype(values) or values.nunique() <= 6:
        return values.astype("string").fillna("not known")
    edges = sorted(set(values.quantile([0, 0.25, 0.5, 0.75, 1]).tolist()))
    labels = [f"{low:.6g} to {high:.6g}" for low, high in pairwise(edges)]
    bins = pd.cut(values, edges, labels=labels, include_lowest=True)
    return bins.astype("string").fillna("not known")


def _missing(name: str, what: str) -> Part:
    """Return the part that says what it would have needed."""
    return Part(name, pd.DataFrame(), f"This snapshot has no {what}, so this cannot be told.")


def _weeks(engine: Engine, trial: Trial, experiment_key: str, currency: str) -> Part:
    """Return the effect over weeks."""
    if not engine.has("orders"):
        return _missing("weeks", "orders")
    course = effect_over_weeks(
        engine, trial, experiment_key, weeks=WEEKS, early_weeks=EARLY_WEEKS,
        minor_per_major=minor_per_major(engine), currency=currency,
    )  # fmt: skip
    return Part("weeks", course.to_frame(), course.summary(), tuple(course.checks()))


def _fatigue(
    engine: Engine, trial: Trial, experiment_key: str, outcome: str, smallest: int
) -> Part:
    """Return the effect against contacts in the past 7 and 30 days."""
    if not engine.has("touches"):
        return _missing("fatigue", "messages")
    found = [
        fatigue(engine, trial, experiment_key, outcome, days=days, smallest=smallest)
        for days in (7, 30)
    ]
    tables = [f.to_frame().assign(days=f.days) for f in found]
    text = " ".join(f.summary() for f in found)
    caps = tuple((f.days, f.cap) for f in found if f.cap is not None)
    return Part("fatigue", pd.concat(tables), text, tuple(f.check() for f in found), caps)


def _overlap(
    engine: Engine, trial: Trial, experiment_key: str, outcome: str, smallest: int
) -> Part:
    """Return the interaction with every other campaign that ran in the ninety days before."""
    others = engine.sql(
        "SELECT DISTINCT experiment_key FROM assignments WHERE experiment_key <> $experiment_key "
        "ORDER BY experiment_key",
        experiment_key=experiment_key,
    ).frame()["experiment_key"]
    found = [
        overlap(engine, trial, experiment_key, outcome, other_key=str(other),
                other_control=trial.arms[0], window_days=90, smallest=smallest)
        for other in others
    ]  # fmt: skip
    if not found:
        return Part("overlap", pd.DataFrame(), "No other campaign with a hold-out is on record.")
    tables = [o.to_frame().assign(other=o.other) for o in found]
    return Part("overlap", pd.concat(tables), " ".join(o.summary() for o in found))


def _engagement(engine: Engine, randomised: bool) -> Part:
    """Return opens and clicks by channel and hour."""
    if not engine.has("touches"):
        return _missing("engagement", "messages")
    engagement = engagement_by_time(engine, randomised=randomised)
    return Part("engagement", engagement.to_frame(), engagement.summary())
