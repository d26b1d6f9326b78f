r"""What a policy is worth, without trying it: doubly robust values and paired differences.

:math:`V(\pi) = n^{-1}\sum_i \Gamma_{i,\pi(x_i)} - c_{\pi(x_i)}` (Dudík, Langford & Li, 2011;
Athey &
Wager, Econometrica 2021). Differences between two policies are taken unit by unit, so that units
both treat alike add no noise. The units must not have been used to make the policy.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd

from retention.uplift.clusters import StandardError, mean_error, summed, t_quantile
from retention.uplift.ranking import one_sided_p
from retention.uplift.trial import Floats, Integers, finite


@dataclass(frozen=True)
class PolicyValue:
    """Value of one policy and its difference from a reference, per unit."""

    policy: str
    value: float
    ci_low: float
    ci_high: float
    reference: str
    gain: float
    gain_low: float
    gain_high: float
    gain_p: float
    contacted: float
    n: int


@dataclass(frozen=True)
class PolicyComparison:
    """Values of several policies on the same held-out units."""

    values: tuple[PolicyValue, ...]
    unit: str = "per unit"

    def to_frame(self) -> pd.DataFrame:
        """Return one row per policy, best first."""
        frame = pd.DataFrame([asdict(value) for value in self.values])
        return frame.sort_values(["value", "policy"], ascending=[False, True], ignore_index=True)

    def of(self, policy: str) -> PolicyValue:
        """Return the row of one policy; raises KeyError where there is none."""
        for value in self.values:
            if value.policy == policy:
                return value
        raise KeyError(policy)

    def summary(self) -> str:
        """Word which policy did best and against what."""
        best = self.of(str(self.to_frame()["policy"].iloc[0]))
        return (
            f"On {best.n:,} held-out units the highest value is that of {best.policy!r}: "
            f"{best.value:.4g} {self.unit} ({best.ci_low:.4g} to {best.ci_high:.4g}); against "
            f"{best.reference!r} {best.gain:+.4g} ({best.gain_low:+.4g} to {best.gain_high:+.4g})."
        )


def compare_policies(
    scores: Floats,
    policies: Mapping[str, Integers | Floats],
    *,
    costs: Sequence[float] | Floats,
    reference: str,
    unit: str = "per unit",
    cluster: Integers | None = None,
) -> PolicyComparison:
    """Value policies on held-out units and compare each with a reference, unit by unit.

    Parameters
    ----------
    scores
        Doubly robust scores of the units, shape (units, arms).
    policies
        By name, either the arm number of each unit or, for a random policy, the probability of
        each arm, shape (units, arms).
    costs
        Cost of giving a unit each arm, in units of the outcome; the control's is usually 0.
    reference
        Name of the policy that the others are compared with.
    unit
        Unit of the values, for the wording.
    cluster
        Number of the cluster of each unit, where units were drawn in clusters.
    """
    rewards = PolicyRewards.of(scores, policies, costs, cluster)
    return rewards.against(reference, unit=unit)


LEARNT_ERROR = 1.25
"""By how much the error of a policy's gain grows that is learnt anew in every fold.

Folds teach each other, so that values of theirs are not independent: where nothing can be learnt,
the pooled z of a greedy policy has a standard deviation of 1.13 to 1.19, that of a best rule of
1.18 to 1.21 (1,000 units, 5 and 20 attributes, five folds; simulated), with a longer tail.
"""

CHANCE_DRAWS = 20_000
"""Draws behind the largest of several correlated z."""


@dataclass(frozen=True)
class PolicyRewards:
    """What each policy would have brought each unit, less its cost.

    Parameters
    ----------
    rewards
        Per unit, by policy.
    contacted
        Share of units given any arm, by policy.
    cluster
        Number of the cluster of each unit, or None.
    learnt
        Policies that were learnt on other folds of the same units.
    families
        Policies whose gains are looked at together: their intervals hold all at once.
    """

    rewards: Mapping[str, Floats]
    contacted: Mapping[str, float]
    cluster: Integers | None = None
    learnt: frozenset[str] = frozenset()
    families: tuple[tuple[str, ...], ...] = ()

    @classmethod
    def of(
        cls, scores: Floats, policies: Mapping[str, Integers | Floats],
        costs: Sequence[float] | Floats, cluster: Integers | None = None,
    ) -> PolicyRewards:  # fmt: skip
        """Return the rewards of policies; see ``compare_policies`` for the parameters."""
        net = finite(scores, "scores") - finite(np.asarray(costs), "costs")[None, :]
        rewards = {name: _rewards(net, policy) for name, policy in policies.items()}
        return cls(rewards, {name: _contacted(p) for name, p in policies.items()}, cluster)

    def against(self, reference: str, *, unit: str = "per unit") -> PolicyComparison:
        """Compare every policy with a reference, unit by unit."""
        widths = self._widths(reference)
        return PolicyComparison(
            tuple(self._value(name, reference, widths.get(name)) for name in self.rewards), unit
        )

    def gain(self, policy: str, reference: str) -> tuple[float, StandardError]:
        """Return the mean difference of two policies and its standard error."""
        difference = self.rewards[policy] - self.rewards[reference]
        error = mean_error(difference, self.cluster)
        factor = LEARNT_ERROR if {policy, reference} & self.learnt else 1.0
        return float(difference.mean()), StandardError(factor * error.value, error.degrees)

    def _widths(self, reference: str) -> dict[str, float]:
        """Return how many errors the interval of each policy of a family reaches."""
        found: dict[str, float] = {}
        for family in self.families:
            others = [name for name in family if name != reference]
            gains = {name: self.rewards[name] - self.rewards[reference] for name in others}
            varying = [name for name in others if np.ptp(gains[name]) > 0]
            if varying:
                width = joint_quantile([summed(gains[n], self.cluster) for n in varying])
                found |= dict.fromkeys(varying, width)
        return found

    def _value(self, name: str, reference: str, width: float | None) -> PolicyValue:
        """Return value and paired gain of one policy with their intervals."""
        reward, (gain, error) = self.rewards[name], self.gain(name, reference)
        own, value = mean_error(reward, self.cluster), float(reward.mean())
        reach = error.reach if width is None else width * error.value
        return PolicyValue(
            policy=name, value=value, ci_low=value - own.reach, ci_high=value + own.reach,
            reference=reference, gain=gain, gain_low=gain - reach, gain_high=gain + reach,
            gain_p=one_sided_p(gain, error.value), contacted=self.contacted[name], n=len(reward),
        )  # fmt: skip


def joint_quantile(gains: Sequence[Floats], *, level: float = 0.95) -> float:
    """Return how many errors intervals reach that hold for all means at once.

    The largest absolute z of jointly normal means with the correlation of the draws (Hothorn, Bretz
    & Westfall 2008), Student's where draws are few; alike gains cost nothing.

    Examples
    --------
    >>> alike = np.arange(1000.0)
    >>> 1.9 < joint_quantile([alike, 2 * alike]) < 2.02
    True
    """
    correlation = np.atleast_2d(np.corrcoef(np.vstack(gains)))
    generator = np.random.default_rng(0)
    values, vectors = np.linalg.eigh(correlation)
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    z = np.abs(generator.normal(size=(CHANCE_DRAWS, len(values))) @ root.T).max(axis=1)
    degrees = len(gains[0]) - 1
    z = z / np.sqrt(generator.chisquare(degrees, CHANCE_DRAWS) / degrees)
    return max(float(np.quantile(z, level)), t_quantile(degrees))


def greedy_policy(effects: Floats, costs: Sequence[float] | Floats) -> Integers:
    """Give each unit the arm of largest predicted effect less cost; the control where none pays.

    Parameters
    ----------
    effects
        Predicted effects against the control, shape (units, arms − 1).
    costs
        Cost of each arm including the control, shape (arms,).

    Examples
    --------
    >>> greedy_policy(np.array([[0.2, 0.1], [-0.1, -0.2]]), [0, 0, 0]).tolist()
    [1, 0]
    """
    cost = np.asarray(costs, dtype=np.float64)
    net = np.column_stack([np.zeros(len(effects)), effects - (cost[1:] - cost[0])[None, :]])
    return np.asarray(np.argmax(net, axis=1), dtype=np.intp)


def random_policy(like: Integers, arms: int) -> Floats:
    """Return the policy that gives every arm to the same share of units as ``like``, by chance."""
    share = np.bincount(like, minlength=arms) / len(like)
    return np.tile(share, (len(like), 1))


def _rewards(net: Floats, policy: Integers | Floats) -> Floats:
    """Return each unit's net score under the policy."""
    if policy.ndim == 2:
        return np.asarray((net * policy).sum(axis=1))
    return np.asarray(net[np.arange(len(net)), policy.astype(np.intp)])


def _contacted(policy: Integers | Floats) -> float:
    """Return the share of units that are given any arm but the control."""
    return float(1 - policy[:, 0].mean()) if policy.ndim == 2 else float((policy > 0).mean())
