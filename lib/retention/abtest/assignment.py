"""Who gets which arm: deterministic salted hashing, strata, hold-outs, mutual exclusion.

The arm of a unit follows from the experiment's salt and the unit's key alone: no list has to be
kept, the same unit always gets the same arm, and two experiments with different salts are
independent of each other.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from retention.abtest.experiment import Experiment, read_experiment
from retention.abtest.statistics import Array
from retention.abtest.unit_values import labels_of
from retention.engine import Engine
from retention.errors import InputError, ParameterError
from retention.features import FEATURES, customer_features

BUCKETS = 2**53
"""Resolution of a hashed position: every double in [0, 1) with 53 bits."""


def positions(keys: pd.Series, salt: str) -> Array:
    """Return each key's position in [0, 1), by SHA-256 of salt and key.

    Parameters
    ----------
    keys
        Unit keys, as text; NULL is refused.
    salt
        Name of the draw; another salt gives independent positions.

    Examples
    --------
    >>> bool(positions(pd.Series(["a"]), "x")[0] == positions(pd.Series(["a"]), "x")[0])
    True
    """
    if keys.isna().any():
        raise InputError(
            f"{int(keys.isna().sum()):,} units have no key.", "Assign known units only.",
            column=str(keys.name),
        )  # fmt: skip
    if not salt:
        raise ParameterError("The salt is empty.", "Name the draw, such as the experiment's key.")
    codes, unique = pd.factorize(keys.astype(str))
    digests = b"".join(hashlib.sha256(f"{salt}\x1f{key}".encode()).digest()[:8] for key in unique)
    drawn = np.frombuffer(digests, dtype=">u8") >> np.uint64(11)
    return np.asarray(drawn.astype(np.float64) / BUCKETS)[codes]


@dataclass(frozen=True, eq=False)
class Assignment:
    """Units with their arm; ``arm`` is NULL for those held out or taken by another experiment."""

    experiment: str
    table: pd.DataFrame

    def to_frame(self) -> pd.DataFrame:
        """Return ``unit_key, arm, stratum, reason``, sorted by unit."""
        return self.table

    def counts_table(self) -> pd.DataFrame:
        """Return units per stratum and arm, those left out under their reason."""
        place = self.table["arm"].astype("object").where(self.table["reason"] == "",
                                                         self.table["reason"])  # fmt: skip
        counts = pd.crosstab(self.table["stratum"].replace("", "all"), place.rename("arm"))
        return counts.rename_axis(columns=None).reset_index()

    def summary(self) -> str:
        """Say how many units each arm got, and how many none."""
        if self.table.empty:
            return "No experiment is planned, so no arms are drawn."
        counts = self.table["arm"].value_counts().sort_index()
        listed = ", ".join(f"{arm} {n:,}" for arm, n in counts.items())
        left = int(self.table["arm"].isna().sum())
        return f"{self.experiment}: {listed}; {left:,} units left out."


def assign(
    units: pd.DataFrame,
    experiment: str,
    arms: Mapping[str, float],
    *,
    unit: str = "unit_key",
    stratum: str | None = None,
    hold_out: float = 0.0,
    hold_out_salt: str = "global hold-out",
    layer: str | None = None,
    layer_range: tuple[float, float] = (0.0, 1.0),
) -> Assignment:
    """Assign units to arms by salted hash.

    Without strata each unit's position decides, so shares are met up to chance and units may come
    one by one. With strata the units of each stratum are ordered by position and cut at the
    shares (permuted block of the whole stratum), for units known at one time. What a stratum's size
    leaves over goes to an arm drawn from the salt, so that every unit has its planned chance; the
    draws of the strata are balanced, so that all strata together are as even as one of them.

    Parameters
    ----------
    units
        One row per unit.
    experiment
        Salt of the draw.
    arms
        Share of each arm (any positive scale).
    unit, stratum
        Columns of the key and of the stratum.
    hold_out, hold_out_salt
        Share of units that get no experiment at all; the same units for every experiment with the
        same salt.
    layer, layer_range
        Mutual exclusion: experiments of one layer with disjoint ranges of [0, 1) never share a
        unit.

    Raises
    ------
    ParameterError
        If shares are impossible.
    InputError
        If a unit is there twice or has no key.

    Examples
    --------
    >>> people = pd.DataFrame({"unit_key": [f"u{i}" for i in range(1000)]})
    >>> found = assign(people, "spring", {"control": 1, "email": 1}).to_frame()
    >>> sorted(found["arm"].unique())
    ['control', 'email']
    """
    _refuse(units, unit, arms, hold_out, layer_range)
    table = units[[unit]].rename(columns={unit: "unit_key"}).reset_index(drop=True)
    table["stratum"] = "" if stratum is None else units[stratum].astype(str).to_numpy()
    table["reason"] = _left_out(table["unit_key"], hold_out, hold_out_salt, layer, layer_range)
    free = table["reason"] == ""
    position = positions(table["unit_key"], experiment)
    names, shares = list(arms), np.array(list(arms.values()), dtype=float)
    if stratum is None:
        at = np.searchsorted(np.cumsum(shares)[:-1] / shares.sum(), position, side="right")
    else:
        at = _within_strata(table["stratum"], position, free.to_numpy(), shares, experiment)
    table["arm"] = pd.Series(np.array(names, dtype=object)[at]).mask(~free)
    columns = ["unit_key", "arm", "stratum", "reason"]
    return Assignment(experiment, table[columns].sort_values("unit_key", ignore_index=True))


def _within_strata(
    strata: pd.Series, position: Array, free: NDArray[np.bool_], shares: Array, salt: str
) -> NDArray[np.int64]:
    """Return the number of each unit's arm, the units of a stratum cut in order of position."""
    codes, names = pd.factorize(strata)
    sizes = np.bincount(codes[free], minlength=len(names))
    edges = np.cumsum(stratum_counts(names, sizes, shares, salt), axis=1)[:, :-1]
    rank = pd.Series(position).where(free).groupby(codes).rank(method="first") - 1
    return np.asarray((rank.fillna(0).to_numpy()[:, None] >= edges[codes]).sum(axis=1))


def stratum_counts(
    names: pd.Index, sizes: NDArray[np.int64], shares: Array, salt: str
) -> NDArray[np.int64]:
    """Return how many units of each stratum go to each arm, shape (strata, arms).

    Systematic sampling with a random start: the strata are put in random order, and the units up to
    each of them are rounded together, so that a stratum gets its share rounded up or down, each
    unit with its planned chance, and all strata together are rounded once. Arms are taken one by
    one, each out of what the arms before it left.

    Parameters
    ----------
    names, sizes
        Labels of the strata and units in each.
    shares
        Share of each arm (any positive scale).
    salt
        Name of the draw.
    """
    order = np.argsort(positions(pd.Series(names), f"{salt} strata"), kind="stable")
    starts = positions(pd.Series(range(len(shares))), f"{salt} start")
    left, counts = sizes[order], np.zeros((len(sizes), len(shares)), dtype=np.int64)
    for arm in range(len(shares) - 1):
        reached = np.cumsum(left) * (shares[arm] / shares[arm:].sum()) + starts[arm]
        counts[order, arm] = np.diff(np.floor(reached).astype(np.int64), prepend=0)
        left = left - counts[order, arm]
    counts[order, -1] = left
    return counts


def assign_experiment(
    units: pd.DataFrame, plan: Experiment, *, unit: str = "unit_key"
) -> Assignment:
    """Assign units as an experiment's plan says: its arms, strata, hold-out and layer.

    Parameters
    ----------
    units
        One row per unit, with the plan's ``stratify_by`` column where it names one.
    plan
        The experiment; its name is the salt.
    unit
        Column of the key.

    Raises
    ------
    InputError
        If the units lack the stratum's column.
    """
    if plan.stratify_by is not None and plan.stratify_by not in units:
        raise InputError(
            f"The units have no column {plan.stratify_by!r} to split evenly within.",
            f"They have {', '.join(map(str, units.columns))}.",
            column=plan.stratify_by,
        )
    if plan.stratify_by is not None:
        units = units.assign(**{plan.stratify_by: labels_of(units[plan.stratify_by])})
    return assign(
        units, plan.name, plan.arms, unit=unit, stratum=plan.stratify_by, hold_out=plan.hold_out,
        layer=plan.layer, layer_range=plan.layer_range,
    )  # fmt: skip


def draw_planned(engine: Engine, folder: Path, name: str, as_of: str) -> Assignment:
    """Draw the arms of a planned experiment for the customers known at the as-of date.

    Parameters
    ----------
    engine
        Engine with the snapshot's tables.
    folder, name
        Folder of the experiments' files and the experiment; an empty name draws nothing.
    as_of
        ISO date.

    Raises
    ------
    ParameterError
        If the experiment has started: who is drawn then is drawn already.
    """
    if not name:
        columns = ["unit_key", "arm", "stratum", "reason"]
        return Assignment("none planned", pd.DataFrame(columns=columns, dtype="object"))
    plan = read_experiment(folder, name)
    if date.fromisoformat(as_of) > date.fromisoformat(plan.starts):
        raise ParameterError(
            f"Experiment {name!r} started on {plan.starts}, before {as_of}.",
            "Draw the arms of an experiment that is still planned.",
            column="planned_experiment",
        )
    read = [plan.stratify_by] if plan.stratify_by else []
    known = {feature.name for feature in FEATURES}.issuperset(read)  # else it is said what there is
    customers = customer_features(engine, as_of, only=read if known else None)
    return assign_experiment(customers.rename(columns={"customer_key": "unit_key"}), plan)


def _refuse(
    units: pd.DataFrame,
    unit: str,
    arms: Mapping[str, float],
    hold_out: float,
    layer_range: tuple[float, float],
) -> None:
    """Refuse what cannot be assigned."""
    if len(arms) < 2 or min(arms.values()) <= 0:
        raise ParameterError(
            f"The shares {dict(arms)} are impossible.", "Give two arms or more, each above zero."
        )
    if not 0 <= hold_out < 1 or not 0 <= layer_range[0] < layer_range[1] <= 1:
        raise ParameterError(
            f"Hold-out {hold_out} or layer range {layer_range} is impossible.",
            "Give shares within 0 and 1.",
        )
    if units[unit].duplicated().any():
        raise InputError(
            f"{int(units[unit].duplicated().sum()):,} rows repeat a unit.",
            "Give one row per unit.",
            column=unit,
        )


def _left_out(
    keys: pd.Series,
    hold_out: float,
    hold_out_salt: str,
    layer: str | None,
    layer_range: tuple[float, float],
) -> pd.Series:
    """Return why a unit gets no arm, empty where it does."""
    reason = pd.Series("", index=keys.index)
    if layer is not None:
        at = positions(keys, f"layer {layer}")
        reason[(at < layer_range[0]) | (at >= layer_range[1])] = "another experiment of the layer"
    if hold_out:
        reason[positions(keys, hold_out_salt) < hold_out] = "hold-out"
    return reason
