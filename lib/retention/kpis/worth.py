"""What each segment is worth: its key figures beside those of the whole shop."""

from __future__ import annotations

import math
from dataclasses import dataclass

import pandas as pd

from retention.kpis.estimates import NOTHING, Estimate
from retention.kpis.figures import KeyFigure, KeyFigures

COLUMNS = ["segment", "name", "unit", "value", "ci_low", "ci_high", "n", "whole", "differs",
           "previous", "previous_n", "change", "change_ci_low", "change_ci_high"]  # fmt: skip


@dataclass(frozen=True)
class Worth:
    """Key figures of segments, against the whole and against the window before.

    Parameters
    ----------
    figures
        One row per segment and figure: ``segment, name, unit, value, ci_low, ci_high, n, whole,
        differs, previous, previous_n, change, change_ci_low, change_ci_high``; ``differs`` where
        the interval leaves out the figure of the whole shop; ``previous`` is that of the segment of
        the same name one period earlier.
    """

    figures: pd.DataFrame

    def to_frame(self) -> pd.DataFrame:
        """Return one row per segment and figure."""
        return self.figures

    def table(self, name: str) -> pd.DataFrame:
        """Return one figure of every segment, highest first."""
        rows = self.figures[self.figures["name"] == name]
        return rows.sort_values(["value", "segment"], ascending=[False, True], ignore_index=True)

    def overview(self) -> pd.DataFrame:
        """Return segments as rows and figures as columns."""
        wide = self.figures.pivot_table("value", "segment", "name", sort=False)
        return wide.reset_index()

    def summary(self) -> str:
        """Return the finding in words: who spends most an order, and who comes back most."""
        parts = []
        for name, words in (
            ("average_order_value", "the highest average order value"),
            ("conversion_rate", "the highest conversion"),
            ("purchase_frequency", "the most orders per active customer"),
        ):
            rows = self.table(name)
            rows = rows[rows["value"].notna() & rows["differs"]]
            if len(rows) and rows.iloc[0]["value"] > rows.iloc[0]["whole"]:
                parts.append(f"{str(rows.iloc[0]['segment']).replace('_', ' ')} have {words}")
        if not parts:
            return "No segment stands out from the whole shop by more than chance."
        return f"Beyond chance, against the whole shop: {'; '.join(parts)}."

    def changes_summary(self) -> str:
        """Return in words how much has changed beyond chance since the period before."""
        known = self.figures[self.figures["change"].notna()]
        up, down = known["change_ci_low"] > 0, known["change_ci_high"] < 0
        if known.empty:
            return "No earlier period to compare with was observed."
        return (
            f"Since the period before, {int(up.sum())} figures of segments rose and "
            f"{int(down.sum())} fell beyond chance, of {len(known)} (about one in twenty would by "
            "chance alone)."
        )


def worth(
    by_segment: dict[str, KeyFigures],
    whole: KeyFigures,
    previous: dict[str, KeyFigures] | None = None,
) -> Worth:
    """Set the key figures of segments beside those of the whole shop.

    Parameters
    ----------
    by_segment
        From `retention.kpis.key_figures_by`.
    whole
        From `retention.kpis.key_figures`, for the same date and window.
    previous
        The same figures of the segments as they were drawn one period earlier, over the period
        that followed. The window before of the *same* customers would not do: what they bought
        then is what put them into their segment.
    """
    known = {figure.name: figure for figure in whole.figures}
    past = {
        (segment, figure.name): figure.now
        for segment, figures in (previous or {}).items()
        for figure in figures.figures
    }
    rows = [
        _row(segment, figure, known[figure.name], past.get((segment, figure.name), NOTHING))
        for segment, figures in sorted(by_segment.items())
        for figure in figures.figures
        if figure.name in known
    ]
    return Worth(pd.DataFrame(rows, columns=COLUMNS))


def _row(
    segment: str, figure: KeyFigure, whole: KeyFigure, previous: Estimate
) -> dict[str, object]:
    """Return one figure of one segment as a row; totals are not compared with the whole."""
    now, change = figure.now, figure.now.less(previous)
    total = figure.name in ("active_customers", "new_customers", "revenue")
    outside = whole.now.value < now.ci_low or whole.now.value > now.ci_high
    return {
        "segment": segment, "name": figure.name, "unit": figure.unit, "value": now.value,
        "ci_low": now.ci_low, "ci_high": now.ci_high, "n": now.n,
        "whole": math.nan if total else whole.now.value, "differs": outside and not total,
        "previous": previous.value, "previous_n": previous.n, "change": change.value,
        "change_ci_low": change.ci_low, "change_ci_high": change.ci_high,
    }  # fmt: skip
