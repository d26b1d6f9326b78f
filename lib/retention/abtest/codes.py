"""Named codes of the trust checks that an experiment goes through."""

from __future__ import annotations

from enum import StrEnum


class AbtestCode(StrEnum):
    """What a trust check is about; the code travels into results, alerts and the index."""

    SAMPLE_RATIO = "abtest.sample_ratio"
    SAMPLE_RATIO_BY_SEGMENT = "abtest.sample_ratio_by_segment"
    SAMPLE_RATIO_SEQUENTIAL = "abtest.sample_ratio_sequential"
    BALANCE = "abtest.pre_period_balance"
    EXPOSURE = "abtest.exposure"
    CROSSOVER = "abtest.crossover"
    ASSIGNED_AFTER_EXPOSURE = "abtest.assigned_after_exposure"
    MISSING_OUTCOMES = "abtest.missing_outcomes"
    OUTLIERS = "abtest.outliers"
    DUPLICATED_UNITS = "abtest.duplicated_units"
    MIXED_CURRENCIES = "abtest.mixed_currencies"
    FUTURE_DATES = "abtest.future_dates"
    PEEKING = "abtest.peeking"
    PARALLEL_TRENDS = "abtest.parallel_trends"
    PLAN_CHANGED = "abtest.plan_changed"
    UNREAD_METRIC = "abtest.unread_metric"
    CLUSTERS = "abtest.clusters"
    BLOCKS = "abtest.blocks"
    SAMPLE_SIZE = "abtest.sample_size"
    FALSE_POSITIVE_RATE = "abtest.false_positive_rate"
