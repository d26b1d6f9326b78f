"""Features made fit for clustering: skew taken out, few orders shrunk, standardised."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from retention.errors import EvidenceError, ParameterError
from retention.segments.intervals import Numbers

MOST_MISSING = 0.5
"""A feature missing for more customers than this is left out."""

SKEWED = 1.0
"""Skewness above which a feature is put on the log scale."""

TAILS = (0.01, 0.99)
"""Values beyond these quantiles are set to them, so that a wholesaler is no cluster of one."""

PRIOR_ORDERS = 2.0
"""Orders' worth of the shop's average that a share is mixed with: 1 gift of 1 is not 100 %."""


@dataclass(frozen=True)
class Prepared:
    """A matrix to cluster.

    Parameters
    ----------
    values
        Customers by features, each feature with mean 0 and standard deviation 1.
    features
        Names of the columns.
    left_out
        Feature to the reason why it is not in the matrix.
    """

    values: Numbers
    features: tuple[str, ...]
    left_out: dict[str, str]


def prepare(features: pd.DataFrame, names: Sequence[str]) -> Prepared:
    """Turn features into a matrix to cluster.

    Parameters
    ----------
    features
        Feature table with ``order_count``.
    names
        Features to use. Shares are drawn to the shop's mean as if two more orders had come at
        it and go to the arcsine scale; skewed non-negative features go to the log scale; tails
        are cut at 1 % and 99 %; what is missing takes the median.

    Notes
    -----
    The variance of a share of few orders depends on the share; that of the arcsine of its root
    does so less (Bartlett 1947, "The use of transformations", Biometrics 3, section 4). Without it
    a cluster can be the narrow heap of shares near zero rather than a kind of customer.

    Raises
    ------
    ParameterError
        If a name is text rather than a number.
    EvidenceError
        If fewer than two features are left.
    """
    columns, left_out = {}, {}
    orders = features["order_count"].to_numpy(dtype=float)
    for name in names:
        if name not in features:
            left_out[name] = "the data does not carry it"
        elif not pd.api.types.is_numeric_dtype(features[name]):
            raise ParameterError(f"{name!r} is no number to cluster by.", "Leave it out.")
        elif features[name].isna().mean() > MOST_MISSING:
            left_out[name] = "missing for most customers"
        else:
            column = _column(features[name].astype(float), orders)
            if column.std() < 1e-9:
                left_out[name] = "the same for all customers"
            else:
                columns[name] = (column - column.mean()) / column.std()
    if len(columns) < 2:
        raise EvidenceError(
            "Personas need two features that differ between customers; "
            f"{' and '.join(columns) or 'none'} does.",
            "Name other features, or add the exports that they rest on.",
        )
    return Prepared(np.column_stack(list(columns.values())), tuple(columns), left_out)


def _column(values: pd.Series, orders: Numbers) -> Numbers:
    """Fill, shrink and turn or log, and cut the tails of one feature."""
    known = values.fillna(values.median())
    if str(values.name).endswith("_share"):
        shrunk = (known * orders + PRIOR_ORDERS * known.mean()) / (orders + PRIOR_ORDERS)
        known = pd.Series(np.arcsin(np.sqrt(shrunk.clip(0, 1))))
    elif float(np.asarray(known.skew())) > SKEWED:
        known = pd.Series(np.log1p(known.clip(lower=0)))
    low, high = known.quantile(list(TAILS))
    return known.clip(low, high).to_numpy(dtype=float)
