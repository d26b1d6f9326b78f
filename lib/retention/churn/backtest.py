"""Rolling-origin backtest: each date is predicted by models that knew only what came before it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from retention.churn.calibration import Recalibration
from retention.churn.candidates import Candidate, Fitted
from retention.churn.codes import ChurnCode
from retention.churn.metrics import Scores, log_losses, score_probabilities
from retention.churn.panel import Array, LabelledDate
from retention.errors import EvidenceError
from retention.results import Check, Status, of_drawn


@dataclass(frozen=True)
class Backtest:
    """What every candidate would have said at every date, and what then happened.

    Parameters
    ----------
    predictions
        Columns ``as_of``, ``customer_key``, ``churned``, ``revenue_minor`` and one column of churn
        probabilities per candidate; one row per customer and test date.
    candidates
        The candidates compared.
    chosen
        Name of the plainest candidate within one standard error of the best (log loss).
    comparison
        Columns ``candidate``, ``complexity``, ``log_loss``, ``brier``, ``auc``, ``excess`` (log
        loss above the best), ``standard_error`` (of the excess, clustered by customer), ``within``.
    horizon_days
        Horizon of the labels.
    dropped
        Candidates that the data could not carry at some date, with the reason.
    fitted
        Every candidate as it was fitted to predict the latest test date.
    share
        Share of the shop's customers that were drawn to learn from and to be predicted.
    """

    predictions: pd.DataFrame
    candidates: tuple[Candidate, ...] = field(repr=False)
    chosen: str = ""
    comparison: pd.DataFrame = field(default_factory=pd.DataFrame)
    horizon_days: int = 0
    dropped: dict[str, str] = field(default_factory=dict)
    fitted: dict[str, Fitted] = field(default_factory=dict, repr=False)
    share: float = 1.0

    @property
    def dates(self) -> list[str]:
        """Test dates, oldest first."""
        return list(dict.fromkeys(self.predictions["as_of"]))

    def scores(self, candidate: str | None = None, *, seed: int = 0) -> Scores:
        """Return the scores of one candidate (by default the chosen) over all dates."""
        p = self.predictions[candidate or self.chosen].to_numpy()
        return score_probabilities(self.predictions["churned"].to_numpy(), p, seed=seed)

    def by_date(self, candidate: str | None = None, *, seed: int = 0) -> pd.DataFrame:
        """Return the scores per test date: ``as_of``, ``n``, ``metric``, ``value``, interval."""
        parts = []
        for as_of, rows in self.predictions.groupby("as_of", sort=True):
            scores = score_probabilities(
                rows["churned"].to_numpy(), rows[candidate or self.chosen].to_numpy(), seed=seed
            )
            parts.append(scores.frame.assign(as_of=as_of, n=scores.n))
        return pd.concat(parts, ignore_index=True)

    def fit_chosen(self, dates: Sequence[LabelledDate], *, seed: int) -> Fitted:
        """Fit the chosen candidate to the latest matured dates, ready to score today."""
        return self.candidate(self.chosen).fit(dates, seed=seed)

    def candidate(self, name: str) -> Candidate:
        """Return a candidate by name."""
        return next(c for c in self.candidates if c.name == name)

    def latest(self) -> pd.DataFrame:
        """Return what the chosen candidate said at the latest test date, as if it had been a run.

        Columns ``customer_key``, ``churn_probability``, ``churned``, ``as_of``, ``horizon_days``.
        """
        rows = self.predictions[self.predictions["as_of"] == self.dates[-1]]
        answer = rows[["customer_key", "churned", "as_of"]].reset_index(drop=True)
        return answer.assign(churn_probability=rows[self.chosen].to_numpy(),
                             horizon_days=self.horizon_days)  # fmt: skip

    def recalibration(self) -> Recalibration:
        """Return the correction of level and slope learnt from the latest test date."""
        rows = self.predictions[self.predictions["as_of"] == self.dates[-1]]
        return Recalibration.of(rows["churned"].to_numpy(), rows[self.chosen].to_numpy())

    def to_frame(self) -> pd.DataFrame:
        """Return the comparison of the candidates."""
        return self.comparison.copy()

    def summary(self) -> str:
        """Say which candidate was chosen and why."""
        table = self.comparison.set_index("candidate")
        best, mine = table["log_loss"].idxmin(), table.loc[self.chosen]
        n = len(self.predictions)
        why = (
            "it has the lowest log loss"
            if best == self.chosen
            else (f"it is the plainest within one standard error of {_words(str(best))}")
        )
        left_out = "".join(
            f" Left out: {_words(n)} ({reason})" for n, reason in self.dropped.items()
        )
        drawn = of_drawn(self.share)
        return (
            f"Over {len(self.dates)} dates and {n:,} predictions{drawn}, "
            f"{_words(self.chosen)} is chosen: "
            f"{why} (log loss {mine.log_loss:.4f}, AUC {mine.auc:.3f})."
            f"{left_out}"
        )

    def checks(self) -> list[Check]:
        """Return whether the chosen model beats the recency rule, and at every date."""
        return [self._against_recency(), self._stability()]

    def _against_recency(self) -> Check:
        """Compare with the recency rule."""
        gain = self._gain(self.predictions)
        if self.chosen == "recency_rule":
            return Check(ChurnCode.BEATS_RECENCY, Status.WARN,
                         "No model is clearly better than the recency rule, so the rule is used.",
                         "Rank by recency; do not sell this as a model.")  # fmt: skip
        ok = gain[0] - 2 * gain[1] > 0
        return Check(ChurnCode.BEATS_RECENCY, Status.PASS if ok else Status.WARN,
                     f"Log loss {gain[0]:+.4f} (±{2 * gain[1]:.4f}) better than the recency rule.",
                     "" if ok else "Prefer the rule: it is as good.")  # fmt: skip

    def _stability(self) -> Check:
        """Look whether the chosen model is better than recency at every date."""
        gains = [self._gain(rows)[0] for _, rows in self.predictions.groupby("as_of", sort=True)]
        worse = sum(gain < 0 for gain in gains)
        return Check(ChurnCode.STABLE_OVER_TIME, Status.WARN if worse else Status.PASS,
                     f"At {len(gains) - worse} of {len(gains)} dates the chosen model is no worse "
                     "than the recency rule.",
                     "Look at the bad dates before acting." if worse else "")  # fmt: skip

    def _gain(self, rows: pd.DataFrame) -> tuple[float, float]:
        """Return how much log loss the chosen model saves against recency, with its error."""
        if "recency_rule" not in rows:
            return 0.0, 0.0
        y = rows["churned"].to_numpy()
        saved = log_losses(y, rows["recency_rule"].to_numpy()) - log_losses(
            y, rows[self.chosen].to_numpy()
        )
        return float(saved.mean()), clustered_error(saved, rows["customer_key"].to_numpy())


def backtest(
    dates: Sequence[LabelledDate],
    candidates: Sequence[Candidate],
    *,
    test_dates: int = 4,
    training_dates: int = 2,
    seed: int = 0,
) -> Backtest:
    """Predict each of the latest dates from the dates that had matured by then.

    Parameters
    ----------
    dates
        Labelled dates, any order.
    candidates
        Models to compare.
    test_dates
        How many of the latest dates to predict.
    training_dates
        How many of the latest matured dates each fit may use.
    seed
        Seed of the fits.

    Raises
    ------
    EvidenceError
        If a test date has no matured date before it.
    """
    ordered = sorted(dates, key=lambda date: date.as_of)
    dropped: dict[str, str] = {}
    parts, fitted = [], {}
    for test in ordered[-test_dates:]:
        train = matured(ordered, test.as_of)[-training_dates:]
        if train:
            fitted = _fit(train, candidates, seed, dropped)
            parts.append(_predict(test, fitted))
    if not parts:
        raise EvidenceError("No date has an earlier one whose outcomes were known by then.",
                            "Use a longer history or a shorter horizon.")  # fmt: skip
    kept = [candidate for candidate in candidates if candidate.name not in dropped]
    if not kept:
        raise EvidenceError("No candidate could learn from these dates.", str(dropped))
    predictions = pd.concat(parts, ignore_index=True).drop(columns=list(dropped), errors="ignore")
    comparison = compare(predictions, kept)
    within = comparison[comparison["within"]]
    chosen = str(within.sort_values(["complexity", "log_loss"])["candidate"].iloc[0])
    return Backtest(predictions, tuple(kept), chosen, comparison, ordered[-1].horizon_days,
                    dropped, fitted, ordered[-1].share)  # fmt: skip


def matured(dates: Sequence[LabelledDate], as_of: str) -> list[LabelledDate]:
    """Return the dates whose outcomes were all known at the as-of date."""
    return [date for date in dates if date.matured_on <= as_of]


def compare(predictions: pd.DataFrame, candidates: Sequence[Candidate]) -> pd.DataFrame:
    """Compare candidates by log loss, paired customer by customer."""
    from sklearn.metrics import roc_auc_score

    y = predictions["churned"].to_numpy()
    losses = {c.name: log_losses(y, predictions[c.name].to_numpy()) for c in candidates}
    best = min(losses, key=lambda name: float(losses[name].mean()))
    keys = predictions["customer_key"].to_numpy()
    rows = []
    for candidate in candidates:
        p, excess = predictions[candidate.name].to_numpy(), losses[candidate.name] - losses[best]
        error = clustered_error(excess, keys)
        rows.append((candidate.name, candidate.complexity, losses[candidate.name].mean(),
                     ((y - p) ** 2).mean(), roc_auc_score(y, p), excess.mean(), error,
                     bool(excess.mean() <= error)))  # fmt: skip
    columns = ["candidate", "complexity", "log_loss", "brier", "auc", "excess", "standard_error",
               "within"]  # fmt: skip
    return pd.DataFrame(rows, columns=columns)


def clustered_error(values: Array, clusters: Array) -> float:
    """Return the standard error of a mean whose values come in clusters (customers)."""
    codes, names = pd.factorize(clusters)
    sums = np.bincount(codes, values - values.mean(), len(names))
    return float(np.sqrt((sums**2).sum()) / len(values))


def _fit(
    train: Sequence[LabelledDate],
    candidates: Sequence[Candidate],
    seed: int,
    dropped: dict[str, str],
) -> dict[str, Fitted]:
    """Fit every candidate to the training dates.

    A candidate that the data cannot carry is noted in ``dropped``, with the reason.
    """
    fitted = {}
    for candidate in candidates:
        if candidate.name not in dropped:
            try:
                fitted[candidate.name] = candidate.fit(train, seed=seed)
            except EvidenceError as error:
                dropped[candidate.name] = str(error)
    return fitted


def _predict(test: LabelledDate, fitted: dict[str, Fitted]) -> pd.DataFrame:
    """Predict one test date with every candidate."""
    told = {name: model.probability(test.features) for name, model in fitted.items()}
    return pd.DataFrame(
        {
            "as_of": test.as_of,
            "customer_key": test.keys,
            "churned": test.churned,
            "revenue_minor": test.revenue_minor,
            **told,
        }
    )


def _words(name: str) -> str:
    """Return a candidate's name in words."""
    return name.replace("_", " ")
