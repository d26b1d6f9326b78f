"""Figures of the churn-risk report."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from retention.churn import Ranking, ReturnProbability, Scores
from retention.quantities import minor_units
from retention.reports.style import BAD, PALETTE, QUIET, grouped_axis, percent_axis, use_style
from retention.reports.wording import words

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def return_probability_figure(result: ReturnProbability) -> Figure:
    """Draw the chance of a return against the length of the silence, with its knee."""
    from matplotlib import pyplot as plt

    curve = result.curve
    days = curve["silent_days"]
    with use_style():
        figure, axes = plt.subplots()
        axes.plot(days, curve["return_probability"], color=PALETTE[0])
        axes.fill_between(
            days,
            curve["ci_low"],
            curve["ci_high"],
            color=PALETTE[0],
            alpha=0.15,
            linewidth=0,
        )
        if result.knee_days is not None:
            axes.axvline(result.knee_days, color=BAD, linewidth=1)
            axes.annotate(
                f"knee: {result.knee_days} days",
                (result.knee_days, axes.get_ylim()[1]),
                color=BAD,
                xytext=(4, -12),
                textcoords="offset points",
            )
        axes.set_xlabel("days of silence")
        axes.set_ylabel(f"share who buy within the next {result.horizon_days} days")
        axes.set_ylim(bottom=0)
        percent_axis(axes.yaxis)
        plt.close(figure)
    return figure


def calibration_figure(scores: Scores) -> Figure:
    """Draw observed against predicted churn by tenth of the score, with intervals."""
    from matplotlib import pyplot as plt

    table = scores.calibration
    spread = [table["observed"] - table["ci_low"], table["ci_high"] - table["observed"]]
    with use_style():
        figure, axes = plt.subplots(figsize=(5.2, 4.6))
        axes.plot([0, 1], [0, 1], color=QUIET, linewidth=1)
        axes.annotate(
            "as promised", (0.62, 0.62), color=QUIET, xytext=(4, -14), textcoords="offset points"
        )
        axes.errorbar(
            table["predicted"],
            table["observed"],
            yerr=np.clip(spread, 0, None),
            fmt="o",
            color=PALETTE[0],
        )
        axes.set_xlabel("predicted churn probability, mean of a tenth")
        axes.set_ylabel("share who churned")
        axes.set_xlim(0, 1)
        axes.set_ylim(0, 1)
        percent_axis(axes.xaxis)
        percent_axis(axes.yaxis)
        plt.close(figure)
    return figure


def backtest_figure(by_date: pd.DataFrame, metric: str = "auc") -> Figure:
    """Draw one score of the chosen model at each test date with its interval.

    Parameters
    ----------
    by_date
        Answer of ``Backtest.by_date``.
    metric
        Which score.
    """
    from matplotlib import pyplot as plt

    rows = by_date[by_date["metric"] == metric]
    spread = [rows["value"] - rows["ci_low"], rows["ci_high"] - rows["value"]]
    with use_style():
        figure, axes = plt.subplots(figsize=(6.5, 3.6))
        axes.errorbar(rows["as_of"], rows["value"], yerr=spread, fmt="o", color=PALETTE[0])
        for day, value in zip(rows["as_of"], rows["value"], strict=True):
            axes.annotate(f"{value:.3f}", (day, value), xytext=(8, -3), textcoords="offset points")
        axes.set_xlabel("as-of date (predicted from what was known before it)")
        axes.set_ylabel(words(metric))
        axes.margins(x=0.15)
        plt.close(figure)
    return figure


def importance_figure(importance: pd.DataFrame, most: int = 10) -> Figure:
    """Draw the mean size of each feature's effect with its interval, greatest first."""
    from matplotlib import pyplot as plt

    rows = importance.head(most).iloc[::-1]
    spread = [rows["importance"] - rows["ci_low"], rows["ci_high"] - rows["importance"]]
    with use_style():
        figure, axes = plt.subplots(figsize=(7.0, 0.8 + 0.34 * len(rows)))
        names = [words(name) for name in rows["feature"]]
        axes.barh(
            names,
            rows["importance"],
            xerr=np.clip(spread, 0, None),
            color=PALETTE[0],
            height=0.6,
            error_kw={"ecolor": QUIET},
        )
        axes.set_xlabel("mean change of log-odds against a typical customer")
        axes.grid(axis="x")
        axes.grid(False, axis="y")
        plt.close(figure)
    return figure


def stake_figure(ranking: Ranking, currency: str) -> Figure:
    """Draw how the value at stake gathers over customers, by stake and by risk alone."""
    from matplotlib import pyplot as plt

    frame = ranking.frame
    stake = frame["value_at_stake_minor"].to_numpy() / minor_units(currency)
    by_risk = stake[np.argsort(-frame["churn_probability"].to_numpy(), kind="stable")]
    share = np.arange(1, len(stake) + 1) / len(stake)
    with use_style():
        figure, axes = plt.subplots()
        for values, colour, name, place in (
            (stake, PALETTE[0], "ranked by stake", 0.3),
            (by_risk, BAD, "ranked by risk alone", 0.5),
        ):
            total = np.cumsum(values)
            axes.plot(share, total, color=colour)
            at = int(place * (len(total) - 1))
            axes.annotate(
                name,
                (share[at], total[at]),
                color=colour,
                xytext=(6, -12),
                textcoords="offset points",
            )
        axes.set_xlabel("share of customers looked after")
        axes.set_ylabel(f"value at stake covered ({currency})")
        axes.set_ylim(bottom=0)
        percent_axis(axes.xaxis)
        grouped_axis(axes.yaxis)
        plt.close(figure)
    return figure
