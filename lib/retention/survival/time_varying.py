"""Covariates that change while a customer is followed, and effects that change over time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from retention.errors import EvidenceError, InputError
from retention.survival.cox import (
    CoxModel,
    check_covariates,
    coefficient_table,
    fit_cox,
    hazard_ratio_sentence,
    heard_warnings,
    separation_sentence,
    told_convergence,
)
from retention.survival.partial_likelihood import PartialLikelihood
from retention.survival.profile import with_likelihood_ratios
from retention.survival.proportional_hazards import (
    ProportionalHazardsTest,
    proportional_hazards_test,
)

MOST_STRATA = 10
"""A covariate with at most so many values is stratified; one with more gets two effects."""


@dataclass(frozen=True)
class TimeVaryingModel:
    """A Cox regression on episodes.

    Parameters
    ----------
    coefficients
        As in :class:`~retention.survival.cox.CoxModel`.
    log_likelihood
        Partial log-likelihood, Efron's ties.
    customers, episodes, events
        What the fit rests on.
    fitter
        The lifelines fitter.
    warnings
        What keeps the figures from being taken at face value, in sentences.
    """

    coefficients: pd.DataFrame
    log_likelihood: float
    customers: int
    episodes: int
    events: int
    fitter: Any = field(repr=False)
    warnings: tuple[str, ...] = ()

    def to_frame(self) -> pd.DataFrame:
        """Return the coefficients."""
        return self.coefficients.copy()

    def summary(self) -> str:
        """Tell the clear hazard ratios in words."""
        ratio = self.coefficients["likelihood_ratio_p"]
        clear = self.coefficients[ratio.fillna(self.coefficients["p_value"]) < 0.05]
        told = " ".join(hazard_ratio_sentence(row) for row in clear.to_dict("records"))
        return (f"{told or 'No covariate clearly changes the pace at which customers leave.'} "
                f"({self.customers:,} customers in {self.episodes:,} episodes, {self.events:,} of "
                "whom left.)" + "".join(f" {s}" for s in self.warnings))  # fmt: skip


def fit_time_varying_cox(
    frame: pd.DataFrame,
    covariates: Sequence[str],
    *,
    customer: str = "customer_key",
    start: str = "start",
    stop: str = "stop",
    event: str = "event",
    confidence: float = 0.95,
) -> TimeVaryingModel:
    """Fit a Cox regression to episodes ``(start, stop]`` with constant covariates.

    Raises
    ------
    InputError
        If an episode is empty or overlaps another of the same customer.
    EvidenceError
        If nobody left.
    """
    from lifelines import CoxTimeVaryingFitter

    check_covariates(frame, covariates)
    check_episodes(frame, customer, start, stop)
    if not frame[event].sum():
        raise EvidenceError("Nobody left: there is no pace to explain.", "Follow them for longer.")
    fitter = CoxTimeVaryingFitter(alpha=1 - confidence)
    with told_convergence(), heard_warnings() as said:
        fitter.fit(frame[[customer, start, stop, event, *covariates]], id_col=customer,
                   start_col=start, stop_col=stop, event_col=event,
                   fit_options={"precision": 1e-9})  # fmt: skip
    table = coefficient_table(fitter.params_, fitter.standard_errors_, confidence)
    likelihood = PartialLikelihood.of(frame, covariates, duration=stop, event=event, entry=start)
    table, names = with_likelihood_ratios(table, likelihood, confidence)
    lost = [separation_sentence(name) for name in names]
    return TimeVaryingModel(
        table,
        float(fitter.log_likelihood_),
        frame[customer].nunique(),
        len(frame),
        int(frame[event].sum()),
        fitter,
        tuple(lost) or tuple(said),
    )


def check_episodes(frame: pd.DataFrame, customer: str, start: str, stop: str) -> None:
    """Refuse empty and overlapping episodes.

    Raises
    ------
    InputError
        Naming the first bad row.
    """
    empty = ~(frame[stop].to_numpy() > frame[start].to_numpy())
    if empty.any():
        raise InputError(
            "An episode ends no later than it starts.",
            "Drop or merge it.",
            line=int(np.argmax(empty)) + 1,
            column=stop,
        )
    ordered = frame.sort_values([customer, start], kind="stable")
    same = ordered[customer].eq(ordered[customer].shift())
    overlap = (same & (ordered[start] < ordered[stop].shift())).to_numpy()
    if overlap.any():
        row = int(np.flatnonzero(frame.index == ordered.index[overlap][0])[0]) + 1
        raise InputError(
            "Two episodes of one customer overlap.",
            "Cut them at each change.",
            line=row,
            column=start,
        )


@dataclass(frozen=True)
class Remedy:
    """The model that is used where effects change over time.

    Parameters
    ----------
    model
        The remedied Cox regression.
    stratified, split
        Covariates that got a baseline of their own, and those that got an early and a late effect.
    cut
        Time that parts early from late.
    test
        The proportional-hazards test of the remedied model.
    """

    model: CoxModel
    stratified: tuple[str, ...]
    split: tuple[str, ...]
    cut: float
    test: ProportionalHazardsTest

    def to_frame(self) -> pd.DataFrame:
        """Return the remedied coefficients."""
        return self.model.to_frame()

    def summary(self) -> str:
        """Say what was done and whether it helped."""
        if not (self.stratified or self.split):
            return "No remedy was needed."
        done = []
        if self.stratified:
            done.append(f"own baselines by {', '.join(self.stratified)}")
        if self.split:
            done.append(f"an early and a late effect (cut at {self.cut:,.0f}) of "
                        f"{', '.join(self.split)}")  # fmt: skip
        good = self.test.frame.iloc[-1]["p_value"] >= self.test.level
        helped = (
            "the effects that are left no longer change over time"
            if good
            else ("some effects still change over time")
        )
        return f"Remedy: {' and '.join(done)}; {helped}. {self.model.summary()}"


def remedied_cox(model: CoxModel, frame: pd.DataFrame, test: ProportionalHazardsTest) -> Remedy:
    """Refit with strata or early and late effects for the covariates that fail the test.

    Parameters
    ----------
    model
        The regression that failed, fitted without entry times.
    frame
        The rows it was fitted on.
    test
        Its proportional-hazards test.

    Notes
    -----
    A covariate of few values becomes a stratum (its effect is then not estimated); one of many
    gets one coefficient before the median departure and one after it, by splitting each customer's
    follow-up there.
    """
    few = [c for c in test.failing if frame[c].nunique() <= MOST_STRATA]
    many = [c for c in test.failing if c not in few]
    if len(few) + len(many) and not [c for c in model.covariates if c not in few]:
        many, few = [*many, few[0]], few[1:]
    left = frame.loc[frame[model.event].astype(bool), model.duration]
    cut = float(left.median()) if len(left) else 0.0
    rows, names = frame, [c for c in model.covariates if c not in few]
    entry = model.entry
    if many:
        rows = split_at(frame, cut, duration=model.duration, event=model.event)
        rows, names = _two_effects(rows, many, names)
        entry = "entry"
    again = fit_cox(rows, names, duration=model.duration, event=model.event, entry=entry,
                    strata=few)  # fmt: skip
    return Remedy(again, tuple(few), tuple(many), cut, proportional_hazards_test(again, rows))


def split_at(
    frame: pd.DataFrame, cut: float, *, duration: str = "duration", event: str = "event"
) -> pd.DataFrame:
    """Split each customer's follow-up at a time into an early and a late row.

    Returns
    -------
    pandas.DataFrame
        The rows with ``entry`` (0 or the cut) and ``is_late``.

    Examples
    --------
    >>> data = pd.DataFrame({"duration": [5, 20], "event": [1, 1]})
    >>> split_at(data, 10)[["entry", "duration", "event", "is_late"]].values.tolist()
    [[0.0, 5.0, 1.0, 0.0], [0.0, 10.0, 0.0, 0.0], [10.0, 20.0, 1.0, 1.0]]
    """
    time = frame[duration].to_numpy(dtype=float)
    goes_on = time > cut
    early = frame.assign(entry=0.0, is_late=0.0)
    early[duration] = np.minimum(time, cut)
    early[event] = np.where(goes_on, 0, frame[event])
    late = frame[goes_on].assign(entry=float(cut), is_late=1.0)
    late[duration] = time[goes_on]
    return pd.concat([early, late], ignore_index=True)


def _two_effects(
    rows: pd.DataFrame, many: list[str], names: list[str]
) -> tuple[pd.DataFrame, list[str]]:
    """Replace each covariate by an early and a late one."""
    new = {}
    for column in many:
        new[f"{column}_early"] = rows[column] * (1 - rows["is_late"])
        new[f"{column}_late"] = rows[column] * rows["is_late"]
    return rows.assign(**new), [c for c in names if c not in many] + list(new)
