"""Which candidate ranks best? Repeated half splits, rules and constants among the candidates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.base import clone

from retention.uplift.learners import EffectLearner
from retention.uplift.ranking import paired_qini
from retention.uplift.scores import trial_folds
from retention.uplift.trial import Floats, Trial, renumbered


@dataclass(frozen=True)
class Selection:
    """Held-out QINI of every candidate on the same splits, one arm against the control.

    Parameters
    ----------
    arm
        The arm compared with the control.
    qini
        QINI per split (rows) and candidate (columns, simplest first).
    error
        Standard error of each candidate's shortfall against the best, paired on held-out halves.
    chosen
        The simplest candidate whose shortfall is within one standard error of nothing.
    best
        The candidate of highest mean.
    n
        Units of the two arms.
    """

    arm: str
    qini: pd.DataFrame
    error: pd.Series
    chosen: str
    best: str
    n: int

    @property
    def best_ranking(self) -> str:
        """Return the chosen candidate, or the best that ranks at all where a constant is chosen."""
        mean = self.qini.drop(columns="constant", errors="ignore").mean()
        return self.chosen if self.chosen != "constant" or mean.empty else str(mean.idxmax())

    def to_frame(self) -> pd.DataFrame:
        """Return one row per candidate, best first; the difference is paired with the best."""
        gap = self.qini.sub(self.qini[self.best], axis=0)
        frame = pd.DataFrame({
            "arm": self.arm, "candidate": self.qini.columns, "qini": self.qini.mean().to_numpy(),
            "against_best": gap.mean().to_numpy(), "against_best_error": self.error.to_numpy(),
            "splits": len(self.qini), "n": self.n,
        })  # fmt: skip
        return frame.sort_values(["qini", "candidate"], ascending=[False, True], ignore_index=True)

    def summary(self) -> str:
        """Word which candidate ranks best."""
        mean = self.qini.mean()
        text = (
            f"For {self.arm} {self.chosen!r} is chosen: held-out QINI "
            f"{1000 * mean[self.chosen]:.2f} per 1,000 units over {len(self.qini)} splits of "
            f"{self.n:,} units"
        )
        if self.chosen == self.best:
            return f"{text}, the highest of {len(mean)} candidates."
        return (
            f"{text}; {self.best!r} has {1000 * mean[self.best]:.2f}, within one standard error, "
            "so the simpler one is preferred."
        )


def select_candidate(
    trial: Trial,
    outcome: str,
    scores: Floats,
    candidates: Mapping[str, EffectLearner],
    *,
    splits: int = 5,
    seed: int = 0,
) -> Selection:
    """Fit every candidate on random halves and rank the other halves.

    Parameters
    ----------
    trial
        A two-arm trial (see ``Trial.against_control``).
    outcome
        The outcome to rank by.
    scores
        Doubly robust effect scores of the same units.
    candidates
        By name, simplest first: among equals the first is preferred.
    splits
        Number of half splits.
    seed
        Seed of the splits.
    """
    results = split_results(trial, outcome, scores, candidates, splits=splits, seed=seed)
    return selection_of(trial.arms[1], list(candidates), results, trial.units)


SplitResult = tuple[Floats, Floats]
"""Every candidate's QINI on a held-out half, and on random halves of that."""


def split_results(
    trial: Trial, outcome: str, scores: Floats, candidates: Mapping[str, EffectLearner], *,
    splits: int, seed: int,
) -> list[SplitResult]:  # fmt: skip
    """Return every candidate's held-out QINI on each of some half splits."""
    return [
        _split_qini(trial, outcome, scores, candidates, seed + split) for split in range(splits)
    ]


def selection_of(
    arm: str, names: Sequence[str], results: Sequence[SplitResult], units: int
) -> Selection:
    """Choose among candidates by the results of half splits, of one part of the units or several.

    Parameters
    ----------
    arm
        The arm compared with the control.
    names
        Candidates, simplest first.
    results
        Of every split (see ``split_results``).
    units
        Units of the two arms.
    """
    qini = pd.DataFrame([whole for whole, _ in results], columns=list(names))
    best = str(qini.mean().idxmax())
    position = list(names).index(best)
    spreads = [(halves[:, [position]] - halves).std(axis=0, ddof=1) for _, halves in results]
    error = pd.Series(np.mean(spreads, axis=0), index=qini.columns)
    return Selection(arm, qini, error, _simplest(qini, error, best), best, units)


def _split_qini(
    trial: Trial, outcome: str, scores: Floats, candidates: Mapping[str, EffectLearner], seed: int
) -> SplitResult:
    """Return every candidate's QINI on one held-out half, and on random halves of that."""
    half = trial_folds(trial, outcome, 2, seed)
    train = trial.take(half == 0)
    held = np.flatnonzero(half == 1)
    own = None if trial.cluster is None else renumbered(trial.cluster[held])
    X = trial.covariates.iloc[held]
    priorities = []
    for candidate in candidates.values():
        learner = clone(candidate).fit(
            train.covariates, train.arm, train.outcome(outcome), train.propensity
        )
        priorities.append(learner.predict(X)[:, 0])
    return paired_qini(priorities, scores[held], seed=seed, cluster=own)


def _simplest(qini: pd.DataFrame, error: pd.Series, best: str) -> str:
    """Return the first candidate whose shortfall is within one standard error of none."""
    shortfall = qini[best].mean() - qini.mean()
    near = shortfall.index[shortfall <= error]
    return str(near[0]) if len(near) else best
