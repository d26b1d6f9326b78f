"""The candidates a report compares."""

from __future__ import annotations

from retention.churn.candidates import BoostedModel, Candidate, LogisticModel, RecencyRule
from retention.churn.survival_candidates import (
    AcceleratedCandidate,
    CoxCandidate,
    HazardModel,
    SilenceModel,
)
from retention.errors import ParameterError

CANDIDATES: dict[str, Candidate] = {
    candidate.name: candidate
    for candidate in (
        RecencyRule(),
        SilenceModel(),
        LogisticModel(),
        CoxCandidate(),
        AcceleratedCandidate(),
        BoostedModel(),
        HazardModel(),
    )
}
"""Every candidate by its name, from plain to intricate."""


def candidates_named(names: list[str]) -> list[Candidate]:
    """Return candidates by name; the recency rule is always among them.

    Raises
    ------
    ParameterError
        If there is no such candidate.

    Examples
    --------
    >>> [c.name for c in candidates_named(["logistic_regression"])]
    ['recency_rule', 'logistic_regression']
    """
    unknown = [name for name in names if name not in CANDIDATES]
    if unknown:
        raise ParameterError(
            f"There is no candidate {unknown[0]!r}.",
            f"Choose from {list(CANDIDATES)}.",
            column="candidates",
        )
    wanted = {"recency_rule", *names}
    return [candidate for name, candidate in CANDIDATES.items() if name in wanted]


def default_candidates() -> list[Candidate]:
    """Return all candidates, from plain to intricate."""
    return list(CANDIDATES.values())
