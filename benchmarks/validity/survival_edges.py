"""Survival at its edges: late entry, competing ends, covariates that separate."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from benchmarks.record import Entry, near
from retention.survival import count_events, fit_fine_gray, log_rank

DRAWS = 1_000
LEVEL = 0.05


def cases() -> Iterator[Entry]:
    """Yield false positives with late entry and the coverage of Fine and Gray's intervals."""
    yield _late_entry()
    yield _fine_gray()


def _late_entry() -> Entry:
    """Return how often the log-rank test rejects where one arm comes under observation late."""
    random = np.random.default_rng(11)
    hits = []
    for _ in range(DRAWS):
        late = np.arange(200) % 2
        entry = late * random.uniform(0, 60, 200)
        time, until = random.exponential(100, 200), random.uniform(50, 200, 200)
        data = pd.DataFrame({"duration": np.minimum(time, until), "event": (time <= until) * 1,
                             "entry": entry, "arm": late})  # fmt: skip
        seen = data[data["duration"] > data["entry"]]
        hits.append(log_rank(count_events(seen, group="arm", entry="entry")).p_value < LEVEL)
    return near("survival", "false positives at 5 %, log rank with late entry of one arm", LEVEL,
                float(np.mean(hits)), _slack(LEVEL), DRAWS,
                "two arms of 100 alike, one entering between 0 and 60")  # fmt: skip


def _fine_gray() -> Entry:
    """Return how often Fine and Gray's interval holds the ratio the data were drawn from."""
    random = np.random.default_rng(12)
    truth, share, held = 0.5, 0.6, []
    for _ in range(DRAWS):
        x = random.integers(0, 2, 300)
        first = random.random(300) < 1 - (1 - share) ** np.exp(truth * x)
        u, ratio = random.random(300), np.exp(truth * x)
        reach = 1 - (1 - share) ** ratio
        own = -np.log(1 - (1 - (1 - u * reach) ** (1 / ratio)) / share)
        time, until = np.where(first, own, random.exponential(1, 300)), random.uniform(0.3, 3, 300)
        cause = np.where(time <= until, np.where(first, "left", "erased"), None)
        data = pd.DataFrame({"duration": np.minimum(time, until), "x": x, "cause": cause})
        row = fit_fine_gray(data, ["x"], of="left").to_frame().iloc[0]
        held.append(row["ci_low"] <= np.exp(truth) <= row["ci_high"])
    return near("survival", "coverage of the 95 % interval, Fine and Gray's ratio, n = 300", 0.95,
                float(np.mean(held)), _slack(0.95), DRAWS,
                "Fine and Gray 1999, section 4: subdistribution of p = 0.6")  # fmt: skip


def _slack(share: float) -> float:
    """Return three Monte-Carlo errors."""
    return 3 * float(np.sqrt(share * (1 - share) / DRAWS)) + 0.005
