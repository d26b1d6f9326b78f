"""Small cells never reach a reader: primary and complementary suppression of counts.

A table whose small cells are blanked can still give them away when exactly one cell of a row or
column is blank and the total is shown: the reader subtracts. So the next smallest cell goes, too.
"""

from __future__ import annotations

import numpy as np
import pandas as pd


def suppress_counts(counts: pd.DataFrame, minimum: int) -> pd.DataFrame:
    """Blank counts of 1 to ``minimum - 1`` and enough others that totals cannot give them away.

    Parameters
    ----------
    counts
        Table of counts, rows by columns, whose row and column totals are assumed to be known.
    minimum
        Smallest count that may be shown (customers).

    Returns
    -------
    pandas.DataFrame
        Same shape, of type Int64, with NA where suppressed. Zeros stay: they name nobody.

    Examples
    --------
    >>> suppress_counts(pd.DataFrame({"a": [3, 50], "b": [20, 60]}), 10).isna().to_numpy().sum()
    np.int64(4)
    """
    values = counts.to_numpy(dtype=float, na_value=np.nan)
    hidden = (values > 0) & (values < minimum)
    changed = bool(hidden.any())
    while changed:
        changed = _complement(values, hidden) | _complement(values.T, hidden.T)
    return counts.astype("Int64").mask(hidden)


def _complement(values: np.ndarray, hidden: np.ndarray) -> bool:
    """Hide, in place, the smallest shown count of every row that hides exactly one."""
    candidates = np.where(hidden | ~(values > 0), np.inf, values)
    lonely = (hidden.sum(axis=1) == 1) & np.isfinite(candidates).any(axis=1)
    rows = np.flatnonzero(lonely)
    hidden[rows, candidates[rows].argmin(axis=1)] = True
    return rows.size > 0


def suppress_rows(frame: pd.DataFrame, minimum: int, count: str = "customers") -> pd.DataFrame:
    """Blank every figure of the rows that stand for fewer than ``minimum`` customers.

    Labels (text columns) stay, so that a reader sees that the row exists; when exactly one row is
    hidden, the next smallest is hidden with it.

    Parameters
    ----------
    frame
        One row per group, with a column of counts.
    minimum
        Smallest count that may be shown (customers).
    count
        Name of the column of counts.
    """
    counts = frame[[count]]
    hidden = suppress_counts(counts, minimum)[count].isna() & counts[count].notna()
    figures = frame.select_dtypes("number").columns
    shown = frame.copy()
    for figure in figures:
        shown[figure] = shown[figure].astype("Float64").mask(hidden)
    return shown
