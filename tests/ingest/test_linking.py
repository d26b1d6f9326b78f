"""Who is one person: seen, declared, undone, and the same whatever the order."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retention.engine import Engine
from retention.ingest import run_ingest
from retention.ingest.linking import components, link_people

COLUMNS = ["person_key", "email_key", "phone_key", "platform_key"]
EMAILS, PHONES, IDS = ("ea", "eb", "ec"), ("pa", "pb", "pc"), ("xa", "xb", "xc")
KINDS = {"e": "email", "p": "phone", "x": "platform_id"}


def resolve(folder, seen, statements=()):
    """Return whose each identity is, from rows (email, phone, id) and (one, other, state, day)."""
    rows = [(e or p or x, e, p, x) for e, p, x in seen]
    pd.DataFrame(rows, columns=COLUMNS, dtype="string").to_parquet(folder / "seen.parquet")
    sides = [
        {"link_key": f"l{n}", "customer_key": key, "identity_confidence": KINDS[key[0]],
         "state": state, "declared_epoch_s": day, "declared_by": "shop"}
        for n, (one, other, state, day) in enumerate(statements) for key in (one, other)
    ]  # fmt: skip
    declared = []
    if sides:
        pd.DataFrame(sides).to_parquet(folder / "declared.parquet")
        declared = [folder / "declared.parquet"]
    engine = Engine(threads=1)
    link_people(engine, [folder / "seen.parquet"], declared)
    found = engine.sql("SELECT token, customer_key FROM rekeyed ORDER BY token").frame()
    engine.close()
    return dict(zip(found.token, found.customer_key, strict=True))


@pytest.mark.parametrize(
    ("seen", "statements", "expected"),
    [
        ([("ea", "pa", None), (None, "pa", "xa")], [], {"pa": "ea", "xa": "ea"}),
        ([("ea", "pa", None), ("eb", "pa", None)], [], {}),
        ([("ea", None, None), ("eb", None, None)], [("ea", "eb", "linked", 1)], {"eb": "ea"}),
        ([("ea", "pa", None), ("eb", "pa", None)], [("ea", "eb", "linked", 1)],
         {"eb": "ea", "pa": "ea"}),
        ([("ea", None, None)], [("ea", "eb", "linked", 1), ("eb", "ea", "unlinked", 2)], {}),
        ([("ea", None, None)], [("ea", "eb", "unlinked", 2), ("eb", "ea", "linked", 3)],
         {"eb": "ea"}),
        ([("ea", "pa", None)], [("ea", "pa", "unlinked", 1)], {}),
        ([("ea", "pa", None)], [("pa", "eb", "linked", 1)], {"pa": "eb"}),
        ([("ea", "pa", None), ("eb", "pa", None)], [("pa", "eb", "linked", 1)], {"pa": "eb"}),
        ([("ea", None, "xb")], [("pa", "xb", "linked", 1)], {"pa": "ea", "xb": "ea"}),
        ([("ea", None, None)], [("ea", "eb", "linked", 1), ("eb", "ec", "linked", 1)],
         {"eb": "ea", "ec": "ea"}),
    ],
    ids=["seen together", "shared phone stays apart", "declared", "declared settles a conflict",
         "unlinked later", "linked again", "unlinked although seen", "declared beats seen",
         "declared among several", "weak group joins the one it was seen with", "chain"],
)  # fmt: skip
def test_whose_an_identity_is(tmp_path, seen, statements, expected):
    assert resolve(tmp_path, seen, statements) == expected


def maybe(values):
    return st.one_of(st.none(), st.sampled_from(values))


sightings = st.tuples(maybe(EMAILS), maybe(PHONES), maybe(IDS)).filter(any)
statements_of = st.tuples(
    st.sampled_from(EMAILS + PHONES + IDS), st.sampled_from(EMAILS + PHONES + IDS),
    st.sampled_from(["linked", "unlinked"]), st.integers(1, 3),
).filter(lambda s: s[0] != s[1])  # fmt: skip


@settings(max_examples=25, deadline=None)
@given(st.lists(sightings, min_size=1, max_size=8), st.lists(statements_of, max_size=5), st.data())
def test_the_order_of_rows_and_of_statements_changes_nothing(tmp_path_factory, seen, said, data):
    folder = tmp_path_factory.mktemp("order")
    first = resolve(folder, seen, said)
    again = resolve(folder, data.draw(st.permutations(seen)), data.draw(st.permutations(said)))
    assert first == again
    assert not set(first.values()) & set(first), (
        "an identity stands for one that stands for another"
    )


@settings(max_examples=25, deadline=None)
@given(st.lists(sightings, min_size=1, max_size=8))
def test_addresses_are_never_merged_by_what_was_merely_seen(tmp_path_factory, seen):
    found = resolve(tmp_path_factory.mktemp("seen"), seen)
    assert not set(found) & set(EMAILS)


def test_a_group_is_led_by_its_strongest_identity():
    pairs = pd.DataFrame({"one": ["pz", "xa"], "other": ["eb", "pz"]})
    made = components(pairs, pd.Series({"pz": "phone", "xa": "platform_id", "eb": "email"}))
    assert set(made.person) == {"eb"}
    assert made.has_email.all()


HEADER = "identity,same_as,state,declared_at,declared_by"


def ingest_with_links(shop, *links):
    (shop.root / "links.csv").write_text("\n".join([HEADER, *links]) + "\n", encoding="utf-8")
    return run_ingest(
        ["tiny_orders: orders.csv", "links: links.csv"], shop.store, shop.private,
        root=shop.root, as_of="2025-03-01", threads=1,
    )  # fmt: skip


def table(result, name):
    return pd.concat([pd.read_parquet(p) for p in result.snapshot.tables[name]])


def test_a_declared_link_joins_two_people_and_an_unlink_undoes_it(shop, make_order):
    shop.write(
        "orders.csv", make_order("1", "ada@shop.example"), make_order("2", "ada@work.example"),
        make_order("3", buyer="77"),
    )  # fmt: skip
    link = "Ada@Shop.example,ada@work.example,linked,2025-02-01 10:00:00,customer"
    other = "ada@shop.example,tiny:77,linked,2025-02-01 10:00:00,help_desk"
    joined = ingest_with_links(shop, link, other)
    assert len(set(table(joined, "orders").customer_key)) == 1
    assert len(table(joined, "customers")) == 1
    told = table(joined, "identity_links")
    assert set(told.rule) == {"declared"}
    assert {"customer", "help_desk"} == set(told.declared_by)
    undo = "ada@work.example,ada@shop.example,unlinked,2025-02-02 10:00:00,customer"
    parted = ingest_with_links(shop, link, other, undo)
    assert len(set(table(parted, "orders").customer_key)) == 2


def test_a_guest_who_left_only_a_name_is_never_taken_for_an_account(shop, make_order):
    shop.write(
        "orders.csv",
        make_order("1", "ada@shop.example", name="Ada L", postcode="Z1", buyer="77"),
        make_order("2", name="Ada L", postcode="Z1"),
    )
    result = shop.ingest("orders.csv")
    assert len(set(table(result, "orders").customer_key)) == 2
    assert set(table(result, "customers").identity_confidence) == {"email", "name_only"}
