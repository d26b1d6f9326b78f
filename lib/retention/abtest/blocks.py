"""Blocked and paired designs: both arms seen in every block (day, pair of shops, pair of periods).

What a block shares (a holiday, the weather, a big shop) is in both arms and cancels. The draws are
the blocks' differences, so that the error is that of the differences over blocks: rows of daily
aggregates are enough, and customers who come on several days narrow nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from retention.abtest.codes import AbtestCode
from retention.abtest.contrasts import Contrast, constant
from retention.abtest.metrics import MetricDefinition, NullPolicy
from retention.abtest.statistics import Array
from retention.abtest.unit_values import caps_of, numbers
from retention.errors import EvidenceError, InputError
from retention.results import Check, Status

FEWEST = 3
"""Blocks without which no error of their differences is known."""

SIZE = "units of a row"


def blocked_contrast(
    units: pd.DataFrame,
    metric: MetricDefinition,
    arms: tuple[str, str],
    block: str,
    count: str | None = None,
) -> Contrast:
    """Return the contrast of two arms over the blocks that hold both.

    Each arm's value is the ratio of its sums over all blocks. Its error follows from the blocks'
    linearised residuals, those of the two arms paired by block (delta method); degrees of freedom
    are the blocks less one. With one row of equal size per block and arm it is the paired t-test.

    Parameters
    ----------
    units
        Rows with ``arm``, the block and the metric's columns: single units, or sums per block and
        arm.
    metric
        A mean, proportion or ratio, without covariates.
    arms
        Control and treatment.
    block
        Column of the block.
    count
        Column with the number of units that a row sums up; None where a row is one unit.

    Raises
    ------
    InputError
        If a column is missing or has nulls that the metric's policy forbids.
    EvidenceError
        If fewer than three blocks hold both arms, or nothing varies.
    """
    rows = _rows(units[units["arm"].isin(arms)], metric, block, count)
    sums = rows.pivot_table(index="block", columns="arm", values=["y", "d"], aggfunc="sum")
    paired = sums.dropna()
    if len(paired) < FEWEST:
        raise EvidenceError(
            f"{len(paired)} blocks of {block!r} hold both arms; {FEWEST} are needed.",
            "Run both arms in every block, and wait for more of them.",
        )
    sides = [_linearised(paired["y"][arm].to_numpy(), paired["d"][arm].to_numpy()) for arm in arms]
    residuals = np.column_stack([residual for _, residual in sides])
    covariance = residuals.T @ residuals / (len(paired) * (len(paired) - 1))
    n, m = (int((rows["arm"] == arm).sum()) for arm in arms)
    found = Contrast(
        sides[0][0], sides[1][0], covariance, len(paired) - 1.0, n, m, np.zeros(0), 0.0
    )
    if not found.standard_error > 0:
        raise constant(metric)
    return found


def _linearised(y: Array, d: Array) -> tuple[float, Array]:
    """Return the ratio of sums, and each block's residual over the mean denominator."""
    if d.sum() == 0:
        raise EvidenceError("A denominator adds up to zero.", "Choose one seen in every arm.")
    ratio = y.sum() / d.sum()
    return float(ratio), np.asarray((y - ratio * d) / d.mean())


def _rows(
    units: pd.DataFrame, metric: MetricDefinition, block: str, count: str | None
) -> pd.DataFrame:
    """Return block, arm, numerator and denominator of each row, nulls as the policy says."""
    columns = [*metric.outcome_columns, *([count] if count else [])]
    values = numbers(units, columns)
    gaps = values[list(metric.outcome_columns)].isna().any(axis=1)
    if metric.nulls is NullPolicy.STRICT and gaps.any():
        raise InputError(
            f"There are {int(gaps.sum()):,} nulls in the columns of metric {metric.name!r}.",
            "Say what a null means: nulls = zero or drop.",
            column=metric.column,
        )
    if metric.winsorise_at is not None:
        values = values.clip(upper=pd.Series(caps_of(units, metric)), axis=1)
    below = metric.denominator or count
    table = pd.DataFrame({
        "block": units[block].to_numpy(), "arm": units["arm"].to_numpy(),
        "y": values[metric.column].to_numpy(),
        "d": values[below].to_numpy() if below else 1.0,
    })  # fmt: skip
    kept = table[~gaps.to_numpy()] if metric.nulls is NullPolicy.DROP else table
    return kept.fillna({"y": 0.0, "d": 0.0})


def block_check(units: pd.DataFrame, block: str, arms: Sequence[str]) -> Check:
    """Say how many blocks hold every arm; a block that lacks one is left out of comparisons."""
    present = units.groupby(block)["arm"].nunique()
    whole = int((present == len(arms)).sum())
    lacking, lost = len(present) - whole, int(units[block].isna().sum())
    detail = f"{whole:,} blocks of {block} hold every arm"
    if not lacking and not lost:
        return Check(AbtestCode.BLOCKS, Status.PASS, f"{detail}.")
    return Check(
        AbtestCode.BLOCKS, Status.WARN,
        f"{detail}; {lacking:,} lack one, and {lost:,} rows name none: they are left out.",
        "Find out why an arm was not seen there before acting.",
    )  # fmt: skip
