"""Studies where customers were not drawn one by one: declared in a file, read from the orders.

``difference_in_differences``: some customers were treated from a day on, others never were.
``synthetic_control``: one country or channel was treated, many others were not.
``switchback``: the whole shop was switched, period by period, by a schedule drawn beforehand.
The first two are labelled *not causal proof* wherever they are shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from retention.abtest.quasi_experiment import DifferenceInDifferences, difference_in_differences
from retention.abtest.switchback import (
    SwitchbackEffect,
    cut_carry_over,
    switchback_effect,
    switchback_schedule,
)
from retention.abtest.synthetic_control import SyntheticControl, synthetic_control
from retention.choices import coerce
from retention.engine import Engine
from retention.errors import EvidenceError, InputError, ParameterError
from retention.features import minor_per_major
from retention.features.dates import DAY_S, epoch_of
from retention.quantities import quantity

HOUR_S = 3_600


class StudyDesign(StrEnum):
    """How the treated and the others came about."""

    DIFFERENCE_IN_DIFFERENCES = "difference_in_differences"
    SYNTHETIC_CONTROL = "synthetic_control"
    SWITCHBACK = "switchback"


@dataclass(frozen=True)
class Study:
    """A declared study.

    Parameters
    ----------
    name, question, owner
        Name of its file, what is asked, who answers for it.
    design
        One of :class:`StudyDesign`.
    starts
        ISO date of the first treated period (of the first period of a switchback).
    outcome
        ``revenue`` (money per customer and period; per hour in a switchback) or ``orders``.
    unit
        Unit of the outcome: a currency or ``orders``.
    treated
        Who was treated: ``{campaign: KEY}`` (customers it was sent to), or one column of the
        customers with its values, ``{country: [DE]}``, ``{channel: [etsy]}``. None for a
        switchback.
    period_days, periods_before, periods_after
        Length of a period and how many are read on each side of the start.
    period_hours, carry_over_hours, periods, seed
        A switchback's period, the part of it that is cut off, the number of periods (even) and the
        seed its schedule was drawn with.
    """

    name: str
    question: str
    owner: str
    design: StudyDesign
    starts: str
    outcome: str = "revenue"
    unit: str = "USD"
    treated: Mapping[str, Any] = field(default_factory=dict)
    period_days: int = 7
    periods_before: int = 8
    periods_after: int = 4
    period_hours: int = 24
    carry_over_hours: int = 2
    periods: int = 28
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse a study that cannot be read."""
        coerce(self, design=StudyDesign)
        epoch_of(self.starts)
        if self.outcome not in ("revenue", "orders"):
            raise ParameterError(
                f"There is no outcome {self.outcome!r}.", "Write revenue or orders."
            )
        if self.design is not StudyDesign.SWITCHBACK and len(self.treated) != 1:
            raise ParameterError(
                f"Study {self.name!r} does not say who was treated.",
                "Give `treated: {campaign: KEY}` or one column of the customers with its values.",
                column="treated",
            )

    @classmethod
    def from_text(cls, text: str, file: str | None = None) -> Study:
        """Read a study from YAML.

        Raises
        ------
        ParameterError
            If a field is unknown, missing or impossible.
        """
        given = yaml.safe_load(text)
        known = [f.name for f in fields(cls)]
        wrong = sorted(set(given) - set(known)) if isinstance(given, dict) else ["?"]
        missing = [k for k in ("name", "question", "owner", "design", "starts") if k not in given]
        if wrong or missing or given["design"] not in list(StudyDesign):
            raise ParameterError(
                f"The study has wrong fields ({', '.join(wrong) or 'none'}), lacks fields "
                f"({', '.join(missing) or 'none'}), or names no design.",
                f"Fields: {', '.join(known)}; designs: {', '.join(StudyDesign)}.",
                file=file,
            )
        return cls(
            **given | {"design": StudyDesign(given["design"]), "starts": str(given["starts"])}
        )


Found = DifferenceInDifferences | SyntheticControl | SwitchbackEffect


@dataclass(frozen=True, eq=False)
class StudyResult:
    """What a study found."""

    study: Study
    found: Found

    def to_frame(self) -> pd.DataFrame:
        """Return the study's periods, as its design has them."""
        return pd.DataFrame() if isinstance(self.found, SwitchbackEffect) else self.found.to_frame()

    @property
    def table(self) -> pd.DataFrame:
        """What the trade would claim beside what the design supports, in words."""
        found, unit = self.found, self.study.unit
        effect = found.difference if isinstance(found, SwitchbackEffect) else found.effect
        low, high = (quantity(v, unit, signed=True) for v in (found.ci_low, found.ci_high))
        design = str(self.study.design).replace("_", " ")
        change = quantity(effect, unit, signed=True)
        rows = [(design, change, f"{low} to {high}", f"{found.p_value:.3g}", self.assumption)]
        if isinstance(found, DifferenceInDifferences):
            claim = quantity(found.before_after, unit, signed=True)
            rows.insert(0, ("before and after alone", claim, "", "", "nothing else changed"))
        return pd.DataFrame(rows, columns=["reading", "change", "interval", "p", "rests_on"])

    @property
    def assumption(self) -> str:
        """What the reading rests on, and how that held where it can be tested."""
        found = self.found
        if isinstance(found, DifferenceInDifferences):
            return f"parallel trends: {found.check().detail}"
        if isinstance(found, SyntheticControl):
            fit = quantity(found.fit_before, self.study.unit)
            return f"the mix followed the treated one before: misfit {fit}"
        return f"the order of periods was drawn; {self.study.carry_over_hours} h carry-over cut off"

    def summary(self) -> str:
        """Say what was asked and what was found."""
        return f"{self.study.question} {self.found.summary()}"


def read_studies(folder: Path) -> list[Study]:
    """Read every study of a folder, sorted by start and name; none where there is no folder."""
    found = [
        Study.from_text(path.read_text(encoding="utf-8"), file=path.name)
        for path in sorted(folder.glob("*.yaml"))
    ]
    return sorted(found, key=lambda study: (study.starts, study.name))


def studies(engine: Engine, folder: Path, as_of: str) -> list[StudyResult]:
    """Judge every study of a folder whose last period lies before the as-of date."""
    return [
        judge_study(engine, study)
        for study in read_studies(folder)
        if _periods(study)[-1] <= epoch_of(as_of)
    ]


def studies_table(found: list[StudyResult]) -> pd.DataFrame:
    """Return one row per study and reading; empty where there is no study."""
    rows = [f.table.assign(study=f.study.name) for f in found]
    columns = ["study", "reading", "change", "interval", "p", "rests_on"]
    return pd.concat(rows)[columns] if rows else pd.DataFrame(columns=columns)


def studies_summary(found: list[StudyResult]) -> str:
    """Say what the studies found, or that there are none."""
    return " ".join(f.summary() for f in found) or "No study without randomisation is declared."


def judge_study(engine: Engine, study: Study) -> StudyResult:
    """Return what a study found, from the orders that the engine holds.

    Raises
    ------
    EvidenceError
        If too few were treated, or left alone, or too few periods lie before the start.
    """
    if study.design is StudyDesign.SWITCHBACK:
        return StudyResult(study, _switchback(engine, study))
    panel = study_panel(engine, study)
    if study.design is StudyDesign.DIFFERENCE_IN_DIFFERENCES:
        return StudyResult(
            study, difference_in_differences(panel, study.periods_before, unit=study.unit)
        )
    treated = sorted(panel.loc[panel["treated"] == 1, "unit_key"].unique())
    if len(treated) != 1:
        raise EvidenceError(
            f"Study {study.name!r} has {len(treated)} treated units.",
            "A synthetic control has one; with several use difference_in_differences.",
        )
    return StudyResult(
        study, synthetic_control(panel, treated[0], study.periods_before, unit=study.unit)
    )


def study_panel(engine: Engine, study: Study) -> pd.DataFrame:
    """Return ``unit_key, period, treated, value`` of the customers known before the first period.

    Units are customers for difference-in-differences, and the values of the customers' column
    (country, channel) for a synthetic control, there with the mean per customer.
    """
    edges = _periods(study)
    people = _people(engine, study, edges[0])
    orders = engine.query("abtest_panel", start_s=edges[0], until_s=edges[-1]).frame()
    worth = orders["value_minor"] / minor_per_major(engine)
    value = worth if study.outcome == "revenue" else pd.Series(1.0, index=orders.index)
    period = (orders["ordered_epoch_s"] - edges[0]) // (study.period_days * DAY_S)
    at = people.index.get_indexer(pd.Index(orders["customer_key"]))
    matrix = np.zeros((len(people), len(edges) - 1))
    known = at >= 0
    np.add.at(matrix, (at[known], period.to_numpy(dtype=int)[known]), value.to_numpy(float)[known])
    wide = pd.DataFrame(matrix, index=people.index)
    treated = people["treated"]
    if study.design is StudyDesign.SYNTHETIC_CONTROL:
        wide = wide.groupby(people["group"]).mean()
        treated = people.groupby("group")["treated"].first()
    units, periods = wide.shape
    place: Any = np.tile(np.arange(units), periods)  # pandas types codes as a sequence
    return pd.DataFrame({
        "unit_key": pd.Categorical.from_codes(place, categories=wide.index),
        "period": np.repeat(np.arange(periods), units),
        "value": wide.to_numpy().ravel(order="F"),
        "treated": treated.reindex(wide.index).to_numpy()[place],
    })  # fmt: skip


def _people(engine: Engine, study: Study, first_s: int) -> pd.DataFrame:
    """Return customers known before the first period, with group and whether they were treated."""
    (column, values), *_ = study.treated.items()
    if column == "campaign":
        people = engine.sql(
            "SELECT c.customer_key, max(CASE WHEN t.customer_key IS NULL THEN 0 ELSE 1 END) AS "
            "treated FROM customers AS c LEFT JOIN touches AS t ON t.customer_key = c.customer_key "
            "AND t.campaign_key = $campaign_key WHERE c.first_seen_epoch_s < $start_s "
            "GROUP BY c.customer_key ORDER BY c.customer_key",
            campaign_key=str(values), start_s=first_s,
        ).frame()  # fmt: skip
        return people.assign(group="").set_index("customer_key")
    if column not in ("country", "channel"):
        raise InputError(
            f"Customers cannot be told apart by {column!r}.", "Use campaign, country or channel.",
            column="treated",
        )  # fmt: skip
    people = engine.sql(
        f"SELECT customer_key, coalesce({column}, 'missing') AS \"group\" FROM customers "
        "WHERE first_seen_epoch_s < $start_s ORDER BY customer_key",
        start_s=first_s,
    ).frame()
    chosen = [str(v) for v in (values if isinstance(values, list) else [values])]
    return people.assign(treated=people["group"].isin(chosen).astype(int)).set_index("customer_key")


def _periods(study: Study) -> list[int]:
    """Return the edges of the study's periods, in seconds since 1970."""
    start = epoch_of(study.starts)
    if study.design is StudyDesign.SWITCHBACK:
        return [start + k * study.period_hours * HOUR_S for k in range(study.periods + 1)]
    span = range(-study.periods_before, study.periods_after + 1)
    return [start + k * study.period_days * DAY_S for k in span]


def _switchback(engine: Engine, study: Study) -> SwitchbackEffect:
    """Return the effect of a switchback on the shop's orders or revenue per hour."""
    edges = _periods(study)
    orders = engine.sql(
        "SELECT ordered_epoch_s AS epoch_s, gross_minor - discount_minor - refunded_minor AS "
        "value_minor FROM orders WHERE status IN ('paid', 'refunded') AND ordered_epoch_s >= "
        "$start_s AND ordered_epoch_s < $until_s",
        start_s=edges[0], until_s=edges[-1],
    ).frame()  # fmt: skip
    worth = orders["value_minor"] / minor_per_major(engine)
    orders["value"] = worth if study.outcome == "revenue" else 1.0
    sums = cut_carry_over(
        orders, study.period_hours * HOUR_S, study.carry_over_hours * HOUR_S, edges[0],
        periods=study.periods,
    )  # fmt: skip
    frame = sums.assign(treated=switchback_schedule(study.periods, study.seed))
    return switchback_effect(frame, unit=f"{study.unit} an hour", seed=study.seed)
