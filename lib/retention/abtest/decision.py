"""From estimates and trust checks to one of four words, by a rule declared beforehand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from retention.abtest.bayes import Posterior
from retention.abtest.estimates import Estimate
from retention.quantities import is_currency, quantity
from retention.results import Check, Status, percent


class Decision(StrEnum):
    """What to do."""

    SHIP = "ship"
    DONT_SHIP = "don't ship"
    KEEP_RUNNING = "keep running"
    INVALID = "invalid"


@dataclass(frozen=True)
class DecisionRule:
    """What is asked of the primary metric, declared before the start.

    Parameters
    ----------
    minimum_effect
        Smallest gain worth shipping, in the primary metric's unit and in the good direction: the
        lower end of the interval, corrected for the number of arms, must lie above it.
    planned_units
        Units of both arms at which the test ends; None if it has ended.
    units_to_treat
        Customers a year whom the decision concerns, for the sentence's money; None for none.
    cost_per_unit
        Cost of treating one unit, in the unit of a money metric.
    """

    minimum_effect: float = 0.0
    planned_units: int | None = None
    units_to_treat: int | None = None
    cost_per_unit: float = 0.0


@dataclass(frozen=True)
class Verdict:
    """The decision, the sentence that says it, and what it stands on."""

    decision: Decision
    sentence: str
    primary: Estimate
    chance_to_win: float
    failed: tuple[str, ...]

    @property
    def status(self) -> Status:
        """How the verdict is to be shown."""
        if self.decision is Decision.INVALID:
            return Status.FAIL
        return Status.PASS if self.decision is Decision.SHIP else Status.WARN

    def summary(self) -> str:
        """Return the sentence."""
        return self.sentence


def decide(
    primary: Estimate,
    guardrails: Sequence[Guardrail] = (),
    checks: Sequence[Check] = (),
    rule: DecisionRule | None = None,
    belief: Posterior | None = None,
    *,
    is_futile: bool = False,
    looks_left: int = 0,
) -> Verdict:
    """Apply the rule.

    A failed trust check makes the result invalid. Otherwise a harmed guardrail or a primary
    interval below the minimum effect refuses; a primary interval above it with every guardrail
    cleared ships; an effect below the futility bound stops; what is left keeps running until the
    planned units are in or the planned looks are taken, then is refused as not shown.
    """
    rule = rule or DecisionRule()
    failed = tuple(str(c.code) for c in checks if c.status is Status.FAIL)
    chance = belief.chance_to_win if belief else float("nan")
    if failed:
        reasons = "; ".join(c.detail for c in checks if c.status is Status.FAIL)
        decision, why = Decision.INVALID, f"a trust check failed ({reasons})"
    elif not primary.readable:
        decision, why = _unreadable(primary, rule, looks_left)
    else:
        decision, why = _by_rule(
            primary, guardrails, rule, is_futile=is_futile, looks_left=looks_left
        )
    sentence = _sentence(decision, why, primary, rule, chance)
    return Verdict(decision, sentence, primary, chance, failed)


def _by_rule(
    primary: Estimate,
    guardrails: Sequence[Guardrail],
    rule: DecisionRule,
    *,
    is_futile: bool,
    looks_left: int,
) -> tuple[Decision, str]:
    """Return decision and reason of a test that can be trusted."""
    low, high = _towards_good(primary, primary.corrected_interval)
    harmed = [g.estimate.metric for g in guardrails if g.harmed]
    unclear = [g.estimate.metric for g in guardrails if not g.cleared and not g.harmed]
    gained = primary.significant and _gains(primary, low, rule.minimum_effect)
    if harmed:
        return Decision.DONT_SHIP, f"it harms {harmed[0]}"
    if high < rule.minimum_effect:
        return Decision.DONT_SHIP, "the whole interval lies below the least worthwhile gain"
    if gained and not unclear:
        return Decision.SHIP, "the whole interval lies above the least worthwhile gain"
    if is_futile:
        return Decision.DONT_SHIP, "a worthwhile gain is no longer likely to show (futility)"
    if looks_left:
        return Decision.KEEP_RUNNING, f"{looks_left} planned look(s) are left"
    if rule.planned_units is not None and _units(primary) < rule.planned_units:
        return Decision.KEEP_RUNNING, "the planned number of units is not in yet"
    if gained:
        return Decision.DONT_SHIP, f"{unclear[0]} is not shown to be unharmed"
    return Decision.DONT_SHIP, "a worthwhile gain is not shown"


def _gains(primary: Estimate, low: float, minimum: float) -> bool:
    """Tell whether the effect lies above the minimum, for all arms at once.

    Above zero Holm's test has settled it, which is stronger than the corrected interval.
    """
    if minimum > 0:
        return low > minimum
    return _towards_good(primary, (primary.ci_low, primary.ci_high))[0] > minimum


def _unreadable(primary: Estimate, rule: DecisionRule, looks_left: int) -> tuple[Decision, str]:
    """Return decision and reason where the primary metric cannot be read."""
    why = f"{primary.metric} cannot be read. {primary.reason}".rstrip(".")
    waits = looks_left or (rule.planned_units is not None)
    return (Decision.KEEP_RUNNING if waits else Decision.DONT_SHIP), why


@dataclass(frozen=True)
class Guardrail:
    """A guardrail metric and the largest loss tolerated, in the metric's unit."""

    estimate: Estimate
    margin: float

    @property
    def cleared(self) -> bool:
        """Whether the interval leaves out a loss beyond the margin (non-inferiority shown)."""
        return self._towards_good[0] > -self.margin

    @property
    def harmed(self) -> bool:
        """Whether the interval leaves out everything but a loss beyond the margin."""
        return self._towards_good[1] < -self.margin

    @property
    def _towards_good(self) -> tuple[float, float]:
        """The interval with gains positive."""
        return _towards_good(self.estimate, (self.estimate.ci_low, self.estimate.ci_high))

    @property
    def words(self) -> str:
        """Whether the guardrail holds, in words."""
        return "holds" if self.cleared else "is broken" if self.harmed else "is not settled"

    def summary(self) -> str:
        """Say whether the guardrail holds."""
        words = self.words
        if not self.estimate.readable:
            return f"Guardrail {self.estimate.summary()}"
        margin = quantity(self.margin, self.estimate.unit, difference=True)
        return f"Guardrail {self.estimate.metric} {words} (margin {margin}). " + (
            self.estimate.summary()
        )


def _towards_good(estimate: Estimate, interval: tuple[float, float]) -> tuple[float, float]:
    """Return an interval with gains positive."""
    low, high = interval
    return (low, high) if estimate.higher_is_better else (-high, -low)


def _units(estimate: Estimate) -> int:
    """Return the units of both arms."""
    return estimate.n_control + estimate.n_treatment


def _sentence(
    decision: Decision, why: str, primary: Estimate, rule: DecisionRule, chance: float
) -> str:
    """Word the decision in one sentence with money and how sure."""
    if decision is Decision.INVALID:
        return f"Invalid: {why}; the effects of {primary.arm} must not be read."
    if not primary.readable:
        return f"{decision.capitalize()} {primary.arm}: {why}."
    low, high = primary.corrected_interval
    change, first, last = (
        quantity(v, primary.unit, signed=True, error=primary.standard_error)
        for v in (primary.difference, low, high)
    )
    corrected = "" if (low, high) == (primary.ci_low, primary.ci_high) else " over all arms"
    effect = (
        f"{primary.metric} changes by {change} per unit ({percent(1 - primary.alpha, 0)} "
        f"interval{corrected} {first} to {last})"
    )
    least = quantity(rule.minimum_effect, primary.unit, difference=True)
    beyond = f" by more than {least}" if rule.minimum_effect else ""
    sure = f", chance to win{beyond} {percent(chance, 0)}" if chance == chance else ""
    return f"{decision.capitalize()} {primary.arm}: {why}; {effect}{_worth(primary, rule)}{sure}."


def _worth(primary: Estimate, rule: DecisionRule) -> str:
    """Word what the effect is worth for all units the decision concerns."""
    if rule.units_to_treat is None or not is_currency(primary.unit):
        return ""
    n, cost = rule.units_to_treat, rule.cost_per_unit
    ends = [n * (v - cost) for v in (primary.difference, *primary.corrected_interval)]
    return (
        f", worth {primary.unit} {ends[0]:+,.0f} ({ends[1]:+,.0f} to {ends[2]:+,.0f}) over "
        f"{n:,} customers"
    )
