"""Trials with known truth, and Hillstrom's as the vectors have it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from retention.uplift.trial import Trial, trial_from_frame

ARMS = {
    "Mens E-Mail": "mens_email",
    "Womens E-Mail": "womens_email",
    "No E-Mail": "no_email",
}


def simulated_frame(units: int, seed: int, strength: float, arms: int = 2) -> pd.DataFrame:
    """Return a randomised experiment whose arm k changes the mean by strength * x0 * k + 0.1."""
    generator = np.random.default_rng(seed)
    x = generator.normal(size=(units, 4))
    arm = generator.integers(0, arms, units)
    effect = np.where(arm > 0, 0.1 + strength * x[:, 0] * arm, 0.0)
    frame = pd.DataFrame(x, columns=[f"x{i}" for i in range(4)])
    frame.insert(0, "unit_key", [f"u{i:06d}" for i in range(units)])
    frame["arm"] = np.array(["none", "email", "gift"], dtype=object)[arm]
    frame["propensity"] = 1 / arms
    frame["stratum"] = None
    frame["sales"] = x[:, 1] + effect + generator.normal(size=units)
    return frame


@pytest.fixture(scope="session")
def strong_trial() -> Trial:
    return trial_from_frame(simulated_frame(4000, 1, 0.8), control="none", outcomes=["sales"])


@pytest.fixture(scope="session")
def flat_trial() -> Trial:
    return trial_from_frame(simulated_frame(4000, 2, 0.0), control="none", outcomes=["sales"])


@pytest.fixture(scope="session")
def hillstrom_frame(real_data: Path) -> pd.DataFrame:
    frame = pd.read_csv(real_data / "hillstrom.csv.gz")
    frame.insert(0, "unit_key", [f"{i:06d}" for i in range(len(frame))])
    frame["arm"] = frame.pop("treatment").map(ARMS)
    frame["propensity"], frame["stratum"] = 1 / 3, None
    return frame


@pytest.fixture(scope="session")
def hillstrom(hillstrom_frame: pd.DataFrame) -> Trial:
    return trial_from_frame(
        hillstrom_frame, control="no_email", outcomes=["visit", "conversion", "spend"]
    )
