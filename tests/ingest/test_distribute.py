"""Files taken in side by side give what they give one after the other."""

from __future__ import annotations

import pytest

from retention.errors import InputError
from retention.ingest import distribute


def test_side_by_side_and_one_by_one_give_the_same_snapshot(
    shop, make_order, monkeypatch, tmp_path
):
    for number in range(5):
        rows = [make_order(f"{number}{k}", f"c{k}@shop.example") for k in range(4)]
        shop.write(f"orders_{number}.csv", *rows)
    together = shop.ingest().snapshot
    monkeypatch.setattr(distribute, "AT_ONCE", 1)
    shop.store = tmp_path / "store of its own"
    alone = shop.ingest().snapshot
    assert together.id == alone.id
    assert len(together.manifest["batches"]) == 5


@pytest.fixture
def taken(monkeypatch):
    """The files that are taken in, each with its memory."""
    seen: list[tuple[int, str]] = []
    take_in = distribute.Task.take_in

    def noted(task, number):
        seen.append((number, task.memory_limit))
        return take_in(task, number)

    monkeypatch.setattr(distribute.Task, "take_in", noted)
    monkeypatch.setattr(distribute, "AT_ONCE", 2)
    return seen


def test_two_files_divide_the_memory(shop, make_order, taken):
    for number in range(2):
        shop.write(f"orders_{number}.csv", make_order(f"{number}", "ada@shop.example"))
    shop.ingest(memory_limit="800MB", threads=1)
    assert sorted(taken) == [(0, "400MB"), (1, "400MB")]


def test_the_largest_file_is_taken_in_first(shop, make_order, taken, monkeypatch):
    monkeypatch.setattr(distribute, "AT_ONCE", 1)
    shop.write("orders_0.csv", make_order("1", "ada@shop.example"))
    shop.write("orders_1.csv", *(make_order(f"{k}", "bob@shop.example") for k in range(2, 40)))
    shop.ingest(memory_limit="800MB")
    assert taken == [(1, "800MB"), (0, "800MB")]


def test_a_file_alone_has_all_of_the_memory(shop, make_order, taken):
    shop.write("orders_0.csv", make_order("1", "ada@shop.example"))
    shop.ingest(memory_limit="800MB")
    assert taken == [(0, "800MB")]


def test_one_bad_file_among_many_is_named_and_nothing_is_published(shop, make_order):
    for number in range(4):
        shop.write(f"orders_{number}.csv", make_order(f"{number}", "ada@shop.example"))
    shop.write("orders_2.csv")
    with pytest.raises(InputError, match="header but no rows") as caught:
        shop.ingest()
    assert caught.value.file == "orders_2.csv"
    assert not (shop.store / "current").exists()
