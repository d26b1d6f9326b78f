"""The experiment frame: arm, covariates from before and outcomes from after, per unit."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from retention.engine import Engine
from retention.errors import EvidenceError, InputError, ParameterError
from retention.features.customers import customer_features
from retention.features.dates import DAY_S, observed_until
from retention.features.experiment_cells import spread_cells
from retention.features.purchases import goods_costs, minor_per_major
from retention.tables import REMOVED

DESIGN_COLUMNS = ["unit_key", "arm", "propensity", "stratum"]
CLUSTER = "cluster_key"
"""Design column that is there only where units were drawn in clusters; a unit that names none is
one of its own."""


def experiment_frame(engine: Engine, experiment_key: str, horizon_days: int) -> pd.DataFrame:
    """Return one row per unit of an experiment: design, covariates, outcomes.

    Parameters
    ----------
    engine
        Engine with ``assignments`` and, where the export brings them, ``covariates`` and
        ``outcomes``; otherwise with the tables that features are made of.
    experiment_key
        The experiment.
    horizon_days
        Days after a unit's own assignment in which its orders count; ignored where the export
        brings the outcomes itself.

    Returns
    -------
    pandas.DataFrame
        Sorted by ``unit_key``: ``unit_key, arm, propensity, stratum``, the covariates, the
        outcomes. Covariates made here are the customer features as of the day of the earliest
        assignment, so none of them can know the treatment; outcomes made here are ``purchased``
        (0 or 1), ``orders``, ``revenue`` (major units) and, where the cost of all goods sold is
        known, ``net_margin`` (revenue less that cost). ``attrs`` names the columns:
        ``covariates`` and ``outcomes``.

    Raises
    ------
    EvidenceError
        If the experiment has no assignment, or none with a time where one is needed.
    ParameterError
        If the horizon is not positive.
    """
    if horizon_days <= 0:
        raise ParameterError(f"A horizon of {horizon_days} days is empty.", "Give 1 or more.")
    design = _design(engine, experiment_key)
    outcomes = _long(engine, "outcomes", "metric", experiment_key)
    covariates = _covariates(engine, design, experiment_key, has_outcomes=outcomes is not None)
    if outcomes is None:
        _first_day(design, experiment_key)
        outcomes = _bought(engine, experiment_key, horizon_days)
    else:
        _require_common_units(design, outcomes, experiment_key)
    clusters = [CLUSTER] if CLUSTER in design and design[CLUSTER].notna().any() else []
    design = design[[*DESIGN_COLUMNS, *clusters]]
    design = design.assign(**{c: design[c].fillna(design["unit_key"]) for c in clusters})
    outcomes = _renamed(outcomes, list(design), "after")
    covariates = _renamed(covariates, [*design, *outcomes], "before")
    frame = design.merge(covariates, "left", "unit_key").merge(outcomes, "left", "unit_key")
    frame.attrs = {
        "covariates": [c for c in covariates if c != "unit_key"],
        "outcomes": [c for c in outcomes if c != "unit_key"],
        **dict.fromkeys(["cluster"] if clusters else [], CLUSTER),
    }
    return spread_cells(frame)


def _renamed(frame: pd.DataFrame, taken: Iterable[object], when: str) -> pd.DataFrame:
    """Return the frame with names of its own: an outcome, too, may be called ``arm``."""
    used = list(taken)
    doubled = [name for name in frame if name in used and name != "unit_key"]
    return frame.rename(columns={name: f"{name} {when}" for name in doubled})


def _covariates(
    engine: Engine, design: pd.DataFrame, experiment_key: str, *, has_outcomes: bool
) -> pd.DataFrame:
    """Return what was known before: as the export brings it, else as the orders tell it.

    Where outcomes came with the export and there is nothing else, nothing is known before.
    """
    found = _long(engine, "covariates", "name", experiment_key)
    if found is not None:
        return found
    dated = bool(design["assigned_epoch_s"].notna().all())
    if has_outcomes and not (engine.has("orders") and dated):
        return design[["unit_key"]]
    first_day = _first_day(design, experiment_key)
    made = customer_features(engine, first_day, experiment=experiment_key)
    return made.rename(columns={"customer_key": "unit_key"})


def _require_common_units(
    design: pd.DataFrame, outcomes: pd.DataFrame, experiment_key: str
) -> None:
    """Refuse outcomes that belong to none of the assigned units."""
    known = outcomes.dropna(how="all", subset=[c for c in outcomes if c != "unit_key"])
    if not design["unit_key"].isin(known["unit_key"]).any():
        raise InputError(
            f"None of the {len(design):,} units assigned in {experiment_key!r} has an outcome; "
            f"{len(known):,} other units have one.",
            "Name the units alike in both files: by the same id, or by e-mail in both.",
            column="unit_key",
        )


def _design(engine: Engine, experiment_key: str) -> pd.DataFrame:
    """Return the assignments of the experiment."""
    if not experiment_key:
        raise EvidenceError(
            "No experiment is named.",
            "Name one that customers were assigned to, in the parameter `experiment_key`.",
        )
    there = engine.sql("SELECT * FROM assignments").columns()
    columns = [*DESIGN_COLUMNS, "assigned_epoch_s", *([CLUSTER] if CLUSTER in there else [])]
    design = engine.sql(
        f"SELECT {', '.join(columns)} FROM assignments "
        "WHERE experiment_key = $experiment_key ORDER BY unit_key",
        experiment_key=experiment_key,
    ).frame()
    if design.empty:
        known = engine.sql("SELECT DISTINCT experiment_key FROM assignments ORDER BY 1").frame()
        names = ", ".join(known["experiment_key"]) or "none"
        raise EvidenceError(
            f"Nobody is assigned to the experiment {experiment_key!r}.",
            f"The snapshot has: {names}.",
        )
    return design


def _first_day(design: pd.DataFrame, experiment_key: str) -> str:
    """Return the ISO day of the earliest assignment."""
    if design["assigned_epoch_s"].isna().any():
        raise EvidenceError(
            f"The experiment {experiment_key!r} has assignments without a time.",
            "Bring the time of assignment, or covariates and outcomes with the export.",
        )
    earliest = int(design["assigned_epoch_s"].min())
    return pd.Timestamp(earliest - earliest % DAY_S, unit="s").date().isoformat()


def _long(engine: Engine, table: str, name: str, experiment_key: str) -> pd.DataFrame | None:
    """Return a long table of the experiment as one column per name; None where it has none."""
    if not engine.has(table):
        return None
    values = ["value"] if table == "outcomes" else ["value_number", "value_text"]
    counts = ", ".join(f"count({value}) AS {value}" for value in values)
    found = engine.sql(
        f"SELECT {name} AS name, {counts} FROM {table} WHERE experiment_key = $experiment_key "
        f"GROUP BY {name} ORDER BY {name}",
        experiment_key=experiment_key,
    ).frame()
    if found.empty:
        return None
    labels = found[values[-1]] > 0 if len(values) > 1 else found[values[0]] < 0
    columns = dict.fromkeys(found.loc[~labels, "name"], values[0])
    columns |= dict.fromkeys(found.loc[labels, "name"], values[-1])
    return _wide(engine, table, name, columns, experiment_key)


def _wide(
    engine: Engine, table: str, name: str, columns: dict[str, str], experiment_key: str
) -> pd.DataFrame:
    """Spread a long table into one row per unit: numbers first, then labels, by name.

    A unit has one value of a name, so that the largest is the only one.
    """
    spread = ", ".join(
        f"max(CASE WHEN {name} = {_literal(column)} THEN {_readable(value)} END) AS c{number}"
        for number, (column, value) in enumerate(columns.items())
    )
    wide = engine.sql(
        f"SELECT unit_key, {spread} FROM {table} WHERE experiment_key = $experiment_key "
        "GROUP BY unit_key ORDER BY unit_key",
        experiment_key=experiment_key,
    ).frame()
    wide.columns = pd.Index(["unit_key", *columns])
    removed = [c for c, value in columns.items() if value == "value_text" and wide[c].isna().all()]
    return wide.drop(columns=removed)


def _readable(value: str) -> str:
    """Return the SQL of a value; what was removed is as good as missing."""
    return f"CASE WHEN value_text <> '{REMOVED}' THEN value_text END" if "text" in value else value


def _literal(text: str) -> str:
    """Return text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def _bought(engine: Engine, experiment_key: str, horizon_days: int) -> pd.DataFrame:
    """Return what each unit bought within the horizon."""
    window = {
        "experiment_key": experiment_key,
        "horizon_s": horizon_days * DAY_S,
        "minor_per_major": minor_per_major(engine),
    }
    bought = engine.query("features_experiment_outcomes", **window).frame()
    bought.insert(1, "purchased", (bought["orders"] > 0).astype("int64"))
    with goods_costs(engine, observed_until(engine)) as known:
        if not known:
            return bought
        margins = engine.query("features_experiment_margins", **window).frame()
    if margins["net_margin"].isna().any():
        return bought
    return bought.merge(margins, "left", "unit_key")
