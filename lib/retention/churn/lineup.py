"""The candidates a report compares."""

from __future__ import annotations

import dataclasses

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


def candidates_named(
    names: list[str], *, fit_sample_customers: int | None = None
) -> list[Candidate]:
    """Return candidates by name; the recency rule is always among them.

    Parameters
    ----------
    names
        Names of the candidates.
    fit_sample_customers
        Largest number of customer-dates that one fit may use, see
        :func:`~retention.churn.thinning.thinned`; None leaves each candidate its own. The recency
        rule and the purchase model always use all: they cost nothing.

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
    chosen = [candidate for name, candidate in CANDIDATES.items() if name in wanted]
    if fit_sample_customers is None:
        return chosen
    return [_thinned(candidate, fit_sample_customers) for candidate in chosen]


def _thinned(candidate: Candidate, most: int) -> Candidate:
    """Return the candidate with a smaller sample to fit on, where it draws one at all."""
    if isinstance(candidate, RecencyRule | SilenceModel):
        return candidate
    own: int = getattr(candidate, "most_customers", most)
    return dataclasses.replace(candidate, most_customers=min(most, own))  # type: ignore[type-var]


def default_candidates() -> list[Candidate]:
    """Return all candidates, from plain to intricate."""
    return list(CANDIDATES.values())
