"""Whether the files of an experiment belong together: its units, arms, outcomes, covariates."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd

from retention.engine import Engine
from retention.ingest.codes import IngestCheck
from retention.results import Check, Status, percent
from retention.sources.codes import ReasonCode
from retention.tables import REMOVED

MOST_CONTRADICTIONS = 0.01
"""Share of units in two arms from which the assignment itself is in doubt."""

_JOINED = """
    SELECT
        a.experiment_key, count(*) AS units, count(o.unit_key) AS with_outcome,
        coalesce(max(other.others), 0) AS others
    FROM assignments AS a
    INNER JOIN (SELECT DISTINCT experiment_key FROM outcomes) AS known
        ON a.experiment_key = known.experiment_key
    LEFT JOIN (
        SELECT DISTINCT experiment_key, unit_key FROM outcomes WHERE value IS NOT NULL
    ) AS o ON a.experiment_key = o.experiment_key AND a.unit_key = o.unit_key
    LEFT JOIN (
        SELECT q.experiment_key, count(DISTINCT q.unit_key) AS others
        FROM outcomes AS q LEFT JOIN assignments AS b
            ON q.experiment_key = b.experiment_key AND q.unit_key = b.unit_key
        WHERE b.unit_key IS NULL GROUP BY q.experiment_key
    ) AS other ON a.experiment_key = other.experiment_key
    GROUP BY a.experiment_key ORDER BY a.experiment_key"""


def experiment_checks(engine: Engine, superseded: Sequence[Path]) -> Iterator[Check]:
    """Yield the findings on experiments whose files bring outcomes or covariates of their own.

    Parameters
    ----------
    engine
        Engine with the assembled tables and ``quarantine``.
    superseded
        Objects of assignments that a later file gave again.
    """
    if not engine.has("assignments"):
        return
    if engine.has("outcomes"):
        yield _outcomes(engine.sql(_JOINED).frame())
    yield _two_arms(engine, superseded)
    if engine.has("covariates"):
        yield _removed(engine)


def _outcomes(joined: pd.DataFrame) -> Check:
    """Find experiments of whose units none, or not all, have an outcome."""
    nobody = joined[joined["with_outcome"] == 0]
    if len(nobody):
        first = nobody.iloc[0]
        return Check(
            IngestCheck.OUTCOMES_OF_UNITS,
            Status.FAIL,
            f"None of the {first['units']:,} units assigned in {first['experiment_key']} has an "
            f"outcome; {first['others']:,} units that nobody assigned have one.",
            "Name the units alike in both files: by the same id, or by e-mail in both.",
        )
    without = joined["units"] - joined["with_outcome"]
    lost = int(without.sum()) + int(joined["others"].sum())
    return Check(
        IngestCheck.OUTCOMES_OF_UNITS,
        Status.WARN if lost else Status.PASS,
        f"{int(without.sum()):,} of {int(joined['units'].sum()):,} assigned units have no outcome; "
        f"outcomes of {int(joined['others'].sum()):,} units that nobody assigned are not used.",
        "Find out whether the missing ones bought nothing or were lost on the way." if lost else "",
    )


def _two_arms(engine: Engine, superseded: Sequence[Path]) -> Check:
    """Find units that one file or two files put into different arms."""
    crossed = _refused(engine)
    if superseded:
        earlier = engine.parquet(list(superseded))
        crossed += int(
            engine.sql(
                f"SELECT count(DISTINCT a.unit_key) AS n FROM {earlier} AS e INNER JOIN "
                "assignments AS a ON a.experiment_key = e.experiment_key "
                "AND a.unit_key = e.unit_key AND a.arm <> e.arm"
            ).frame()["n"][0]
        )
    units = int(engine.sql("SELECT count(*) AS n FROM assignments").frame()["n"][0])
    share = crossed / max(units + crossed, 1)
    many = share > MOST_CONTRADICTIONS
    return Check(
        IngestCheck.UNITS_IN_TWO_ARMS,
        Status.FAIL if many else Status.WARN if crossed else Status.PASS,
        f"{crossed:,} units ({percent(share, 2)}) were given two arms of one experiment."
        if crossed
        else "No unit was given two arms of one experiment.",
        "Within a file they are left out, of two files the later holds: find out how it happened."
        if crossed
        else "",
    )


def _refused(engine: Engine) -> int:
    """Return how many units were refused because their file gives them two arms."""
    if not engine.has("quarantine"):
        return 0
    return int(
        engine.sql(
            "SELECT count(DISTINCT customer_key) AS n FROM quarantine WHERE table_name = "
            f"'assignments' AND reasons LIKE '%{ReasonCode.CONTRADICTORY_ARM}%'"
        ).frame()["n"][0]
    )


def _removed(engine: Engine) -> Check:
    """Find covariates whose values were removed because they could name people."""
    found = engine.sql(
        f"SELECT name, count(CASE WHEN value_text = '{REMOVED}' THEN 1 END) AS gone, "
        "count(value_number) + count(value_text) AS filled, count(*) AS n "
        "FROM covariates GROUP BY name ORDER BY name"
    ).frame()
    found["gone"] += (found["filled"] == 0) * found["n"]
    gone = found[found["gone"] > 0]
    listed = "; ".join(f"{r['name']} ({r['gone']:,} of {r['n']:,})" for _, r in gone.iterrows())
    return Check(
        IngestCheck.REMOVED_COVARIATES,
        Status.WARN if len(gone) else Status.PASS,
        f"Values that could name a person were removed: {listed}."
        if len(gone)
        else "No covariate names a person.",
        "Leave the column out, or group its values (a region for an address)." if len(gone) else "",
    )
