"""Rules that a declared experiment keeps about its looks and its blocks."""

from __future__ import annotations

from enum import StrEnum
from itertools import pairwise
from typing import TYPE_CHECKING

from retention.errors import ParameterError

if TYPE_CHECKING:
    from retention.abtest.experiment import Experiment


class Analysis(StrEnum):
    """How often the result may be looked at."""

    FIXED = "fixed"
    GROUP_SEQUENTIAL = "group_sequential"
    ALWAYS_VALID = "always_valid"


def refuse_blocks(plan: Experiment) -> None:
    """Refuse what cannot be read in blocks."""
    alone = [m.name for m in plan.metrics if m.strata or m.of_units or m.covariates]
    if plan.block and (alone or plan.cluster or plan.segments):
        what = f"metric {alone[0]!r}" if alone else "clusters or segments"
        raise ParameterError(
            f"Experiment {plan.name!r} is compared in blocks, which {what} cannot be.",
            "Leave out cluster, segments, strata, covariates, quantiles and times to an event.",
            column="block",
        )
    if plan.count and not plan.block:
        raise ParameterError(
            f"Experiment {plan.name!r} has rows that sum up units, but no block.",
            "Give `block`: the column of the day (or other block) that a row belongs to.",
            column="count",
        )


def refuse_looks(plan: Experiment) -> None:
    """Refuse information fractions that are no plan of looks."""
    t = plan.information
    rising = all(early < late for early, late in pairwise((0.0, *t)))
    planned = plan.analysis is Analysis.GROUP_SEQUENTIAL and len(t) == plan.looks
    if t and not (planned and rising and t[-1] == 1):
        raise ParameterError(
            f"Experiment {plan.name!r}, {plan.analysis}, cannot be looked at {plan.looks} "
            f"time(s) at the shares {list(t)} of its information.",
            "Give `analysis: group_sequential` and one rising share for each look, the last 1.",
            column="information",
        )
