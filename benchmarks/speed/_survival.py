"""Our side of the survival and churn races."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

FIT_SAMPLE = 50_000
"""Customers that one fit may use: the notebook's own default."""

Work = Callable[[], dict[str, float]]


def curves(customers: int, groups: int) -> Work:
    """Prepare Kaplan-Meier curves by group."""
    from benchmarks.speed._survival_data import durations
    from retention.survival import count_events, kaplan_meier

    data = pd.DataFrame(durations(customers, groups))

    def work() -> dict[str, float]:
        curve = kaplan_meier(count_events(data, group="group"))
        at = curve.at([100, 500])
        return {f"{row.group}@{row.time:.0f}": row.survival for row in at.itertuples()}

    return work


def proportionality(customers: int) -> Work:
    """Prepare the score test of proportional hazards."""
    from benchmarks.speed._survival_data import covariates
    from retention.survival import fit_cox, proportional_hazards_test

    data = pd.DataFrame(covariates(customers))
    model = fit_cox(data, [name for name in data if name.startswith("x")])

    def work() -> dict[str, float]:
        test = proportional_hazards_test(model, data)
        return {"rows": float(customers), "global": float(test.frame["statistic"].iloc[-1])}

    return work


def compressed(customers: int) -> Work:
    """Prepare a curve of many customers from rows that the engine compresses."""
    from benchmarks.speed._survival_data import durations
    from retention.engine import Engine
    from retention.survival import count_events, kaplan_meier

    engine = Engine(threads=1)
    engine.register("spells", pd.DataFrame(durations(customers, 20)))

    def work() -> dict[str, float]:
        rows = engine.sql(
            'SELECT "group", duration, event, count(*) AS weight FROM spells '
            "GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"
        ).frame()
        curve = kaplan_meier(count_events(rows, group="group", frequency="weight"))
        return {"last": float(curve.frame["survival"].iloc[-1])}

    return work


def all_candidates(customers: int, features: int, dates: int) -> Work:
    """Prepare a backtest of every candidate."""
    from retention.churn import CANDIDATES, LabelledDate, backtest, candidates_named
    from retention.features import shifted

    random = np.random.default_rng(1)
    weights = random.normal(0, 0.3, features)
    panel = []
    for step in range(dates + 1):
        x = random.normal(size=(customers, features)).astype(float)
        recency = random.integers(1, 365, customers)
        count = random.poisson(np.exp(random.normal(0.3, 0.7, customers)))
        tenure = recency + np.where(count > 0, random.integers(1, 400, customers), 0)
        score = x @ weights + recency / 120 - 0.3 * count
        days = np.ceil(random.exponential(60 * np.exp(score - score.mean())))
        churned = (days > 90).astype(np.int8)
        table = pd.DataFrame(x, columns=[f"f{i}" for i in range(features)])
        table = table.iloc[:, : features - 3].assign(
            customer_key=np.char.add("c", np.arange(customers).astype(str)), recency_days=recency,
            tenure_days=tenure, repeat_order_count=count)  # fmt: skip
        panel.append(LabelledDate(shifted("2025-01-01", 90 * step), 90, table, churned,
                                  np.minimum(days, 90.0), churned * 100.0))  # fmt: skip

    def work() -> dict[str, float]:
        models = candidates_named(list(CANDIDATES), fit_sample_customers=FIT_SAMPLE)
        result = backtest(panel, models, test_dates=dates, training_dates=1, seed=1)
        return dict(zip(result.comparison["candidate"], result.comparison["log_loss"],
                        strict=True)) | {"dates": float(len(result.dates))}  # fmt: skip

    return work
