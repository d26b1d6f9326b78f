"""The recommended policy in a few words: target, use a rule, send to all, or not proven yet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from retention.uplift.policy import PolicyComparison, PolicyRewards, PolicyValue

FEWEST_CONTACTED = 50
"""A policy that contacts fewer customers is not looked at: its interval cannot be trusted."""


class Action(StrEnum):
    """What to do with the next campaign."""

    TARGET = "target"
    USE_RULE = "use this rule"
    SEND_TO_ALL = "send to all"
    DO_NOT_SEND = "don't send"
    NOT_PROVEN = "not proven yet"
    INVALID = "invalid"


SENDS_NOTHING = (Action.DO_NOT_SEND, Action.NOT_PROVEN, Action.INVALID)


@dataclass(frozen=True)
class Verdict:
    """The recommendation and why.

    Parameters
    ----------
    action
        One of :class:`Action`.
    policy
        Name of the recommended policy in the comparison.
    arm
        The arm, where one arm goes to all.
    reason
        The evidence, in a sentence.
    rule
        The policy in words, where it is a rule.
    """

    action: Action
    policy: str
    arm: str | None
    reason: str
    rule: str = ""

    def summary(self) -> str:
        """Word the recommendation."""
        heads = {
            Action.TARGET: "Target: give each customer the arm predicted to pay most.",
            Action.USE_RULE: f"Use this rule: {self.rule or self.policy}.",
            Action.SEND_TO_ALL: f"Send {self.arm} to everyone.",
            Action.DO_NOT_SEND: "Don't send: every arm costs more than it brings.",
            Action.NOT_PROVEN: "Not proven yet: repeat the campaign with more customers.",
            Action.INVALID: "Stop: the groups differed before the campaign, so read no effect.",
        }
        return f"{heads[self.action]} {self.reason}"


@dataclass(frozen=True)
class Contest:
    """The policies that a verdict chooses among.

    Parameters
    ----------
    rewards
        What each brought each customer.
    nobody
        Name of the policy that leaves everybody alone.
    constants
        Policies that send one arm to all, with the arm.
    targeted
        Policies learnt from effects, the one that the comparison of rankings led to first.
    habits
        Other policies that treat customers differently, likely buyers first of all.
    rules
        Policies that a marketer can read, in words.
    unit
        Unit of the gains.
    """

    rewards: PolicyRewards
    nobody: str
    constants: Mapping[str, str]
    targeted: tuple[str, ...]
    habits: tuple[str, ...]
    rules: Mapping[str, str]
    unit: str

    def best_constant(self) -> str | None:
        """Return the policy for all that earns most, of those shown to pay; None where none is."""
        over = self.rewards.against(self.nobody)
        paying = [name for name in self.constants if over.of(name).gain_low > 0]
        return max(paying, key=lambda name: over.of(name).gain, default=None)

    def decide(self, differing: Sequence[str]) -> Verdict:
        """Recommend the policy that is shown to earn most.

        A policy that treats customers differently must be shown to pay, and to earn more than the
        best arm for all where one is shown to pay. Where that arm's effects are confirmed to differ
        between customers, it is the others whom sending to all would have to be shown to pay for.

        Parameters
        ----------
        differing
            Arms whose effects are confirmed to differ between customers.
        """
        over, best = self.rewards.against(self.nobody), self.best_constant()
        known = [n for n in (*self.targeted, *self.habits) if self._shown(over.of(n))]
        if best is not None:
            beyond = self.rewards.against(best)
            surely = [n for n in known if beyond.of(n).gain_low > 0]
            maybe = [n for n in known if n in self.targeted and _rivals(beyond.of(n))]
            known = surely or (maybe if self.constants[best] in differing else [])
        if known:
            return self._differently(self._preferred(known, over), best)
        return self._alike(best, over) if best else self._nothing(over)

    def _shown(self, gain: PolicyValue) -> bool:
        """Tell whether a policy is shown to pay on enough customers."""
        return gain.gain_low > 0 and gain.contacted * gain.n >= FEWEST_CONTACTED

    def _preferred(self, known: Sequence[str], over: PolicyComparison) -> str:
        """Return the first policy that the best does not clearly beat, effects before habits."""
        pool = [n for n in known if n in self.targeted] or list(known)
        top = max(pool, key=lambda name: over.of(name).gain)
        for name in pool:
            gap, error = self.rewards.gain(top, name)
            if gap <= error.reach:
                return name
        return top

    def _differently(self, name: str, best: str | None) -> Verdict:
        """Return the verdict to treat customers differently."""
        gain = self.rewards.against(best or self.nobody, unit=self.unit).of(name)
        reason = f"It gains against {gain.reference!r} {_interval(gain, self.unit)}."
        if name in self.rules:
            return Verdict(Action.USE_RULE, name, None, reason, self.rules[name])
        return Verdict(Action.TARGET, name, None, reason)

    def _alike(self, best: str, over: PolicyComparison) -> Verdict:
        """Return the verdict to send one arm to all."""
        gain = over.of(best)
        rest = max((over.of(n) for n in self.targeted), key=lambda value: value.gain)
        reason = (
            f"It gains against {gain.reference!r} {_interval(gain, self.unit)}; choosing customers "
            f"is not shown to earn more ({rest.gain:+.4g})."
        )
        return Verdict(Action.SEND_TO_ALL, best, self.constants[best], reason)

    def _nothing(self, over: PolicyComparison) -> Verdict:
        """Return the verdict where no policy is shown to pay."""
        losing = all(over.of(name).gain_high < 0 for name in self.constants)
        top = max(
            (over.of(n) for n in (*self.constants, *self.targeted)), key=lambda value: value.gain
        )
        text = f"The most promising, {top.policy!r}, gains {_interval(top, self.unit)}."
        if losing and top.gain <= 0:
            return Verdict(Action.DO_NOT_SEND, self.nobody, None, text)
        return Verdict(Action.NOT_PROVEN, self.nobody, None, f"{text}{_enough(top)}")


def _rivals(gain: PolicyValue) -> bool:
    """Tell whether a policy differs from its reference and is not shown to earn less."""
    return gain.gain_high > 0 and gain.gain_high > gain.gain_low


def _interval(gain: PolicyValue, unit: str) -> str:
    """Write a gain with its interval."""
    return (
        f"{gain.gain:+.4g} {unit} (95 % interval {gain.gain_low:+.4g} to {gain.gain_high:+.4g}, "
        f"n = {gain.n:,})"
    )


def _enough(gain: PolicyValue) -> str:
    """Say how many customers would show a gain of the size measured, four times in five."""
    half = (gain.gain_high - gain.gain_low) / 2
    if gain.gain <= 0 or half <= 0:
        return ""
    # An interval reaches about two errors; power of 80 % asks for another 0.84 of them.
    needed = gain.n * (1.43 * half / gain.gain) ** 2
    if needed > 100 * gain.n:
        return ""
    return (
        f" If that is its true size, about {float(f'{needed:.2g}'):,.0f} customers would show it."
    )
