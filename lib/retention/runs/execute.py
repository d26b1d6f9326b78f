"""Runs one notebook by papermill and judges for itself how it ended.

papermill marks every cell completed after a killed kernel or a time-out, and passes over
``sys.exit(0)`` in mid-notebook. So a notebook counts as done only if every code cell ran and the
result file, its last act, is there.
"""

from __future__ import annotations

from retention.runs.notebooks import read_notebook, write_notebook

# isort: split
# Above all that would import notebooks' schema by itself.
import logging
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
from jupyter_client import AsyncKernelManager
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from nbformat import NotebookNode
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import Engine, papermill_engines
from papermill.exceptions import PapermillExecutionError
from papermill.execute import execute_notebook

from retention import errors
from retention.runs.kernels import end_kernel

ENGINE = "retention"
"""Name under which our papermill engine is registered."""

OWN_ERRORS = {name for name in vars(errors) if name.endswith("Error")}
"""Errors whose text we wrote ourselves, so that it may be shown as it is."""

ERROR_MARKER = "papermill-error-cell-tag"
ADDED = {ERROR_MARKER, "injected-parameters"}
"""Tags of the cells that papermill adds; a reader counts the cells of the notebook as written."""

OUT_OF_TIME = "The cell took longer than the time limit; raise --timeout or look into it."

UNREADY = ("Kernel died before", "Kernel didn't respond")
"""How jupyter_client begins to tell of a kernel that never answered."""

IDENTITIES = re.compile(r"[^\s@'\"]+@[^\s@'\"]+|'[^']*'|\"[^\"]*\"|\+?\d[\d ()/-]{6,}\d")
"""What might be somebody's: e-mail addresses, quoted values, long numbers."""


@dataclass(frozen=True)
class Failure:
    """Where a notebook stopped and why, in words that hold nobody's data."""

    notebook: str
    cell: int
    cells: int
    section: str
    kind: str
    message: str

    def summary(self) -> str:
        """Say which cell failed and why, in one paragraph."""
        if not self.cell:
            return self.message
        where = f"cell {self.cell} of {self.cells}" + (
            f", “{self.section}”" if self.section else ""
        )
        return f"Notebook {self.notebook!r} failed in {where}: {self.message} ({self.kind})"


def not_started(notebook: str, needed: str) -> Failure:
    """Return why a notebook was not started: one that it reads from failed."""
    message = f"It was not started, for it reads from {needed!r}, which failed."
    return Failure(notebook, 0, 0, "", "NotStarted", message)


@dataclass(frozen=True)
class Execution:
    """How one notebook went."""

    notebook: str
    seconds: float
    peak_memory_mb: float
    failure: Failure | None


class _WatchedEngine(Engine):
    """papermill's own engine, telling which cell is in hand."""

    @classmethod
    def execute_managed_notebook(
        cls,
        nb_man: Any,
        kernel_name: str,
        km: AsyncKernelManager,
        on_cell: Callable[[int], None],
        execution_timeout: int,
        **_: Any,
    ) -> Any:
        """Run the notebook on the given kernel; ``on_cell`` hears each cell's index first."""
        start = nb_man.cell_start

        def cell_start(cell: NotebookNode, cell_index: int, **more: Any) -> None:
            on_cell(cell_index)
            start(cell, cell_index, **more)

        nb_man.cell_start = cell_start
        client = PapermillNotebookClient(
            nb_man, km=km, kernel_name=kernel_name, timeout=execution_timeout
        )
        return client.execute(cleanup_kc=True)


papermill_engines.register(ENGINE, _WatchedEngine)


def _is_not_about_lists(record: logging.LogRecord) -> bool:
    """Drop papermill's complaint that it cannot read a list over several lines.

    It reads the parameters cell only to warn of unknown names; ours are checked before.
    """
    return not record.getMessage().startswith("Unable to parse line")


logging.getLogger("papermill.translators").addFilter(_is_not_about_lists)
logging.getLogger("papermill").addFilter(_is_not_about_lists)


def run_notebook(
    source: Path,
    target: Path,
    result: Path,
    params: dict[str, Any],
    kernel: AsyncKernelManager,
    timeout: int,
    on_cell: Callable[[int, int], None],
) -> Execution:
    """Execute a notebook on a given kernel and write the executed copy.

    Parameters
    ----------
    source, target
        The notebook and where its executed copy goes.
    result
        The file that the notebook must have written at its end.
    params
        Values for its ``parameters`` cell.
    kernel
        A started kernel; it is shut down afterwards.
    timeout
        Seconds that a single cell may take.
    on_cell
        Hears the number of the cell in hand and of all cells.
    """
    began = time.monotonic()
    cells = len(read_notebook(source).cells)
    memory = _MemoryWatch(kernel)
    started = 0

    def heard(index: int) -> None:
        nonlocal started
        started = index
        memory.sample()
        on_cell(min(index + 1, cells), cells)

    death = _execute(source, target, params, kernel, timeout, heard)
    executed = read_notebook(target)
    failure = judge(source.stem, executed, result, death, started)
    write_notebook(tidy(executed, failure), target)
    return Execution(source.stem, time.monotonic() - began, memory.peak, failure)


def _execute(
    source: Path,
    target: Path,
    params: dict[str, Any],
    kernel: AsyncKernelManager,
    timeout: int,
    heard: Callable[[int], None],
) -> Exception | None:
    """Let papermill run it; return what killed the kernel or stopped the clock, if anything."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        execute_notebook(
            str(source),
            str(target),
            parameters=params,
            engine_name=ENGINE,
            kernel_name="python3",
            language="python",
            progress_bar=False,
            execution_timeout=timeout,
            km=kernel,
            on_cell=heard,
        )
    except PapermillExecutionError:
        return None  # the notebook holds the error itself
    except (DeadKernelError, CellTimeoutError) as error:
        return error
    except RuntimeError as error:
        # Of a kernel that dies before its first answer, jupyter_client tells only in words.
        if not str(error).startswith(UNREADY):
            raise
        return error
    finally:
        end_kernel(kernel)
    return None


def judge(
    name: str,
    notebook: NotebookNode,
    result: Path,
    death: Exception | None = None,
    started: int = 0,
) -> Failure | None:
    """Judge from cells and result file whether the notebook is done.

    A cell that began before its kernel died may bear a number as if it had run, so the last cell
    ``started`` is the one that failed, whatever it bears.
    """
    cells = [cell for cell in notebook.cells if not ADDED & set(cell.metadata.get("tags", []))]
    last = len(cells)
    if death is not None:
        begun = notebook.cells[: started + 1]
        number = sum(not ADDED & set(cell.metadata.get("tags", [])) for cell in begun)
        kind, message = _cause(death)
        return Failure(name, number, last, _section(cells[:number]), kind, message)
    for number, cell in enumerate(cells, start=1):
        kind, message = _trouble(cell) if cell.cell_type == "code" else ("", "")
        if kind:
            return Failure(name, number, last, _section(cells[:number]), kind, message)
    if not result.is_file():
        message = "It ran to its end without writing its result; stage.finish(…) must come last."
        return Failure(name, last, last, _section(cells), "NoResult", message)
    return None


def _cause(death: Exception) -> tuple[str, str]:
    """Return kind and message of what ended the kernel or stopped the clock."""
    if isinstance(death, CellTimeoutError):
        return "Timeout", OUT_OF_TIME
    return "KernelDied", "The kernel died here, often for want of memory."


def _trouble(cell: NotebookNode) -> tuple[str, str]:
    """Return kind and message of a cell's error, or that it never ran; empty if all is well."""
    for output in cell.outputs:
        if output.output_type == "error":
            return output.ename, _harmless(output.ename, output.evalue)
    if cell.execution_count is not None or not cell.source.strip():
        return "", ""
    return "NotRun", "The cell was never run; an earlier cell ended the kernel."


def _harmless(kind: str, message: str) -> str:
    """Return an error's text without what could be somebody's data."""
    text = str(message).strip()
    return text if kind in OWN_ERRORS else IDENTITIES.sub("…", text)[:500]


def _section(cells: list[NotebookNode]) -> str:
    """Return the heading that the last of these cells stands under."""
    for cell in reversed(cells):
        if cell.cell_type == "markdown":
            heading = re.search(r"^#+\s+(.+)$", cell.source, re.MULTILINE)
            if heading:
                return heading[1].strip()
    return ""


def tidy(notebook: NotebookNode, failure: Failure | None) -> NotebookNode:
    """Drop times and paths, so that the same run gives the same bytes, and unsafe tracebacks."""
    notebook.metadata.pop("papermill", None)
    kept = [c for c in notebook.cells if ERROR_MARKER not in c.metadata.get("tags", [])]
    notebook.cells = kept
    for number, cell in enumerate(kept):
        cell["id"] = f"cell-{number}"
        cell.metadata.pop("papermill", None)
        cell.metadata.pop("execution", None)
        for output in cell.get("outputs", []):
            if output.output_type == "error" and failure:
                output.evalue = failure.message
                output.traceback = [f"{output.ename}: {failure.message}"]
    return notebook


class _MemoryWatch:
    """Remembers the largest memory that a kernel has used."""

    def __init__(self, kernel: AsyncKernelManager) -> None:
        self.peak = 0.0
        self._process = getattr(getattr(kernel, "provisioner", None), "process", None)

    def sample(self) -> None:
        """Look once; a kernel that is gone keeps its last figure."""
        if self._process is None:
            return
        try:
            status = Path(f"/proc/{self._process.pid}/status").read_text(encoding="ascii")
            high = re.search(r"VmHWM:\s+(\d+) kB", status)
            used = int(high[1]) / 1024 if high else 0.0
        except OSError:
            used = _resident_mb(self._process.pid)
        self.peak = max(self.peak, used)


def _resident_mb(pid: int) -> float:
    """Return the memory of a process where /proc is not there."""
    try:
        return float(psutil.Process(pid).memory_info().rss) / 2**20
    except psutil.Error:
        return 0.0
