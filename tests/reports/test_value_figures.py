"""The figure of values then and now shows what the table says, and nothing that it hides."""

import numpy as np
import pandas as pd
import pytest

from retention.reports.figures.value import change_figure

COMPARED = pd.DataFrame({
    "group": ["champions", "at_risk", "hidden"], "mean_value": [120.0, 60.0, np.nan],
    "mean_ci_low": [100.0, 50.0, np.nan], "mean_ci_high": [140.0, 70.0, np.nan],
    "whole": 55.0, "mean_before": [100.0, np.nan, 20.0],
})  # fmt: skip


def test_the_figure_of_change_shows_the_groups_that_the_table_shows():
    (axes,) = change_figure(COMPARED, "USD").axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["at risk", "champions"]
    before, now = axes.lines[0].get_xdata(), axes.lines[1].get_xdata()
    assert before.tolist() == pytest.approx([np.nan, 100.0], nan_ok=True)
    assert now.tolist() == [60.0, 120.0]
    assert "USD" in axes.get_xlabel()


def test_a_figure_without_any_group_to_show_is_empty_and_no_error():
    (axes,) = change_figure(COMPARED.iloc[2:], "USD").axes
    assert not axes.get_yticklabels()
