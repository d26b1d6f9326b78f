"""A legacy system's scores in shadow mode, and which model is the champion."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from retention.churn.backtest import Backtest, matured
from retention.churn.panel import Array, LabelledDate
from retention.churn.shadow import ShadowComparison, compare_in_shadow
from retention.churn.storage import StoredModel
from retention.engine import Engine
from retention.features import epoch_of, observed_until, shifted, texts_in_arrow

BANDS = 20


def legacy_scores(engine: Engine, as_of: str, model: str) -> pd.DataFrame:
    """Return the latest score a legacy system had given each customer before a date.

    Columns ``customer_key``, ``score``, sorted by customer; empty without the table ``scores``.
    """
    if not model or not engine.has("scores"):
        return pd.DataFrame({"customer_key": pd.Series(dtype=object),
                             "score": pd.Series(dtype=float)})  # fmt: skip
    return texts_in_arrow(engine.query("churn_scores", as_of_s=epoch_of(as_of), model=model))


def legacy_shadow(
    engine: Engine, result: Backtest, dates: Sequence[LabelledDate], *, model: str
) -> ShadowComparison:
    """Hold the chosen model against a legacy system's scores on the same customers and dates.

    Parameters
    ----------
    engine
        Engine with the table ``scores``.
    result
        Backtest of our candidates.
    dates
        The labelled dates it rests on.
    model
        Name of the legacy system in ``scores``.

    Notes
    -----
    A legacy score need not be a probability: at each date it is turned into the churn rate that its
    twentieths had at the latest date whose outcomes were known by then, so that both sides know
    the same past. Customers whom the legacy system had not scored are left out.
    """
    parts = [part for test in result.dates
             if (part := _scored_at(engine, result, dates, test, model)) is not None]  # fmt: skip
    if not parts:
        return ShadowComparison.not_possible(
            "No legacy system had scored these customers before the test dates: there is nothing "
            "to hold the model against."
        )
    rows = pd.concat(parts, ignore_index=True)
    return compare_in_shadow(
        rows["customer_key"].to_numpy(), rows["legacy"].to_numpy(), rows["ours"].to_numpy(),
        churned=rows["churned"].to_numpy(),
    )  # fmt: skip


def _scored_at(
    engine: Engine, result: Backtest, dates: Sequence[LabelledDate], as_of: str, model: str
) -> pd.DataFrame | None:
    """Return both probabilities at one test date; None where the legacy system was silent."""
    earlier = matured(sorted(dates, key=lambda date: date.as_of), as_of)
    past = result.predictions[result.predictions["as_of"] == as_of]
    rows = past[["customer_key", "churned"]].assign(ours=past[result.chosen])
    rows = rows.merge(legacy_scores(engine, as_of, model), on="customer_key")
    if rows.empty or not earlier:
        return None
    learnt = earlier[-1].features[["customer_key"]].assign(churned=earlier[-1].churned)
    learnt = learnt.merge(legacy_scores(engine, earlier[-1].as_of, model), on="customer_key")
    if learnt.empty:
        return None
    rate = _BandRates(learnt["score"].to_numpy(), learnt["churned"].to_numpy())
    return rows.assign(legacy=rate(rows["score"].to_numpy()))


class _BandRates:
    """Churn rate by band of a score, shrunk to the overall rate by one customer."""

    def __init__(self, score: Array, churned: Array) -> None:
        """Learn the bands and their rates."""
        self.cuts = np.unique(np.quantile(score, np.arange(1, BANDS) / BANDS))
        band = np.searchsorted(self.cuts, score, side="right")
        n = np.bincount(band, minlength=len(self.cuts) + 1)
        hits = np.bincount(band, churned, len(self.cuts) + 1)
        self.rate = (hits + churned.mean()) / (n + 1)

    def __call__(self, score: Array) -> Array:
        """Return the rate of each score's band."""
        return self.rate[np.searchsorted(self.cuts, score, side="right")]


def champion_of(result: Backtest, wanted: str, approved: pd.DataFrame | None) -> str:
    """Return the candidate that is in use: the one named, else the approved run's, else recency.

    Parameters
    ----------
    result
        Backtest in which the champion must have been compared.
    wanted
        Name from the parameters; empty to look for it.
    approved
        Table ``churn_risk`` of the last approved run, if there is one.
    """
    said = "" if approved is None or "model" not in approved else str(approved["model"].iloc[0])
    names = [candidate.name for candidate in result.candidates]
    return next((name for name in (wanted, said) if name in names), "recency_rule")


def against_champion(result: Backtest, champion: str) -> ShadowComparison:
    """Hold the chosen model against the champion over all test dates.

    Both were fitted anew at every date on what was known then, so that the question is which kind
    of model to use, not which old fit has aged less.
    """
    if champion == result.chosen:
        return ShadowComparison.not_possible(
            f"The chosen model is the champion already: {champion.replace('_', ' ')} stays."
        )
    past = result.predictions
    return compare_in_shadow(
        past["customer_key"].to_numpy(), past[champion].to_numpy(), past[result.chosen].to_numpy(),
        churned=past["churned"].to_numpy(),
    )  # fmt: skip


def stored_shadow(
    result: Backtest,
    dates: Sequence[LabelledDate],
    today: pd.DataFrame,
    fresh: StoredModel,
    stored: StoredModel | None,
) -> ShadowComparison:
    """Hold today's model against the very model that the last approved run stored.

    Parameters
    ----------
    result
        Backtest of today's candidates.
    dates
        The labelled dates it rests on.
    today
        Feature table of the customers to score.
    fresh, stored
        Today's model, and the approved run's as it was stored; None where there is none.

    Notes
    -----
    Outcomes count at test dates on which the stored model was finished: of the others it may have
    seen the outcomes. There today's side is the chosen candidate as it was fitted for that date.
    Where no such date has matured, both score today's customers and only their agreement is told.
    """
    if stored is None:
        return ShadowComparison.not_possible(
            "No approved run has stored a model: there is none to score beside today's."
        )
    parts = [
        past.assign(stored=stored.probability(date.features))
        for date in dates
        if date.as_of >= stored.as_of
        and len(past := result.predictions[result.predictions["as_of"] == date.as_of])
    ]
    if not parts:
        return compare_in_shadow(today["customer_key"].to_numpy(), stored.probability(today),
                                 fresh.probability(today))  # fmt: skip
    rows = pd.concat(parts, ignore_index=True)
    return compare_in_shadow(
        rows["customer_key"].to_numpy(), rows["stored"].to_numpy(),
        rows[result.chosen].to_numpy(), churned=rows["churned"].to_numpy(),
    )  # fmt: skip


def latest_matured(
    tables: Mapping[str, pd.DataFrame], engine: Engine, *, otherwise: pd.DataFrame
) -> tuple[str, pd.DataFrame]:
    """Return the newest published scores whose horizon is over, with the name of their run.

    Parameters
    ----------
    tables
        Table ``churn_risk`` by name of the run, oldest run first.
    engine
        Engine with today's orders.
    otherwise
        What to return where no run has matured: what the model would have said.
    """
    seen = observed_until(engine)
    for name, table in reversed(list(tables.items())):
        if {"as_of", "horizon_days", "churn_probability"} <= set(table.columns) and len(table):
            said_on, days = str(table["as_of"].iloc[0]), int(table["horizon_days"].iloc[0])
            if shifted(said_on, days) <= seen:
                return name, table
    return "the latest test date, for no published run has matured", otherwise
