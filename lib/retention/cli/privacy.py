"""Commands that keep the promises about people's data: keys, periods, the audit log.

They change what every run stands on, so each takes the lock of the profiles that it touches.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Annotated

import typer

from retention.cli.app import Profile, app
from retention.errors import InputError, ParameterError, RunError


@contextmanager
def locked(folders: Iterable[Path]) -> Iterator[None]:
    """Hold the locks of profiles' output folders inside the block."""
    from retention.runs.lock import profile_lock

    with ExitStack() as stack:
        for folder in folders:
            stack.enter_context(profile_lock(folder))
        yield


def profile_folders(outputs: Path) -> list[Path]:
    """Return the output folders of all profiles that have been run."""
    return sorted(path for path in outputs.glob("*") if path.is_dir())


@app.command("rotate-key")
def rotate_key() -> None:
    """Change the key: vault, snapshots and runs of all profiles get new pseudonyms.

    Interrupted, it is finished by calling it again; until then nothing else uses the key.

    Example: retention rotate-key
    """
    from retention.ingest.rotate import rotate
    from retention.runs.workspace import Workspace

    place = Workspace.find()
    with locked(profile_folders(place.outputs)):
        typer.echo(rotate(place.private, place.outputs).summary())


@app.command("forget-old")
def forget_old(profile: Profile) -> None:
    """Destroy what is past the profile's periods (retention_days in its ingest.yaml).

    Example: retention forget-old demo, every night after the run.
    """
    from retention.ingest.expire import expire
    from retention.ingest.periods import parse_periods
    from retention.runs.settings import load_settings
    from retention.runs.workspace import Workspace

    place = Workspace.find()
    found = [s.resolved for s in load_settings(place, profile) if s.notebook.name == "ingest"]
    if not (found and found[0]["retention_days"]):
        raise ParameterError(
            f"Profile {profile!r} names no period.", "Set for example ['events: 395'].",
            file=f"params/{profile}/ingest.yaml", column="retention_days",
        )  # fmt: skip
    periods = parse_periods(found[0]["retention_days"], found[0]["as_of"])
    folder = place.profile(profile)
    if not (folder / "store").is_dir():
        raise RunError(f"Profile {profile!r} has no snapshot yet.", "Run it first.")
    with locked([folder]):
        typer.echo(expire(place.private, folder, periods).summary())


@app.command("snapshot-key")
def write_snapshot_key(
    target: Annotated[Path, typer.Argument(help="File to write, for an analyst.")],
) -> None:
    """Write the key that encrypted snapshots open with; it opens nothing else.

    The analyst names the file in RETENTION_SNAPSHOT_KEY_FILE.

    Example: retention snapshot-key /secure/analyst.key
    """
    from retention.ingest.keys import open_keys
    from retention.ingest.vault import write_private
    from retention.runs.workspace import Workspace

    if target.exists():
        raise InputError("There is such a file already.", "Name another.", file=str(target))
    key = open_keys(Workspace.find().private, create=False).subkey("snapshot")
    write_private(target, key.hex().encode() + b"\n")
    typer.echo(f"Written to {target}, readable by you alone.")


@app.command()
def audit() -> None:
    """Tell whether the audit log is whole, and what stands in it, by action.

    Example: retention audit
    """
    from collections import Counter

    from retention.ingest.audit import actions, verify
    from retention.ingest.keys import open_keys
    from retention.runs.workspace import Workspace

    private = Workspace.find().private
    found = verify(private, open_keys(private, create=False))
    if found:
        raise RunError(
            " ".join(found), "Compare the log with a copy kept elsewhere.", file="audit.jsonl"
        )
    counts = Counter(actions(private))
    parts = ", ".join(f"{count} {name}" for name, count in sorted(counts.items()))
    typer.echo(f"The audit log is whole: {parts or 'no entries'}.")
