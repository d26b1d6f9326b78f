"""The campaign's effect within groups of customers: segments, past contacts, another campaign."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from retention.campaign.codes import CampaignCode
from retention.engine import Engine
from retention.results import Check, Status, p_text
from retention.uplift.clusters import StandardError, t_quantile
from retention.uplift.effects import ArmEffect, average_lift, contributions
from retention.uplift.trial import Trial

SMALLEST_GROUP = 30
"""A group needs so many units in either arm to be reported."""

CONTACT_GROUPS = ((0, 0), (1, 2), (3, 4), (5, 8), (9, None))
"""Groups of past contacts: lowest and highest number."""

DAY_S = 86_400


@dataclass(frozen=True)
class GroupedLift:
    """Effect of every arm in every group that is large enough.

    Parameters
    ----------
    what
        What the groups are ("segment", "contacts in the past 30 days").
    outcome
        The outcome.
    table
        group, arm, n_arm, n_control, difference, standard_error, ci_low, ci_high, p_value, total
        (difference times contacted units).
    left_out
        Groups that were too small.
    covariance
        By arm, the covariance of the groups' effects in the order of the table: groups that share
        clusters are not independent.
    """

    what: str
    outcome: str
    table: pd.DataFrame
    left_out: tuple[str, ...]
    covariance: Mapping[str, np.ndarray] = field(default_factory=dict)

    def to_frame(self) -> pd.DataFrame:
        """Return one row per group and arm."""
        return self.table

    def difference_p(self, arm: str) -> float:
        """Return the p-value of "the effect is the same in all groups" (Wald's test).

        Where groups share no clusters this is Cochran's Q. It is read off F with the degrees of
        freedom that the least certain group has.
        """
        from scipy.stats import f

        rows = self.table[self.table["arm"] == arm]
        known = np.isfinite(rows["standard_error"]) & (rows["standard_error"] > 0)
        if len(rows) < 2 or not known.all():
            return 1.0
        contrast = np.column_stack([np.ones(len(rows) - 1), -np.eye(len(rows) - 1)])
        gaps = contrast @ rows["difference"].to_numpy(np.float64)
        spread = contrast @ self.covariance[arm] @ contrast.T
        statistic = float(gaps @ np.linalg.pinv(spread) @ gaps)
        return float(f.sf(statistic / len(gaps), len(gaps), rows["degrees"].min()))

    def summary(self) -> str:
        """Word whether the effect differs between the groups."""
        if self.table.empty:
            return f"No {self.what} is large enough to be told apart."
        parts = [self._sentence(arm) for arm in dict.fromkeys(self.table["arm"])]
        small = f" Too small to tell: {', '.join(self.left_out)}." if self.left_out else ""
        return " ".join(parts) + small

    def _sentence(self, arm: str) -> str:
        """Word one arm."""
        p, rows = self.difference_p(arm), self.table[self.table["arm"] == arm]
        top = rows.loc[rows["difference"].idxmax()]
        detail = (
            f"largest for {top['group']}: {top['difference']:+.4g} "
            f"({top['ci_low']:+.4g} to {top['ci_high']:+.4g}, "
            f"n = {top['n_arm'] + top['n_control']:,})"
        )
        if p < 0.05:
            return (
                f"{arm}'s effect on {self.outcome} differs by {self.what} ({p_text(p)}), {detail}."
            )
        return (
            f"{arm}'s effect on {self.outcome} is not shown to differ by {self.what} ({p_text(p)})."
        )


def lift_by_group(
    trial: Trial, outcome: str, group: pd.Series, *, what: str, smallest: int = SMALLEST_GROUP
) -> GroupedLift:
    """Estimate every arm's effect within every group.

    Parameters
    ----------
    trial
        The experiment.
    outcome
        The outcome.
    group
        Label of each unit, indexed by unit key; a unit without one is left out. It must have been
        known before the assignment.
    what
        What the groups are, for the wording.
    smallest
        Units that the control and the arm each need.
    """
    label = group.reindex(trial.unit_key).astype("string").to_numpy(dtype=object, na_value="")
    rows, small, parts = [], [], []
    for name in sorted(set(label) - {""}):
        inside = label == name
        if np.bincount(trial.arm[inside], minlength=len(trial.arms)).min() < smallest:
            small.append(str(name))
            continue
        part = trial.take(inside)
        rows += [_row(str(name), effect) for effect in average_lift(part, [outcome]).effects]
        parts.append((inside, part))
    covariance = {
        arm: _covariance(trial, parts, outcome, k)
        for k, arm in enumerate(trial.treatments, start=1)
    }
    table = pd.DataFrame(rows, columns=_COLUMNS)
    return GroupedLift(what, outcome, table, tuple(small), covariance)


def _covariance(
    trial: Trial, parts: Sequence[tuple[np.ndarray, Trial]], outcome: str, position: int
) -> np.ndarray:
    """Return the covariance of one arm's effects in the parts of a trial."""
    found = np.zeros((trial.draws, len(parts)))
    for column, (inside, part) in enumerate(parts):
        rows = np.flatnonzero(inside) if trial.cluster is None else np.unique(trial.cluster[inside])
        found[rows, column] = contributions(part, outcome, position)
    return np.asarray(found.T @ found)


@dataclass(frozen=True)
class Fatigue:
    """Effect against contacts in the past days, and the cap it suggests.

    Who was contacted how often before was not drawn by chance: within a group the effect is causal,
    the difference between groups is an association.
    """

    days: int
    lift: GroupedLift
    cap: int | None

    def to_frame(self) -> pd.DataFrame:
        """Return one row per group of past contacts and arm."""
        return self.lift.to_frame()

    def summary(self) -> str:
        """Word whether more contacts go with less effect."""
        if self.cap is None:
            return (
                f"{self.lift.summary()} No cap on contacts in {self.days} days follows from this "
                "campaign."
            )
        return (
            f"{self.lift.summary()} From {self.cap + 1} contacts in {self.days} days on the "
            f"effect is not shown any more: cap at {self.cap} (an association between groups)."
        )

    def check(self) -> Check:
        """Return the check on fatigue."""
        if self.cap is None:
            return Check(CampaignCode.FATIGUE, Status.PASS, self.summary())
        return Check(
            CampaignCode.FATIGUE, Status.WARN, self.summary(),
            f"Contact nobody who had more than {self.cap} messages in {self.days} days.",
        )  # fmt: skip


def fatigue(
    engine: Engine, trial: Trial, experiment_key: str, outcome: str, *, days: int,
    smallest: int = SMALLEST_GROUP,
) -> Fatigue:  # fmt: skip
    """Estimate the effect against the number of messages sent in the past 7 or 30 days.

    A cap is suggested where effects differ between the groups (Wald's test, 5 %) and from some
    group on the pooled effect of no arm is shown to be positive.
    """
    sent = engine.query("campaign_recent_contacts", experiment_key=experiment_key, day_s=DAY_S)
    frame = sent.frame().set_index("unit_key")
    contacts = frame["contacts_7d" if days <= 7 else "contacts_30d"].astype(int)
    labels = pd.Series("", index=contacts.index, dtype=object)
    for low, high in CONTACT_GROUPS:
        inside = (contacts >= low) & (contacts <= (high if high is not None else contacts.max()))
        labels[inside] = _contact_label(low, high)
    what = f"contacts in the past {7 if days <= 7 else 30} days"
    lift = lift_by_group(trial, outcome, labels, what=what, smallest=smallest)
    return Fatigue(7 if days <= 7 else 30, lift, _cap(lift))


@dataclass(frozen=True)
class Overlap:
    """How one campaign's effect depends on the arm of another that ran shortly before."""

    other: str
    lift: GroupedLift
    interaction: pd.DataFrame

    def to_frame(self) -> pd.DataFrame:
        """Return one row per arm of either campaign: the difference of the effects."""
        return self.interaction

    def summary(self) -> str:
        """Word whether the campaigns get into each other's way."""
        if self.interaction.empty:
            return f"Too few customers were in both campaigns to tell whether {self.other} matters."
        clear = self.interaction[self.interaction["p_value"] < 0.05 / len(self.interaction)]
        if clear.empty:
            return (
                f"No interaction with {self.other} is shown (n = {self.interaction['n'].max():,})."
            )
        rows = [f"{r.arm} after {r.other_arm} {r.difference:+.4g}" for r in clear.itertuples()]
        return f"{self.other} changes what this campaign does: {'; '.join(rows)}."


def overlap(
    engine: Engine, trial: Trial, experiment_key: str, outcome: str, *, other_key: str,
    other_control: str, window_days: int, smallest: int = SMALLEST_GROUP,
) -> Overlap:  # fmt: skip
    """Compare a campaign's effect among those in another campaign's arms with its hold-out.

    Both were drawn by chance and apart from each other, so the difference of the effects is causal.
    """
    pairs = engine.query(
        "campaign_overlap", experiment_key=experiment_key, other_key=other_key,
        window_s=window_days * DAY_S,
    ).frame()  # fmt: skip
    arms = pairs.set_index("unit_key")["other_arm"]
    lift = lift_by_group(trial, outcome, arms, what=f"arm of {other_key}", smallest=smallest)
    return Overlap(other_key, lift, _interaction(lift, other_control))


_COLUMNS = ["group", "arm", "n_arm", "n_control", "difference", "standard_error", "ci_low",
            "ci_high", "p_value", "total", "degrees"]  # fmt: skip


def _row(group: str, effect: ArmEffect) -> tuple[object, ...]:
    """Return one effect as a row of the table."""
    return (group, effect.arm, effect.n_arm, effect.n_control, effect.difference,
            effect.standard_error, effect.ci_low, effect.ci_high, effect.p_value,
            effect.difference * effect.n_arm, effect.degrees)  # fmt: skip


def _contact_label(low: int, high: int | None) -> str:
    """Name a group of past contacts so that names sort by number."""
    if high is None:
        return f"{low} or more"
    return str(low) if low == high else f"{low} to {high}"


def _cap(lift: GroupedLift) -> int | None:
    """Return the largest number of contacts before the pooled effect is no longer shown."""
    if lift.table.empty or all(lift.difference_p(arm) >= 0.05 for arm in set(lift.table["arm"])):
        return None
    bad_from = None
    for position in range(len(CONTACT_GROUPS) - 1, 0, -1):
        names = [_contact_label(low, high) for low, high in CONTACT_GROUPS[position:]]
        later = lift.table[lift.table["group"].isin(names)]
        if later.empty:
            continue
        if _shown(lift, later):
            break
        bad_from = CONTACT_GROUPS[position][0]
    return None if bad_from is None else bad_from - 1


def _shown(lift: GroupedLift, later: pd.DataFrame) -> bool:
    """Tell whether any arm's effect, pooled by precision, is above zero at 95 %."""
    for arm, part in later.groupby("arm"):
        precision = 1 / np.maximum(part["standard_error"].to_numpy(float), 1e-12) ** 2
        weight = precision / precision.sum()
        groups = list(lift.table.loc[lift.table["arm"] == arm, "group"])
        place = [groups.index(group) for group in part["group"]]
        error = float(np.sqrt(weight @ lift.covariance[str(arm)][np.ix_(place, place)] @ weight))
        if float(weight @ part["difference"]) > t_quantile(part["degrees"].min()) * error:
            return True
    return False


def _interaction(lift: GroupedLift, control: str) -> pd.DataFrame:
    """Return the effect in each other arm less that in the other hold-out."""
    rows = []
    for arm, part in lift.table.groupby("arm", sort=False):
        part = part.reset_index(drop=True)
        base = part.index[part["group"] == control]
        for i in part.index.difference(base) if len(base) else ():
            pair = [int(i), int(base[0])]
            spread = lift.covariance[str(arm)][np.ix_(pair, pair)]
            error = StandardError(
                float(np.sqrt(spread[0, 0] + spread[1, 1] - 2 * spread[0, 1])),
                float(part.loc[pair, "degrees"].min()),
            )
            gap = float(part["difference"][pair[0]] - part["difference"][pair[1]])
            n = int(part.loc[pair, ["n_arm", "n_control"]].to_numpy().sum())
            rows.append((arm, part["group"][i], gap, error.value, gap - error.reach,
                         gap + error.reach, error.p_value(gap), n))  # fmt: skip
    names = ["arm", "other_arm", "difference", "standard_error", "ci_low", "ci_high", "p_value",
             "n"]  # fmt: skip
    return (
        pd.DataFrame(rows, columns=names)
        .sort_values("other_arm", kind="stable")
        .reset_index(drop=True)
    )
