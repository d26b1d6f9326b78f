"""One experiment as arrays: who was given which arm, with what probability, knowing what.

Rows are ordered by unit key, so that nothing computed from a trial depends on the order in which
the data arrived.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from retention.errors import EvidenceError, InputError
from retention.uplift.clusters import draws

SAME_CHANCE = 1e-6
"""Chances that differ by less within a stratum are one chance, rounded."""

DESIGN_COLUMNS = ("unit_key", "arm", "propensity", "stratum")
"""Columns of an experiment frame that describe the design, not the unit."""

DERIVED_OUTCOMES = ("purchased", "orders", "revenue", "net_margin")
"""Outcomes that are derived from orders after the assignment; never covariates."""

NOTHING_KNOWN = "nothing known"
"""Stands in for covariates where an export brings none."""

Floats = NDArray[np.float64]
Integers = NDArray[np.intp]


@dataclass(frozen=True)
class Trial:
    """The units of one experiment, ordered by key.

    Parameters
    ----------
    unit_key
        Keys of the units, ascending.
    covariates
        What was known of each unit before the assignment, as numbers (see ``encode``).
    arms
        Names of the arms; the control comes first.
    arm
        Position in ``arms`` of the arm that each unit was given.
    propensity
        Probability of each arm for each unit, shape (units, arms).
    outcomes
        What happened to each unit afterwards, one column each.
    randomised
        Whether chance decided; False makes every estimate observational.
    cluster
        Number of the cluster (household, shop) that each unit was drawn with; None where every unit
        was drawn on its own. Standard errors count clusters, and folds keep them whole.
    """

    unit_key: NDArray[np.object_]
    covariates: pd.DataFrame
    arms: tuple[str, ...]
    arm: Integers
    propensity: Floats
    outcomes: pd.DataFrame
    randomised: bool = True
    cluster: Integers | None = None

    @property
    def units(self) -> int:
        """Number of units."""
        return len(self.arm)

    @property
    def draws(self) -> int:
        """Number of independent draws: clusters where there are some, else units."""
        return draws(self.cluster, self.units)

    @property
    def treatments(self) -> tuple[str, ...]:
        """Names of the arms apart from the control."""
        return self.arms[1:]

    @property
    def contacts(self) -> dict[str, int]:
        """Number of units in each arm apart from the control."""
        counts = np.bincount(self.arm, minlength=len(self.arms))
        return {name: int(n) for name, n in zip(self.treatments, counts[1:], strict=True)}

    def outcome(self, name: str) -> Floats:
        """Return one outcome as an array.

        Raises
        ------
        InputError
            If the trial has no such outcome.
        """
        if name not in self.outcomes:
            known = ", ".join(map(str, self.outcomes.columns))
            raise InputError(
                f"The experiment has no outcome {name!r}.", f"Choose one of: {known}.", column=name
            )
        return np.asarray(self.outcomes[name], dtype=np.float64)

    def take(self, rows: NDArray[np.bool_] | Integers) -> Trial:
        """Return the trial of some of the units, all arms kept."""
        return replace(
            self,
            unit_key=self.unit_key[rows],
            covariates=self.covariates.iloc[_positions(rows)].reset_index(drop=True),
            arm=self.arm[rows],
            propensity=self.propensity[rows],
            outcomes=self.outcomes.iloc[_positions(rows)].reset_index(drop=True),
            cluster=None if self.cluster is None else renumbered(self.cluster[rows]),
        )

    def against_control(self, arm: str) -> Trial:
        """Return the two-arm trial of the control and one arm, with pairwise propensities."""
        position = self.arms.index(arm)
        part = self.take(np.isin(self.arm, (0, position)))
        pair = part.propensity[:, [0, position]]
        return replace(
            part,
            arms=(self.arms[0], arm),
            arm=(part.arm == position).astype(np.intp),
            propensity=pair / pair.sum(axis=1, keepdims=True),
        )


def trial_from_frame(
    frame: pd.DataFrame,
    *,
    control: str,
    outcomes: Sequence[str] | None = None,
    covariates: Sequence[str] | None = None,
    randomised: bool = True,
    cluster: str | None = None,
) -> Trial:
    """Turn an experiment frame into a trial.

    Parameters
    ----------
    frame
        One row per unit with ``unit_key``, ``arm``, ``propensity``, ``stratum``, covariates and
        outcomes. A missing propensity is replaced by the arm's share of its stratum.
    control
        Name of the arm that was left alone.
    outcomes
        Columns that hold outcomes; None means those that the frame's ``attrs`` name.
    covariates
        Columns known before the assignment; None means those that the frame's ``attrs`` name, or
        else every column that is neither design nor outcome.
    randomised
        Whether chance decided who was given which arm.
    cluster
        Column of what was drawn as one (household, shop); None means that which the frame's
        ``attrs`` name, or that units were drawn one by one.

    Raises
    ------
    InputError
        If a column is missing, a unit occurs twice, an outcome, arm, key or cluster is missing, or
        a number is infinite.
    EvidenceError
        If the control or every other arm is empty.

    Examples
    --------
    >>> frame = pd.DataFrame({"unit_key": ["b", "a"], "arm": ["x", "none"], "visit": [1, 0]})
    >>> trial_from_frame(frame, control="none", outcomes=["visit"]).arms
    ('none', 'x')
    """
    results = list(outcomes if outcomes is not None else frame.attrs.get("outcomes", []))
    cluster = cluster or frame.attrs.get("cluster")
    names = [n for n in _covariate_names(frame, covariates, results) if n != cluster]
    design = ["unit_key", "arm", *([cluster] if cluster else [])]
    _require(frame, [*design, *results, *names])
    for column in design:
        refuse_gaps(int(frame[column].isna().sum()), len(frame), column)
    ordered = frame.sort_values("unit_key", kind="stable").reset_index(drop=True)
    if ordered["unit_key"].duplicated().any():
        raise InputError("A unit was assigned twice.", "Keep its first assignment only.")
    arms = _arms(ordered, control)
    arm = pd.Categorical(ordered["arm"].astype(str), categories=arms).codes.astype(np.intp)
    return Trial(
        unit_key=ordered["unit_key"].to_numpy(dtype=object),
        covariates=_something(encode(ordered[names])),
        arms=arms,
        arm=arm,
        propensity=_propensity(ordered, arm, len(arms), cluster),
        outcomes=_numbers(ordered[results]),
        randomised=randomised,
        cluster=renumbered(ordered[cluster]) if cluster else None,
    )


def _something(covariates: pd.DataFrame) -> pd.DataFrame:
    """Return covariates, or where nothing is known the one that is the same for every unit.

    Every model then gives everyone the same, and no ranking can be confirmed.
    """
    if covariates.columns.empty:
        return pd.DataFrame({NOTHING_KNOWN: 0.0}, index=covariates.index)
    return covariates


def refuse_gaps(bad: int, of: int, column: str, what: str = "missing") -> None:
    """Refuse a column of which some values are missing or no numbers.

    Raises
    ------
    InputError
        Naming the column and how many values are at fault.
    """
    if bad:
        raise InputError(
            f"{bad:,} of {of:,} values of {column!r} are {what}.",
            "Leave these units out, or fill in what is known of them, and say so.",
            column=column,
        )


def finite(values: Floats, what: str) -> Floats:
    """Return the array of floats; refuse missing and infinite values, saying how many.

    Raises
    ------
    InputError
        If a value is NaN or infinite.
    """
    array = np.asarray(values, dtype=np.float64)
    refuse_gaps(int((~np.isfinite(array)).sum()), array.size, what, "missing or infinite")
    return array


def renumbered(labels: Integers | pd.Series) -> Integers:
    """Return numbers for labels, from 0 on without gaps, in the order of the labels."""
    return np.unique(np.asarray(labels), return_inverse=True)[1].reshape(-1).astype(np.intp)


def _numbers(outcomes: pd.DataFrame) -> pd.DataFrame:
    """Return outcomes as finite floats."""
    columns = {
        str(name): finite(outcomes[name].to_numpy(np.float64, na_value=np.nan), str(name))
        for name in outcomes
    }
    return pd.DataFrame(columns, index=outcomes.index)


def encode(covariates: pd.DataFrame, *, most_levels: int = 20) -> pd.DataFrame:
    """Turn attributes into numbers: flags 0/1, labels one column per level, times left out.

    Missing numbers stay missing (gradient boosting handles them), infinite ones are refused; a
    missing label becomes a level of its own. Labels rarer than the ``most_levels`` most frequent
    ones have no column.
    """
    columns: dict[str, pd.Series] = {}
    for name in map(str, covariates.columns):
        values = covariates[name]
        if pd.api.types.is_datetime64_any_dtype(values):
            continue
        if pd.api.types.is_numeric_dtype(values) or pd.api.types.is_bool_dtype(values):
            columns[name] = pd.Series(
                values.to_numpy(np.float64, na_value=np.nan), index=values.index
            )
            refuse_gaps(int(np.isinf(columns[name]).sum()), len(values), name, "infinite")
            continue
        labels = values.astype("string").fillna("(missing)")
        counts = labels.value_counts().reset_index()
        counts = counts.sort_values(["count", name], ascending=[False, True]).head(most_levels)
        for level in sorted(counts[name]):
            columns[f"{name}={level}"] = (labels == level).astype(np.float64)
    return pd.DataFrame(columns, index=covariates.index)


def encode_as(covariates: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """Turn attributes of other customers into the columns that ``encode`` gave a trial.

    An attribute that is not known of them is missing everywhere.

    Examples
    --------
    >>> new = pd.DataFrame({"visits": [3], "country": ["DE"]})
    >>> encode_as(new, ["visits", "country=DE", "country=US", "age"]).iloc[0].tolist()
    [3.0, 1.0, 0.0, nan]
    """
    known: dict[str, Floats] = {}
    codes: dict[str, tuple[Integers, pd.Index]] = {}
    for column in columns:
        name, _, level = column.rpartition("=")
        if column in covariates:
            known[column] = covariates[column].to_numpy(np.float64, na_value=np.nan)
        elif name in covariates:
            if name not in codes:  # texts are looked at once, not once for every level
                codes[name] = pd.factorize(covariates[name].astype("string").fillna("(missing)"))
            code, levels = codes[name]
            known[column] = np.asarray(levels == level, dtype=np.float64)[code]
        else:
            known[column] = np.full(len(covariates), np.nan)
    return pd.DataFrame(known, index=covariates.index)


def _positions(rows: NDArray[np.bool_] | Integers) -> Integers:
    """Return a mask as positions."""
    return np.flatnonzero(rows) if rows.dtype == bool else np.asarray(rows, dtype=np.intp)


def _covariate_names(
    frame: pd.DataFrame, covariates: Sequence[str] | None, outcomes: Sequence[str]
) -> list[str]:
    """Return the columns known before the assignment."""
    if covariates is None:
        covariates = frame.attrs.get("covariates")
    if covariates is not None:
        return list(covariates)
    hidden = {*DESIGN_COLUMNS, *DERIVED_OUTCOMES, *outcomes}
    return [str(column) for column in frame.columns if column not in hidden]


def _require(frame: pd.DataFrame, names: Sequence[str]) -> None:
    """Refuse a frame that lacks a column."""
    for name in names:
        if name not in frame:
            raise InputError(
                f"The experiment has no column {name!r}.", "Name one that it has.", column=name
            )


def _arms(frame: pd.DataFrame, control: str) -> tuple[str, ...]:
    """Return the arms, control first, and refuse an experiment without a comparison."""
    found = sorted(map(str, frame["arm"].unique()))
    if control not in found or len(found) < 2:
        raise EvidenceError(
            f"There is nothing to compare: the arms are {', '.join(found) or 'none'}.",
            f"An experiment needs units in the control {control!r} and in another arm.",
            column="arm",
        )
    return (control, *(name for name in found if name != control))


def _propensity(
    frame: pd.DataFrame, arm: Integers, arms: int, cluster: str | None = None
) -> Floats:
    """Return each unit's probability of each arm: the design's where known, else the shares.

    Of units that were drawn in clusters, each cluster counts once in the shares. Chances that
    differ within a stratum are each unit's own: what its arm leaves is shared among the other arms
    as they are shared in the stratum.
    """
    stratum = frame["stratum"] if "stratum" in frame else pd.Series("", index=frame.index)
    group = stratum.astype("string").fillna("").astype("category").cat.codes.to_numpy()
    counts = np.zeros((group.max() + 1, arms))
    each = np.ones(len(frame))
    if cluster is not None:
        each = 1 / frame.groupby(cluster)[cluster].transform("size").to_numpy(np.float64)
    np.add.at(counts, (group, arm), each)
    matrix = counts / counts.sum(axis=1, keepdims=True)
    if "propensity" in frame and frame["propensity"].notna().all():
        own, sums = frame["propensity"].to_numpy(dtype=np.float64), np.zeros_like(counts)
        _require_chances(own)
        np.add.at(sums, (group, arm), own * each)
        matrix = np.divide(sums, counts, out=matrix.copy(), where=counts > 0)
        if np.abs(own - matrix[group, arm]).max() > SAME_CHANCE:
            return _own_chances(own, matrix[group], arm)
        matrix = matrix / matrix.sum(axis=1, keepdims=True)
    return np.asarray(matrix[group], dtype=np.float64)


def _require_chances(own: Floats) -> None:
    """Refuse what is no chance of the arm that a unit got."""
    if not ((own > 0) & (own < 1)).all():
        raise InputError(
            f"Chances of an arm lie between {np.nanmin(own):.3g} and {np.nanmax(own):.3g}.",
            "Give the chance, above 0 and below 1, of the arm that the unit got.",
            column="propensity",
        )


def _own_chances(own: Floats, usual: Floats, arm: Integers) -> Floats:
    """Return every unit's chances where it has a chance of its own of the arm that it got."""
    rows, others = np.arange(len(own)), usual.copy()
    others[rows, arm] = 0.0
    chances = others / others.sum(axis=1, keepdims=True) * (1 - own)[:, None]
    chances[rows, arm] = own
    return np.asarray(chances, dtype=np.float64)
