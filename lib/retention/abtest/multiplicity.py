"""Many questions: Holm (family-wise error) and Benjamini-Hochberg (false discovery rate)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from retention.abtest.estimates import Estimate
from retention.abtest.statistics import Array
from retention.errors import ParameterError

CORRECTIONS = ("holm", "benjamini-hochberg", "none")
"""Corrections for several questions."""


def adjust(p_values: Sequence[float], method: str = "holm") -> Array:
    """Return p-values corrected for their number, in the order given.

    Parameters
    ----------
    p_values
        Raw p-values of one family of questions.
    method
        ``"holm"`` (Holm 1979), ``"benjamini-hochberg"`` (1995) or ``"none"``.

    Examples
    --------
    >>> adjust([.005, .06, .007, .04, .01, .03], "benjamini-hochberg").round(3).tolist()
    [0.02, 0.06, 0.02, 0.048, 0.02, 0.045]
    """
    p = np.asarray(p_values, dtype=float)
    count, order = len(p), np.argsort(p, kind="stable")
    rank = np.arange(1, count + 1)
    if method == "none" or count == 0:
        return p.copy()
    if method == "holm":
        stepped = np.maximum.accumulate((count - rank + 1) * p[order])
    elif method == "benjamini-hochberg":
        stepped = np.minimum.accumulate((count / rank * p[order])[::-1])[::-1]
    else:
        raise ParameterError(
            f"There is no correction {method!r}.", "Choose holm, benjamini-hochberg or none."
        )
    adjusted = np.empty(count)
    adjusted[order] = np.minimum(stepped, 1.0)
    return adjusted


def correct(estimates: Sequence[Estimate], method: str = "holm") -> list[Estimate]:
    """Return the estimates of one family with corrected p-values and simultaneous intervals.

    Intervals are Bonferroni's beside Holm's test, which leave the level α/m to each of m
    comparisons; beside Benjamini and Hochberg's they are at α R/m for R refused hypotheses, so
    that among those reported a share α at most misses (Benjamini & Yekutieli 2005, section 3).
    """
    adjusted = adjust([e.p_value for e in estimates], method)
    refused = sum(p < e.alpha for e, p in zip(estimates, adjusted, strict=True))
    share = {"none": 1.0, "holm": 1 / max(len(estimates), 1)}.get(
        method, max(refused, 1) / max(len(estimates), 1)
    )
    return [
        replace(e, adjusted_p_value=float(p), corrected_alpha=e.alpha * share)
        for e, p in zip(estimates, adjusted, strict=True)
    ]
