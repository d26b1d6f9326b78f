"""Personas discovered in the data, or the finding that there are none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from retention.errors import EvidenceError
from retention.results import Check, Status, percent
from retention.segments.codes import SegmentCode
from retention.segments.personas.methods import METHODS, candidates
from retention.segments.personas.preparation import prepare
from retention.segments.personas.profile import EFFECT_COLUMNS, UNPLACED, effects, names
from retention.segments.personas.selection import Candidate, Terms, choose, compare, table

LEAST_CUSTOMERS = 200
"""Below this, a cluster of the least lawful share holds ten people."""


@dataclass(frozen=True)
class Personas:
    """Personas, or none.

    Parameters
    ----------
    customers
        ``customer_key, persona``, sorted; ``unplaced`` for all where there is no structure.
    candidates
        One row per clustering that was tried, with its verdict.
    effects
        ``persona, feature, customers, mean, mean_others, effect, ci_low, ci_high``.
    chosen
        The clustering taken; None where the data shows no cluster structure.
    left_out
        Feature to the reason why it was not used.
    n
        Customers that the clusterings were fitted to.
    reason
        Why no clustering was tried; empty where some were.
    """

    customers: pd.DataFrame
    candidates: pd.DataFrame
    effects: pd.DataFrame
    chosen: Candidate | None
    left_out: dict[str, str]
    n: int
    reason: str = ""

    def to_frame(self) -> pd.DataFrame:
        """Return one row per persona and feature."""
        return self.effects

    def sizes(self) -> pd.DataFrame:
        """Return customers and share of each persona, largest first."""
        counts = self.customers["persona"].value_counts().rename_axis("persona")
        frame = counts.reset_index(name="customers")
        frame["share"] = frame["customers"] / len(self.customers)
        return frame.sort_values(["customers", "persona"], ascending=[False, True])

    def checks(self) -> list[Check]:
        """Return whether there is a structure that holds."""
        held = self.chosen is not None
        return [
            Check(
                SegmentCode.CLUSTERS_UNSTABLE,
                Status.PASS if held else Status.WARN,
                self.summary(),
                "" if held else "Segment by rules; do not name groups that are not there.",
            )
        ]

    def summary(self) -> str:
        """Return the finding in words."""
        tried = len(self.candidates)
        if tried == 0:
            return self.reason
        if self.chosen is None:
            reasons = self.candidates["verdict"].value_counts()
            why = "; ".join(f"{count} {verdict}" for verdict, count in reasons.items())
            return f"No cluster structure: of {tried} clusterings none holds ({why})."
        best = self.chosen
        personas = "; ".join(n for n in self.sizes()["persona"] if n != UNPLACED)
        return (
            f"{best.clusters} personas by {best.method.name}: {personas}. Clusterings of resamples "
            f"agree with it (adjusted Rand index {best.stability:.2f}, {best.ci_low:.2f} to "
            f"{best.ci_high:.2f}, n = {self.n:,}). {self._unplaced()}"
        )

    def _unplaced(self) -> str:
        """Return in words how many customers carry no persona."""
        left, total = int((self.customers["persona"] == UNPLACED).sum()), len(self.customers)
        if not left:
            return "All customers carry one."
        return (
            f"{left:,} of {total:,} customers ({percent(left / total)}) are unplaced: they have "
            "too few orders to show one, or belong to no cluster."
        )

    def advice(self) -> str:
        """Return what to do with the personas: whom to speak to, and of what."""
        if self.chosen is None or self.effects.empty:
            return "Segment by rules; do not name groups that are not there."
        named = self.effects[self.effects["persona"] != UNPLACED]
        row = named.loc[named["effect"].abs().idxmax()]
        return (
            f"Write a message of its own for each, on trial, first for '{row['persona']}' "
            f"({int(row['customers']):,} customers), who stand out most: by "
            f"{str(row['feature']).replace('_', ' ')}. Do not carry personas over to the unplaced."
        )


def discover(
    features: pd.DataFrame,
    names_of_features: Sequence[str],
    *,
    methods: Sequence[str] = METHODS,
    most_clusters: int = 6,
    min_orders: int = 1,
    terms: Terms | None = None,
) -> Personas:
    """Look for personas: groups that differ across features, stable and beyond chance.

    Parameters
    ----------
    features
        Feature table with ``customer_key`` and ``order_count``.
    names_of_features
        Features to look at; those that the data lacks are left out and named.
    methods
        Among ``k-means``, ``gaussian mixture`` and ``hdbscan``.
    most_clusters
        Largest number of clusters to try.
    min_orders
        Customers with fewer orders show too little of themselves: they stay ``unplaced``.
    terms
        What a clustering must meet.

    Raises
    ------
    ParameterError
        If a method is unknown or a feature is text.

    Notes
    -----
    With fewer than 200 customers to look at, or fewer than two features that vary, nobody is placed
    and the summary says so.

    Stability after Hennig (2007), with the adjusted Rand index of Hubert and Arabie (1985);
    separation is held against references without clusters across features (`selection`).
    """
    frame = features.sort_values("customer_key", kind="stable").reset_index(drop=True)
    placed = frame[frame["order_count"] >= min_orders].reset_index(drop=True)
    persona = pd.Series(UNPLACED, index=frame["customer_key"], dtype=object)
    if len(placed) < LEAST_CUSTOMERS:
        few = (
            f"{len(placed):,} customers have {min_orders} orders or more: too few for personas, "
            f"which need {LEAST_CUSTOMERS}."
        )
        return _nobody_placed(persona, few, len(placed))
    try:
        prepared = prepare(placed, names_of_features)
    except EvidenceError as alike:
        return _nobody_placed(persona, str(alike), len(placed))
    terms = terms or Terms()
    found = compare(prepared.values, list(candidates(list(methods), most_clusters)), terms)
    chosen = choose(found)
    profile = _no_effects()
    if chosen is not None:
        labels = chosen.assign(prepared.values)
        profile = effects(prepared, placed, labels)
        called = {-1: UNPLACED, **names(profile)}
        persona[placed["customer_key"]] = np.array([called[int(c)] for c in labels], dtype=object)
        profile.insert(0, "persona", profile.pop("cluster").map(called))
    customers = persona.rename("persona").rename_axis("customer_key").reset_index()
    return Personas(customers, table(found), profile, chosen, prepared.left_out, len(placed))


def _nobody_placed(persona: pd.Series[str], reason: str, n: int) -> Personas:
    """Return that no clustering was tried, and why."""
    everyone = persona.rename("persona").rename_axis("customer_key").reset_index()
    return Personas(everyone, table([]), _no_effects(), None, {}, n, reason)


def _no_effects() -> pd.DataFrame:
    """Return the table of effects without a row."""
    return pd.DataFrame(columns=["persona", *EFFECT_COLUMNS[1:]])
