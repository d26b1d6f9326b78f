"""Early signs of decline."""

from __future__ import annotations

import pandas as pd

from retention.segments import early_decline

NOW = pd.DataFrame(
    {
        "customer_key": ["a", "b", "c", "d"],
        "segment": ["champions", "champions", "champions", "lost"],
        "recency_days": [50, 10, 5, 400],
        "median_gap_days": [20.0, 20.0, None, 20.0],
        "sessions_90d": [1, 4, 0, 0],
        "nps_score": [9.0, 3.0, None, 1.0],
    }
)
BEFORE = pd.DataFrame({"customer_key": ["a", "b", "d"], "sessions_90d": [4, 4, 9],
                       "median_gap_days": [20.0] * 3, "recency_days": [1] * 3})  # fmt: skip


def test_each_sign_counts_those_in_whom_it_can_show():
    table = early_decline(NOW, BEFORE, ["champions"]).to_frame().set_index("sign")
    assert table.loc["overdue", ["customers", "showing"]].tolist() == [2, 1]
    assert table.loc["visits_halved", ["customers", "showing"]].tolist() == [2, 1]
    assert table.loc["detractor", ["customers", "showing"]].tolist() == [2, 1]
    assert "opens_halved" not in table.index


def test_the_fading_are_listed_with_the_number_of_signs():
    fading = early_decline(NOW, BEFORE, ["champions"]).fading
    assert fading.to_dict("list") == {
        "customer_key": ["a", "b"], "segment": ["champions"] * 2, "signs": [2, 1],
    }  # fmt: skip


def test_the_summary_names_the_most_common_sign():
    assert "2 customers" in early_decline(NOW, BEFORE, ["champions"]).summary()


def test_without_a_customer_to_watch_no_sign_shows():
    found = early_decline(NOW, BEFORE, ["nobody"])
    assert found.fading.empty
    assert "No early sign" in found.summary()
