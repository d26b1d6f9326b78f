"""Where everything lies: one place that knows the folders of a workspace."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from retention.errors import RunError

PROJECT_MARKS = ("params", "notebooks", "pyproject.toml")
"""A folder that holds all of these is the project."""


@dataclass(frozen=True)
class Workspace:
    """The project (code, notebooks, params) and the root that holds its data.

    Parameters
    ----------
    project
        Folder with ``notebooks/`` and ``params/``.
    root
        Folder with ``exports/``, ``outputs/`` and ``.retention/``; the project, unless
        ``$RETENTION_ROOT`` names another.
    """

    project: Path
    root: Path

    @classmethod
    def find(cls, start: Path | None = None) -> Workspace:
        """Find the project at or above ``start`` (default: the working directory).

        Raises
        ------
        RunError
            If no folder at or above ``start`` looks like the project.
        """
        here = (start or Path.cwd()).resolve()
        source = Path(__file__).resolve().parents[3]
        for folder in (here, *here.parents, source):
            if all((folder / mark).exists() for mark in PROJECT_MARKS):
                root = os.environ.get("RETENTION_ROOT")
                return cls(folder, Path(root).resolve() if root else folder)
        raise RunError(
            f"No project at or above {here.name!r}.",
            "Change into the project's folder (it holds notebooks/ and params/).",
        )

    @property
    def params(self) -> Path:
        """Folder of parameter profiles."""
        return self.project / "params"

    @property
    def notebooks(self) -> Path:
        """Folder of notebooks."""
        return self.project / "notebooks"

    @property
    def outputs(self) -> Path:
        """Folder of everything that runs make."""
        return self.root / "outputs"

    @property
    def private(self) -> Path:
        """Folder of keys, the identity vault and the audit log (mode 0700)."""
        return self.root / ".retention"

    def profile(self, profile: str) -> Path:
        """Folder of a profile's runs, snapshots and scratch files."""
        return self.outputs / profile

    def store(self, profile: str) -> Path:
        """Folder of a profile's snapshots."""
        return self.profile(profile) / "store"
