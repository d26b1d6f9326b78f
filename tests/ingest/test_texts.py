"""Free text: gone unless asked for; asked for, it holds no identity that can be known or seen."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retention.ingest import Snapshot, distribute, run_ingest
from retention.ingest.texts import Scrubber

NAMES = ["Quokka Zwölf", "Siobhán O'Rourke-Łukasz", "Rose Black", "王小明"]
SCRUBBER = Scrubber.knowing(NAMES, ["ZW9 1QX", "90210"])

CANARIES = (
    "quokka.zwolf@canary.example", "Quokka Zwölf", "quokka", "Zwolf's", "O'Rourke", "łukasz",
    "王小明", "+49 30 55577701", "(555) 010-2030", "555-010-2030", "004930 5557 7701",
    "4111 1111 1111 1111", "DE89 3704 0044 0532 0130 00", "ZW9 1QX", "zw91qx", "90210",
    "12 Canary Hill Road", "12b, Old Mill Lane", "Kanarienstraße 77a", "7 rue du Canari",
    "https://social.example/quokka", "www.canary.example/me", "@quokka_z", "q (at) canary.example",
)  # fmt: skip

words = st.lists(
    st.text(alphabet="abcdefghijklmnopqrstuvwxyz", min_size=1, max_size=8), max_size=5
).map(" ".join)


@settings(max_examples=60, deadline=None)
@given(words, st.sampled_from(CANARIES), words, st.sampled_from([" ", ", ", ". ", "\n", " ("]))
def test_no_canary_survives_in_any_surrounding(before, canary, after, gap):
    clean = SCRUBBER.scrub(f"{before}{gap}{canary}{gap}{after}").casefold()
    assert canary.casefold() not in clean
    digits = "".join(c for c in canary if c.isdigit())
    if len(digits) >= 7:
        assert digits not in "".join(c for c in clean if c.isdigit())


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=200))
def test_any_text_can_be_scrubbed_and_nothing_is_left_to_scrub(text):
    clean = SCRUBBER.scrub(text)
    assert SCRUBBER.scrub(clean) == clean


def test_what_is_no_identity_stays():
    text = "I will come again in may: the rose ring is black, 3 mm too large, order 1234."
    assert SCRUBBER.scrub(text) == text
    assert SCRUBBER.scrub("Rose loved it") == "[name] loved it"


SURVEY = "Response ID,Submitted At,Survey,Email,Score,Reason,Comment"
ANSWER = (
    "r1,2025-02-01 10:00:00,NPS,quokka@canary.example,9,{reason},"
    '"Lovely! Call Quokka Zwölf on +49 30 55577701, 12 Canary Hill Road. It broke."'
)
ORDERS = "order,email,phone,buyer,name,postcode,date,amount"


@pytest.fixture
def survey(shop):
    def answers(free_text, reason="quality"):
        (shop.root / "answers.csv").write_text(f"{SURVEY}\n{ANSWER.format(reason=reason)}\n")
        shop.write("orders.csv", "1,quokka@canary.example,,,Quokka Zwölf,ZW9 1QX,2025-02-01,5.00",
                   header=ORDERS)  # fmt: skip
        run_ingest(
            ["tiny_orders: orders.csv", "surveys: answers.csv"], shop.store, shop.private,
            root=shop.root, as_of="2025-03-01", threads=1, free_text=free_text,
        )  # fmt: skip
        (path,) = Snapshot.load(shop.store).tables["surveys"]
        return pd.read_parquet(path)

    return answers


def test_free_text_is_off_by_default(survey):
    assert survey(False).comment.isna().all()


def test_free_text_is_kept_scrubbed_where_it_is_asked_for(survey):
    (comment,) = survey(True).comment
    assert comment == "Lovely! Call [name] [name] on [number], [address] It broke."


def test_asking_for_free_text_later_reads_the_file_again(survey):
    assert survey(False).comment.isna().all()
    assert survey(True).comment.notna().all()
    assert survey(False).comment.isna().all()


def test_an_address_given_as_a_reason_is_struck(survey):
    assert survey(False, "quality").reason_code.tolist() == ["quality"]
    assert survey(False, "Quokka@canary.example").reason_code.isna().all()


@pytest.mark.parametrize(
    "canary", ["ada@canary.example", "+49 30 55577701", "Ada Canary", "12 Canary Hill Road"]
)
def test_an_identity_in_a_column_that_is_not_meant_for_one_is_struck(shop, make_order, canary):
    shop.write(
        "orders.csv",
        make_order("1", "ada@canary.example", name="Ada Canary", country=canary),
        make_order("2", "bob@shop.example", country="Norway"),
    )
    shop.ingest()
    (path,) = Snapshot.load(shop.store).tables["customers"]
    assert pd.read_parquet(path).country.dropna().tolist() == ["NO"]


def test_free_text_waits_for_the_people_whom_the_other_files_name(survey, monkeypatch):
    taken = []
    take_in = distribute.Task.take_in

    def noted(task, number):
        taken.append(task.items[number].name)
        return take_in(task, number)

    monkeypatch.setattr(distribute.Task, "take_in", noted)
    (comment,) = survey(True).comment
    assert "Quokka" not in comment
    assert taken == ["orders.csv", "answers.csv"]
