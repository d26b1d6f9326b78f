"""A part of a large trial, enough to learn from: cost then stops growing with the customers."""

from __future__ import annotations

import numpy as np
import pandas as pd

from retention.uplift.trial import Trial


def at_most(trial: Trial, units: int) -> Trial:
    """Return the trial with at most about so many units, the same share of every arm.

    Parameters
    ----------
    trial
        The trial.
    units
        Units to keep; an arm's share is rounded up.

    Notes
    -----
    Within each arm the units whose key has the smallest hash are kept, of units that were drawn in
    clusters the clusters, whole. The draw depends on the keys
    alone, so that what was assigned, done and measured has no say in it: comparisons of the arms
    stay unbiased, and the same units are drawn by whatever process.

    Examples
    --------
    >>> from retention.uplift.trial import trial_from_frame
    >>> frame = pd.DataFrame({"unit_key": [f"u{i}" for i in range(300)],
    ...                       "arm": ["none", "none", "email"] * 100, "visit": 0})
    >>> whole = trial_from_frame(frame, control="none", outcomes=["visit"])
    >>> part = at_most(whole, 30)
    >>> part.units, int((part.arm == 1).sum())
    (30, 10)
    """
    if trial.units <= units:
        return trial
    hashes = pd.util.hash_array(trial.unit_key.astype(object), categorize=False)
    if trial.cluster is not None:
        least = np.full(trial.draws, np.iinfo(np.uint64).max, dtype=np.uint64)
        np.minimum.at(least, trial.cluster, hashes)
        hashes = least[trial.cluster]
    kept = []
    for arm in range(len(trial.arms)):
        rows = np.flatnonzero(trial.arm == arm)
        last = np.sort(hashes[rows])[int(np.ceil(len(rows) * units / trial.units)) - 1]
        kept.append(rows[hashes[rows] <= last])
    return trial.take(np.sort(np.concatenate(kept)))


def learnt_from(part: Trial, whole: Trial) -> str:
    """Say how many units rankings and policies are learnt and judged on.

    Parameters
    ----------
    part
        What is learnt from.
    whole
        The trial it was drawn from.
    """
    if part.units == whole.units:
        return f"Rankings and policies stand on all {whole.units:,} customers of the test."
    return (
        f"Rankings and policies stand on {part.units:,} of {whole.units:,} customers of the test, "
        "drawn evenly from its arms; average effects and accounts on all."
    )
