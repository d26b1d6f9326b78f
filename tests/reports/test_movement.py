"""Tables on movement give no small cell away."""

from __future__ import annotations

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from retention.reports.movement import movement_tables
from retention.segments import CAUSES, NEW, Migration

SEGMENTS = ["champions", "loyal", "lost"]
MINIMUM = 10


def migrated(cells: list[tuple[str, str, list[int]]]) -> Migration:
    """Build moves from counts: one count for those who stayed or are new, else one per cause."""
    rows = []
    for start, end, counts in cells:
        is_move = start not in (end, NEW)
        by_cause = counts if is_move else [0] * len(CAUSES)
        rows.append((start, end, sum(counts) if is_move else counts[0], *by_cause))
    moves = pd.DataFrame(rows, columns=["from_segment", "to_segment", "customers", *CAUSES])
    moves = moves[moves["customers"] > 0].reset_index(drop=True)
    total = moves.groupby("from_segment")["customers"].transform("sum")
    return Migration(
        moves.assign(from_customers=total, share=moves["customers"] / total, ci_low=0.0,
                     ci_high=1.0), "2024-01-01", "2024-04-01",
    )  # fmt: skip


PAIRS = [(start, end) for start in [*SEGMENTS, NEW] for end in SEGMENTS]
COUNTS = st.lists(
    st.lists(st.integers(0, 40), min_size=4, max_size=4), min_size=len(PAIRS), max_size=len(PAIRS)
)


@settings(max_examples=30, deadline=None)
@given(COUNTS)
def test_no_table_on_movement_shows_a_small_cell(counts):
    tables = movement_tables(migrated([(*p, c) for p, c in zip(PAIRS, counts, strict=True)]), 10)
    for frame in (tables.moves, tables.balance, tables.causes):
        shown = frame.select_dtypes("Int64").to_numpy(dtype=float, na_value=np.nan)
        assert not ((shown > 0) & (shown < MINIMUM)).any()
    hidden = tables.moves["customers"].isna() | tables.moves["from_customers"].isna()
    assert tables.moves.loc[hidden, ["share", "ci_low", "ci_high"]].isna().all(axis=None)


def hides_one(shown: list[object], true: list[int]) -> bool:
    """Tell whether all but one of some counts that add up are shown or zero."""
    blank = sum(pd.isna(value) for value in shown)
    return blank == 1 and sum(n > 0 for n in true) > 1


@settings(max_examples=30, deadline=None)
@given(COUNTS)
def test_no_hidden_cell_can_be_computed_from_the_others(counts):
    moves = migrated([(*p, c) for p, c in zip(PAIRS, counts, strict=True)])
    tables = movement_tables(moves, MINIMUM)
    true, shown = (f.set_index("segment") for f in (moves.balance(), tables.balance))
    all_, seen = (f.set_index("cause")["customers"] for f in (moves.causes(), tables.causes))
    flows = {
        name: frame.set_index(["from_segment", "to_segment"])["customers"].to_dict()
        for name, frame in (("true", moves.to_frame()), ("shown", tables.moves))
    }
    for cause in CAUSES:
        for side in ("in", "out"):
            column = f"{side}_{cause}"
            assert not hides_one([*shown[column], seen[cause]], [*true[column], all_[cause]])
    for name in true.index:
        stayed = [(name, name)]
        out, came = ([f"{side}_{c}" for c in CAUSES] for side in ("out", "in"))
        for columns, more in ((out, stayed), ([*came, "in_new"], stayed)):
            parts = [
                [*table.loc[name, columns], *(known.get(p, 0) for p in more)]
                for table, known in ((shown, flows["shown"]), (true, flows["true"]))
            ]
            # The size itself is known from other tables unless it is small.
            assert not hides_one(*parts)
        for size in ("before", "now"):
            assert pd.isna(shown.loc[name, size]) == (0 < true.loc[name, size] < MINIMUM)


def test_one_small_cell_takes_few_others_with_it():
    cells = [(start, end, [30, 20, 40, 50]) for start, end in PAIRS]
    cells[PAIRS.index(("champions", "loyal"))] = ("champions", "loyal", [9, 20, 40, 50])
    cells[PAIRS.index(("champions", "lost"))] = ("champions", "lost", [0, 20, 40, 50])
    tables = movement_tables(migrated(cells), MINIMUM)
    assert int(tables.balance.isna().sum().sum()) == 4
    assert tables.moves["customers"].notna().all()
    assert tables.causes["customers"].notna().all()


def test_a_balance_of_large_cells_is_shown_whole():
    moves = migrated([(start, end, [30, 20, 40, 50]) for start, end in PAIRS])
    tables = movement_tables(moves, MINIMUM)
    pd.testing.assert_frame_equal(tables.balance, moves.balance(), check_dtype=False)
    assert tables.moves["customers"].tolist() == moves.to_frame()["customers"].tolist()
    assert set(tables.moves["main_cause"].dropna()) == {"cut_offs"}
    assert tables.matrix().notna().all(axis=None)
    assert NEW not in tables.matrix().index
