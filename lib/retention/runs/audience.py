"""Writes an audience file outside ``outputs/``, with a line in the audit log."""

from __future__ import annotations

import os
from pathlib import Path

from retention.campaign.audiences import Audience, AudienceRules, audience
from retention.campaign.reach import CAP_METRICS
from retention.engine import Engine
from retention.errors import ParameterError, RunError
from retention.ingest.audit import record
from retention.ingest.keys import open_keys
from retention.ingest.vault import Vault
from retention.runs.releasing import targeting_of
from retention.runs.run import Run
from retention.runs.workspace import Workspace


def make_audience(
    workspace: Workspace,
    run: Run,
    journey: str,
    rules: AudienceRules,
    file_format: str,
    out: Path | None,
    vault: Path | None,
) -> Audience:
    """Choose an audience from a published run; write it where ``out`` says, else only count.

    Beside the file goes ``<name>.assignments.csv``, by pseudonym: who was given which arm and who
    was held out, in the form that ingest reads back, so that the send can be measured.

    Raises
    ------
    ParameterError
        If ``out`` lies under ``outputs/``, which holds no identities.
    RunError
        If the run stands on no snapshot.
    """
    snapshot = run.snapshot()
    if snapshot is None:
        raise RunError(f"Run {run.name!r} has no snapshot.", "Run the profile again.")
    if out is not None and out.resolve().is_relative_to(workspace.outputs.resolve()):
        raise ParameterError("Addresses may not go to outputs/.", "Name a file elsewhere.")
    engine = Engine()
    snapshot.register(engine)
    ingest = run.manifest["params"].get("ingest") or next(iter(run.manifest["params"].values()))
    keys = open_keys(vault, create=False) if vault else None
    people = Vault(vault, keys).read().to_pandas() if vault and keys else None
    made = audience(
        engine,
        journey,
        as_of=ingest["resolved"]["as_of"],
        identities=people if out else None,
        rules=rules,
        targeting=targeting_of(workspace, run),
        file_format=file_format,
    )
    if out is not None and vault is not None and keys is not None and made.file is not None:
        _write_private(out, made.file.to_csv(index=False))
        drawn = out.with_name(f"{out.stem}.assignments.csv")
        _write_private(drawn, made.assignments.to_csv(index=False))
        asked = {"journey": journey, "channel": rules.channel, "format": file_format}
        effect = {"run": run.name, **asked, **dict(made.steps)}
        record(vault, keys, "audience", "", effect)
    return made


def contact_rule(run: Run, asked: int | None) -> tuple[int, int]:
    """Return the messages from which a person is left alone, and the days they are counted over.

    As asked for; else as the run's campaign plan took it, be it declared or suggested by the
    campaign's own fatigue; else the defaults.
    """
    usual = AudienceRules()
    if asked is not None:
        return asked, usual.cap_days
    if not (run.folder / "results" / "campaign_lift.json").is_file():
        return usual.contact_cap, usual.cap_days
    planned = {m["name"]: m["value"] for m in run.result("campaign_lift")["metrics"]}
    return (
        int(planned.get(CAP_METRICS[0], usual.contact_cap)),
        int(planned.get(CAP_METRICS[1], usual.cap_days)),
    )


def _write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
        file.write(text)
