"""A stated sample to fit on: the same share of every date and outcome, chosen by a hash."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from retention.churn.panel import Array, LabelledDate


def thinned(dates: Sequence[LabelledDate], most: int) -> list[LabelledDate]:
    """Return the dates with at most so many customers in all, enough to fit a model on.

    Parameters
    ----------
    dates
        Labelled dates.
    most
        Largest number of customer-dates.

    Notes
    -----
    Within each date and outcome the customers whose key has the smallest hash are kept, in equal
    shares, so that the churned share of each date stays as it is. The draw depends on the keys
    alone: the same customers are drawn today and tomorrow, by whatever process. Whoever is left
    out of the fit is scored all the same.

    Examples
    --------
    >>> table = pd.DataFrame({"customer_key": [f"c{i}" for i in range(100)]})
    >>> churned = np.arange(100) % 4 == 0
    >>> date = LabelledDate("2026-01-01", 90, table, churned, churned * 1.0, churned * 1.0)
    >>> kept = thinned([date], 40)[0]
    >>> len(kept), int(kept.churned.sum())
    (40, 10)
    """
    total = sum(len(date) for date in dates)
    if total <= most:
        return list(dates)
    return [date.rows(_smallest_hashes(date, most / total)) for date in dates]


def _smallest_hashes(date: LabelledDate, share: float) -> Array:
    """Return the row numbers of the drawn customers, in their order."""
    hashes = pd.util.hash_array(date.keys.astype(object), categorize=False)
    parts = []
    for outcome in (0, 1):
        rows = np.flatnonzero(date.churned == outcome)
        first = np.argsort(hashes[rows], kind="stable")[: int(np.ceil(len(rows) * share))]
        parts.append(rows[first])
    return np.sort(np.concatenate(parts))
