"""The stability index: published value, chance bound, alarms."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retention.errors import EvidenceError
from retention.results import Status
from retention.segments import drift, drift_within, stability_index

DATES = ("2024-01-01", "2024-04-01")


def normal(shift: float, n: int, seed: int) -> pd.DataFrame:
    return pd.DataFrame({"x": np.random.default_rng(seed).normal(shift, 1, n)})


def test_index_of_two_shares_is_the_textbook_sum():
    expected = (0.6 - 0.5) * np.log(0.6 / 0.5) + (0.4 - 0.5) * np.log(0.4 / 0.5)
    found = stability_index(np.array([5e6, 5e6]), np.array([6e6, 4e6]))
    assert found == pytest.approx(expected, abs=1e-6)


@given(st.lists(st.integers(0, 1000), min_size=2, max_size=8))
def test_index_is_never_negative_and_zero_without_change(counts):
    before = np.array(counts, dtype=float)
    assert stability_index(before, before) == pytest.approx(0, abs=1e-12)
    assert stability_index(before, before[::-1]) >= 0


def test_no_change_is_stable_and_rarely_above_its_chance_bound():
    above = []
    for seed in range(60):
        row = drift(normal(0, 400, seed), normal(0, 400, 999 + seed), *DATES, ["x"]).to_frame()
        above.append(row["psi"][0] > row["chance"][0])
    assert np.mean(above) <= 0.15


def test_a_shifted_variable_raises_the_alarm():
    found = drift(normal(0, 4000, 1), normal(1, 4000, 2), *DATES, ["x"])
    assert found.to_frame()["status"].tolist() == ["large"]
    assert found.checks()[0].status is Status.FAIL
    assert "anew" in found.checks()[0].action


def test_labels_and_missing_values_are_bins_of_their_own():
    before = pd.DataFrame({"s": ["a"] * 500 + ["b"] * 500, "y": [1.0, None] * 500})
    now = pd.DataFrame({"s": ["a"] * 900 + ["c"] * 100, "y": [1.0, 1.0, 1.0, None] * 250})
    table = drift(before, now, *DATES, ["s", "y", "absent"]).to_frame().set_index("variable")
    assert table.loc["s", "bins"] == 3
    assert set(table.index) == {"s", "y"}
    assert table.loc["s", "psi"] > 1


def test_nothing_to_compare_is_an_error():
    with pytest.raises(EvidenceError, match="nothing to compare"):
        drift(normal(0, 9, 1), normal(0, 9, 2), *DATES, ["y"])


def test_a_segment_whose_members_have_changed_is_found_beside_one_whose_have_not():
    before = pd.concat(
        [normal(0, 900, 1).assign(segment="a"), normal(5, 900, 2).assign(segment="b")]
    )
    now = pd.concat([normal(0, 900, 3).assign(segment="a"), normal(6, 900, 4).assign(segment="b")])
    few = normal(0, 10, 5).assign(segment="c")
    table = drift_within(pd.concat([before, few]), pd.concat([now, few]), *DATES, ["x"])
    assert table["segment"].tolist() == ["b", "a"]
    assert table["status"].tolist() == ["large", "stable"]
    assert table.loc[0, "median_now"] - table.loc[0, "median_before"] == pytest.approx(1, abs=0.2)
