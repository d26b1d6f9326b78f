"""Retention curves and their tests: classic data sets, and coverage under simulated truth."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.record import Entry, near
from retention.survival import (
    Distribution,
    Weighting,
    brier_scores,
    count_events,
    cumulative_incidence,
    fit_accelerated,
    fit_cox,
    fit_time_varying_cox,
    kaplan_meier,
    log_rank,
    proportional_hazards_test,
    restricted_mean,
)

ROSSI = ["fin", "age", "race", "wexp", "mar", "paro", "prio"]
R = "R survival 3.5-3"
DRAWS = 1_000
CUSTOMERS = 200
LEVEL = 0.05


def cases() -> Iterator[Entry]:
    """Yield the classic data sets, then coverage and false-positive rates."""
    yield from _rossi()
    yield from _lung_and_heart()
    yield from _coverage()
    yield from _false_positives()


def _data(name: str) -> pd.DataFrame:
    """Return one of the data sets that lifelines ships."""
    import lifelines

    return pd.read_csv(Path(lifelines.__file__).parent / "datasets" / f"{name}.csv")


def _digits(case: str, expected: list[float], found: np.ndarray, tolerance: float, n: int
            ) -> Iterator[Entry]:  # fmt: skip
    """Yield one entry per figure."""
    for index, (want, got) in enumerate(zip(expected, found, strict=True)):
        label = case if len(expected) == 1 else f"{case} [{index}]"
        yield near("survival", label, want, float(got), tolerance, n, R)


def _rossi() -> Iterator[Entry]:
    """Yield Cox, proportional hazards, accelerated times, curve, mean and test on Rossi."""
    data = _data("rossi").rename(columns={"week": "duration", "arrest": "event"})
    n = len(data)
    cox = fit_cox(data, ROSSI)
    yield from _digits(
        "Rossi, Cox coefficients",
        [-0.379422, -0.057438, 0.313900, -0.149796, -0.433704, -0.084871, 0.091497],
        cox.coefficients["coefficient"].to_numpy(), 1e-6, n)  # fmt: skip
    yield near("survival", "Rossi, Cox log-likelihood", -658.74766, cox.log_likelihood, 1e-5, n, R)
    test = proportional_hazards_test(cox, data)
    yield from _digits(
        "Rossi, proportional hazards (last: global)",
        [0.06243, 5.97398, 2.06827, 4.22460, 1.01102, 0.01838, 0.52058, 17.69442],
        test.frame["statistic"].to_numpy(), 1e-5, n)  # fmt: skip
    for distribution, expected in ((Distribution.WEIBULL, -679.91656),
                                   (Distribution.LOG_NORMAL, -683.23463),
                                   (Distribution.LOG_LOGISTIC, -679.93841)):  # fmt: skip
        model = fit_accelerated(data, ROSSI, distribution=distribution)
        yield near("survival", f"Rossi, {distribution} log-likelihood", expected,
                   model.log_likelihood, 1e-5, n, R)  # fmt: skip
    at = kaplan_meier(count_events(data)).at([52])[["survival", "ci_low", "ci_high"]].to_numpy()[0]
    yield from _digits("Rossi, S(52) and interval", [0.736111, 0.691860, 0.775063], at, 1e-6, n)
    mean = restricted_mean(count_events(data), horizon=52).means.iloc[0]
    yield from _digits("Rossi, restricted mean (52) and error", [45.854167, 0.608509],
                       mean[["mean", "standard_error"]].to_numpy(), 1e-6, n)  # fmt: skip
    rank = log_rank(count_events(data, group="fin"))
    yield near("survival", "Rossi, log-rank by fin", 3.8375696, rank.statistic, 1e-7, n, R)


def _lung_and_heart() -> Iterator[Entry]:
    """Yield the lung cancer and heart transplant data sets."""
    lung = _data("lung").rename(columns={"time": "duration", "status": "event"})
    lung = lung[["duration", "event", "age", "sex"]]
    if lung["event"].max() == 2:
        lung = lung.assign(event=lung["event"] - 1)
    by_sex = restricted_mean(count_events(lung, group="sex"), horizon=365).differences.iloc[0]
    yield from _digits("Lung, difference of restricted means (365) and error",
                       [55.9703, 14.9581], by_sex[["difference", "standard_error"]].to_numpy(),
                       5e-5, len(lung))  # fmt: skip
    cox, times = fit_cox(lung, ["age", "sex"]), [180.0, 365.0, 547.0]
    scores = brier_scores(cox.survival(lung, times), lung["duration"].to_numpy(),
                          lung["event"].to_numpy(), times, just_before=False)  # fmt: skip
    yield from _digits("Lung, Brier at 180, 365, 547", [0.191655, 0.236217, 0.188364],
                       scores.frame["brier"].to_numpy(), 1e-6, len(lung))  # fmt: skip
    heart = _data("stanford_heart")
    model = fit_time_varying_cox(heart, ["age", "year", "surgery", "transplant"], customer="id")
    yield from _digits("Heart, time-varying Cox", [0.0271666, -0.1463463, -0.6372099, -0.0102508],
                       model.coefficients["coefficient"].to_numpy(), 5e-8, len(heart))  # fmt: skip


def _sample(random: np.random.Generator, hazard: float = 0.01) -> pd.DataFrame:
    """Return exponential times, censored at a uniform time, in whole days."""
    time, end = random.exponential(1 / hazard, CUSTOMERS), random.uniform(50, 200, CUSTOMERS)
    return pd.DataFrame({"duration": np.ceil(np.minimum(time, end)),
                         "event": (time <= end).astype(int)})  # fmt: skip


def _coverage() -> Iterator[Entry]:
    """Yield how often 95 % intervals hold the truth."""
    random = np.random.default_rng(1)
    truth = {30: np.exp(-0.3), 90: np.exp(-0.9)}
    mean = float(np.exp(-0.01 * np.arange(90)).sum())  # whole days: left-sided steps
    cover: dict[str, list[bool]] = {f"S({t})": [] for t in truth} | {"restricted mean (90)": []}
    incidence: list[bool] = []
    for _ in range(DRAWS):
        data = _sample(random)
        counts = count_events(data)
        at = kaplan_meier(counts).at(list(truth)).set_index("time")
        for t, value in truth.items():
            cover[f"S({t})"].append(at.loc[t, "ci_low"] <= value <= at.loc[t, "ci_high"])
        row = restricted_mean(counts, horizon=90).means.iloc[0]
        cover["restricted mean (90)"].append(row["ci_low"] <= mean <= row["ci_high"])
        cause = np.where(data["event"] == 1, random.choice(["left", "erased"], len(data)), None)
        found = cumulative_incidence(data.assign(cause=cause)).at(90).set_index("cause").loc["left"]
        incidence.append(found["ci_low"] <= (1 - np.exp(-0.9)) / 2 <= found["ci_high"])
    slack = 3 * np.sqrt(0.95 * 0.05 / DRAWS) + 0.005
    for name, held in (cover | {"cumulative incidence (90)": incidence}).items():
        yield near(
            "survival",
            f"coverage of the 95 % interval, {name}, n = {CUSTOMERS}",
            0.95,
            float(np.mean(held)),
            slack,
            DRAWS,
            "exponential times, 45 % censored",
        )


def _false_positives() -> Iterator[Entry]:
    """Yield how often tests reject where nothing differs."""
    random = np.random.default_rng(2)
    hits: dict[str, list[bool]] = {str(w): [] for w in Weighting}
    hits |= {"restricted mean difference": [], "proportional hazards, global": []}
    for draw in range(DRAWS // 2):
        data = _sample(random).assign(arm=np.arange(CUSTOMERS) % 2, x=random.normal(size=CUSTOMERS))
        counts = count_events(data, group="arm")
        for weighting in Weighting:
            hits[str(weighting)].append(log_rank(counts, weighting=weighting).p_value < LEVEL)
        p = restricted_mean(counts, horizon=45).differences["p_value"].iloc[0]
        hits["restricted mean difference"].append(p < LEVEL)
        if draw < DRAWS // 4:
            test = proportional_hazards_test(fit_cox(data, ["arm", "x"]), data)
            hits["proportional hazards, global"].append(test.frame["p_value"].iloc[-1] < LEVEL)
    for name, rejected in hits.items():
        slack = 3 * np.sqrt(LEVEL * (1 - LEVEL) / len(rejected)) + 0.005
        yield near("survival", f"false positives at 5 %, {name.replace('_', ' ')}", LEVEL,
                   float(np.mean(rejected)), slack, len(rejected),
                   f"two arms of {CUSTOMERS // 2} alike")  # fmt: skip
