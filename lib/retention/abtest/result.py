"""What an experiment says: checks, estimates, read-outs and a verdict for each arm."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import pandas as pd

from retention.abtest.bayes import Posterior
from retention.abtest.decision import Decision, Guardrail, Verdict
from retention.abtest.estimates import Estimate
from retention.abtest.experiment import Experiment
from retention.abtest.heterogeneity import SegmentEffects
from retention.abtest.metrics import Role
from retention.abtest.sample_ratio import SampleRatio
from retention.abtest.statistics import Statistics
from retention.quantities import between, quantity
from retention.results import MISSING, Check, Metric, percent


@dataclass(frozen=True, eq=False)
class ExperimentResult:
    """Everything an experiment says: checks, estimates, read-outs and a verdict for each arm."""

    experiment: Experiment
    statistics: Statistics
    split: SampleRatio
    checks: tuple[Check, ...]
    estimates: tuple[Estimate, ...]
    guardrails: tuple[Guardrail, ...]
    beliefs: dict[str, Posterior]
    verdicts: tuple[Verdict, ...]
    segments: tuple[SegmentEffects, ...] = ()

    @property
    def best(self) -> Verdict:
        """The verdict to act on: a shipped arm before others, then the larger gain."""
        order = [Decision.INVALID, Decision.SHIP, Decision.KEEP_RUNNING, Decision.DONT_SHIP]
        sign = 1 if self.experiment.primary.higher_is_better else -1
        return min(
            self.verdicts,
            key=lambda v: (
                order.index(v.decision),
                -sign * v.primary.difference if v.primary.readable else math.inf,
            ),
        )

    def of(self, metric: str, arm: str) -> Estimate:
        """Return the estimate of one metric and arm."""
        return next(e for e in self.estimates if (e.metric, e.arm) == (metric, arm))

    def to_frame(self) -> pd.DataFrame:
        """Return one row per metric and arm."""
        return pd.concat([e.to_frame() for e in self.estimates], ignore_index=True)

    @property
    def leading(self) -> Estimate:
        """Estimate of the primary metric in the arm to act on."""
        return self.best.primary

    def table(self) -> pd.DataFrame:
        """Return the readable table of effects."""
        return pd.DataFrame([_row(e) for e in self.estimates])

    def methods_table(self) -> pd.DataFrame:
        """Return what part each metric plays and how it was compared, once where arms agree."""
        rows = [
            (self.experiment.metric(e.metric).role.value, e.metric, e.arm, e.reason or e.method)
            for e in self.estimates
        ]
        table = pd.DataFrame(rows, columns=["role", "metric", "arm", "compared_by"])
        alike = table.groupby("metric")["compared_by"].transform("nunique") == 1
        return table.assign(arm=table["arm"].mask(alike, "every")).drop_duplicates()

    def beliefs_table(self) -> pd.DataFrame:
        """Return what to expect of each arm under the prior, chance to win and expected losses."""
        unit = self.experiment.primary.unit
        return pd.DataFrame(
            [
                {
                    "arm": arm,
                    "found": quantity(self._primary(arm).difference, unit, signed=True),
                    "to_be_expected": quantity(b.mean, unit, signed=True),
                    "interval": between(b.ci_low, b.ci_high, unit),
                    "chance_to_win": percent(b.chance_to_win, 1),
                    "expected_loss_if_chosen": quantity(b.loss_if_treatment, unit, difference=True),
                    "expected_loss_if_not": quantity(b.loss_if_control, unit, difference=True),
                    "prior": b.prior.summary(),
                }
                for arm, b in self.beliefs.items()
            ]
        )

    def beliefs_summary(self) -> str:
        """Say chance to win, expected loss and how far the prior moves the leading arm's figure."""
        found, unit = self.leading, self.experiment.primary.unit
        if not found.readable:
            return found.summary()
        belief = self.beliefs[found.arm]
        text = f"{found.arm}: {belief.summary()}"
        if math.isinf(belief.prior.variance):
            return text
        return (
            f"{text} Found {quantity(found.difference, unit, signed=True)}; under this prior "
            f"{quantity(belief.mean, unit, signed=True)} is to be expected "
            f"({between(belief.ci_low, belief.ci_high, unit)})."
        )

    def _primary(self, arm: str) -> Estimate:
        """Return the estimate of the metric that decides."""
        return self.of(self.experiment.primary.name, arm)

    def verdicts_table(self) -> pd.DataFrame:
        """Return decision and sentence of each arm."""
        return pd.DataFrame(
            [(v.primary.arm, str(v.decision), v.sentence) for v in self.verdicts],
            columns=["arm", "decision", "why"],
        )

    def guardrails_table(self) -> pd.DataFrame:
        """Return each guardrail with its margin and whether non-inferiority is shown."""
        return pd.DataFrame(
            [
                (g.estimate.metric, g.estimate.arm,
                 quantity(g.margin, g.estimate.unit, difference=True),
                 quantity(g.estimate.ci_low, g.estimate.unit, signed=True), g.words)
                if g.estimate.readable
                else (g.estimate.metric, g.estimate.arm, MISSING, MISSING, "cannot be read")
                for g in self.guardrails
            ],
            columns=["guardrail", "arm", "largest_tolerable_loss", "interval_from", "outcome"],
        )  # fmt: skip

    def segments_table(self) -> pd.DataFrame:
        """Return raw and shrunken effect of every declared segment and arm."""
        columns = ["column", "arm", "segment", "n", "effect", "shrunken", "interval", "p_corrected"]
        rows = []
        for found in self.segments:
            for row in found.table.to_dict("records"):
                raw, shrunken = (
                    quantity(float(row[name]), found.unit, signed=True)
                    for name in ("effect", "shrunken_effect")
                )
                ends = between(row["shrunken_low"], row["shrunken_high"], found.unit)
                p = f"{row['corrected_p_value']:.3g}"
                rows.append((found.column, found.arm, row["segment"], row["n"], raw, shrunken,
                             ends, p))  # fmt: skip
        return pd.DataFrame(rows, columns=columns)

    def segments_summary(self) -> str:
        """Say where the effect differs between segments, or that this is not shown."""
        if not self.segments:
            return "No segment was declared before the start, so none is read."
        differing = [found.summary() for found in self.segments if found.differ]
        if differing:
            return " ".join(differing)
        least = min(found.interaction_p_value for found in self.segments)
        return (
            f"The effect is not shown to differ within any of {len(self.segments)} declared "
            f"splits (smallest corrected interaction p = {least:.3g}); act on the common effect."
        )

    def metrics(self) -> list[Metric]:
        """Return the effects as figures for the result file, those that decide first."""
        order = [Role.PRIMARY, Role.GUARDRAIL, Role.SECONDARY]
        ranked = sorted(
            self.estimates, key=lambda e: order.index(self.experiment.metric(e.metric).role)
        )
        return [
            Metric(f"{e.metric}, {e.arm} - {e.control_arm}", e.difference, e.unit, e.ci_low,
                   e.ci_high, e.n_control + e.n_treatment)
            for e in ranked
        ]  # fmt: skip

    def summary(self) -> str:
        """Return the verdict of the arm to act on, and what could not be read."""
        unread = dict.fromkeys(e.metric for e in self.estimates if not e.readable)
        lost = f" Not read: {', '.join(unread)}." if unread else ""
        return self.best.summary() + lost


def _row(found: Estimate) -> dict[str, Any]:
    """Return an estimate as a row to be read, without figures where there are none."""
    row: dict[str, Any] = {"metric": found.metric, "arm": found.arm}
    if not found.readable:
        empty = ("control", "arm_value", "difference", "interval", "lift", "p_corrected")
        return row | dict.fromkeys(empty, MISSING) | {"n": 0}
    error = found.standard_error
    return row | {
        "control": quantity(found.control_value, found.unit, error=error),
        "arm_value": quantity(found.treatment_value, found.unit, error=error),
        "difference": quantity(found.difference, found.unit, signed=True, error=error),
        "interval": between(found.ci_low, found.ci_high, found.unit, error),
        "lift": found.relative.summary().removeprefix("relative "),
        "p_corrected": f"{found.adjusted_p_value:.3g}",
        "n": found.n_control + found.n_treatment,
    }
