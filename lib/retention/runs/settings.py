"""Reads a profile's YAML files and checks them before any kernel starts.

Every complaint names the file, the line and the mend.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from retention.errors import ParameterError
from retention.runs import dates
from retention.runs.params import CommonParams, model_for
from retention.runs.plan import Notebook, planned
from retention.runs.workspace import Workspace
from retention.sources.registry import use_formats

RUNNER_OWNED = ("run", "output_dir")
"""Set by the runner; in a profile they would make a run read or write elsewhere."""

MENDS = {
    "int_type": "Write a whole number without quotes.",
    "float_type": "Write a number without quotes.",
    "string_type": "Write text, in quotes.",
    "bool_type": "Write true or false.",
    "list_type": "Write a list: one `- item` a line.",
}


@dataclass(frozen=True)
class Settings:
    """A notebook's parameters as they stand in the files and as they were resolved."""

    notebook: Notebook
    given: dict[str, Any]
    resolved: dict[str, Any]


@dataclass(frozen=True)
class _File:
    """One YAML file: its values and the line of each name."""

    name: str
    values: dict[str, Any]
    lines: dict[str, int]


def load_settings(workspace: Workspace, profile: str, today: date | None = None) -> list[Settings]:
    """Read and check the parameters of every notebook that a profile runs.

    Parameters
    ----------
    workspace
        Where the params lie.
    profile
        Name of the profile.
    today
        What relative dates count from; the current day by default.

    Raises
    ------
    ParameterError
        On the first unknown name, wrong type or impossible value, or a format that cannot be one.
    """
    folder = workspace.params / profile
    notebooks = planned(workspace, profile)
    use_formats(folder / "formats")
    common = _read(folder / "common.yaml", f"params/{profile}/common.yaml")
    _refuse_unknown(common, CommonParams)
    if common.values.get("profile") != profile:
        raise ParameterError(
            f"It says profile {common.values.get('profile')!r}.",
            f"The file lies in params/{profile}: write `profile: {profile}`.",
            file=common.name,
            line=common.lines.get("profile"),
        )
    day = today or date.today()
    return [_settings(folder, profile, notebook, common, day) for notebook in notebooks]


def _settings(
    folder: Path, profile: str, notebook: Notebook, common: _File, today: date
) -> Settings:
    """Read, resolve and check the parameters of one notebook."""
    own = _read(folder / f"{notebook.name}.yaml", f"params/{profile}/{notebook.name}.yaml")
    model = model_for(notebook.name)
    _refuse_unknown(own, model)
    given = {**common.values, **own.values}
    resolved = {
        name: dates.resolve(value, today) if dates.is_relative(value) else value
        for name, value in given.items()
    }
    try:
        checked = model.model_validate(resolved)
    except ValidationError as error:
        raise _complaint(error, own, common) from None
    return Settings(notebook, given, checked.model_dump())


def _complaint(error: ValidationError, own: _File, common: _File) -> ParameterError:
    """Word the first complaint of a model with its place."""
    first = error.errors()[0]
    name = str(first["loc"][0]) if first["loc"] else ""
    is_own = name in own.values or name not in CommonParams.model_fields
    file = own if is_own else common
    reason = first["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
    value = f"{first['input']!r} is not allowed" if name in file.values else "has no value"
    return ParameterError(
        f"{value}: should be {reason}." if name in file.values else f"It {value}.",
        MENDS.get(first["type"], "Correct the value."),
        file=file.name,
        line=file.lines.get(name),
        column=name or None,
    )


def _refuse_unknown(file: _File, model: type[CommonParams]) -> None:
    """Refuse names that the model does not have; a typo must not pass for a default."""
    known = [name for name in model.model_fields if name not in RUNNER_OWNED]
    for name in file.values:
        if name in known:
            continue
        close = difflib.get_close_matches(name, known, n=1)
        mend = f"Did you mean {close[0]!r}?" if close else f"Known: {', '.join(known)}."
        raise ParameterError("There is no such parameter.", mend, file.name, file.lines[name], name)


def _read(path: Path, name: str) -> _File:
    """Read one flat YAML mapping and remember the line of each name."""
    try:
        node = yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        line = mark.line + 1 if mark else None
        raise ParameterError(
            f"The file is no YAML ({error.problem}).", "Correct the line.", name, line
        ) from None
    if node is None:
        return _File(name, {}, {})
    if not isinstance(node, yaml.MappingNode):
        raise ParameterError("The file is no list of `name: value` lines.", "Write it so.", name, 1)
    return _mapping(node, name)


def _mapping(node: yaml.MappingNode, name: str) -> _File:
    """Turn the parsed YAML into values and lines; a name given twice is refused."""
    values: dict[str, Any] = {}
    lines: dict[str, int] = {}
    for key_node, value_node in node.value:
        key, line = str(key_node.value), key_node.start_mark.line + 1
        if key in values:
            raise ParameterError(
                f"It stands here a second time (first on line {lines[key]}).",
                "Keep one of them.",
                name,
                line,
                key,
            )
        values[key], lines[key] = _value(value_node), line
    return _File(name, values, lines)


def _value(node: yaml.Node) -> Any:
    """Return a value; a date stays the text it was, so that the model can refuse 2026-13-40."""
    if node.tag == "tag:yaml.org,2002:timestamp":
        return str(node.value)
    return yaml.safe_load(yaml.serialize(node))
