"""Uplift at a million customers, and its ranking against the peers on the same five splits."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from sklearn.base import clone

from benchmarks.race import Contestant, is_quick, measure, solo
from benchmarks.record import Entry
from benchmarks.validity.uplift import hillstrom
from retention.uplift.baselines import BestRule
from retention.uplift.candidates import named_candidates
from retention.uplift.learners import EffectLearner
from retention.uplift.ranking import paired_qini
from retention.uplift.scores import balanced_folds, trial_scores
from retention.uplift.trial import Floats, Trial

WORK = "benchmarks.speed._uplift"
PEERS = "benchmarks.speed._uplift_peers"
SPLITS = 5
OURS = ("rule", "t_logistic")
RIVALS = ("scikit-uplift S", "scikit-uplift T", "scikit-uplift class transformation",
          "econml causal forest", "econml X")  # fmt: skip


def cases() -> Iterator[Entry]:
    """Yield the overhead over bare fits, the bootstrap, and the held-out QINI against peers."""
    units = 100_000 if is_quick() else 1_000_000
    yield from _overhead(units)
    yield solo(
        "uplift", f"1,000 replicates of QINI on {units:,} customers",
        Contestant("ours", f"{WORK}:bootstrap", {"units": units, "replicates": 1000}),
        60.0, units, rounds=1,
    )  # fmt: skip
    yield from _against_peers()


def _overhead(units: int) -> Iterator[Entry]:
    """Yield our time over that of the bare fits, and our memory."""
    ours, bare = measure(
        [Contestant("ours", f"{WORK}:whole_work", {"units": units}),
         Contestant("bare", f"{WORK}:bare_fits", {"units": units})],
        1,
    )  # fmt: skip
    ratio = ours.processor / bare.processor
    said = f"{ours.processor:.1f} processor s against {bare.processor:.1f}, single thread"
    case = f"T- and DR-learner, evaluation and policy, {units:,} × 20"
    yield Entry("uplift", f"{case}: times the bare fits", None, ratio, "", units, ratio <= 1.3,
                said, "at most 1.3")  # fmt: skip
    yield Entry("uplift", f"{case}: megabytes", None, ours.peak_mb, "", units,
                ours.peak_mb <= 4096, said, "at most 4096")  # fmt: skip


def _against_peers() -> Iterator[Entry]:
    """Yield the chosen candidate's held-out QINI less that of the best peer, both arms."""
    trial = hillstrom()
    if trial is None:
        return
    pair = trial.against_control("womens_email")
    scores, _ = trial_scores(pair, "visit", seed=1)
    effect = scores[:, 1] - scores[:, 0]
    own: dict[str, EffectLearner] = {"rule": BestRule(), **named_candidates(
        ["t_logistic", "causalml_s", "causalml_t", "causalml_x", "causalml_r", "uplift_forest"],
        seed=1,
    )}  # fmt: skip
    halves = [balanced_folds(pair.arm, 2, split) for split in range(SPLITS)]
    with tempfile.TemporaryDirectory() as folder:
        peers = _peer_rankings(pair, halves, Path(folder))
    table, errors, worth = {}, [], []
    for split, half in enumerate(halves):
        held = np.flatnonzero(half == 1)
        priorities = {n: _fitted(c, pair, half).predict(pair.covariates.iloc[held])[:, 0]
                      for n, c in own.items()}  # fmt: skip
        priorities |= {name: found[split] for name, found in peers.items()}
        whole, draws = paired_qini(list(priorities.values()), effect[held], seed=split)
        for name, value in zip(priorities, whole, strict=True):
            table.setdefault(name, []).append(value)
        errors.append((draws[:, [0]] - draws).std(axis=0, ddof=1))
        worth.append(_same_budget(list(priorities.values()), effect[held]))
    mean = {name: 1000 * float(np.mean(values)) for name, values in table.items()}
    rivals = {name: value for name, value in mean.items() if name not in OURS}
    best = max(rivals, key=rivals.__getitem__)
    error = 1000 * float(np.mean(errors, axis=0)[list(table).index(best)])
    gap = mean["rule"] - rivals[best]
    said = ", ".join(f"{name} {value:.2f}" for name, value in sorted(
        mean.items(), key=lambda item: -item[1]))  # fmt: skip
    yield Entry(
        "uplift", "Hillstrom, womens_email, visit: held-out QINI × 1,000 of the chosen candidate "
        f"(rule) less that of the best of causalml, scikit-uplift and econml ({best})",
        None, gap, f"paired interval {gap - 1.96 * error:+.2f} to {gap + 1.96 * error:+.2f}",
        pair.units, gap >= 0, f"five half splits, the same for all: {said}", "at least 0",
    )  # fmt: skip
    yield _policy_value(list(table), rivals, np.mean(worth, axis=0), pair.units)


def _policy_value(names: list[str], rivals: dict[str, float], worth: Floats, units: int) -> Entry:
    """Return what the rule's policy is worth beyond the best peer's at equal budget, paired."""
    at = {name: 1000 * worth[:, names.index(name)] for name in rivals}
    best = min(at, key=lambda name: float(at[name][0]))
    gap, error = (float(value) for value in at[best])
    said = ", ".join(f"{name} {value[0]:+.2f}" for name, value in sorted(
        at.items(), key=lambda item: float(item[1][0])))  # fmt: skip
    return Entry(
        "uplift", "Hillstrom, womens_email, visit: value × 1,000 of mailing those the rule names "
        f"less that of as many whom the best peer ranks first ({best})",
        None, gap, f"paired interval {gap - 1.96 * error:+.2f} to {gap + 1.96 * error:+.2f}",
        units, gap + 1.96 * error >= 0,
        f"doubly robust value, five half splits, the same for all; the rule less each: {said}",
        "not shown to be below 0",
    )  # fmt: skip


def _same_budget(priorities: list[Floats], effect: Floats) -> Floats:
    """Return the first ranking's gain over each other's when all treat as many, and its error.

    As many as the first ranking puts in its best group; shape (2, rankings).
    """
    chosen = priorities[0] >= priorities[0].max()
    count, found = int(chosen.sum()), []
    for priority in priorities:
        first = np.zeros(len(effect))
        first[np.argsort(-priority, kind="stable")[:count]] = 1.0
        gain = effect * (chosen - first)
        found.append((gain.mean(), gain.std(ddof=1) / np.sqrt(len(gain))))
    return np.array(found).T


def _fitted(candidate: EffectLearner, pair: Trial, half: np.ndarray) -> EffectLearner:
    """Return the candidate fitted on the first half."""
    train = pair.take(half == 0)
    return clone(candidate).fit(
        train.covariates, train.arm, train.outcome("visit"), train.propensity
    )


def _peer_rankings(pair: Trial, halves: list[np.ndarray], folder: Path) -> dict[str, list[Floats]]:
    """Have every peer rank every held-out half, in the peers' own environment."""
    X, y = pair.covariates.to_numpy(), pair.outcome("visit")
    for split, half in enumerate(halves):
        train = half == 0
        np.savez(folder / f"split{split}.npz", X=X[train], arm=pair.arm[train], y=y[train],
                 held=X[~train])  # fmt: skip
    found = {}
    for name in RIVALS:
        options = {"folder": str(folder), "name": name, "splits": SPLITS}
        measure([Contestant(name, f"{PEERS}:rankings", options, environment="main")], 1)
        found[name] = [np.load(folder / f"{name}{split}.npy") for split in range(SPLITS)]
    return found
