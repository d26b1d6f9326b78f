"""Segments against simulated truth: false personas, false affinities, false alarms, recovery."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
from sklearn.metrics import adjusted_rand_score

from benchmarks.record import Entry, at_least, at_most, near
from retention.engine import Engine
from retention.segments import Terms, discover, drift, guard, next_items

NAMES = ["average_order_minor", "gift_share", "discount_share"]
SOURCE = "simulated truth"
START_S, DAY_S = 1_704_067_200, 86_400


def cases() -> Iterator[Entry]:
    """Yield what personas, affinities, drift and guards find, against what is there."""
    yield from _personas()
    yield from _affinities()
    yield from _drift()
    yield from _guards()


def _personas(worlds: int = 20) -> Iterator[Entry]:
    """Look for personas in one correlated cloud, and in three kinds of customer."""
    found = []
    for seed in range(worlds):
        random = np.random.default_rng(seed)
        cloud = random.normal(size=(800, 1)) + 0.8 * random.normal(size=(800, 3))
        result = _discovered(pd.DataFrame(cloud, columns=NAMES), seed)
        found.append(result.chosen is not None)
    yield at_most("segments", "share of data without clusters in which personas are found", 0.1,
                  float(np.mean(found)), worlds, f"{SOURCE}: one correlated cloud")  # fmt: skip
    agreement = []
    for seed in range(10):
        random = np.random.default_rng(seed)
        kinds = random.choice(3, 900, p=[0.2, 0.33, 0.47])
        centres = np.array([[2.5, -0.5, -0.5], [-0.5, -0.5, 2.5], [-0.5, 2.5, -0.5]])
        rows = centres[kinds] + random.normal(size=(900, 3)) * 0.6
        result = _discovered(pd.DataFrame(rows, columns=NAMES), seed)
        agreement.append(adjusted_rand_score(kinds, result.customers["persona"]))
    yield at_least("segments", "adjusted Rand index with three separate kinds, mean of 10 worlds",
                   0.9, float(np.mean(agreement)), 900, SOURCE)  # fmt: skip


def _discovered(values: pd.DataFrame, seed: int) -> object:
    """Discover personas in a matrix; so many orders that shares are not shrunk.

    The shares among the features are put between 0 and 1 by the logistic function.
    """
    keys = [f"c{i:05d}" for i in range(len(values))]
    shares = [name for name in values if name.endswith("_share")]
    values = values.assign(**{name: 1 / (1 + np.exp(-values[name])) for name in shares})
    terms = Terms(resamples=5, references=19, sample=400, seed=seed)
    frame = values.assign(customer_key=keys, order_count=100_000)
    return discover(frame, NAMES, terms=terms, most_clusters=4, methods=["k-means"])


def _affinities(worlds: int = 60) -> Iterator[Entry]:
    """Count false affinities where there are none, and how often the interval holds the truth."""
    false, inside = [], []
    for seed in range(worlds):
        none = next_items(_shop(seed, {}), "2024-09-01", weeks=12).to_frame()
        false.append(bool(none["is_clear"].any()))
        some = next_items(_shop(seed, {"a": 0.3}), "2024-09-01", weeks=12).to_frame()
        row = some[(some["item"] == "a") & (some["next_item"] == "z")].iloc[0]
        inside.append(row["ci_low"] <= 0.3 / 0.1 <= row["ci_high"])
    yield at_most("segments", "share of shops without affinities in which one is clear",
                  0.1, float(np.mean(false)), worlds, f"{SOURCE}: 4 pairs, 5 %")  # fmt: skip
    yield near("segments", "coverage of the 95 % interval of a lift of 3", 0.95,
               float(np.mean(inside)), 0.06, worlds, SOURCE)  # fmt: skip


def _shop(seed: int, chances: dict[str, float]) -> Engine:
    """Draw first orders of four items, followed by item z with a chance of its own or 10 %."""
    random = np.random.default_rng(seed)
    n = 2000
    first = random.choice(list("abcd"), n)
    follows = random.random(n) < np.array([chances.get(item, 0.1) for item in first])
    who = np.concatenate([np.arange(n), np.flatnonzero(follows)])
    item = np.concatenate([first, np.full(follows.sum(), "z")])
    epoch = START_S + np.concatenate([np.zeros(n), np.full(follows.sum(), 20)]) * DAY_S
    orders = pd.DataFrame(
        {
            "order_key": np.arange(len(who)).astype(str), "customer_key": who.astype(str),
            "ordered_epoch_s": epoch.astype("int64"),
            "ordered_at": pd.to_datetime(epoch, unit="s"), "status": "paid", "currency": "USD",
            "gross_minor": 100, "discount_minor": 0, "refunded_minor": 0, "is_gift": False,
            "delivered_late": False,
        }
    )  # fmt: skip
    lines = pd.DataFrame({"order_key": orders["order_key"], "category": item,
                          "product_key": item, "quantity": 1})  # fmt: skip
    engine = Engine(threads=1)
    engine.register("orders", orders)
    engine.register("order_lines", lines)
    return engine


def _drift(worlds: int = 1000) -> Iterator[Entry]:
    """Count how often the index passes its chance bound where nothing has changed."""
    above = []
    for seed in range(worlds):
        random = np.random.default_rng(seed)
        before, now = (pd.DataFrame({"x": random.normal(size=n)}) for n in (600, 400))
        row = drift(before, now, "2024-01-01", "2024-04-01", ["x"]).to_frame().iloc[0]
        above.append(row["psi"] > row["chance"])
    yield near("segments", "share of stability indices above their 95 % chance bound", 0.05,
               float(np.mean(above)), 0.025, worlds, "Yurdakul and Naranjo (2020)")  # fmt: skip


def _guards(worlds: int = 200) -> Iterator[Entry]:
    """Merge two segments with the same rate, keep two that are 10 points apart."""
    alike, apart = [], []
    for seed in range(worlds):
        random = np.random.default_rng(seed)
        for rates, kept in (((0.2, 0.2), alike), ((0.2, 0.3), apart)):
            keys = [f"{s}{i}" for s in "ab" for i in range(1000)]
            segments = pd.DataFrame({"customer_key": keys, "segment": np.repeat(["a", "b"], 1000)})
            bought = random.random(2000) < np.repeat(rates, 1000)
            outcome = pd.DataFrame({"customer_key": keys, "purchases": bought.astype(int)})
            kept.append(guard(segments, outcome).merged["a"] == "a")
    yield near("segments", "share of twin segments kept apart", 0.05, float(np.mean(alike)), 0.031,
               worlds, f"{SOURCE}: level 5 %, two standard errors")  # fmt: skip
    yield at_least("segments", "share of segments 10 points apart kept apart", 0.98,
                   float(np.mean(apart)), worlds, f"{SOURCE}: 20 % and 30 %")  # fmt: skip
