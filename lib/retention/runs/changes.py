"""The section “what changed” of a report: the run approved last against the one at hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from retention.reports.formatting import SUPPRESSED, aligned, value_and_unit
from retention.reports.render import Change, ChangeTable, readable
from retention.results import MISSING
from retention.runs.diff import (
    FactsDiff,
    MetricChange,
    compare_facts,
    compare_results,
    counted,
    smallest_cell,
)
from retention.runs.moves import SegmentMoves, segment_moves
from retention.runs.run import Run

LARGEST_FLOWS = 10
"""Flows between segments that a report shows."""


def changes(
    notebook: str, approved: Run | None, now: Run, facts: Mapping[str, Any]
) -> Change:  # fmt: skip
    """Word what changed in one notebook since the run that was approved last.

    Parameters
    ----------
    notebook
        Whose report it is.
    approved
        The run to compare with, None where none has been approved.
    now
        The run at hand; its results and tables are written, its manifest is not.
    facts
        What the run at hand stands on.
    """
    if approved is None:
        return Change("No run of this profile has been approved yet: nothing to compare with.")
    old = approved.manifest
    if notebook not in old["notebooks"]:
        return Change(f"The approved run {approved.name} has no such report.")
    metrics = compare_results(approved.result(notebook), now.result(notebook))
    differs = compare_facts(old, facts)
    moves = segment_moves(approved, now, smallest_cell(facts["params"]))
    tables = [
        _metric_table("Figures", [c for c in metrics if not c.judges_model]),
        _metric_table("Model quality", [c for c in metrics if c.judges_model]),
        *(_move_tables(moves) if moves and notebook == "segments" else []),
        _param_table(notebook, differs),
        _list_table("Input files", differs.inputs),
        _list_table("Code", _code_of(notebook, differs)),
    ]
    said = f"Since the approved run {approved.name}: {counted(metrics)}."
    if moves and notebook == "segments":
        said = f"{said} {moves.summary()}"
    return Change(said, tuple(table for table in tables if table.rows))


def _metric_table(title: str, metrics: Sequence[MetricChange]) -> ChangeTable:
    """Return the figures that are not the same."""
    moved = [change for change in metrics if change.reading != "same"]
    before = [value_and_unit(change.before, change.unit) for change in moved]
    after = [value_and_unit(change.after, change.unit) for change in moved]
    rows = zip(
        [readable(change.name) for change in moved],
        aligned([value for value, _ in before]),
        aligned([value for value, _ in after]),
        [new or old for (_, old), (_, new) in zip(before, after, strict=True)],
        [change.reading for change in moved],
        strict=True,
    )
    return ChangeTable(title, ("figure", "approved", "now", "unit", "reading"), tuple(rows), 2)


def _move_tables(moves: SegmentMoves) -> list[ChangeTable]:
    """Return sizes of segments and the largest flows between them."""
    size_head = ("segment", "approved", "now", "came in", "went out", "reading")
    flow_head = ("went to", "customers", "came from")
    flows = moves.flows.head(LARGEST_FLOWS)[["went_to", "customers", "came_from"]]
    return [
        ChangeTable("Sizes of segments (customers)", size_head, _texts(moves.sizes), 4),
        ChangeTable(f"Largest flows (at most {LARGEST_FLOWS})", flow_head, _texts(flows), 1),
    ]


def _texts(frame: pd.DataFrame) -> tuple[tuple[str, ...], ...]:
    """Write every cell; a suppressed count says so."""
    return tuple(
        tuple(
            SUPPRESSED if cell is pd.NA else cell if isinstance(cell, str) else f"{cell:,}"
            for cell in row
        )
        for row in frame.astype(object).itertuples(index=False)
    )


def _param_table(notebook: str, differs: FactsDiff) -> ChangeTable:
    """Return this notebook's parameters that were set otherwise."""
    rows = tuple(
        (name, MISSING if old is None else str(old), MISSING if new is None else str(new))
        for owner, name, old, new in differs.params
        if owner == notebook
    )
    return ChangeTable("Parameters", ("parameter", "approved", "now"), rows)


def _list_table(title: str, names: Sequence[str]) -> ChangeTable:
    """Return names of what differs."""
    return ChangeTable(title, ("differs",), tuple((name,) for name in names))


def _code_of(notebook: str, differs: FactsDiff) -> list[str]:
    """Return what differs in code, without other notebooks."""
    others = [c for c in differs.code if c.startswith("notebook ")]
    return [c for c in differs.code if c not in others or c == f"notebook {notebook}"]
