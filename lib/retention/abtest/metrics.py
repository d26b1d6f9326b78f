"""What a metric is: its columns, its kind, its covariates and what happens to nulls."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from retention.errors import ParameterError


class MetricKind(StrEnum):
    """How the value of an arm is formed from its units."""

    MEAN = "mean"
    PROPORTION = "proportion"
    RATIO = "ratio"


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
        ``mean``, ``proportion`` (values 0 and 1) or ``ratio`` (sum over sum, delta method).
    denominator
        Column of the denominator; ratio metrics only.
    covariates
        Pre-treatment columns for CUPED; empty for none.
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

    def __post_init__(self) -> None:
        """Refuse what cannot be computed."""
        if (self.kind is MetricKind.RATIO) != (self.denominator is not None):
            raise ParameterError(
                f"Metric {self.name!r} is a {self.kind} with denominator {self.denominator!r}.",
                "Give a denominator to ratio metrics and to no others.",
                column=self.column,
            )
        if self.nulls is NullPolicy.OWN_STRATUM:
            raise ParameterError(
                f"Metric {self.name!r} asks for missing outcomes as their own stratum.",
                "An unseen outcome has no value in any stratum: choose strict, zero or drop.",
                column=self.column,
            )
        if self.winsorise_at is not None and not 0.5 < self.winsorise_at < 1:
            raise ParameterError(
                f"Metric {self.name!r} is to be capped at quantile {self.winsorise_at}.",
                "Choose a quantile between 0.5 and 1, such as 0.999.",
                column=self.column,
            )

    @property
    def outcome_columns(self) -> tuple[str, ...]:
        """Columns whose nulls fall under ``nulls``."""
        return (self.column,) if self.denominator is None else (self.column, self.denominator)

    @property
    def terms(self) -> tuple[Term, ...]:
        """The metric first, then one term for each covariate (and for each of its gaps)."""
        covariates = [Term(name) for name in self.covariates]
        if self.covariate_nulls is NullPolicy.OWN_STRATUM:
            covariates += [Term(missing_name(name)) for name in self.covariates]
        return (Term(self.column, self.denominator), *covariates)


def missing_name(column: str) -> str:
    """Return the name of the moment column that flags a missing ``column``."""
    return f"{column} is missing"
