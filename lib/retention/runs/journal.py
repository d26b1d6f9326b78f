"""One structured log per run: a JSON object a line, beside what the run made."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any


class Journal:
    """Appends what happens to ``run.log`` of a run's folder.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> Journal(folder).write("start", notebook="ingest")
    >>> json.loads((folder / "run.log").read_text())["notebook"]
    'ingest'
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / "run.log"

    def write(self, event: str, **facts: Any) -> None:
        """Append one line; facts hold names and figures, never anybody's data."""
        at = datetime.now(UTC).isoformat(timespec="milliseconds")
        line = json.dumps({"at": at, "event": event, **facts}, ensure_ascii=False, default=str)
        with self._path.open("a", encoding="utf-8") as handle:
            handle.write(line + "\n")
