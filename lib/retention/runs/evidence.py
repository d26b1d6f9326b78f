"""What the data cannot answer is said in a sentence; the rest of the notebook goes on.

Wherever IPython runs a stage's notebook (JupyterLab, papermill, nbval), a statement that raises an
`EvidenceError` shows the reason in place of its figure. The names that it would have assigned hold
a `Missing`, and a statement that reads one of these is left out for the same reason. Every other
error, in the input, a parameter or the code, still stops the notebook.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from retention.errors import EvidenceError
from retention.reports.display import show_missing
from retention.runs.files import read_json

GUARD, SHOWN = "__evidence__", "__shown__"
"""Names under which a notebook's statements find what guards them, and the value to display."""

TAKE_MISSING = frozenset({"finish", "given"})
"""Methods of a stage that may be handed what is missing."""

OWN_NAMES = (
    ast.FunctionDef | ast.ClassDef | ast.Lambda | ast.ListComp | ast.SetComp | ast.DictComp
    | ast.GeneratorExp
)  # fmt: skip
"""Code whose names are its own."""


@dataclass(frozen=True)
class Missing:
    """Stands for a value that the data do not suffice for.

    Parameters
    ----------
    reason
        What is missing, how much there is, and what would be needed.
    """

    reason: EvidenceError


class Evidence:
    """Remembers what a notebook leaves out, by section, and guards its cells where IPython runs.

    Parameters
    ----------
    notebook
        The notebook's file, whose headings name the sections; None where there is none.
    """

    error = EvidenceError

    def __init__(self, notebook: Path | None = None) -> None:
        self.goes_on = True
        """Whether further statements run; false where the notebook has no subject."""
        self._headings = _headings(notebook) if notebook and notebook.is_file() else {}
        self._section = self._cell = ""
        self._left: dict[tuple[str, str], str] = {}

    def left_out(self) -> list[dict[str, str]]:
        """Return section and reason of all that was left out, in the notebook's order.

        What the opening cells lack is told where it is missed, if it is.
        """
        missed = {reason for section, reason in self._left if section}
        return [
            {"section": section or "Opening", "reason": reason}
            for section, reason in self._left
            if section or reason not in missed
        ]

    def install(self) -> None:
        """Guard the cells that follow, in place of a stage opened earlier in the same kernel."""
        from IPython.core.getipython import get_ipython

        shell = get_ipython()
        if shell is None:
            return
        for old in [t for t in shell.ast_transformers if isinstance(t, _Guarded)]:
            shell.ast_transformers.remove(old)
            shell.events.unregister("pre_run_cell", old.evidence.start_cell)
        shell.ast_transformers.append(_Guarded(self))
        shell.events.register("pre_run_cell", self.start_cell)
        shell.push({GUARD: self}, interactive=False)

    def start_cell(self, info: Any) -> None:
        """Note the section of the cell that is about to run; forget what it left out before."""
        self._cell = str(info.raw_cell).strip()
        self._section = self._headings.get(self._cell, self._section)
        self._left = {key: cell for key, cell in self._left.items() if cell != self._cell}

    def require(self, namespace: dict[str, Any], *names: str) -> None:
        """Raise the reason of the first of the names that is missing."""
        for name in names:
            value = namespace.get(name)
            if isinstance(value, Missing):
                raise EvidenceError(value.reason.problem, value.reason.mend)

    def leave_out(self, namespace: dict[str, Any], *names: str) -> None:
        """Show the error in hand, once a section, and let it stand for the names."""
        error = sys.exc_info()[1]
        assert isinstance(error, EvidenceError)
        namespace.update(dict.fromkeys(names, Missing(error)))
        key = self._section, str(error)
        if key not in self._left:
            self._left[key] = self._cell
            show_missing(str(error))


class _Guarded(ast.NodeTransformer):
    """Wraps every statement of a cell, so that one that is left out takes no other with it."""

    def __init__(self, evidence: Evidence) -> None:
        self.evidence = evidence

    def visit_Module(self, node: ast.Module) -> ast.Module:
        """Guard the statements; the value of a last expression is displayed as before."""
        last = node.body[-1] if node.body else None
        if not isinstance(last, ast.Expr):
            node.body = [_guarded(statement) for statement in node.body]
            return node
        none, kept, shown = _made(f"{SHOWN} = None\n{SHOWN} = ...\n{SHOWN}", last)
        assert isinstance(kept, ast.Assign)
        kept.value = last.value
        guarded = [_guarded(statement) for statement in [*node.body[:-1], kept]]
        node.body = [none, *guarded, shown]
        return node


def _guarded(statement: ast.stmt) -> ast.stmt:
    """Return a statement that is passed over, or left out, as the evidence asks."""
    read = ", ".join(["globals()", *(repr(name) for name in sorted(set(_read(statement))))])
    bound = ", ".join(["globals()", *(repr(name) for name in sorted(set(_bound(statement))))])
    (guard,) = _made(
        f"if {GUARD}.goes_on:\n try:\n  {GUARD}.require({read})\n"
        f" except {GUARD}.error:\n  {GUARD}.leave_out({bound})",
        statement,
    )
    assert isinstance(guard, ast.If)
    attempt = guard.body[0]
    assert isinstance(attempt, ast.Try)
    attempt.body.append(statement)
    return guard


def _made(source: str, at: ast.stmt) -> list[ast.stmt]:
    """Return statements of ours on the line of the notebook's, for tracebacks."""
    made = ast.parse(source)
    for node in ast.walk(made):
        ast.copy_location(node, at)
    return made.body


def _read(node: ast.AST) -> Iterator[str]:
    """Yield the names that a statement reads, but for those it hands to what takes missing ones."""
    if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
        yield node.target.id
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
        yield node.id
    if isinstance(node, ast.Call) and getattr(node.func, "attr", "") in TAKE_MISSING:
        handed = [*node.args, *(keyword.value for keyword in node.keywords)]
        node = ast.List([each for each in handed if not isinstance(each, ast.Name)])
    for child in ast.iter_child_nodes(node):
        yield from _read(child)


def _bound(node: ast.AST) -> Iterator[str]:
    """Yield the names that a statement binds anew; one that is added to keeps what it has."""
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and node.id != SHOWN:
        yield node.id
    if isinstance(node, ast.AugAssign | OWN_NAMES):
        return
    for child in ast.iter_child_nodes(node):
        yield from _bound(child)


def _headings(notebook: Path) -> dict[str, str]:
    """Return the heading above each code cell of a notebook, by the cell's source."""
    found: dict[str, str] = {}
    heading = ""
    for cell in read_json(notebook)["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            titles = [line for line in source.splitlines() if line.startswith("## ")]
            heading = titles[-1].lstrip("# ") if titles else heading
        found[source.strip()] = heading
    return found
