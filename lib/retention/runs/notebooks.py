"""Notebook files, read and written without what would make the first of them slow."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

# The schema checker would build 38 grammars for international web addresses, 4 s on a slow core,
# and no notebook's schema asks for one; it does without where the package is missing.
sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]

import nbformat  # noqa: E402

if TYPE_CHECKING:
    from nbformat import NotebookNode


def read_notebook(path: Path) -> NotebookNode:
    """Read a notebook in the current format."""
    return nbformat.read(path, as_version=4)


def write_notebook(notebook: NotebookNode, path: Path) -> None:
    """Write a notebook."""
    nbformat.write(notebook, path)
