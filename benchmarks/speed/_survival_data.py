"""The same data for both sides of a race; plain NumPy, so that it loads in any environment."""

from __future__ import annotations

import numpy as np


def durations(customers: int, groups: int) -> dict[str, np.ndarray]:
    """Return whole-day durations, events and groups."""
    random = np.random.default_rng(11)
    time = np.ceil(random.exponential(300, customers)).astype(np.int64)
    end = random.integers(30, 900, customers)
    return {
        "duration": np.minimum(time, end),
        "event": (time <= end).astype(np.int64),
        "group": random.integers(10, 10 + groups, customers),
    }


def covariates(customers: int) -> dict[str, np.ndarray]:
    """Return whole-day durations with ten covariates."""
    random = np.random.default_rng(12)
    x = random.normal(size=(customers, 10))
    time = np.ceil(random.exponential(300 * np.exp(-x @ np.linspace(-0.3, 0.3, 10))))
    end = random.integers(30, 900, customers)
    columns = {f"x{i}": x[:, i] for i in range(10)}
    return {"duration": np.minimum(time, end), "event": (time <= end).astype(np.int64), **columns}
