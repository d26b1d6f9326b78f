"""The peers' side of the survival races; runs where our library is not installed."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from benchmarks.speed._survival_data import covariates, durations

Work = Callable[[], dict[str, float]]


def lifelines_curves(customers: int, groups: int) -> Work:
    """Prepare lifelines' Kaplan-Meier in a loop over groups."""
    from lifelines import KaplanMeierFitter

    data = pd.DataFrame(durations(customers, groups))

    def work() -> dict[str, float]:
        answer = {}
        for group, part in data.groupby("group"):
            fitted = KaplanMeierFitter().fit(part["duration"], part["event"])
            for time in (100, 500):
                answer[f"{group}@{time}"] = float(fitted.predict(time))
        return answer

    return work


def lifelines_proportionality(customers: int) -> Work:
    """Prepare lifelines' test; an approximation of another figure, so only the size is compared."""
    from lifelines import CoxPHFitter
    from lifelines.statistics import proportional_hazard_test

    data = pd.DataFrame(covariates(customers))
    fitter = CoxPHFitter().fit(data, "duration", "event")

    def work() -> dict[str, float]:
        proportional_hazard_test(fitter, data, time_transform="km")
        return {"rows": float(customers)}

    return work
