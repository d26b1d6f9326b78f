"""What a stage stands on, as hashes: its notebook, the library modules it imports, its inputs.

Two stages with the same key give the same artifacts, so the second need not run. The modules are
found by reading ``import`` statements, nested ones included, so a change in one module re-runs just
the notebooks that reach it.
"""

from __future__ import annotations

import ast
import hashlib
import json
import re
from collections.abc import Iterable, Iterator
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

PACKAGE = Path(__file__).resolve().parents[1]
"""Folder of the library."""

BLOCKS = ("body", "orelse", "finalbody", "handlers", "cases")
"""Fields of a syntax tree's node that hold statements."""

QUOTED = re.compile(r"""["'](\w+)["']""")


def digest(content: Any) -> str:
    """Return the SHA-256 of JSON content, independent of the order of its names."""
    text = json.dumps(content, sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def notebook_source(path: Path) -> list[tuple[str, str]]:
    """Return type and source of every cell: what the notebook does, without what it printed."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return [(cell["cell_type"], "".join(cell["source"])) for cell in cells]


def library_files(notebook: Path) -> list[Path]:
    """Return the library files (modules and SQL) that a notebook reaches, sorted."""
    code = "\n".join(source for kind, source in notebook_source(notebook) if kind == "code")
    reached: set[Path] = set()
    waiting = list(_imported(code))
    while waiting:
        path = waiting.pop()
        if path not in reached:
            modules, queries = _links(path)
            reached |= {path, *queries}
            waiting.extend(modules)
    return sorted(reached)


def library_digest(files: Iterable[Path]) -> str:
    """Return one hash for the contents of library files."""
    return digest({str(p.relative_to(PACKAGE)): hashlib.sha256(p.read_bytes()).hexdigest()
                   for p in files})  # fmt: skip


@lru_cache(maxsize=1024)
def _links(path: Path) -> tuple[frozenset[Path], frozenset[Path]]:
    """Return the modules and the queries that a library file names; each file is parsed once."""
    code = path.read_text(encoding="utf-8")
    return frozenset(_imported(code)), frozenset(_queries(code))


def _statements(tree: ast.AST) -> Iterator[ast.AST]:
    """Walk the statements alone: imports stand nowhere else, and expressions are most of a tree."""
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        for name in BLOCKS:
            waiting.extend(getattr(node, name, ()))


def _imported(code: str) -> set[Path]:
    """Return the library files that a piece of code imports directly."""
    found: set[Path] = set()
    for node in _statements(ast.parse(code)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            parent = node.module
            names = [f"{parent}.{alias.name}" for alias in node.names]
            names = [n if _file(n) else parent for n in names]
        else:
            continue
        found.update(path for name in names if (path := _file(name)))
    if _opens_stage(code):
        found.update(p for n in ("stage", "run") if (p := _file(f"retention.runs.{n}")))
    return found


def _opens_stage(code: str) -> bool:
    """Tell whether code reaches the run layer through ``retention.open_stage``."""
    return "retention.open_stage" in code or "retention.load" in code


def _file(module: str) -> Path | None:
    """Return the file of a library module or package, None for what is not ours."""
    return _found(PACKAGE, module) if module.partition(".")[0] == "retention" else None


@cache
def _found(package: Path, module: str) -> Path | None:
    """Look for a module's file below the library's folder."""
    base = package.joinpath(*module.split(".")[1:])
    for path in (base.with_suffix(".py"), base / "__init__.py"):
        if path.is_file() and path != package.with_suffix(".py"):
            return path
    return None


def _queries(code: str) -> set[Path]:
    """Return the SQL files whose names stand in the code as text."""
    known = _sql_files(PACKAGE)
    return {known[text] for text in QUOTED.findall(code) if text in known}


@cache
def _sql_files(package: Path) -> dict[str, Path]:
    """Return every query of the library by its name."""
    return {path.stem: path for path in (package / "sql").glob("*.sql")}
