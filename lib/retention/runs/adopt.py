"""Takes over notebooks that another scheduler executed: judged and sealed as the runner's own.

Any scheduler that can call papermill can run the notebooks. What it leaves behind becomes a run
only by the same rules: the params are the profile's, every code cell ran, the result file is there.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retention.errors import RunError
from retention.runs.execute import Execution, Failure, judge, tidy
from retention.runs.files import read_json
from retention.runs.notebooks import read_notebook, write_notebook
from retention.runs.settings import RUNNER_OWNED

if TYPE_CHECKING:
    from nbformat import NotebookNode

PLACE = re.compile(rf"^({'|'.join(RUNNER_OWNED)}) = .*$", re.MULTILINE)
"""Parameters that say where a notebook wrote; a published notebook holds no path."""


def take_over(executed: Path, staging: Path, name: str, params: dict[str, Any]) -> Execution:
    """Copy what one notebook made into a run's staging folder, and judge how it ended.

    Parameters
    ----------
    executed
        Folder with ``notebooks/``, ``results/`` and ``tables/``.
    staging
        Where the run is built.
    name
        The notebook.
    params
        What the profile tells it; the executed notebook must have been told the same.

    Raises
    ------
    RunError
        If the notebook was never executed there.
    """
    source = executed / "notebooks" / f"{name}.ipynb"
    if not source.is_file():
        raise RunError(
            f"Notebook {name!r} was not executed.", "Let the scheduler run it first.", source.name
        )
    notebook = read_notebook(source)
    about = notebook.metadata.get("papermill", {})
    failure = judge(name, notebook, executed / "results" / f"{name}.json")
    failure = failure or _other_params(name, about.get("parameters", {}), params)
    write_notebook(tidy(_without_place(notebook), failure), staging / "notebooks" / f"{name}.ipynb")
    if failure is None:
        _copy_made(executed, staging, name)
    return Execution(name, float(about.get("duration") or 0.0), 0.0, failure)


def _other_params(name: str, told: dict[str, Any], params: dict[str, Any]) -> Failure | None:
    """Refuse a notebook that was told something else than the profile says."""
    other = sorted(key for key, value in params.items() if key in told and told[key] != value)
    other += sorted(key for key in told if key not in params and key not in RUNNER_OWNED)
    if not other:
        return None
    message = f"It was executed with other values of {', '.join(other)} than the profile gives."
    return Failure(name, 1, 1, "Parameters", "OtherParameters", message)


def _without_place(notebook: NotebookNode) -> NotebookNode:
    """Empty the parameters that say where the notebook read and wrote."""
    for cell in notebook.cells:
        if "injected-parameters" in cell.metadata.get("tags", []):
            cell.source = PLACE.sub(r'\1 = ""', cell.source)
    return notebook


def _copy_made(executed: Path, staging: Path, name: str) -> None:
    """Copy the result file, the tables it names, and the snapshot that ingest made."""
    result = Path("results") / f"{name}.json"
    made = [result, *(Path(a["path"]) for a in read_json(executed / result)["artifacts"])]
    if name == "ingest":
        made.append(Path("snapshot.json"))
    for path in made:
        (staging / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(executed / path, staging / path)
