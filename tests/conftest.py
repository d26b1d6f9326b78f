"""What every test may ask for."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Return the folder of real data sets, or skip and say where it was looked for."""
    folder = Path(os.environ.get("RETENTION_DATA", PROJECT.parent / "shared" / "data"))
    if not (folder / "online_retail.csv.gz").is_file():
        pytest.skip(f"no real data at {folder}; set RETENTION_DATA to the folder that holds it")
    return folder
