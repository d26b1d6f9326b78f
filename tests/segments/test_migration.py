"""Moves between the segments of two dates."""

from __future__ import annotations

import pandas as pd
import pytest

from retention.errors import EvidenceError
from retention.segments import CAUSES, NEW, migration


def table(**segments: str) -> pd.DataFrame:
    frame = pd.DataFrame({"customer_key": list(segments), "segment": list(segments.values())})
    return frame.assign(order_count=1, monetary_minor=1000)


BEFORE = table(a="x", b="x", c="y", d="y", e="y")
NOW = table(a="x", b="y", c="y", d="x", e="y", f="x").assign(order_count=[1, 1, 1, 2, 1, 1])


def test_shares_are_of_those_who_were_there():
    moves = migration(BEFORE, NOW, "2024-01-01", "2024-04-01").moves
    stayed = moves[(moves["from_segment"] == "y") & (moves["to_segment"] == "y")].iloc[0]
    assert (stayed["customers"], stayed["from_customers"]) == (2, 3)
    assert stayed["ci_low"] < stayed["share"] < stayed["ci_high"]
    assert moves.groupby("from_segment")["share"].sum().tolist() == pytest.approx([1, 1, 1])


def test_new_customers_come_from_outside():
    found = migration(BEFORE, NOW, "2024-01-01", "2024-04-01")
    assert found.moves.loc[found.moves["from_segment"] == NEW, "to_segment"].tolist() == ["x"]
    assert NEW not in found.matrix().index


def test_inflow_and_outflow_explain_the_change_of_size():
    balance = migration(BEFORE, NOW, "2024-01-01", "2024-04-01").balance()
    inflow = balance[["in_new", *(f"in_{cause}" for cause in CAUSES)]].sum(axis=1)
    outflow = balance[[f"out_{cause}" for cause in CAUSES]].sum(axis=1)
    assert (balance["before"] + inflow - outflow).tolist() == balance["now"].tolist() == [3, 3]


def test_movers_are_told_by_what_moved_them():
    found = migration(BEFORE, NOW, "2024-01-01", "2024-04-01", carried_over=NOW["segment"])
    balance = found.balance().set_index("segment")
    assert balance.loc["x", ["in_new", "in_bought", "in_silence"]].tolist() == [1, 1, 0]
    assert balance.loc["x", ["out_bought", "out_silence"]].tolist() == [0, 1]
    assert "50.0 % by an order; 50.0 % by silence alone" in found.causes_summary()


def test_a_move_that_the_earlier_cut_offs_would_not_have_made_is_theirs():
    kept = pd.Series(["x", "x", "y", "x", "y", "x"])
    balance = migration(BEFORE, NOW, "2024-01-01", "2024-04-01", kept).balance()
    assert balance.set_index("segment").loc["x", "out_cut_offs"] == 1


def test_a_refund_without_an_order_is_a_cause_of_its_own():
    now = NOW.assign(monetary_minor=[1000, 400, 1000, 1000, 1000, 1000])
    found = migration(BEFORE, now, "2024-01-01", "2024-04-01", NOW["segment"])
    assert found.causes().set_index("cause").loc["sent_back", "customers"] == 1
    assert found.causes()["share"].sum() == pytest.approx(1)


def test_the_summary_tells_how_many_stayed():
    assert "60.0 %" in migration(BEFORE, NOW, "2024-01-01", "2024-04-01").summary()
    assert "nobody moved" in migration(BEFORE, BEFORE, "2024-01-01", "2024-04-01").summary()


def test_without_an_earlier_customer_there_is_no_movement():
    with pytest.raises(EvidenceError, match="2020-01-01"):
        migration(BEFORE.iloc[:0], NOW, "2020-01-01", "2024-04-01")
