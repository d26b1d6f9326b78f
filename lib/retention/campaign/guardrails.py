"""What a campaign must not make worse: order value, conversion, carts, unsubscribes, complaints."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from retention.abtest.proportions import score_interval
from retention.campaign.codes import CampaignCode
from retention.engine import Engine
from retention.errors import ParameterError
from retention.results import Check, Status
from retention.uplift.clusters import error_of_difference, mean_error, summed
from retention.uplift.trial import Floats, Integers, Trial, renumbered

DAY_S = 86_400
Flags = NDArray[np.bool_]
SHOWN = "shown only"
"""Verdict on a figure that is not judged."""


@dataclass(frozen=True)
class Guardrail:
    """One figure that may not get worse by more than a margin.

    Parameters
    ----------
    name
        What it is called.
    numerator, denominator
        Columns of the unit table; an empty denominator means "per unit".
    higher_is_better
        Which way is good.
    margin
        Largest loss that is accepted, in units of the figure.
    descriptive
        Whether it is shown but not judged. A ratio among those who bought (or filled a cart) must
        be: a campaign that makes more people buy also changes *who* buys, so that their average
        can fall while every single customer brings more.
    """

    name: str
    numerator: str
    denominator: str
    higher_is_better: bool
    margin: float
    descriptive: bool = False


STANDARD = (
    Guardrail("conversion", "purchased", "", True, 0.005),
    Guardrail("revenue per customer", "revenue", "", True, 0.5),
    Guardrail("average order value", "revenue", "orders", True, 2.0, descriptive=True),
    Guardrail("recovered carts per customer", "recovered_carts", "", True, 0.01),
    Guardrail("cart recovery", "recovered_carts", "carts", True, 0.03, descriptive=True),
    Guardrail("unsubscribes", "unsubscribed", "", False, 0.005),
    Guardrail("complaints", "complained", "", False, 0.001),
)
"""Guardrails of a shop's e-mail campaign; those whose columns are absent are left out."""


@dataclass(frozen=True)
class GuardrailResult:
    """One guardrail in one arm: its figures and whether it held."""

    guardrail: str
    arm: str
    arm_figure: float
    control_figure: float
    difference: float
    ci_low: float
    ci_high: float
    margin: float
    verdict: str
    n: int


@dataclass(frozen=True)
class GuardrailReport:
    """All guardrails of a campaign."""

    results: tuple[GuardrailResult, ...]

    def to_frame(self) -> pd.DataFrame:
        """Return one row per guardrail and arm."""
        return pd.DataFrame([asdict(result) for result in self.results])

    def summary(self) -> str:
        """Word which guardrails broke, held or are open."""
        words = {
            "broken": "broke", "held": "held", "open": "cannot be told yet",
            SHOWN: "compare only those who bought, so they are shown but not judged",
        }  # fmt: skip
        parts = []
        for verdict, word in words.items():
            names = [f"{r.guardrail} ({r.arm})" for r in self.results if r.verdict == verdict]
            if names:
                parts.append(f"{', '.join(names)} {word}")
        return "; ".join(parts) + "." if parts else "No guardrail could be measured."

    def checks(self) -> list[Check]:
        """Return one check per guardrail and arm that is judged."""
        return [_check(result) for result in self.results if result.verdict != SHOWN]


def guardrail_units(
    engine: Engine, trial: Trial, experiment_key: str, *, horizon_days: int
) -> pd.DataFrame:
    """Return one row per unit of the trial with every guardrail column that the tables allow."""
    frame = trial.outcomes.copy()
    frame.insert(0, "unit_key", trial.unit_key)
    window = {"experiment_key": experiment_key, "horizon_s": horizon_days * DAY_S}
    for table, query in (("touches", "campaign_guardrails"), ("events", "campaign_carts")):
        if engine.has(table):
            extra = engine.query(query, **window).frame()
            frame = frame.merge(extra, "left", "unit_key")
    return frame.fillna(0.0)


def judge_guardrails(
    trial: Trial, units: pd.DataFrame, guardrails: Sequence[Guardrail] = STANDARD
) -> GuardrailReport:
    """Judge every guardrail in every arm.

    A ratio of totals (order value, cart recovery) is compared by the delta method: its influence
    per unit is (numerator − ratio × denominator) / mean denominator (Deng, Knoblich & Lu, KDD
    2018).
    The share of customers to whom something happened gets the score interval (Miettinen & Nurminen
    1985), which stays honest where nothing, or next to nothing, has happened yet.
    Broken: the interval of the loss lies beyond zero. Held: it stays within the margin. Else open.

    Parameters
    ----------
    trial
        The experiment.
    units
        One row per unit in the trial's order (see ``guardrail_units``).
    guardrails
        What to judge.

    Raises
    ------
    ParameterError
        If a margin is negative.
    """
    results = []
    for guardrail in guardrails:
        if not guardrail.margin >= 0:
            raise ParameterError(
                f"The margin of {guardrail.name} is negative or no number.",
                "Give the accepted loss, 0 or more.",
            )
        if guardrail.numerator not in units or (guardrail.denominator or "unit_key") not in units:
            continue
        results += [
            _judge(trial, units, guardrail, position) for position in range(1, len(trial.arms))
        ]
    return GuardrailReport(tuple(results))


def _judge(
    trial: Trial, units: pd.DataFrame, guardrail: Guardrail, position: int
) -> GuardrailResult:
    """Judge one guardrail in one arm."""
    top = units[guardrail.numerator].to_numpy(dtype=np.float64)
    bottom = (
        units[guardrail.denominator].to_numpy(dtype=np.float64)
        if guardrail.denominator
        else np.ones(len(units))
    )
    weight = 1 / trial.propensity[np.arange(trial.units), trial.arm]
    treated, control = trial.arm == position, trial.arm == 0
    arm = _ratio(top, bottom, np.where(treated, weight, 0.0), trial.cluster)
    base = _ratio(top, bottom, np.where(control, weight, 0.0), trial.cluster)
    difference, error = arm[0] - base[0], error_of_difference(arm, base)
    low, high = difference - error.reach, difference + error.reach
    if not guardrail.denominator and _is_share(top, weight, treated, control):
        low, high = _score_interval(trial, top, control, treated)
    return GuardrailResult(
        guardrail.name, trial.arms[position], arm[0], base[0], difference, low, high,
        guardrail.margin, _verdict(low, high, guardrail), int(treated.sum() + control.sum()),
    )  # fmt: skip


def _is_share(top: Floats, weight: Floats, treated: Flags, control: Flags) -> bool:
    """Tell whether a figure is a plain share: zeros and ones, equal chances within each arm."""
    both = treated | control
    alike = all(np.ptp(weight[arm]) < 1e-9 * weight[arm].max() for arm in (treated, control))
    return alike and bool(np.isin(top[both], (0.0, 1.0)).all())


def _score_interval(
    trial: Trial, top: Floats, control: Flags, treated: Flags
) -> tuple[float, float]:
    """Return the score interval of a difference of shares; clusters count for fewer customers.

    Counts are divided by the design effect of their arm (Kish, 1965). Where something happened to
    nobody (or to all) there is none to be seen, and each cluster counts for one customer.
    """
    counts: list[int] = []
    for rows in (control, treated):
        n, happened = float(rows.sum()), float(top[rows].sum())
        if trial.cluster is not None:
            own = renumbered(trial.cluster[rows])
            share, error = happened / n, mean_error(top[rows], own).value
            kept = share * (1 - share) / error**2 if 0 < error < np.inf else 0.0
            kept = float(np.clip(kept, own.max() + 1, n))
            n, happened = kept, share * kept
        counts += [round(happened), round(n)]
    return score_interval(*counts)


def _ratio(
    top: Floats, bottom: Floats, weight: Floats, cluster: Integers | None
) -> tuple[float, Floats, Floats]:
    """Return a weighted ratio of totals with the contributions and shares of the draws."""
    total = float(weight @ bottom)
    share = summed(weight / weight.sum(), cluster)
    if total == 0:
        return float("nan"), np.full(len(share), np.nan), share
    ratio = float(weight @ top) / total
    return ratio, summed(weight * (top - ratio * bottom) / total, cluster), share


def _verdict(low: float, high: float, guardrail: Guardrail) -> str:
    """Return broken, held or open; shown only where the figure is descriptive."""
    if guardrail.descriptive:
        return SHOWN
    if not np.isfinite(low + high):
        return "open"
    worst, best = (low, high) if guardrail.higher_is_better else (-high, -low)
    if best < 0:
        return "broken"
    return "held" if worst >= -guardrail.margin else "open"


def _check(result: GuardrailResult) -> Check:
    """Return the check of one guardrail."""
    detail = (
        f"{result.guardrail} with {result.arm}: {result.arm_figure:.4g} against "
        f"{result.control_figure:.4g} ({result.ci_low:+.4g} to {result.ci_high:+.4g}, "
        f"accepted loss {result.margin:g}, n = {result.n:,}): {result.verdict}."
    )
    if result.verdict == "broken":
        return Check(CampaignCode.GUARDRAIL, Status.FAIL, detail, f"Stop {result.arm}.")
    if result.verdict == "open":
        return Check(
            CampaignCode.GUARDRAIL, Status.WARN, detail,
            "Keep the hold-out and look again with more customers.",
        )  # fmt: skip
    return Check(CampaignCode.GUARDRAIL, Status.PASS, detail)
