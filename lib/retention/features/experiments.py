"""The experiment frame: arm, covariates from before and outcomes from after, per unit."""

from __future__ import annotations

import pandas as pd

from retention.engine import Engine
from retention.errors import EvidenceError, ParameterError
from retention.features.customers import customer_features
from retention.features.dates import DAY_S, observed_until
from retention.features.purchases import goods_costs, minor_per_major

DESIGN_COLUMNS = ["unit_key", "arm", "propensity", "stratum"]


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
    covariates = _long(engine, "covariates", experiment_key)
    if covariates is None:
        first_day = _first_day(design, experiment_key)
        covariates = customer_features(engine, first_day, experiment=experiment_key)
        covariates = covariates.rename(columns={"customer_key": "unit_key"})
    outcomes = _long(engine, "outcomes", experiment_key)
    if outcomes is None:
        _first_day(design, experiment_key)
        outcomes = _bought(engine, experiment_key, horizon_days)
    frame = design[DESIGN_COLUMNS].merge(covariates, "left", "unit_key")
    frame = frame.merge(outcomes, "left", "unit_key")
    frame.attrs = {
        "covariates": [c for c in covariates if c != "unit_key"],
        "outcomes": [c for c in outcomes if c != "unit_key"],
    }
    return frame


def _design(engine: Engine, experiment_key: str) -> pd.DataFrame:
    """Return the assignments of the experiment."""
    design = engine.sql(
        "SELECT unit_key, arm, propensity, stratum, assigned_epoch_s FROM assignments "
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


def _long(engine: Engine, table: str, experiment_key: str) -> pd.DataFrame | None:
    """Return a long table of the experiment as one column per name; None where it has none."""
    if not engine.has(table):
        return None
    rows = engine.sql(
        f'SELECT * FROM "{table}" WHERE experiment_key = $experiment_key',
        experiment_key=experiment_key,
    ).frame()
    if rows.empty:
        return None
    if table == "outcomes":
        return _wide(rows, "metric", "value")
    labelled = rows["name"].isin(set(rows.loc[rows["value_text"].notna(), "name"]))
    numbers = _wide(rows[~labelled], "name", "value_number")
    return numbers.merge(_wide(rows[labelled], "name", "value_text"), "outer", "unit_key")


def _wide(rows: pd.DataFrame, name: str, value: str) -> pd.DataFrame:
    """Spread a long table into one row per unit, columns in alphabetical order."""
    keyed = rows.set_index(["unit_key", name], verify_integrity=True)[value]
    wide = keyed.unstack().sort_index()  # noqa: PD010 (nothing may be averaged away)
    wide.columns.name = None
    return wide.reset_index()


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
