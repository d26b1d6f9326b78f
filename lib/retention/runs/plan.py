"""The eight notebooks, their order, and which profile runs which."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from retention.errors import ParameterError
from retention.runs.workspace import Workspace


@dataclass(frozen=True)
class Notebook:
    """One notebook of the pipeline.

    Parameters
    ----------
    name
        Its name; params, result file and report bear it, too.
    folder
        Folder under ``notebooks/``.
    title
        What a reader knows it as.
    report
        Which of the reports it belongs to.
    needs
        Notebooks whose published tables it reads, where they ran.
    hands_on
        The one file that others read of it, where that stands before its end: they start when it
        does. Empty: they read what it has published.
    recalls
        Whether it reads runs published before its own: earlier ones, or the one approved last.
    effort
        How long it takes beside the others (tens of seconds with 1,000,000 customers, two at
        once); it decides the order where no earlier run has told better.
    """

    name: str
    folder: str
    title: str
    report: str
    needs: tuple[str, ...] = ()
    hands_on: str = ""
    recalls: bool = False
    effort: float = 1.0

    def path(self, workspace: Workspace) -> Path:
        """Return the notebook's file."""
        return workspace.notebooks / self.folder / f"{self.name}.ipynb"


NOTEBOOKS: tuple[Notebook, ...] = (
    Notebook(
        "ingest",
        "01_ingest",
        "Can we trust this data?",
        "Ingest",
        hands_on="snapshot.json",
        effort=47,
    ),
    Notebook(
        "segments", "02_segmentation", "Who are our customers?", "Segments", ("ingest",), effort=20
    ),
    Notebook(
        "lifetime_value",
        "02_segmentation",
        "What is each customer worth?",
        "Segments",
        ("ingest", "segments"),
        effort=12,
    ),
    Notebook(
        "retention_curves", "03_churn", "When do customers leave?", "Churn", ("ingest",), effort=12
    ),
    Notebook(
        "churn_risk",
        "03_churn",
        "Who is about to leave?",
        "Churn",
        ("ingest", "segments"),
        recalls=True,
        effort=14,
    ),
    Notebook(
        "design",
        "04_experiments",
        "How large must the test be?",
        "Campaign lift",
        ("ingest",),
        effort=6,
    ),
    Notebook("ab_test", "04_experiments", "Did it work?", "Campaign lift", ("ingest",), effort=11),
    Notebook(
        "campaign_lift",
        "04_experiments",
        "For whom, was it worth it, whom next?",
        "Campaign lift",
        ("ingest", "segments"),
        effort=12,
    ),
)

BY_NAME = {notebook.name: notebook for notebook in NOTEBOOKS}


def profiles(workspace: Workspace) -> list[str]:
    """Return the names of all profiles, sorted."""
    return sorted(p.parent.name for p in workspace.params.glob("*/common.yaml"))


def planned(workspace: Workspace, profile: str) -> list[Notebook]:
    """Return the notebooks that a profile runs, in order: those it has a params file for.

    Raises
    ------
    ParameterError
        If there is no such profile or it holds a file that belongs to no notebook.
    """
    folder = workspace.params / profile
    if not (folder / "common.yaml").is_file():
        known = ", ".join(profiles(workspace)) or "none"
        raise ParameterError(
            f"There is no profile {profile!r}.",
            f"Known profiles: {known}. `retention init` writes a new one from an export.",
        )
    stems = {path.stem for path in folder.glob("*.yaml")} - {"common"}
    for stem in sorted(stems - set(BY_NAME)):
        raise ParameterError(
            "This file belongs to no notebook.",
            f"Rename it to one of {', '.join(BY_NAME)}, or remove it.",
            file=f"params/{profile}/{stem}.yaml",
        )
    return [notebook for notebook in NOTEBOOKS if notebook.name in stems]
