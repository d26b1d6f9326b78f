"""Contestant: writing the simulated shop."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

from retention.demo import write_shop


def write(customers: int) -> Callable[[], dict[str, float]]:
    """Return the work of writing a shop of that size into a temporary folder."""

    def work() -> dict[str, float]:
        with tempfile.TemporaryDirectory() as folder:
            summary = write_shop(Path(folder), customers)
        return {"orders": summary.orders, "order_lines": summary.order_lines}

    return work
