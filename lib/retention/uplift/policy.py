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

from retention.uplift.clusters import mean_error
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
    scores = finite(scores, "scores")
    net = scores - np.asarray(costs, dtype=np.float64)[None, :]
    rewards = {name: _rewards(net, policy) for name, policy in policies.items()}
    contacted = {name: _contacted(policy) for name, policy in policies.items()}
    base = rewards[reference]
    return PolicyComparison(
        tuple(
            _value(name, reward, reference, reward - base, contacted[name], cluster)
            for name, reward in rewards.items()
        ),
        unit,
    )


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


def _value(
    name: str, reward: Floats, reference: str, gain: Floats, contacted: float,
    cluster: Integers | None,
) -> PolicyValue:  # fmt: skip
    """Return value and paired gain with their intervals."""
    error, gain_error = mean_error(reward, cluster), mean_error(gain, cluster)
    value, mean_gain = float(reward.mean()), float(gain.mean())
    return PolicyValue(
        policy=name, value=value, ci_low=value - error.reach, ci_high=value + error.reach,
        reference=reference, gain=mean_gain, gain_low=mean_gain - gain_error.reach,
        gain_high=mean_gain + gain_error.reach,
        gain_p=one_sided_p(mean_gain, gain_error.value), contacted=contacted, n=len(reward),
    )  # fmt: skip
