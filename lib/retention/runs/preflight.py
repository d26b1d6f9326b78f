"""What can be known before a run: parameters, inputs, memory, data, what will be left out.

What passes here is published by the run.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from retention.errors import RunError
from retention.results import Status
from retention.runs.forecast import Forecast, forecast
from retention.runs.manifest import input_files
from retention.runs.room import require_room
from retention.runs.runner import sources_of
from retention.runs.settings import Settings, load_settings
from retention.runs.trial import Trial, require_orders_before, try_ingest
from retention.runs.workspace import Workspace


@dataclass(frozen=True)
class Preflight:
    """What was found before a run.

    Parameters
    ----------
    profile
        Name of the profile.
    notebooks
        The notebooks that it runs.
    inputs
        The files that it reads.
    as_of
        The as-of date, resolved.
    trial
        What its ingest would find; None where it has none.
    forecasts
        What each notebook will have and lack.
    """

    profile: str
    notebooks: tuple[str, ...]
    inputs: tuple[str, ...]
    as_of: str
    trial: Trial | None = None
    forecasts: tuple[Forecast, ...] = ()

    def text(self) -> str:
        """Return all of it for a person."""
        listed = ", ".join(self.notebooks)
        lines = [
            f"{self.profile}: {len(self.notebooks)} notebooks ({listed}), "
            f"{len(self.inputs)} inputs."
        ]
        if self.trial is None:
            return lines[0]
        lines += [self.trial.summary, *self._people()]
        lines += [
            f"Look: {c.detail} {c.action}".rstrip()
            for c in self.trial.checks
            if c.status is Status.WARN
        ]
        lines += [f"  {found.sentence()}" for found in self.forecasts]
        lines.append(f"Check passed. Next: retention run {self.profile}")
        return "\n".join(lines)

    def _people(self) -> list[str]:
        """Say how many orders and customers there are, and from when."""
        held = self.trial.holdings if self.trial else None
        if held is None or held.first is None or held.last is None:
            return []
        lines = [
            f"{held.orders:,} orders of {held.customers():,} customers before {self.as_of}, "
            f"{held.first:%Y-%m-%d} to {held.last:%Y-%m-%d}."
        ]
        if held.orders_after:
            lines.append(
                f"{held.orders_after:,} orders lie on or after the as-of date and are left out: "
                "write a later `as_of` in common.yaml to count them."
            )
        return lines

    def as_dict(self) -> dict[str, Any]:
        """Return all of it for a machine."""
        return {
            "profile": self.profile,
            "notebooks": list(self.notebooks),
            "inputs": list(self.inputs),
            "as_of": self.as_of,
            "checks": [check.as_dict() for check in self.trial.checks] if self.trial else [],
            "forecast": {
                found.notebook: found.nothing or [need.sentence() for need in found.lacks]
                for found in self.forecasts
            },
        }


def preflight(workspace: Workspace, profile: str, today: date | None = None) -> Preflight:
    """Check a profile as far as that is possible without executing a notebook.

    Parameters
    ----------
    workspace
        Where project and data lie.
    profile
        Name of the profile.
    today
        What relative dates count from.

    Raises
    ------
    ParameterError, InputError
        If a parameter or an export is at fault; the message gives the line to write.
    RunError
        If the run would not fit into memory, or a trust check of the data would stop it.
    """
    settings = load_settings(workspace, profile, today)
    files = tuple(sorted(input_files(sources_of(settings), workspace)))
    require_room(workspace, profile, settings)
    names = tuple(s.notebook.name for s in settings)
    as_of = str(settings[0].resolved["as_of"]) if settings else ""
    ingest = next((s for s in settings if s.notebook.name == "ingest"), None)
    if ingest is None:
        return Preflight(profile, names, files, as_of)
    trial = try_ingest(workspace, profile, ingest)
    _require_checks(trial, profile)
    require_orders_before(trial.holdings, as_of, profile)
    folder = workspace.params / profile / "experiments"
    declared = [path.stem for path in sorted(folder.glob("*.yaml"))]
    found = _forecasts(settings, trial, declared)
    return Preflight(profile, names, files, as_of, trial, found)


def _forecasts(
    settings: Sequence[Settings], trial: Trial, declared: Sequence[str]
) -> tuple[Forecast, ...]:
    """Return the forecasts of the notebooks that follow ingest."""
    later = [s for s in settings if s.notebook.name != "ingest"]
    return tuple(forecast(later, trial.holdings, declared))


def _require_checks(trial: Trial, profile: str) -> None:
    """Refuse data that the run would stop at, with the line that lets it pass knowingly.

    Raises
    ------
    RunError
        Naming every check that fails.
    """
    if not trial.stopping:
        return
    told = " ".join(f"{c.code}: {c.detail} {c.action}".rstrip() for c in trial.stopping)
    codes = ", ".join(str(check.code) for check in trial.stopping)
    raise RunError(
        f"The run would stop at the data's checks. {told}",
        f"If you accept that, write `allowed_failures: [{codes}]` in params/{profile}/ingest.yaml.",
    )
