import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from retention.reports import suppress_counts, suppress_rows
from retention.reports.suppression import suppress_cells, suppress_within

COUNTS = arrays(np.int64, st.tuples(st.integers(1, 5), st.integers(1, 5)),
                elements=st.integers(0, 60))  # fmt: skip


@given(COUNTS)
def test_no_small_count_is_shown_and_no_line_hides_exactly_one_that_totals_reveal(values):
    shown = suppress_counts(pd.DataFrame(values), minimum=10)
    hidden = shown.isna().to_numpy()
    assert hidden[(values > 0) & (values < 10)].all()
    for axis in (0, 1):
        lonely = hidden.sum(axis=axis) == 1
        others = ((values > 0) & ~hidden).sum(axis=axis)
        assert not (lonely & (others > 0)).any()


@given(COUNTS)
def test_what_is_shown_is_unchanged(values):
    shown = suppress_counts(pd.DataFrame(values), minimum=10)
    kept = ~shown.isna().to_numpy()
    assert (shown.to_numpy(dtype=float, na_value=np.nan)[kept] == values[kept]).all()


def test_a_group_too_small_loses_its_figures_but_keeps_its_name():
    frame = pd.DataFrame(
        {"segment": ["a", "b", "c"], "customers": [3, 500, 40], "rate": [0.9, 0.2, 0.3]}
    )
    shown = suppress_rows(frame, minimum=10)
    assert shown.segment.tolist() == ["a", "b", "c"]
    assert shown.rate.isna().tolist() == [True, False, True]


def test_nothing_is_hidden_where_all_groups_are_large():
    frame = pd.DataFrame({"segment": ["a", "b"], "customers": [30, 500], "rate": [0.9, 0.2]})
    assert not suppress_rows(frame, minimum=10).isna().any(axis=None)


def test_a_small_part_takes_the_columns_with_it_that_would_give_it_away():
    frame = pd.DataFrame(
        {"segment": list("abc"), "customers": [90, 80, 70], "bought": [4, 30, 20],
         "rate": [0.04, 0.4, 0.3], "fits": [True, False, True]}
    )  # fmt: skip
    shown = suppress_rows(frame, 10, parts={"bought": ["rate", "fits"]})
    assert shown["customers"].tolist() == [90, 80, 70]
    for column in ("bought", "rate", "fits"):
        assert shown[column].isna().tolist() == [True, False, True]


def test_a_part_that_a_group_shown_elsewhere_would_tell_takes_another_of_the_group():
    frame = pd.DataFrame(
        {"merged": list("xxyy"), "bought": [4, 90, 20, 30], "rate": [0.1, 0.2, 0.3, 0.4]}
    )
    shown = suppress_within(frame, 10, "bought", "merged", ["rate"])
    assert shown["bought"].isna().tolist() == [True, True, False, False]
    assert shown["rate"].isna().tolist() == [True, True, False, False]


@given(COUNTS)
def test_long_tables_hide_what_wide_ones_hide(values):
    wide = pd.DataFrame(values).rename_axis("row")
    long = wide.reset_index().melt("row", var_name="column", value_name="n")
    shown = suppress_cells(long, 10, ["row", "column"], "n")
    expected = suppress_counts(wide, 10).to_numpy(dtype=float, na_value=np.nan).T.ravel()
    assert np.array_equal(shown["n"].to_numpy(dtype=float, na_value=np.nan), expected,
                          equal_nan=True)  # fmt: skip


def test_whole_numbers_that_complete_the_key_are_labels_and_stay():
    cohorts = pd.DataFrame(
        {
            "cohort": ["2024-01"] * 3 + ["2024-02"] * 2 + ["2024-03"],
            "months_since": [0, 1, 2, 0, 1, 0],
            "cohort_customers": [7, 7, 7, 200, 200, 150],
            "customers": [7, 1, 0, 200, 30, 150],
        }
    )
    shown = suppress_rows(cohorts, 10, "cohort_customers", {"customers": []})
    assert shown["months_since"].tolist() == cohorts["months_since"].tolist()
    assert shown[["cohort_customers", "customers"]].isna().sum().tolist() == [3, 3]
    sizes = pd.DataFrame({"group": ["a", "b"], "spent": [70, 900], "customers": [7, 90]})
    assert suppress_rows(sizes, 10)["spent"].isna().tolist() == [True, True]
