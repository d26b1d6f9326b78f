"""Writes a draft of a format's declaration for a tool that is not known."""

from __future__ import annotations

import re
from pathlib import Path

from retention.errors import InputError, ParameterError
from retention.ingest.workbench import workbench
from retention.runs.profile import FORMATS_FOLDER
from retention.runs.workspace import Workspace
from retention.sources.base import ReadOptions
from retention.sources.declarations.drafting import draft_declaration
from retention.sources.declarations.schema import read_declarations
from retention.sources.decoding import fitting_encoding
from retention.sources.unpacking import packing_of, unpacked


def write_format_draft(workspace: Workspace, profile: str, file: Path) -> str:
    """Write ``params/<profile>/formats/<file>.yaml`` with best guesses; say what to do next.

    Parameters
    ----------
    workspace
        Where params and exports lie.
    profile
        Name of the profile; it need not exist.
    file
        An export of the tool, with an order or an item in each row.

    Raises
    ------
    InputError
        If there is no such file, or it cannot be read.
    ParameterError
        If the name cannot be a profile's, or the draft exists.
    """
    if not re.fullmatch(r"[a-z][a-z0-9_]*", profile):
        raise ParameterError(
            f"{profile!r} cannot name a profile.", "Use small letters, digits and underscores."
        )
    if not file.is_file():
        raise InputError("There is no such file.", "Correct the path.", file=str(file))
    name = _name_of(file)
    target = workspace.params / profile / FORMATS_FOLDER / f"{name}.yaml"
    shown = f"params/{profile}/{FORMATS_FOLDER}/{target.name}"
    if target.exists():
        raise ParameterError("The draft exists.", "Edit it, or remove it first.", file=shown)
    encoding = "auto"
    if packing_of(file) not in ("parquet", "workbook"):
        encoding = fitting_encoding(unpacked(file, str(file), ReadOptions())) or "auto"
    with workbench(workspace.private) as (_, folder):
        text = draft_declaration(file, name, folder, ReadOptions(encoding=encoding))
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text, encoding="utf-8")
    return _next(target, shown, profile, name, file)


def _name_of(file: Path) -> str:
    """Return a name for the format: the file's in small letters, without numbers of downloads."""
    words = re.findall(r"[a-z]+", file.name.split(".")[0].lower())
    return "_".join(["own", *words][: 5 if words else 1]) if words else "own_tool"


def _next(target: Path, shown: str, profile: str, name: str, file: Path) -> str:
    """Say what is to be done with the draft."""
    lines = [f"Wrote {shown}: a draft of the format {name}. Correct it line by line."]
    try:
        read_declarations(target)
    except ParameterError as error:
        lines.append(f"CHECK {error.problem}")
    if (target.parents[1] / "ingest.yaml").exists():
        lines.append(f'Then add - "{name}: {file}" to `sources` in params/{profile}/ingest.yaml.')
    else:
        lines.append(f"Then: retention init {profile} {file}")
    return "\n".join(lines)
