"""The command as a shell calls it, in a toy project."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from retention.cli import main

_path = Path(__file__).resolve().parents[1] / "runs" / "conftest.py"
_spec = importlib.util.spec_from_file_location("toy_project", _path)
_toy = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_toy)
workspace, rewrite = _toy.workspace, _toy.rewrite


class Done(NamedTuple):
    """Exit code and what was printed."""

    code: int
    out: str
    err: str


@pytest.fixture
def call(capsys, monkeypatch):
    """Return a function that gives the command its words and returns how it ended."""

    def command(*words: str) -> Done:
        monkeypatch.setattr(sys, "argv", ["retention", *words])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        code = ended.value.code
        return Done(code if isinstance(code, int) else 0, printed.out, printed.err)

    return command
