"""Small cells never reach a reader: primary and complementary suppression of counts.

A table whose small cells are blanked can still give them away when exactly one cell of a row or
column is blank and the total is shown: the reader subtracts. So the next smallest cell goes, too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

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
    hidden = _hidden(counts.to_numpy(dtype=float, na_value=np.nan), minimum)
    return counts.astype("Int64").mask(hidden)


def suppress_cells(
    frame: pd.DataFrame, minimum: int, labels: Sequence[str], count: str,
    derived: Sequence[str] = (),
) -> pd.DataFrame:  # fmt: skip
    """Blank small counts of a table in long form, and what would give them away.

    Parameters
    ----------
    frame
        One row per cell: labels and a count. A combination of labels without a row counts as 0.
        Totals may be rows, too: their label is one more value of its column.
    minimum
        Smallest count that may be shown (customers).
    labels
        Columns that identify a cell, one per direction in which cells add up.
    count
        Column of counts.
    derived
        Columns computed from the count (a share, its interval); blanked with it.

    Returns
    -------
    pandas.DataFrame
        Same rows; ``count`` is Int64 and ``derived`` Float64, NA where suppressed. Along every
        label none or at least two cells are hidden that are not zero.

    Examples
    --------
    >>> cells = pd.DataFrame(
    ...     {"a": ["x", "x", "all"], "b": ["u", "v", "u"], "n": [3, 50, 30]}
    ... )
    >>> suppress_cells(cells, 10, ["a", "b"], "n")["n"].isna().tolist()
    [True, True, True]
    """
    places = [pd.factorize(frame[label], sort=True) for label in labels]
    at = tuple(codes for codes, _ in places)
    values = np.zeros([len(names) for _, names in places])
    values[at] = frame[count].to_numpy(dtype=float)
    return _blanked(frame, [count, *derived], _hidden(values, minimum)[at], [count])


def hidden_cells(
    values: Sequence[float], lines: Sequence[Sequence[int]], minimum: int,
    shown_elsewhere: Sequence[int] = (),
) -> np.ndarray:  # fmt: skip
    """Return which counts of tables that share cells must be hidden.

    Parameters
    ----------
    values
        The counts of all tables, each once.
    lines
        Positions of counts that give each other away: parts and their sum.
    minimum
        Smallest count that may be shown (customers).
    shown_elsewhere
        Positions of counts that another table tells: hiding them protects nothing.

    Examples
    --------
    >>> hidden_cells([3, 50, 20, 53, 23], [[0, 1, 3], [0, 2, 4]], 10).tolist()
    [True, True, True, False, False]
    """
    counts, at = np.asarray(values, dtype=float), [np.asarray(line, dtype=int) for line in lines]
    shared = np.bincount(np.concatenate(at), minlength=len(counts)) if at else counts
    order = np.lexsort((counts, shared)).argsort()
    free = counts > 0
    free[list(shown_elsewhere)] = False
    hidden = (counts > 0) & (counts < minimum)
    changed = bool(hidden.any())
    while changed:
        changed = any([_hide_next(order, free, hidden, line) for line in at])
    return hidden


def _hide_next(order: np.ndarray, free: np.ndarray, hidden: np.ndarray, line: np.ndarray) -> bool:
    """Hide, in place, one more count of a line that hides exactly one.

    The first in the order goes: of those in the fewest lines, the smallest, so that little follows.
    """
    left = line[~hidden[line] & free[line]]
    if hidden[line].sum() != 1 or not left.size:
        return False
    hidden[left[order[left].argmin()]] = True
    return True


def suppress_within(
    frame: pd.DataFrame, minimum: int, count: str, group: str, derived: Sequence[str] = ()
) -> pd.DataFrame:
    """Blank small counts of rows whose sums by group, and over all, are shown in other tables.

    Parameters
    ----------
    frame
        One row per part of a group.
    minimum
        Smallest count that may be shown (customers).
    count, group
        Column of counts, and column that names the group of each row.
    derived
        Columns that would give the count away; blanked with it.

    Examples
    --------
    >>> parts = pd.DataFrame({"group": ["a", "a", "b"], "n": [4, 30, 20]})
    >>> suppress_within(parts, 10, "n", "group")["n"].isna().tolist()
    [True, True, False]
    """
    counts = frame[count].to_numpy(dtype=float, na_value=0.0)
    lines = [*frame.groupby(group).indices.values(), range(len(frame))]
    hidden = hidden_cells(list(counts), [list(line) for line in lines], minimum)
    return _blanked(frame, [count, *derived], hidden, [count])


def suppress_rows(
    frame: pd.DataFrame, minimum: int, count: str = "customers",
    parts: Mapping[str, Sequence[str]] | None = None, labels: Sequence[str] = (),
) -> pd.DataFrame:  # fmt: skip
    """Blank every figure of the rows that stand for fewer than ``minimum`` customers.

    Labels (text columns, the numbers named as such, and whole numbers left of the counts that tell
    rows of the same text apart, as a cohort's months do) stay, so that a reader sees that the row
    exists; when exactly one row is hidden, the next smallest is hidden with it.

    Parameters
    ----------
    frame
        One row per group, with a column of counts.
    minimum
        Smallest count that may be shown (customers).
    count
        Name of the column of counts.
    parts
        Further columns of counts (those of the group who bought), each with the columns that would
        give it away (their share). Where such a count is small, it is blanked with them; a column
        that hides exactly one loses its next smallest, too.
    labels
        Columns of numbers that say which group a row is of (months since the first order).

    Examples
    --------
    >>> groups = pd.DataFrame({"customers": [90, 80, 70], "bought": [4, 30, 20]})
    >>> suppress_rows(groups, 10, parts={"bought": []})["bought"].isna().tolist()
    [True, False, True]
    """
    kept = [*labels, *_numeric_labels(frame, count)]
    figures = [str(name) for name in frame.select_dtypes("number") if name not in kept]
    counted = [count, *(parts or {})]
    shown = _blanked(frame, figures, _of_column(frame[count], minimum), counted)
    for part, telling in (parts or {}).items():
        shown = _blanked(shown, [part, *telling], _of_column(frame[part], minimum), counted)
    return shown


def _numeric_labels(frame: pd.DataFrame, count: str) -> list[str]:
    """Return the whole-number columns that complete the key that the text columns begin."""
    key = [str(name) for name in frame.select_dtypes(exclude="number").columns]
    labels: list[str] = []
    for name in frame.columns[: list(frame.columns).index(count)]:
        if not key or not frame.duplicated([*key, *labels]).any():
            break
        if pd.api.types.is_integer_dtype(frame[name]):
            labels.append(str(name))
    return labels


def _of_column(counts: pd.Series, minimum: int) -> np.ndarray:
    """Return which counts of a column whose total is known must be hidden."""
    return _hidden(counts.to_numpy(dtype=float, na_value=np.nan)[:, None], minimum)[:, 0]


def _blanked(
    frame: pd.DataFrame, columns: Sequence[str], hidden: np.ndarray, counts: Sequence[str]
) -> pd.DataFrame:
    """Return the table with some cells of some columns blank; counts stay whole numbers."""
    blank = {name: _nullable(frame[name], name in counts).mask(hidden) for name in columns}
    return frame.assign(**blank)


def _nullable(column: pd.Series, is_count: bool) -> pd.Series:
    """Return the column in a type that holds blanks."""
    if pd.api.types.is_bool_dtype(column):
        return column.astype("boolean")
    return column.astype("Int64") if is_count else column.astype("Float64")


def _hidden(values: np.ndarray, minimum: int) -> np.ndarray:
    """Return which cells to hide: small ones, and enough others along every direction."""
    hidden = (values > 0) & (values < minimum)
    changed = bool(hidden.any())
    while changed:
        changed = any([_complement(values, hidden, axis) for axis in range(values.ndim)])
    return hidden


def _complement(values: np.ndarray, hidden: np.ndarray, axis: int) -> bool:
    """Hide, in place, the smallest shown count of every line that hides exactly one."""
    lines, blank = np.moveaxis(values, axis, -1), np.moveaxis(hidden, axis, -1)
    candidates = np.where(blank | ~(lines > 0), np.inf, lines)
    lonely = (blank.sum(axis=-1) == 1) & np.isfinite(candidates).any(axis=-1)
    places = np.nonzero(lonely)
    blank[(*places, candidates[places].argmin(axis=-1))] = True
    return bool(lonely.any())
