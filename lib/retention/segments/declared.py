"""Segments that the shop declares itself: rules over features, each customer in any number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from retention.errors import ParameterError
from retention.features import FEATURES
from retention.results import Check, Status, percent
from retention.segments.codes import SegmentCode
from retention.segments.intervals import wilson
from retention.segments.rules import Rule, parse_rules

TABLE_OF = {feature.name: feature.table for feature in FEATURES}


@dataclass(frozen=True)
class Declared:
    """Who belongs to each declared segment.

    Parameters
    ----------
    members
        One row per customer and segment, sorted: ``customer_key, segment``.
    rules
        The rules that could be asked.
    unavailable
        Rules that could not, with the features that this shop's data does not carry.
    sizes
        One row per rule: ``segment, rule, customers, share, ci_low, ci_high, share_of_value``.
    """

    members: pd.DataFrame
    rules: tuple[Rule, ...]
    unavailable: tuple[tuple[Rule, tuple[str, ...]], ...]
    sizes: pd.DataFrame

    def to_frame(self) -> pd.DataFrame:
        """Return one row per segment with its size and share of the value."""
        return self.sizes

    def checks(self) -> list[Check]:
        """Return which rules could not be asked, and what to bring for them."""
        if not self.unavailable:
            return [Check(SegmentCode.RULE_UNAVAILABLE, Status.PASS, "Every rule could be asked.")]
        names = ", ".join(rule.name for rule, _ in self.unavailable)
        tables = sorted({TABLE_OF[name] for _, missing in self.unavailable for name in missing})
        return [
            Check(
                SegmentCode.RULE_UNAVAILABLE,
                Status.WARN,
                f"The data does not carry what these rules ask: {names}.",
                f"Bring {', '.join(tables)} with these attributes, or drop the rules.",
            )
        ]

    def summary(self) -> str:
        """Return the finding in words."""
        if self.sizes.empty:
            return "No declared segment could be asked of this data."
        top = self.sizes.iloc[0]
        text = (
            f"{len(self.sizes)} declared segments; the largest, "
            f"{top.segment.replace('_', ' ')}, holds {top.customers:,} customers "
            f"({percent(top.share)}, 95 % interval {percent(top.ci_low)} to "
            f"{percent(top.ci_high)})."
        )
        if self.unavailable:
            text += f" {len(self.unavailable)} could not be asked: the data lacks their features."
        return text


def declare(features: pd.DataFrame, rules: Sequence[str]) -> Declared:
    """Ask every rule of every customer.

    Parameters
    ----------
    features
        Feature table (with scores joined, where rules read them).
    rules
        Lines ``name: condition`` (`retention.segments.rules`).

    Raises
    ------
    ParameterError
        If a rule cannot be read, or reads a name that is no feature at all. A feature of a layer
        that this shop's data lacks is no error: the rule is reported as unavailable.
    """
    frame = features.sort_values("customer_key", kind="stable").reset_index(drop=True)
    asked, unavailable = list[Rule](), list[tuple[Rule, tuple[str, ...]]]()
    for rule in parse_rules(rules):
        missing = tuple(n for n in rule.features if n not in frame.columns and n in TABLE_OF)
        if missing:
            unavailable.append((rule, missing))
        else:
            asked.append(rule)
    masks = {rule.name: rule.matches(frame) for rule in asked}
    members = [
        pd.DataFrame({"customer_key": frame.loc[mask, "customer_key"], "segment": name})
        for name, mask in masks.items()
    ]
    empty = pd.DataFrame({"customer_key": pd.Series(dtype=str), "segment": pd.Series(dtype=str)})
    table = pd.concat([empty, *members]).sort_values(["segment", "customer_key"])
    sizes = _sizes(frame, {rule.name: rule.text for rule in asked}, masks)
    return Declared(table.reset_index(drop=True), tuple(asked), tuple(unavailable), sizes)


def _sizes(
    frame: pd.DataFrame, texts: dict[str, str], masks: dict[str, np.ndarray]
) -> pd.DataFrame:
    """Return size and share of the value of every segment, largest first."""
    names, n = list(masks), len(frame)
    if n == 0:
        raise ParameterError("There is no customer to ask.", "Check the as-of date.")
    counts = np.array([int(masks[name].sum()) for name in names])
    value = frame["monetary_minor"].to_numpy(dtype=float)
    low, high = wilson(counts, np.full(len(names), n))
    sizes = pd.DataFrame(
        {
            "segment": names, "rule": [texts[name] for name in names], "customers": counts,
            "share": counts / n, "ci_low": low, "ci_high": high,
            "share_of_value": [value[masks[name]].sum() / value.sum() for name in names],
        }
    )  # fmt: skip
    return sizes.sort_values(["customers", "segment"], ascending=[False, True], ignore_index=True)
