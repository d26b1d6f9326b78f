"""Staged release: a policy goes out by percent, stops by rule, and can be taken back."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
import pandas as pd

from retention.campaign.codes import CampaignCode
from retention.choices import coerce
from retention.errors import ParameterError
from retention.results import Check, Status


class Stage(StrEnum):
    """Where a release stands."""

    RUNNING = "running"
    PAUSED = "paused"
    COMPLETE = "complete"
    ROLLED_BACK = "rolled back"


@dataclass(frozen=True)
class StopRules:
    """When a release pauses.

    Parameters
    ----------
    complaints
        Largest share of complaints that is accepted.
    unsubscribes
        Largest share of unsubscribes that is accepted.
    smallest
        Messages to wait for before a rate is judged.
    """

    complaints: float = 0.001
    unsubscribes: float = 0.005
    smallest: int = 500


@dataclass(frozen=True)
class Signals:
    """What came back from the messages sent so far.

    Parameters
    ----------
    sent, complaints, unsubscribes
        Counts since the release began.
    guardrails
        Checks of the guardrails; a failed one stops the release.
    compliance
        Flags such as a missing consent proof or a wrong sender; any stops the release.
    """

    sent: int
    complaints: int
    unsubscribes: int
    guardrails: tuple[Check, ...] = ()
    compliance: tuple[str, ...] = ()


@dataclass(frozen=True)
class Release:
    """A policy on its way out.

    Parameters
    ----------
    policy
        Name of the policy that is being released.
    approved
        Name of the last approved policy: what everybody gets otherwise, and after a rollback.
    percents
        Percent of customers reached at each step, rising to 100.
    step
        Position in ``percents``.
    stage
        Where the release stands.
    reasons
        Why it was paused.
    """

    policy: str
    approved: str
    percents: tuple[float, ...] = (5.0, 25.0, 50.0, 100.0)
    step: int = 0
    stage: Stage = Stage.RUNNING
    reasons: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse steps that do not rise to 100 %."""
        coerce(self, stage=Stage)
        rising = all(a < b for a, b in zip(self.percents, self.percents[1:], strict=False))
        if not self.percents or not rising or self.percents[0] <= 0 or self.percents[-1] != 100:
            raise ParameterError(
                f"The steps {self.percents} do not rise to 100 %.",
                "Give rising percents, the last of them 100.",
            )

    @property
    def percent(self) -> float:
        """Percent of customers who get the new policy now."""
        if self.stage in (Stage.ROLLED_BACK, Stage.PAUSED):
            return 0.0
        return self.percents[self.step]

    def to_frame(self) -> pd.DataFrame:
        """Return one row with where the release stands."""
        return pd.DataFrame([{
            "policy": self.policy, "approved": self.approved, "percent": self.percent,
            "stage": str(self.stage), "reasons": "; ".join(self.reasons),
        }])  # fmt: skip

    def summary(self) -> str:
        """Word where the release stands."""
        if self.stage is Stage.PAUSED:
            return f"{self.policy} is paused: {'; '.join(self.reasons)}. Nobody is sent it."
        if self.stage is Stage.ROLLED_BACK:
            return f"{self.policy} was taken back; everybody gets {self.approved} again."
        return f"{self.policy} is {self.stage} at {self.percent:g} % of customers."

    def check(self) -> Check:
        """Return the check on the release."""
        status = Status.FAIL if self.stage is Stage.PAUSED else Status.PASS
        action = f"Mend the cause, or roll back to {self.approved}." if self.reasons else ""
        return Check(CampaignCode.RELEASE, status, self.summary(), action)


def advance(release: Release, signals: Signals, rules: StopRules | None = None) -> Release:
    """Move a running release one step on, or pause it where a stop rule is met.

    A rate stops the release when its count is improbable (one-sided 5 %, exact binomial) under the
    largest accepted rate: one complaint among the first ten messages is not an alarm. Too few
    messages leave it where it stands.
    """
    if release.stage is not Stage.RUNNING:
        return release
    rule = rules or StopRules()
    reasons = _reasons(signals, rule)
    if reasons:
        return replace(release, stage=Stage.PAUSED, reasons=tuple(reasons))
    if signals.sent < rule.smallest:
        return release
    if release.step + 1 == len(release.percents):
        return replace(release, stage=Stage.COMPLETE)
    return replace(release, step=release.step + 1)


def roll_back(release: Release) -> Release:
    """Give everybody the last approved policy again."""
    return replace(release, stage=Stage.ROLLED_BACK)


def resume(release: Release) -> Release:
    """Start a paused release again from its first step, after the cause was mended.

    Raises
    ------
    ParameterError
        If the release is not paused.
    """
    if release.stage is not Stage.PAUSED:
        raise ParameterError(f"The release is {release.stage}, not paused.", "Nothing to resume.")
    return replace(release, stage=Stage.RUNNING, step=0, reasons=())


def reached(release: Release, customer_keys: Sequence[str]) -> np.ndarray:
    """Return which customers get the new policy now.

    Each customer has a fixed place between 0 and 100 from a hash of policy and key: whoever is
    reached at 5 % is reached at 25 %, and another policy draws anew.
    """
    salt = hashlib.sha256(release.policy.encode()).hexdigest()[:16]
    keys = np.asarray(customer_keys, dtype=object)
    place = pd.util.hash_array(keys, hash_key=salt, categorize=False).astype(np.float64)
    return place / 2**64 * 100 < release.percent


def _reasons(signals: Signals, rule: StopRules) -> list[str]:
    """Return every stop rule that is met."""
    from scipy.stats import binom

    reasons = [f"compliance: {flag}" for flag in signals.compliance]
    reasons += [c.detail for c in signals.guardrails if c.status is Status.FAIL]
    if signals.sent < rule.smallest:
        return reasons
    for name, count, accepted in (
        ("complaints", signals.complaints, rule.complaints),
        ("unsubscribes", signals.unsubscribes, rule.unsubscribes),
    ):
        if binom.sf(count - 1, signals.sent, accepted) < 0.05:
            share = 100 * count / signals.sent
            reasons.append(f"{name} {share:.2f} % above the accepted {100 * accepted:g} %")
    return reasons
