"""Writes a new profile from a shop's exports: what they are, and what they tell of parameters."""

from __future__ import annotations

import glob
import os
import re
import shutil
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import yaml

from retention.errors import InputError, ParameterError
from retention.ingest.workbench import workbench
from retention.runs.params import CommonParams, model_for
from retention.runs.plan import NOTEBOOKS
from retention.runs.proposal import SALES, Given, Proposal, Proposed, propose
from retention.runs.workspace import Workspace
from retention.sources.base import ReadOptions, SourceFormat
from retention.sources.decoding import fitting_encoding
from retention.sources.file_facts import FileFacts, facts_of
from retention.sources.header_names import columns_in_words
from retention.sources.recognition import Recognition, recognise
from retention.sources.unpacking import packing_of, unpacked

FORMATS_FOLDER = "formats"
"""Folder of a profile with its own declarations of formats; it may be there before the rest."""

USABLE = "orders, web events or the outcomes of an experiment"


SUBJECT = {
    "segments": "orders",
    "lifetime_value": "orders",
    "retention_curves": "orders",
    "churn_risk": "orders",
    "design": "orders",
    "ab_test": "assignments",
    "campaign_lift": "assignments",
}
"""Table that each notebook is about; all notebooks run, and one without its subject says so."""


@dataclass(frozen=True)
class Look:
    """One file: what it says, or why it is left out."""

    path: Path
    facts: FileFacts | None = None
    left_out: str = ""
    is_near_miss: bool = False


def write_profile(
    workspace: Workspace, profile: str, paths: Sequence[str], given: Given | None = None
) -> str:
    """Write ``params/<profile>/`` and say what was recognised, left out and proposed.

    Parameters
    ----------
    workspace
        Where params and exports lie.
    profile
        Name of the new profile.
    paths
        Files, folders or patterns.
    given
        What the person says of date, currency and time zone.

    Raises
    ------
    ParameterError
        If the profile exists or its name, or the currency, cannot be one.
    InputError
        If no file has what a notebook could begin with; every file is named, with why.
    """
    from retention.sources.registry import FORMATS, use_formats

    folder = workspace.params / profile
    _require_name(profile, folder)
    use_formats(folder / FORMATS_FOLDER)
    with workbench(workspace.private) as (_, private):
        looks = [look_at(path, FORMATS, private) for path in files_in(paths)]
    facts = [look.facts for look in looks if look.facts]
    if not any(table in file.tables for file in facts for table in SALES):
        raise InputError(f"No file here has {USABLE}.", _reasons(looks), file=f"profile {profile}")
    proposal = propose(facts, given or Given())
    _write(folder, profile, facts, proposal, workspace)
    return _report(profile, looks, proposal)


def _require_name(profile: str, folder: Path) -> None:
    """Refuse a name that no profile may have, or that one has."""
    if not re.fullmatch(r"[a-z][a-z0-9_]*", profile):
        raise ParameterError(
            f"{profile!r} cannot name a profile.", "Use small letters, digits and underscores."
        )
    if folder.exists() and {path.name for path in folder.iterdir()} != {FORMATS_FOLDER}:
        raise ParameterError(
            f"Profile {profile!r} exists.",
            f"Edit params/{profile}/, remove it, or choose another name.",
        )


def files_in(paths: Iterable[str]) -> list[Path]:
    """Return the files that files, folders and patterns name, each once; hidden ones are not.

    Raises
    ------
    InputError
        If a path names nothing.
    """
    found: dict[Path, None] = {}
    for text in paths:
        path = Path(text)
        if path.is_dir():
            inside = sorted(p for p in path.rglob("*") if p.is_file())
            shown = [p for p in inside if not _is_hidden(p.relative_to(path))]
        else:
            shown = [path] if path.is_file() else sorted(map(Path, glob.glob(text, recursive=True)))
            shown = [p for p in shown if p.is_file()]
        if not shown:
            raise InputError("There is no such file.", "Correct the path.", file=text)
        found |= dict.fromkeys(shown)
    return list(found)


def _is_hidden(path: Path) -> bool:
    """Tell whether a file belongs to the system, not to the shop."""
    return any(part.startswith((".", "__MACOSX", "~$")) for part in path.parts)


def look_at(path: Path, formats: dict[str, SourceFormat], private: Path) -> Look:
    """Recognise a file and read what it says about itself."""
    try:
        options = ReadOptions(encoding=_encoding(path) or "auto")
        found = recognise(path, formats, options)
        if not found.fits:
            return Look(path, None, _why_left_out(found), found.near is not None)
        facts = facts_of(path, found.fits[0][0], options, private)
    except InputError as error:
        return Look(path, None, f"cannot be read: {error.problem} {error.mend}")
    if not facts.records:
        return Look(path, None, f"{facts.format.name} without rows")
    return Look(path, facts)


def _encoding(path: Path) -> str:
    """Return the encoding to declare for a text file; empty where it shows it, or is no text."""
    if path.stat().st_size == 0 or packing_of(path) in ("parquet", "workbook"):
        return ""
    return fitting_encoding(unpacked(path, str(path), ReadOptions()))


def _why_left_out(found: Recognition) -> str:
    """Return why a file is in no format."""
    if found.near:
        return found.near.sentence()
    if found.not_needed:
        return f"not needed ({found.not_needed})"
    return f"not needed, or of a tool that is not known: {columns_in_words(found.columns)}"


def _reasons(looks: Sequence[Look]) -> str:
    """Return every file with why it does not do, near misses first."""
    told = [
        f"{look.path.name}: "
        + (look.left_out or f"is {look.facts.format.name if look.facts else ''}, without sales")
        for look in sorted(looks, key=lambda look: not look.is_near_miss)
    ]
    return "\n  " + "\n  ".join(told)


def _write(
    folder: Path,
    profile: str,
    facts: Sequence[FileFacts],
    proposal: Proposal,
    workspace: Workspace,
) -> None:
    """Write the profile's files: all of them, or none."""
    pages = {name: _notebook(name, proposal) for name in (n.name for n in NOTEBOOKS)}
    pages["common"] = _common(profile, proposal)
    pages["ingest"] = _ingest(facts, proposal, workspace.root)
    draft = folder.with_name(f".{profile}.{os.getpid()}")
    try:
        draft.mkdir(parents=True)
        if (folder / FORMATS_FOLDER).is_dir():
            shutil.copytree(folder / FORMATS_FOLDER, draft / FORMATS_FOLDER)
            shutil.rmtree(folder)
        for name, text in pages.items():
            (draft / f"{name}.yaml").write_text(text, encoding="utf-8")
        draft.rename(folder)
    finally:
        with suppress(OSError):
            shutil.rmtree(draft)


def _line(name: str, value: str, comment: str = "", style: str = '"') -> str:
    """Return one parameter as YAML, whatever stands in the value."""
    written = yaml.safe_dump(value, default_style=style, allow_unicode=True, width=10**6)
    written = written.removesuffix("...\n").strip()
    remark = " ".join(comment.split())
    return f"{name}{written}" + (f"  # {remark}" if remark else "")


def _common(profile: str, proposal: Proposal) -> str:
    """Return ``common.yaml``."""
    as_of = proposal.as_of
    lines = ["# Shared by every notebook; whatever stands in no file here has its default."]
    lines += [f"profile: {profile}", _line("as_of: ", as_of.value, as_of.why)]
    return "\n".join(lines) + "\n"


def _ingest(facts: Sequence[FileFacts], proposal: Proposal, root: Path) -> str:
    """Return ``ingest.yaml``."""
    lines = ["# What the ingest notebook reads; formats were recognised by the columns."]
    lines += ["sources:"]
    lines += [_line("  - ", f"{f.format.name}: {_shown(f.path, root)}") for f in facts]
    if proposal.read_options:
        lines += ["read_options:"]
        lines += [_line("  - ", option.value, option.why) for option in proposal.read_options]
    for name in ("currency", "time_zone"):
        proposed: Proposed = getattr(proposal, name)
        if proposed.value and (proposed.why or proposed.value != _default("ingest", name)):
            lines.append(_line(f"{name}: ", proposed.value, proposed.why, style=""))
    return "\n".join(lines) + "\n"


def _notebook(name: str, proposal: Proposal) -> str:
    """Return the file of a notebook: it runs because the file is there."""
    text = f"# Defaults hold; params/demo/{name}.yaml shows what can be set.\n"
    code = proposal.currency.value
    if code and _default(name, "currency") not in (None, "", code):
        text += _line("currency: ", code, "as in ingest.yaml", style="") + "\n"
    return text


def _default(notebook: str, name: str) -> object:
    """Return the default of a notebook's parameter, None where it has no such parameter."""
    field = model_for(notebook).model_fields.get(name)
    return None if field is None or name in CommonParams.model_fields else field.default


def _shown(file: Path, root: Path) -> str:
    """Return a file as the params name it: relative to the workspace where it lies in it.

    Characters that a pattern would read in another way are escaped.
    """
    path = Path(os.path.abspath(file))
    inside = path.is_relative_to(root)
    return glob.escape(str(path.relative_to(root) if inside else path))


def _report(profile: str, looks: Sequence[Look], proposal: Proposal) -> str:
    """Return what a person should know, and what to do next."""
    lines = [f"{look.path.name}: {_found(look.facts)}" for look in looks if look.facts]
    left = [look for look in looks if not look.facts]
    lines += [f"{look.path.name}: {look.left_out}" for look in left if not look.is_near_miss]
    lines += [f"CHECK {look.path.name}: {look.left_out}" for look in left if look.is_near_miss]
    for name in ("as_of", "currency", "time_zone"):
        proposed: Proposed = getattr(proposal, name)
        if proposed.value:
            lines.append(f"{name}: {proposed.value} ({proposed.why})")
    lines += [f"read_options: {option.value} ({option.why})" for option in proposal.read_options]
    lines += [f"CHECK {question}" for question in proposal.questions]
    lines += _notebooks([look.facts for look in looks if look.facts])
    lines.append(f"Wrote params/{profile}/. Next: retention check {profile}")
    return "\n".join(lines)


def _notebooks(facts: Sequence[FileFacts]) -> list[str]:
    """Say which notebooks the files can feed."""
    there = {mapping.table for file in facts for mapping in file.format.tables}
    fed = [name for name, table in SUBJECT.items() if table in there]
    idle = [f"{name} (no {table})" for name, table in SUBJECT.items() if table not in there]
    lines = [f"Notebooks with something to say: {', '.join(['ingest', *fed])}"]
    return lines + ([f"Notebooks that wait: {', '.join(idle)}"] if idle else [])


def _found(facts: FileFacts | None) -> str:
    """Say what a recognised file holds."""
    if facts is None:
        return ""
    told = [f"{facts.format.name}, {facts.records:,} records"]
    orders = facts.tables.get("orders")
    if orders:
        told.append(f"{orders.rows:,} orders")
        if orders.first and orders.last:
            told.append(f"{orders.first:%Y-%m-%d} to {orders.last:%Y-%m-%d}")
    return ", ".join([*told, *sorted(facts.currencies)])
