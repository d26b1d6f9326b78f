"""The recommended policy in one of four words: target, use a rule, send to all, don't send."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Action(StrEnum):
    """What to do with the next campaign."""

    TARGET = "target"
    USE_RULE = "use this rule"
    SEND_TO_ALL = "send to all"
    DO_NOT_SEND = "don't send"


@dataclass(frozen=True)
class Verdict:
    """The recommendation and why.

    Parameters
    ----------
    action
        One of four.
    policy
        Name of the recommended policy in the comparison.
    arm
        The arm, where one arm goes to all.
    reason
        The evidence, in a sentence.
    """

    action: Action
    policy: str
    arm: str | None
    reason: str

    def summary(self) -> str:
        """Word the recommendation."""
        heads = {
            Action.TARGET: "Target: give each customer the arm predicted to pay most.",
            Action.USE_RULE: f"Use this rule: {self.policy}.",
            Action.SEND_TO_ALL: f"Send {self.arm} to everyone.",
            Action.DO_NOT_SEND: "Don't send: no arm is shown to pay.",
        }
        return f"{heads[self.action]} {self.reason}"
