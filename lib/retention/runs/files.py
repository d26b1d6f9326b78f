"""A run's files: JSON that is always whole, and the hashes of all that a run made."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from retention.engine import sha256_of
from retention.errors import RunError

ARTIFACT_FOLDERS = ("notebooks", "reports", "results", "tables")
ARTIFACT_FILES = ("experiments.html", "snapshot.json", "summary.html")
"""What a signature covers: everything a reader acts on. Apart from it stand ``signoff.html``, which
tells of the signatures and so cannot be under them, and log and manifest, which bear times."""


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write JSON so that a reader sees the old file or the new one, never half of one."""
    temporary = path.with_name(path.name + ".tmp")
    with temporary.open("w", encoding="utf-8") as handle:
        json.dump(content, handle, indent=1, ensure_ascii=False, allow_nan=False)
        handle.write("\n")
        handle.flush()
        os.fsync(handle.fileno())
    os.replace(temporary, path)


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object.

    Raises
    ------
    RunError
        If the file is missing or no JSON.
    """
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise RunError("The file is missing.", "Publish the run again.", file=path.name) from None
    except json.JSONDecodeError as error:
        raise RunError(
            f"The file is no JSON ({error.msg}).", "Publish the run again.", file=path.name
        ) from None


def artifact_hashes(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of every file that a run made, by its path inside the run."""
    files = [path for name in ARTIFACT_FOLDERS for path in (folder / name).rglob("*")]
    files += [folder / name for name in ARTIFACT_FILES]
    return {str(p.relative_to(folder)): sha256_of(p) for p in sorted(files) if p.is_file()}
