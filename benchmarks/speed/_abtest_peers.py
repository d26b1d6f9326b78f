"""The same evaluation by two known libraries, on a frame that is in memory already."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Answer = dict[str, float]


def tea_tasting(path: str) -> Callable[[], Answer]:
    """Return tea-tasting's evaluation of a pandas frame."""
    import pandas as pd
    import tea_tasting as tt

    frame = pd.read_parquet(path)
    frame["variant"] = (frame["arm"] == "b").astype(int)
    experiment = tt.Experiment(
        mean=tt.Mean("revenue"),
        ratio=tt.RatioOfMeans("revenue", "sessions"),
        cuped=tt.Mean("revenue", "before"),
    )

    def run() -> Answer:
        result = experiment.analyze(frame)
        return {name: result[name].effect_size for name in ("mean", "ratio", "cuped")}

    return run


def gbstats(path: str) -> Callable[[], Answer]:
    """Return gbstats' tests on sums that pandas forms from a frame."""
    import numpy as np
    import pandas as pd
    from gbstats.frequentist.tests import FrequentistConfig, TwoSidedTTest
    from gbstats.models.statistics import (
        RatioStatistic,
        RegressionAdjustedStatistic,
        SampleMeanStatistic,
    )

    arrays = np.load(f"{path}.npz")  # this environment cannot read Parquet
    frame = pd.DataFrame({name: arrays[name] for name in arrays.files})
    config = FrequentistConfig(difference_type="absolute")

    def statistics(arm: str) -> tuple[Any, Any, tuple[int, Any, Any, float]]:
        part = frame[frame["arm"] == arm]
        y, d, x, n = part["revenue"], part["sessions"], part["before"], len(part)
        mean = SampleMeanStatistic(n=n, sum=y.sum(), sum_squares=(y * y).sum())
        below = SampleMeanStatistic(n=n, sum=d.sum(), sum_squares=(d * d).sum())
        before = SampleMeanStatistic(n=n, sum=x.sum(), sum_squares=(x * x).sum())
        ratio = RatioStatistic(
            n=n, m_statistic=mean, d_statistic=below, m_d_sum_of_products=(y * d).sum()
        )
        return mean, ratio, (n, mean, before, float((y * x).sum()))

    def run() -> Answer:
        (mean_a, ratio_a, pre_a), (mean_b, ratio_b, pre_b) = statistics("a"), statistics("b")
        parts = [_theta_parts(*pre) for pre in (pre_a, pre_b)]
        theta = sum(p[0] for p in parts) / sum(p[1] for p in parts)
        cuped = [
            RegressionAdjustedStatistic(
                n=n, post_statistic=post, pre_statistic=pre, post_pre_sum_of_products=products,
                theta=theta,
            )
            for n, post, pre, products in (pre_a, pre_b)
        ]  # fmt: skip
        pairs = {"mean": (mean_a, mean_b), "ratio": (ratio_a, ratio_b), "cuped": tuple(cuped)}
        return {
            name: TwoSidedTTest(a, b, config).compute_result().expected
            for name, (a, b) in pairs.items()
        }

    return run


def _theta_parts(n: int, post: Any, pre: Any, products: float) -> tuple[float, float]:
    """Return covariance and variance per unit, over n: what theta is the ratio of."""
    covariance = (products - post.sum * pre.sum / n) / (n - 1) / n
    return covariance, (pre.sum_squares - pre.sum**2 / n) / (n - 1) / n
