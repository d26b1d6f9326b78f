"""Says which notebook and cell is in hand, and how long it will take: a bar, or lines in a log."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from retention.runs.execute import Execution
from retention.runs.stages import Record


class RunProgress:
    """Shows the course of a run on standard error.

    Parameters
    ----------
    profile
        Profile that runs.
    cells
        Notebook name to its number of cells.
    expected_seconds
        Notebook name to what it took last time, where known; the time left is told from it.
    """

    def __init__(
        self, profile: str, cells: dict[str, int], expected_seconds: dict[str, float]
    ) -> None:
        self._cells = cells
        self._expected = expected_seconds
        self._began = time.monotonic()
        self._done: dict[str, int] = dict.fromkeys(cells, 0)
        self._console = Console(stderr=True)
        self._bar = Progress(
            TextColumn("[bold]{task.fields[profile]}[/bold] {task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[left]}"),
            console=self._console,
            disable=not sys.stderr.isatty(),
        )
        self._task = self._bar.add_task("", total=sum(cells.values()), profile=profile, left="")

    def __enter__(self) -> Self:
        """Start drawing."""
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop drawing."""
        self._bar.stop()

    def cell(self, notebook: str, number: int, cells: int) -> None:
        """Tell that a cell has started."""
        self._done[notebook] = number - 1
        self._bar.update(
            self._task,
            completed=sum(self._done.values()),
            description=f"{notebook} · cell {number} of {cells}",
            left=self._time_left(),
        )

    def finished(self, notebook: str, outcome: Execution | Record) -> None:
        """Tell that a notebook is done, and whether it ran or was linked in."""
        self._done[notebook] = self._cells[notebook]
        self._bar.update(self._task, completed=sum(self._done.values()), left=self._time_left())
        reused = isinstance(outcome, Record) and outcome.reused_from
        how = f"unchanged, taken from {reused}" if reused else f"{outcome.seconds:.0f} s"
        self._console.print(f"  {notebook}: {how}", highlight=False)

    def _time_left(self) -> str:
        """Estimate the time left from what each notebook took last time."""
        total = sum(self._expected.get(name, 0.0) for name in self._cells)
        if not total or any(name not in self._expected for name in self._cells):
            return ""
        spent = sum(
            self._expected[name] * self._done[name] / max(self._cells[name], 1)
            for name in self._cells
        )
        return f"about {max(total - spent, 0):.0f} s left"
