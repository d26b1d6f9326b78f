"""What a metric is: its columns, its kind, its covariates and what happens to nulls."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from retention.choices import coerce
from retention.errors import ParameterError


class MetricKind(StrEnum):
    """How the value of an arm is formed from its units."""

    MEAN = "mean"
    PROPORTION = "proportion"
    RATIO = "ratio"
    WINSORISED = "winsorised"
    QUANTILE = "quantile"
    TIME_TO_EVENT = "time_to_event"


class NullPolicy(StrEnum):
    """What a missing value means; the default refuses to guess."""

    STRICT = "strict"
    ZERO = "zero"
    DROP = "drop"
    OWN_STRATUM = "missing-is-own-stratum"


class Role(StrEnum):
    """What part a metric plays in the decision, declared before the start."""

    PRIMARY = "primary"
    SECONDARY = "secondary"
    GUARDRAIL = "guardrail"


@dataclass(frozen=True)
class Term:
    """One ratio of sums, numerator over denominator; without a denominator it is a mean."""

    numerator: str
    denominator: str | None = None


@dataclass(frozen=True)
class MetricDefinition:
    """A metric, declared before the data is looked at.

    Parameters
    ----------
    name
        Name in tables and sentences.
    column
        Column of the unit-level table that holds the value (numerator of a ratio).
    kind
        ``mean``, ``proportion`` (values 0 and 1), ``ratio`` (sum over sum, delta method),
        ``winsorised`` (mean under a pooled cap), ``quantile`` or ``time_to_event`` (difference in
        restricted mean time; ``column`` holds the duration). The kind decides the estimator.
    denominator
        Column of the denominator; ratio metrics only.
    quantile
        Which quantile, between 0 and 1; quantile metrics only.
    event, horizon
        Column that tells whether the event was seen (0/1), and the end of the restricted mean in
        the unit of the duration; time-to-event metrics only.
    covariates
        Pre-treatment columns for CUPED; empty for none.
    strata
        Pre-treatment column to post-stratify by, None for none.
    unit
        Unit of the value: ``"share"``, ``"USD"``, ``"orders"`` ...
    higher_is_better
        Direction in which a change is good.
    nulls, covariate_nulls
        Policy for missing values of the outcome and of the covariates.
    winsorise_at
        Pooled quantile above which values are capped, None for no cap.
    role
        Part it plays in the decision.
    non_inferiority_margin
        Largest tolerable relative loss (0.02 = 2 % of the control's value); guardrails only.
    absolute_margin
        Largest tolerable loss in the metric's unit instead; for events so rare that a share of the
        control's value says nothing. Guardrails only.

    Examples
    --------
    >>> MetricDefinition("revenue per customer", "revenue", unit="USD").terms
    (Term(numerator='revenue', denominator=None),)
    """

    name: str
    column: str
    kind: MetricKind = MetricKind.MEAN
    denominator: str | None = None
    covariates: tuple[str, ...] = ()
    unit: str = ""
    higher_is_better: bool = True
    nulls: NullPolicy = NullPolicy.STRICT
    covariate_nulls: NullPolicy = NullPolicy.STRICT
    winsorise_at: float | None = None
    role: Role = Role.SECONDARY
    non_inferiority_margin: float | None = None
    quantile: float | None = None
    event: str | None = None
    horizon: float | None = None
    strata: str | None = None
    absolute_margin: float | None = None

    def __post_init__(self) -> None:
        """Take words for their enums; refuse what cannot be computed."""
        coerce(self, kind=MetricKind, nulls=NullPolicy, covariate_nulls=NullPolicy, role=Role)
        object.__setattr__(self, "covariates", _names(self.covariates))
        for problem, mend in (*_misplaced(self), *_impossible(self)):
            raise ParameterError(f"Metric {self.name!r} {problem}.", mend, column=self.column)

    @property
    def of_units(self) -> bool:
        """Whether the estimate needs the units' values, not their sums."""
        return self.kind in (MetricKind.QUANTILE, MetricKind.TIME_TO_EVENT)

    @property
    def outcome_columns(self) -> tuple[str, ...]:
        """Columns whose nulls fall under ``nulls``."""
        return tuple(c for c in (self.column, self.denominator, self.event) if c is not None)

    @property
    def terms(self) -> tuple[Term, ...]:
        """The metric first, then one term for each covariate (and for each of its gaps)."""
        covariates = [Term(name) for name in self.covariates]
        if self.covariate_nulls is NullPolicy.OWN_STRATUM:
            covariates += [Term(missing_name(name)) for name in self.covariates]
        return (Term(self.column, self.denominator), *covariates)


def _names(given: str | Iterable[str]) -> tuple[str, ...]:
    """Return columns as a tuple, a single one without its letters taken apart."""
    return (given,) if isinstance(given, str) else tuple(given)


def missing_name(column: str) -> str:
    """Return the name of the moment column that flags a missing ``column``."""
    return f"{column} is missing"


NEEDS = {
    MetricKind.RATIO: ("denominator",),
    MetricKind.WINSORISED: ("winsorise_at",),
    MetricKind.QUANTILE: ("quantile",),
    MetricKind.TIME_TO_EVENT: ("event", "horizon"),
}
"""What a kind must be given, and no other kind may be (a cap may stand on any mean)."""


def _misplaced(metric: MetricDefinition) -> Iterator[tuple[str, str]]:
    """Yield what the kind lacks, and what it has but cannot use."""
    for kind, names in NEEDS.items():
        for name in names:
            given, own = getattr(metric, name), metric.kind is kind
            if own and given is None:
                yield f"is a {kind} without {name}", f"Give {name}, or another kind."
            if not own and given is not None and name != "winsorise_at":
                yield f"is a {metric.kind} with {name} {given!r}", f"Give {name} to {kind} only."
    if metric.of_units and (metric.covariates or metric.strata or metric.winsorise_at):
        mend = "Leave out covariates, strata and caps, or choose a mean."
        yield f"is a {metric.kind} with an adjustment that it cannot use", mend


def _impossible(metric: MetricDefinition) -> Iterator[tuple[str, str]]:
    """Yield what no data could fill."""
    if metric.nulls is NullPolicy.OWN_STRATUM:
        mend = "An unseen outcome has no value in any stratum: choose strict, zero or drop."
        yield "asks for missing outcomes as their own stratum", mend
    if metric.winsorise_at is not None and not 0.5 < metric.winsorise_at < 1:
        mend = "Choose a quantile between 0.5 and 1, such as 0.999."
        yield f"is to be capped at quantile {metric.winsorise_at}", mend
    if metric.quantile is not None and not 0 < metric.quantile < 1:
        yield f"asks for quantile {metric.quantile}", "Choose one between 0 and 1, such as 0.5."
    if metric.horizon is not None and not metric.horizon > 0:
        yield f"has a horizon of {metric.horizon}", "Give the days of the restricted mean."
    margins = metric.non_inferiority_margin, metric.absolute_margin
    if any(margin is not None and margin < 0 for margin in margins):
        yield "has a negative margin", "Give the largest tolerable loss as a positive number."
    if None not in margins:
        yield "has two margins", "Give non_inferiority_margin or absolute_margin."
