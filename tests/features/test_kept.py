"""What several notebooks of a run ask for is made by one of them, and never changes."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pandas as pd

from retention.engine import Engine
from retention.features import customer_features
from retention.features.kept import keep, to_be_made


def test_who_comes_while_a_file_is_made_waits_and_then_need_not_make_it(tmp_path):
    path = tmp_path / "rows.parquet"

    def ask() -> bool:
        with to_be_made([path]) as wanted:
            return wanted

    with ThreadPoolExecutor(1) as other:
        with to_be_made([path]) as wanted:
            answer = other.submit(ask)
            assert wanted
            assert not answer.done()
            keep(Engine(threads=1), {path: "SELECT 1 AS x"})
        assert answer.result(timeout=30) is False


def test_what_was_left_half_made_is_made_again(tmp_path):
    paths = [tmp_path / "a.parquet", tmp_path / "b.parquet"]
    with to_be_made(paths):
        keep(Engine(threads=1), {paths[0]: "SELECT 1 AS x"})
    with to_be_made(paths) as wanted:
        assert wanted


def test_features_that_many_ask_for_at_once_are_the_same_and_their_file_stays_one(
    make_engine, hand_made_shop, tmp_path
):
    alone = customer_features(make_engine(hand_made_shop), "2024-03-01")

    def ask(_: int) -> tuple[pd.DataFrame, set[int]]:
        engine = make_engine(hand_made_shop)
        engine.share(tmp_path / "shared")
        frame = customer_features(engine, "2024-03-01")
        return frame, {p.stat().st_ino for p in (tmp_path / "shared").glob("*.parquet")}

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(ask, range(8)))
    for frame, files in answers:
        pd.testing.assert_frame_equal(frame, alone)
        assert files == answers[0][1]
