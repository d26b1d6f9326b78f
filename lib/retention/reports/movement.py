"""Movement between segments as tables that show no small cell, alone or taken together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from retention.reports.suppression import hidden_cells
from retention.segments import CAUSES, NEW, Migration

Cell = tuple[str, str, str]
"""A count: ``(flow, from, to)``, ``(before | now, segment, "")``, ``(in | out, segment, cause)`` or
``(total, cause, "")``."""

INTERVAL = ["share", "ci_low", "ci_high"]


@dataclass(frozen=True)
class MovementTables:
    """Moves, balance and causes with small cells, and what would give them away, blank.

    Parameters
    ----------
    moves
        As `Migration.to_frame`, with the most common cause in place of a count of each.
    balance
        As `Migration.balance`.
    causes
        As `Migration.causes`.
    """

    moves: pd.DataFrame
    balance: pd.DataFrame
    causes: pd.DataFrame

    def matrix(self) -> pd.DataFrame:
        """Return shares, rows the earlier segments, columns today's; NA where blank."""
        known = self.moves[self.moves["from_segment"] != NEW]
        keyed = known.set_index(["from_segment", "to_segment"])["share"]
        rows, columns = (sorted(set(known[label])) for label in ("from_segment", "to_segment"))
        places = pd.MultiIndex.from_product([rows, columns])
        filled = keyed.reindex(places, fill_value=0.0).to_numpy(dtype=float, na_value=float("nan"))
        return pd.DataFrame(filled.reshape(len(rows), len(columns)), rows, columns)


def movement_tables(moves: Migration, minimum: int) -> MovementTables:
    """Return the tables on movement with their small cells blank.

    The tables share their counts: the balance sums up the moves, and who stayed is the rest of
    both. So what to hide is decided for all of them at once. Segments' sizes stand in other
    tables, too: hiding them would protect nothing.

    Parameters
    ----------
    moves
        Moves between two dates.
    minimum
        Smallest count that may be shown (customers).
    """
    cells = _cells(moves)
    at = {cell: place for place, cell in enumerate(cells)}
    lines = [[at[cell] for cell in line if cell in at] for line in _lines(moves)]
    sizes = [place for cell, place in at.items() if cell[0] in ("before", "now")]
    hidden = hidden_cells(list(cells.values()), lines, minimum, sizes)
    gone = {cell for cell, place in at.items() if hidden[place]}
    return MovementTables(_moves(moves, gone), _balance(moves, gone), _causes(moves, gone))


def _cells(moves: Migration) -> dict[Cell, int]:
    """Return every count that the tables show, once each."""
    table, balance, causes = moves.moves, moves.balance(), moves.causes()
    pairs = zip(table["from_segment"], table["to_segment"], table["customers"], strict=True)
    cells: dict[Cell, int] = {("flow", str(start), str(end)): int(n) for start, end, n in pairs}
    cells[("before", NEW, "")] = int(balance["in_new"].sum())
    for row in balance.to_dict("records"):
        name = str(row["segment"])
        cells[("before", name, "")], cells[("now", name, "")] = row["before"], row["now"]
        for cause in CAUSES:
            cells[("in", name, cause)] = row[f"in_{cause}"]
            cells[("out", name, cause)] = row[f"out_{cause}"]
    totals = zip(causes["cause"], causes["customers"], strict=True)
    return cells | {("total", str(cause), ""): int(n) for cause, n in totals}


def _lines(moves: Migration) -> list[list[Cell]]:
    """Return the counts that add up: each line is some counts and their sum."""
    names = [str(name) for name in moves.balance()["segment"]]
    starts = [*names, NEW]
    lines: list[list[Cell]] = []
    for name in names:
        stayed: Cell = ("flow", name, name)
        out = [("out", name, cause) for cause in CAUSES]
        came = [("in", name, cause) for cause in CAUSES]
        first: Cell = ("flow", NEW, name)
        lines += [
            [*(("flow", name, end) for end in names), ("before", name, "")],
            [*(("flow", start, name) for start in starts), ("now", name, "")],
            [stayed, *out, ("before", name, "")],
            [stayed, first, *came, ("now", name, "")],
        ]
    for cause in CAUSES:
        for side in ("in", "out"):
            lines.append([*((side, name, cause) for name in names), ("total", cause, "")])
    by_cause: list[Cell] = [("total", cause, "") for cause in CAUSES]
    new: list[Cell] = [*(("flow", NEW, name) for name in names), ("before", NEW, "")]
    return [*lines, by_cause, new]


def _masked(counts: pd.Series, cells: Sequence[Cell], gone: set[Cell]) -> pd.Series:
    """Return counts, blank where their cell is hidden."""
    hidden = pd.Series([cell in gone for cell in cells], index=counts.index, dtype=bool)
    return counts.astype("Int64").mask(hidden)


def _moves(moves: Migration, gone: set[Cell]) -> pd.DataFrame:
    """Return the moves; a share is shown where both its counts are."""
    frame = moves.to_frame()
    start, end = (frame[label].astype(str) for label in ("from_segment", "to_segment"))
    flows: list[Cell] = [("flow", *pair) for pair in zip(start, end, strict=True)]
    before: list[Cell] = [("before", name, "") for name in start]
    shown = frame.drop(columns=list(CAUSES)).assign(
        customers=_masked(frame["customers"], flows, gone),
        from_customers=_masked(frame["from_customers"], before, gone),
        main_cause=frame[list(CAUSES)].idxmax(axis=1).where(frame[list(CAUSES)].any(axis=1)),
    )
    hidden = shown["customers"].isna() | shown["from_customers"].isna()
    shown[INTERVAL] = shown[INTERVAL].astype("Float64").mask(hidden)
    return shown.assign(main_cause=shown["main_cause"].mask(hidden))


def _balance(moves: Migration, gone: set[Cell]) -> pd.DataFrame:
    """Return sizes, inflow and outflow of every segment."""
    frame = moves.balance()
    names = [str(name) for name in frame["segment"]]
    cells: dict[str, list[Cell]] = {
        "before": [("before", name, "") for name in names],
        "in_new": [("flow", NEW, name) for name in names],
        "now": [("now", name, "") for name in names],
    }
    for cause in CAUSES:
        cells[f"in_{cause}"] = [("in", name, cause) for name in names]
        cells[f"out_{cause}"] = [("out", name, cause) for name in names]
    return frame.assign(**{name: _masked(frame[name], at, gone) for name, at in cells.items()})


def _causes(moves: Migration, gone: set[Cell]) -> pd.DataFrame:
    """Return how many moved by each cause; a share is shown where its count is."""
    frame = moves.causes()
    cells: list[Cell] = [("total", str(cause), "") for cause in frame["cause"]]
    shown = frame.assign(customers=_masked(frame["customers"], cells, gone))
    shown[INTERVAL] = shown[INTERVAL].astype("Float64").mask(shown["customers"].isna())
    return shown
