"""Deterministic assignment: stable, independent, even within strata, exclusive in layers."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from retention import abtest
from retention.abtest.assignment import assign, positions, stratum_counts
from retention.errors import InputError, ParameterError

PEOPLE = pd.DataFrame({"unit_key": [f"customer {i}" for i in range(20_000)]})
PEOPLE["country"] = np.where(np.arange(20_000) % 7 == 0, "DE", "US")
HALVES = {"control": 1.0, "email": 1.0}


def test_the_same_unit_always_gets_the_same_arm_whatever_the_order():
    first = assign(PEOPLE, "spring", HALVES).to_frame()
    second = assign(PEOPLE.sample(frac=1, random_state=3), "spring", HALVES).to_frame()
    pd.testing.assert_frame_equal(first, second)


def test_shares_are_met_up_to_chance():
    counts = assign(PEOPLE, "spring", {"control": 0.7, "email": 0.3}).to_frame()["arm"]
    found = counts.value_counts().to_dict()
    assert not abtest.sample_ratio(found, {"control": 0.7, "email": 0.3}).mismatch


def test_two_experiments_are_independent():
    first = assign(PEOPLE, "spring", HALVES).to_frame()["arm"]
    second = assign(PEOPLE, "autumn", HALVES).to_frame()["arm"]
    share = ((first == "email") & (second == "email")).mean()
    assert share == pytest.approx(0.25, abs=4 * np.sqrt(0.25 * 0.75 / 20_000))


def test_every_stratum_is_split_exactly():
    found = assign(PEOPLE, "spring", HALVES, stratum="country").to_frame()
    counts = pd.crosstab(found["stratum"], found["arm"])
    assert (counts["control"] - counts["email"]).abs().max() <= 1


def test_the_hold_out_is_the_same_for_every_experiment():
    held = [
        set(f.loc[f["reason"] == "hold-out", "unit_key"])
        for name in ("spring", "autumn")
        for f in [assign(PEOPLE, name, HALVES, hold_out=0.1).to_frame()]
    ]
    assert held[0] == held[1]
    assert len(held[0]) == pytest.approx(2_000, abs=150)


def test_experiments_of_one_layer_share_no_unit():
    first = assign(PEOPLE, "spring", HALVES, layer="email", layer_range=(0, 0.5)).to_frame()
    second = assign(PEOPLE, "gift", HALVES, layer="email", layer_range=(0.5, 1)).to_frame()
    assert not (first["arm"].notna() & second["arm"].notna()).any()
    assert (first["arm"].notna() | second["arm"].notna()).all()


def test_positions_are_uniform():
    counts = np.histogram(positions(PEOPLE["unit_key"], "x"), bins=20, range=(0, 1))[0]
    assert abtest.sample_ratio({str(i): int(c) for i, c in enumerate(counts)}).p_value > 1e-4


def test_units_twice_or_without_a_key_are_refused():
    with pytest.raises(InputError, match="repeat a unit"):
        assign(pd.concat([PEOPLE.head(5), PEOPLE.head(1)]), "x", HALVES)
    with pytest.raises(InputError, match="no key"):
        assign(pd.DataFrame({"unit_key": ["a", None]}), "x", HALVES)


@pytest.mark.parametrize("arms", [{"control": 1.0}, {"control": 1.0, "email": 0.0}])
def test_impossible_shares_are_refused(arms):
    with pytest.raises(ParameterError):
        assign(PEOPLE, "x", arms)


@pytest.mark.parametrize(
    ("size", "arms"),
    [
        (1, {"control": 1, "email": 1}), (3, {"control": 1, "email": 1}),
        (1, {"control": 9, "email": 1}), (4, {"control": 9, "email": 1}),
        (2, {"control": 1, "email": 1, "gift": 1}), (1, {"control": 1, "email": 1, "gift": 1}),
        (7, {"control": 6, "email": 3, "gift": 1}), (4, {"hold": 1, "email": 9}),
    ],
)  # fmt: skip
def test_strata_of_any_size_are_as_even_as_can_be_one_by_one_and_together(size, arms):
    units = pd.DataFrame({"unit_key": [f"u{i}" for i in range(1_000 * size)]})
    units["s"] = np.repeat([f"s{k}" for k in range(1_000)], size)
    found = assign(units, "spring", arms, stratum="s").to_frame()
    counts = pd.crosstab(found["stratum"], found["arm"]).reindex(columns=list(arms), fill_value=0)
    planned = np.array(list(arms.values())) / sum(arms.values())
    assert (counts - size * planned).abs().to_numpy().max() < 2
    assert np.abs(counts.sum() - 1_000 * size * planned).max() < 2


@pytest.mark.parametrize(
    ("sizes", "arms"),
    [
        ((3,), {"control": 1, "email": 1}), ((4,), {"control": 9, "email": 1}),
        ((1, 1, 2), {"control": 1, "email": 1, "gift": 1}),
        ((5, 3, 1), {"control": 6, "email": 3, "gift": 1}),
    ],
)  # fmt: skip
def test_every_stratum_gives_each_arm_its_planned_share_over_salts(sizes, arms):
    names, draws = pd.Index([f"s{k}" for k in range(len(sizes))]), 600
    shares = np.array(list(arms.values()), dtype=float)
    total = sum(stratum_counts(names, np.array(sizes), shares, f"salt {k}") for k in range(draws))
    found = total / draws / np.array(sizes)[:, None]
    planned = shares / shares.sum()
    error = np.sqrt(planned * (1 - planned) / draws)
    assert (np.abs(found - planned) < 4 * error).all()


def test_every_unit_of_a_stratum_has_its_planned_chance_over_salts():
    units = pd.DataFrame({"unit_key": ["a", "b", "c", "d"], "s": "x"})
    treated = np.array([
        assign(units, f"salt {k}", {"control": 9, "email": 1}, stratum="s").to_frame()["arm"]
        == "email"
        for k in range(200)
    ])  # fmt: skip
    assert (np.abs(treated.mean(axis=0) - 0.1) < 4 * np.sqrt(0.09 / 200)).all()
