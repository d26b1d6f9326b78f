"""The register of plans: what was declared before the start, and what was changed since.

Each line holds a plan's hash and content, the day, and the hash of the line before it, so that
neither a plan nor the register can be changed afterwards without its showing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd

from retention.abtest.codes import AbtestCode
from retention.abtest.experiment import Experiment, read_experiment
from retention.errors import InputError, ParameterError
from retention.json_lines import append_line, read_lines
from retention.results import Check, Status

REGISTER = "register.jsonl"
"""File beside the experiments' own."""

DESCRIPTIVE = ("hypothesis", "owner")
"""Fields that may change after the start without changing what decides."""


@dataclass(frozen=True)
class Registration:
    """A plan as registered: its hash, its content and the day."""

    name: str
    digest: str
    registered_on: str
    content: Mapping[str, Any]
    previous: str = ""

    @classmethod
    def of(cls, plan: Experiment, registered_on: str, previous: str = "") -> Registration:
        """Register a plan as it stands.

        Raises
        ------
        ParameterError
            If the experiment has already started: a plan registered later proves nothing.
        """
        if _day(registered_on) > date.fromisoformat(plan.starts):
            raise ParameterError(
                f"Experiment {plan.name!r} started on {plan.starts}, before it was registered on "
                f"{registered_on}.",
                "Register a plan on or before its first day; mark this one as exploratory.",
                column="starts",
            )
        return cls(plan.name, plan.digest(), registered_on, plan.as_dict(), previous)

    def as_line(self) -> str:
        """Return the registration as one JSON line, for an append-only register."""
        return json.dumps(dict(vars(self)), sort_keys=True, ensure_ascii=False)

    @classmethod
    def from_line(cls, line: str) -> Registration:
        """Read a line of the register."""
        try:
            return cls(**json.loads(line))
        except (ValueError, TypeError) as error:
            raise InputError(
                "A line of the register cannot be read.", "Restore it; it must not be edited."
            ) from error


def read_register(lines: Iterable[str]) -> dict[str, Registration]:
    """Return the registration of each experiment.

    Raises
    ------
    InputError
        If a line was changed, taken out or put in: the next one no longer fits it; or if a line's
        content is not what its hash says.
    """
    found: dict[str, Registration] = {}
    previous = ""
    for number, line in enumerate((text for text in lines if text.strip()), 1):
        entry = Registration.from_line(line)
        if entry.previous != previous or entry.digest != _digest(entry.content):
            raise InputError(
                f"The register does not hold together: line {number} was changed, or one before it "
                "was taken out.",
                "Restore the register from version control; it only ever grows at its end.",
                line=number,
                file=REGISTER,
            )
        found.setdefault(entry.name, entry)
        previous = _hash(line)
    return found


def register_of(folder: Path) -> dict[str, Registration]:
    """Return the register of a folder of experiments; empty where nothing was registered."""
    path = folder / REGISTER
    return read_register(read_lines(path).texts)


def register(folder: Path, name: str, registered_on: str) -> Registration:
    """Register ``<folder>/<name>.yaml`` as it stands, at the end of the folder's register.

    Raises
    ------
    ParameterError
        If the experiment has started, or is registered already.
    """
    plan, path = read_experiment(folder, name), folder / REGISTER
    if name in register_of(folder):
        raise ParameterError(
            f"Experiment {name!r} is registered already.",
            "A plan is registered once; give a changed one a new name before it starts.",
            column="name",
        )
    lines = read_lines(path).texts
    entry = Registration.of(plan, registered_on, _hash(lines[-1]) if lines else "")
    append_line(path, vars(entry))
    return entry


def plan_check(folder: Path, plan: Experiment) -> Check:
    """Check a plan against the register of its folder; no register, nothing registered."""
    return plan_changed(plan, register_of(folder).get(plan.name))


def changes_table(folder: Path, plan: Experiment) -> pd.DataFrame:
    """Return each field that was changed since registration, as registered and as it is now."""
    registered = register_of(folder).get(plan.name)
    changes = _differences(registered.content, plan.as_dict()) if registered else []
    rows = [(path, str(before), str(after), _decides(path)) for path, before, after in changes]
    return pd.DataFrame(rows, columns=["field", "registered", "now", "bears_on"])


def _decides(path: str) -> str:
    """Tell in words whether a field decides anything."""
    return "words only" if path.startswith(DESCRIPTIVE) else "the decision"


def plan_changed(plan: Experiment, registered: Registration | None) -> Check:
    """Check a plan against its registration and name the fields that were changed since."""
    if registered is None:
        return Check(
            AbtestCode.PLAN_CHANGED, Status.WARN,
            f"The plan of {plan.name} was not registered before the start.",
            "Take the result as exploratory; register the next plan before its first day.",
        )  # fmt: skip
    if registered.digest == plan.digest():
        detail = f"The plan is as registered on {registered.registered_on}."
        return Check(AbtestCode.PLAN_CHANGED, Status.PASS, detail)
    changed = _differences(registered.content, plan.as_dict())
    decisive = any(not path.startswith(DESCRIPTIVE) for path, _, _ in changed)
    listed = ", ".join(f"{path} ({before} to {after})" for path, before, after in changed)
    return Check(
        AbtestCode.PLAN_CHANGED, Status.FAIL if decisive else Status.WARN,
        f"Changed since registration on {registered.registered_on}: {listed}.",
        "Judge by the registered plan, or take the result as exploratory." if decisive
        else "The words were changed, not what decides.",
    )  # fmt: skip


def _differences(before: Any, after: Any, prefix: str = "") -> list[tuple[str, Any, Any]]:
    """Return the paths whose values differ, with both values."""
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        return [
            line
            for key in sorted({*before, *after})
            for line in _differences(before.get(key), after.get(key), f"{prefix}.{key}".strip("."))
        ]
    return [] if before == after else [(prefix, before, after)]


def _day(text: str) -> date:
    """Return an ISO date."""
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise ParameterError(
            f"{text!r} is no date.", "Write the day of registration as 2026-03-02.", column="on"
        ) from error


def _digest(content: Mapping[str, Any]) -> str:
    """Return the SHA-256 of a plan's content."""
    return _hash(json.dumps(content, sort_keys=True, ensure_ascii=False))


def _hash(text: str) -> str:
    """Return the SHA-256 of a text."""
    return hashlib.sha256(text.encode()).hexdigest()
