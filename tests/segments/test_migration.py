"""Moves between the segments of two dates."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retention.errors import EvidenceError
from retention.segments import CAUSES, NEW, migration, rfm

THEN, LATER, DAYS = "2024-01-01", "2024-04-01", 91
RULES = [
    "good: monetary_score >= 2 and recency_score >= 2",
    "newcomers: tenure_days <= 90 and order_count == 1",
    "fresh: recency_score >= 2",
    "gone: recency_score == 1",
]
FIXED = {"method": "fixed", "recency_cuts": [200], "frequency_cuts": [3], "monetary_cuts": [5000]}


def customers(rows: dict[str, tuple[int, int, int, int]]) -> pd.DataFrame:
    columns = ["recency_days", "tenure_days", "order_count", "monetary_minor"]
    frame = pd.DataFrame.from_dict(rows, orient="index", columns=columns)
    return frame.rename_axis("customer_key").reset_index()


def moved(before: pd.DataFrame, now: pd.DataFrame, rules=RULES, terms=FIXED, terms_now=None):
    earlier, later = rfm(before, rules, **terms), rfm(now, rules, **(terms_now or terms))
    tables = [t.assign(segment=r.apply(t)) for t, r in ((before, earlier), (now, later))]
    return migration(*tables, THEN, LATER, drawn_before=earlier.apply, drawn_now=later.apply)


def assigned(table: pd.DataFrame) -> pd.Series:
    return table["segment"]


def causes(*args, **kwargs) -> dict[str, int]:
    table = moved(*args, **kwargs).causes()
    return {c: int(n) for c, n in zip(table["cause"], table["customers"], strict=True) if n}


BEFORE = customers({"a": (9, 300, 1, 900), "b": (190, 300, 1, 900), "c": (300, 400, 1, 900),
                    "d": (300, 400, 1, 900), "e": (300, 400, 2, 900)})  # fmt: skip
NOW = customers({"a": (100, 391, 1, 900), "b": (281, 391, 1, 900), "c": (391, 491, 1, 900),
                 "d": (5, 491, 2, 1500), "e": (391, 491, 2, 900),
                 "f": (5, 200, 1, 900)})  # fmt: skip


def test_shares_are_of_those_who_were_there():
    moves = moved(BEFORE, NOW).moves
    stayed = moves[(moves["from_segment"] == "gone") & (moves["to_segment"] == "gone")].iloc[0]
    assert (stayed["customers"], stayed["from_customers"]) == (2, 3)
    assert stayed["ci_low"] < stayed["share"] < stayed["ci_high"]
    assert moves.groupby("from_segment")["share"].sum().tolist() == pytest.approx([1, 1, 1])


def test_new_customers_come_from_outside():
    found = moved(BEFORE, NOW)
    assert found.moves.loc[found.moves["from_segment"] == NEW, "to_segment"].tolist() == ["fresh"]


def test_inflow_and_outflow_explain_the_change_of_size():
    balance = moved(BEFORE, NOW).balance()
    inflow = balance[["in_new", *(f"in_{cause}" for cause in CAUSES)]].sum(axis=1)
    outflow = balance[[f"out_{cause}" for cause in CAUSES]].sum(axis=1)
    assert (balance["before"] + inflow - outflow).tolist() == balance["now"].tolist() == [3, 3]


def test_movers_are_told_by_what_moved_them():
    found = moved(BEFORE, NOW)
    balance = found.balance().set_index("segment")
    assert balance.loc["fresh", ["in_new", "in_bought", "in_silence"]].tolist() == [1, 1, 0]
    assert balance.loc["fresh", ["out_bought", "out_silence"]].tolist() == [0, 1]
    assert "50.0 % by an order; 50.0 % by silence alone" in found.causes_summary()
    shown = found.causes().assign(share=[None, 0.0, 0.5, 0.0])
    assert found.causes_summary(shown).endswith("segment: 50.0 % by silence alone.")
    assert "Too few" in found.causes_summary(shown.assign(share=None))
    assert "Write to fresh before more of them turn into gone" in found.advice()


def test_a_refund_that_no_rule_reads_did_not_move_anybody():
    before = customers({"a": (30, 30, 1, 3000)})
    now = customers({"a": (121, 121, 1, 2000)})
    assert moved(before, now).moves["to_segment"].tolist() == ["fresh"]
    assert causes(before, now) == {"silence": 1}


def test_a_refund_that_takes_a_customer_below_a_cut_off_did():
    before = customers({"a": (30, 300, 1, 6000)})
    now = customers({"a": (121, 391, 1, 2000)})
    assert causes(before, now) == {"sent_back": 1}


def test_an_order_without_which_the_customer_would_be_there_all_the_same_did_not_move_them():
    rules = ["newcomers: tenure_days <= 90", "later: tenure_days > 90"]
    before = customers({"a": (30, 30, 1, 3000)})
    now = customers({"a": (5, 121, 2, 6000)})
    assert causes(before, now, rules=rules) == {"silence": 1}


def test_a_move_that_the_earlier_cut_offs_would_not_have_made_is_theirs():
    before, now = customers({"a": (30, 300, 1, 900)}), customers({"a": (121, 391, 1, 900)})
    stricter = FIXED | {"recency_cuts": [100]}
    assert causes(before, now, terms_now=stricter) == {"cut_offs": 1}


ROWS = st.lists(
    st.tuples(st.integers(0, 400), st.integers(0, 200), st.integers(1, 4), st.integers(0, 9000),
              st.integers(0, 2), st.integers(-4000, 4000)),
    min_size=1, max_size=25,
)  # fmt: skip


@settings(max_examples=30, deadline=None)
@given(ROWS)
def test_undoing_the_cause_moves_the_customer_and_undoing_anything_else_does_not(rows):
    recency, more, orders, money, since, change = np.array(rows).T
    keys = [f"c{i:02d}" for i in range(len(rows))]
    before = pd.DataFrame({
        "customer_key": keys, "recency_days": recency, "tenure_days": recency + more,
        "order_count": orders, "monetary_minor": money,
    })  # fmt: skip
    quiet = before.assign(recency_days=recency + DAYS, tenure_days=before["tenure_days"] + DAYS)
    now = quiet.assign(
        recency_days=np.where(since > 0, 10, recency + DAYS), order_count=orders + since,
        monetary_minor=money + np.where(since > 0, abs(change), np.minimum(change, 0)),
    )  # fmt: skip
    first = rfm(before, RULES, **FIXED)
    kept, later, resting = (first.apply(table) for table in (before, now, quiet))
    known = moved(before, now).causes().set_index("cause")["customers"]
    changed, mattered = kept != later, resting != later
    assert known["bought"] == int((changed & mattered & (since > 0)).sum())
    assert known["sent_back"] == int((changed & mattered & (since == 0)).sum())
    assert known["silence"] == int((changed & ~mattered).sum())
    assert known["cut_offs"] == 0  # fixed ones never move
    assert known.sum() == int(changed.sum())


def test_the_summary_tells_how_many_stayed():
    assert "60.0 %" in moved(BEFORE, NOW).summary()
    assert "nobody moved" in moved(BEFORE, BEFORE).summary()
    assert "Nobody" in moved(BEFORE, BEFORE).advice()
    assert moved(BEFORE, BEFORE).causes_summary() == "Nobody changed segment."


def test_without_an_earlier_customer_there_is_no_movement():
    nobody = BEFORE.iloc[:0].assign(segment="")
    with pytest.raises(EvidenceError, match="2024-01-01"):
        migration(nobody, NOW, THEN, LATER, drawn_before=assigned, drawn_now=assigned)
