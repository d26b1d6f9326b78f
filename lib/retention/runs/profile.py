"""Writes a new profile from a shop's exports: recognised by their headers, to be edited."""

from __future__ import annotations

from pathlib import Path

from retention.errors import InputError, ParameterError
from retention.results import percent
from retention.runs.plan import NOTEBOOKS
from retention.runs.workspace import Workspace

NEEDED_TABLE = {
    "ingest": None,
    "segments": "orders",
    "lifetime_value": "orders",
    "retention_curves": "orders",
    "churn_risk": "orders",
    "design": "orders",
    "campaign_lift": "assignments",
}
"""Table without which a notebook has nothing to say; A/B tests are declared by hand."""

COMMON = """# Shared by every notebook of this profile.
profile: {profile}
as_of: "{as_of}"        # only what happened before it is known
engine: duckdb
memory_limit: 4GB
minimum_cell_size: 10          # smaller cells are suppressed in reports (customers)
seed: 20260701
"""

INGEST = """# What the ingest notebook reads; formats were recognised by the header, so have a look.
sources:
{sources}
read_options: []
currency: {currency}
time_zone: UTC                 # of times that do not say theirs
allowed_failures: []
"""


def write_profile(
    workspace: Workspace, profile: str, files: list[Path], as_of: str, currency: str
) -> str:
    """Write ``params/<profile>/`` and say what was recognised.

    Raises
    ------
    ParameterError
        If the profile exists.
    InputError
        If no format fits a file's header.
    """
    from retention.sources.registry import recognise_file

    folder = workspace.params / profile
    if folder.exists():
        raise ParameterError(f"Profile {profile!r} exists.", "Edit it, or choose another name.")
    lines, tables, told = [], set(), []
    for file in files:
        fits = recognise_file(file)
        if not fits:
            raise InputError(
                "No known format has these columns.",
                "Use the format `generic` and map the columns; see CONTRIBUTING.md.",
                file=str(file),
            )
        best, score = fits[0]
        lines.append(f'  - "{best.name}: {_shown(file, workspace.root)}"')
        tables |= {mapping.table for mapping in best.tables}
        told.append(f"{file.name}: {best.name} ({percent(score, 0)} of its columns)")
    chosen = [n.name for n in NOTEBOOKS if NEEDED_TABLE.get(n.name, "") in (None, *tables)]
    folder.mkdir()
    (folder / "common.yaml").write_text(COMMON.format(profile=profile, as_of=as_of))
    for name in chosen:
        text = f"# Defaults hold; params/demo/{name}.yaml shows what can be set.\n"
        (folder / f"{name}.yaml").write_text(text)
    sources = "\n".join(lines)
    (folder / "ingest.yaml").write_text(INGEST.format(sources=sources, currency=currency))
    told.append(f"Wrote params/{profile}/ for {', '.join(chosen)}. Next: retention check {profile}")
    return "\n".join(told)


def _shown(file: Path, root: Path) -> str:
    """Return a file as the params should name it: relative to the workspace where it lies in it."""
    path = file.resolve()
    return str(path.relative_to(root)) if path.is_relative_to(root) else str(path)
