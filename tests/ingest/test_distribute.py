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


def test_a_large_file_has_all_of_the_memory(shop, make_order, monkeypatch):
    seen = []
    take_in = distribute.Task.take_in

    def noted(task, number):
        seen.append((number, task.memory_limit))
        return take_in(task, number)

    shop.write("orders_0.csv", make_order("1", "ada@shop.example"))
    shop.write("orders_1.csv", *(make_order(f"{k}", "bob@shop.example") for k in range(2, 40)))
    monkeypatch.setattr(distribute, "SMALL_FILE", 400)
    monkeypatch.setattr(distribute.Task, "take_in", noted)
    shop.ingest(memory_limit="800MB")
    assert seen == [(0, "400MB"), (1, "800MB")]


def test_one_bad_file_among_many_is_named_and_nothing_is_published(shop, make_order):
    for number in range(4):
        shop.write(f"orders_{number}.csv", make_order(f"{number}", "ada@shop.example"))
    shop.write("orders_2.csv")
    with pytest.raises(InputError, match="header but no rows") as caught:
        shop.ingest()
    assert caught.value.file == "orders_2.csv"
    assert not (shop.store / "current").exists()
