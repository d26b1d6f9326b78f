"""A small installation: a project with one good profile, one at fault, and the real command."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

from retention.runs.workspace import Workspace

_path = Path(__file__).resolve().parents[1] / "runs" / "conftest.py"
_spec = importlib.util.spec_from_file_location("toy_project", _path)
_toy = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_toy)
workspace = _toy.workspace


@pytest.fixture
def installed(workspace: Workspace) -> Workspace:
    """Return the toy project with ``.venv`` in it and a second profile that cannot run."""
    (workspace.project / ".venv").symlink_to(sys.prefix)
    broken = workspace.params / "a_broken"
    broken.mkdir()
    (broken / "common.yaml").write_text("profile: a_broken\nas_of: '2026-07-01'\n")
    (broken / "segments.yaml").write_text("no_such_thing: 1\n")
    workspace.outputs.mkdir()
    return workspace
