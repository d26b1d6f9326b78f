"""What each notebook may be told: one model per notebook, checked before a kernel starts.

A test holds every model equal to its notebook's ``parameters`` cell.
"""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field


def _iso_date(text: str) -> str:
    """Accept an ISO date; relative dates are resolved before validation."""
    date.fromisoformat(text)
    return text


def _memory(text: str) -> str:
    """Accept an amount of memory such as 4GB or 900MB."""
    if not re.fullmatch(r"\d+(\.\d+)?(MB|GB)", text):
        raise ValueError("an amount of memory looks like 4GB or 900MB")
    return text


def _periods(texts: list[str]) -> list[str]:
    """Accept periods of retention such as "events: 395"."""
    from retention.errors import ParameterError
    from retention.ingest.periods import parse_periods

    try:
        parse_periods(texts, "2000-01-01")
    except ParameterError as error:
        raise ValueError(f"{error.problem} {error.mend}") from None
    return texts


IsoDate = Annotated[str, AfterValidator(_iso_date)]
Memory = Annotated[str, AfterValidator(_memory)]
Share = Annotated[float, Field(ge=0, le=1)]
Level = Annotated[float, Field(gt=0, lt=1)]
Days = Annotated[int, Field(ge=1, le=3660)]
Count = Annotated[int, Field(ge=1)]


SEGMENT_RULES = [
    "champions: recency_score >= 4 and frequency_score >= 4 and monetary_score >= 4",
    "loyal: recency_score >= 3 and frequency_score >= 4",
    "dormant_high_value: recency_score <= 2 and monetary_score >= 5",
    "at_risk: recency_score <= 2 and frequency_score >= 4",
    "new_customers: tenure_days <= 90 and order_count == 1",
    "promising: recency_score >= 4",
    "needs_attention: recency_score == 3",
    "hibernating: recency_score == 2",
    "lost: recency_score == 1",
]
"""Rules on scores alone, which every shop with orders can answer."""


class CommonParams(BaseModel):
    """Parameters that every notebook declares; they stand in ``common.yaml``."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)
    notebook: ClassVar[str] = ""

    profile: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    run: str = "latest"
    output_dir: str = ""
    as_of: IsoDate
    engine: Literal["duckdb", "spark"] = "duckdb"
    memory_limit: Memory = "4GB"
    temporary_directory: str = ""
    spark_master: Annotated[str, Field(pattern=r"^[^\s;]*$")] = ""
    minimum_cell_size: Annotated[int, Field(ge=1, le=1000)] = 10
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 20260701


class IngestParams(CommonParams):
    """Parameters of the ingest notebook."""

    notebook: ClassVar[str] = "ingest"

    sources: Annotated[list[str], Field(min_length=1)]
    read_options: list[str] = []
    retention_days: Annotated[list[str], AfterValidator(_periods)] = []
    encrypt_snapshots: bool = False
    free_text: bool = False
    currency: Annotated[str, Field(pattern=r"^([A-Z]{3})?$")] = ""
    time_zone: str = "UTC"
    allowed_failures: list[str] = []
    quarantine_warn: Share = 0.01
    quarantine_fail: Share = 0.20
    late_days: Days = 14
    unknown_buyer_share: Share = 0.02
    psi_warn: Annotated[float, Field(gt=0, le=10)] = 0.10
    psi_fail: Annotated[float, Field(gt=0, le=10)] = 0.25
    outlier_multiple: Annotated[float, Field(gt=1, le=1000)] = 20.0
    outlier_value_share: Share = 0.05
    bot_orders_per_day: Count = 10
    bot_events_per_session: Count = 300
    duplicate_share: Share = 0.01
    midnight_share: Share = 0.10
    guest_share: Share = 0.50
    migration_legacy_source: str = ""
    migration_new_source: str = ""
    migration_from: IsoDate = "2024-01-01"
    migration_to: IsoDate = "2024-07-01"
    migration_tolerance: Share = 0.0


class SegmentsParams(CommonParams):
    """Parameters of the segments notebook."""

    notebook: ClassVar[str] = "segments"

    compare_days: Days = 90
    window_days: Days = 90
    rfm_method: Literal["quantile", "fixed"] = "quantile"
    rfm_levels: Annotated[int, Field(ge=2, le=10)] = 5
    recency_cut_days: list[int] = [30, 90, 180, 365]
    frequency_cuts: list[int] = [2, 3, 5, 10]
    monetary_cuts: list[int] = [5000, 10000, 25000, 50000]
    segment_rules: Annotated[list[str], Field(min_length=1)] = SEGMENT_RULES
    declared_rules: list[str] = [
        "first_time_buyers: order_count == 1 and tenure_days <= 90",
        "cart_abandoners: carts_abandoned_90d >= 1",
        "gift_buyers: gift_share >= 0.5",
        "category_fans: category_count == 1 and order_count >= 3",
        "price_sensitive: discount_share >= 0.1",
        "hesitant_over_shipping: stated_reason == 'shipping_cost' or exit_intents_90d >= 2",
    ]
    watched_segments: list[str] = ["champions", "loyal", "promising"]
    merge_segments: bool = True
    min_segment_size: Count = 100
    min_difference: Share = 0.02
    campaign_lift: Level = 0.03
    persona_features: Annotated[list[str], Field(min_length=2)] = [
        "average_order_minor",
        "discount_share",
        "gift_share",
    ]
    persona_methods: Annotated[
        list[Literal["k-means", "gaussian mixture", "hdbscan"]], Field(min_length=1)
    ] = ["k-means", "gaussian mixture", "hdbscan"]
    persona_max_clusters: Annotated[int, Field(ge=2, le=12)] = 6
    persona_min_orders: Count = 3
    persona_min_stability: Share = 0.8
    persona_resamples: Annotated[int, Field(ge=2, le=500)] = 20
    persona_template: Literal["", "handmade_jewellery"] = ""
    worth_figures: list[str] = [
        "conversion_rate",
        "average_order_value",
        "purchase_frequency",
        "reorder_rate",
        "margin_per_customer",
        "cart_abandonment_rate",
        "email_engagement_rate",
        "net_promoter_score",
    ]
    affinity_weeks: Annotated[int, Field(ge=1, le=104)] = 12
    affinity_support: Count = 20


class CampaignLiftParams(CommonParams):
    """Parameters of the campaign-lift notebook."""

    notebook: ClassVar[str] = "campaign_lift"

    experiment_key: str = ""
    control: Annotated[str, Field(min_length=1)] = "control"
    randomised: bool = True
    cluster: str = ""
    horizon_days: Days = 28
    target_outcome: Annotated[str, Field(min_length=1)] = "auto"
    outcome_worth: Annotated[float, Field(ge=0)] = 0.0
    money_outcome: Annotated[str, Field(min_length=1)] = "auto"
    margin_share: Annotated[float, Field(gt=0, le=1)] = 0.5
    contact_cost: Annotated[float, Field(ge=0)] = 0.0
    fixed_cost: Annotated[float, Field(ge=0)] = 0.0
    redemption_cost: Annotated[float, Field(ge=0)] = 0.0
    currency: Annotated[str, Field(pattern=r"^([A-Z]{3})?$")] = ""
    group_by: Annotated[str, Field(min_length=1)] = "order_count"
    send_time_randomised: bool = False
    budget: Annotated[float, Field(ge=0)] = 0.0
    contact_limit: Annotated[int, Field(ge=0)] = 0
    smallest_group: Annotated[int, Field(ge=0)] = 0
    contact_cap: Annotated[int, Field(ge=1)] | Literal["suggested"] = 4
    channel: Literal["email", "sms"] = "email"
    hold_out_share: Annotated[float, Field(ge=0, le=0.5)] = 0.1
    fit_sample_customers: Annotated[int, Field(ge=1000, le=10_000_000)] = 100_000
    candidates: list[str] = ["t_linear", "causalml_x"]
    tree_depth: Annotated[int, Field(ge=0, le=3)] = 2
    splits: Annotated[int, Field(ge=2, le=100)] = 5
    pipeline_replicates: Annotated[int, Field(ge=0, le=1000)] = 20


class RetentionCurvesParams(CommonParams):
    """Parameters of ``03_churn/retention_curves.ipynb``."""

    notebook: ClassVar[str] = "retention_curves"

    window_days: Annotated[int, Field(ge=0, le=3660)] = 0
    horizon_days: Days = 90
    other_windows: list[Days] = [60, 120, 180, 365]
    mean_horizon_days: Days = 365
    bandwidth_days: Days = 30
    landmark_days: Days = 365
    period_days: Days = 90
    periods: Annotated[int, Field(ge=1, le=60)] = 8
    group_by: Literal[
        "cohort", "first_value_band", "started_in_season", "started_with_discount"
    ] = "first_value_band"
    marketplaces: list[str] = []
    fit_sample_customers: Annotated[int, Field(ge=1000, le=10_000_000)] = 100_000
    backtest_customers: Annotated[int, Field(ge=1000, le=100_000_000)] = 200_000


class ChurnRiskParams(CommonParams):
    """Parameters of ``03_churn/churn_risk.ipynb``."""

    notebook: ClassVar[str] = "churn_risk"

    horizon_days: Days = 90
    active_within_days: Days = 365
    test_dates: Annotated[int, Field(ge=1, le=24)] = 4
    step_days: Days = 90
    training_dates: Annotated[int, Field(ge=1, le=24)] = 2
    backtest_customers: Annotated[int, Field(ge=1000, le=100_000_000)] = 200_000
    fit_sample_customers: Annotated[int, Field(ge=1000, le=10_000_000)] = 50_000
    candidates: list[
        Literal[
            "recency_rule", "purchase_model", "logistic_regression", "cox_regression",
            "weibull_times", "gradient_boosting", "boosted_hazard",
        ]
    ] = [
        "purchase_model", "logistic_regression", "cox_regression", "gradient_boosting",
        "boosted_hazard",
    ]  # fmt: skip
    fairness_attribute: Annotated[str, Field(pattern=r"^[a-z][a-z_]*$")] = "country"
    earlier_run: str = ""
    champion: Annotated[str, Field(pattern=r"^[a-z_]*$")] = ""
    scoring_model: Literal["chosen", "approved"] = "chosen"
    assumed_savable_share: Share = 0.1
    legacy_model: str = ""
    drift_threshold: Annotated[float, Field(gt=0, le=10)] = 0.2
    level_gap: Share = 0.03
    auc_fall: Share = 0.03
    slope_gap: Share = 0.2
    auc_floor: Share = 0.6


class LifetimeValueParams(CommonParams):
    """Parameters of the lifetime-value notebook."""

    notebook: ClassVar[str] = "lifetime_value"

    horizon_days: Days = 365
    holdout_days: Annotated[int, Field(ge=28, le=1830)] = 365
    margin: Annotated[float, Field(gt=0, le=1)] = 0.5
    margin_source: Literal["auto", "given"] = "auto"
    annual_discount_rate: Annotated[float, Field(ge=0, le=1)] = 0.1
    purchase_model: Literal[
        "auto", "bg_nbd", "mbg_nbd", "pareto_nbd", "bg_nbd_covariates", "mbg_nbd_covariates",
        "pareto_nbd_covariates",
    ] = "auto"  # fmt: skip
    covariates: list[
        Literal["first_with_discount", "first_is_gift", "first_in_season", "first_is_large"]
    ] = ["first_with_discount", "first_is_gift", "first_in_season"]
    compare_days: Days = 90
    fit_sample_customers: Annotated[int, Field(ge=1000, le=10_000_000)] = 50_000
    backtest_customers: Annotated[int, Field(ge=1000, le=100_000_000)] = 200_000
    draws: Annotated[int, Field(ge=100, le=10_000)] = 300
    unit_days: Literal[1, 7] = 1
    penalty: Annotated[float, Field(ge=0, le=1)] = 0.0
    attention_days: Days = 90
    top_share: Level = 0.2
    overdue_threshold: Level = 0.3


class DesignParams(CommonParams):
    """Parameters of the notebook that sizes the next test."""

    notebook: ClassVar[str] = "design"

    horizon_days: Days = 28
    past_experiment: str = ""
    control_arm: str = "control"
    rate_column: str = "purchased"
    value_column: str = "revenue"
    ratio_denominator: str = "orders"
    currency: Annotated[str, Field(pattern=r"^([A-Z]{3})?$")] = ""
    covariates: list[str] = ["order_count", "monetary_minor", "recency_days"]
    smallest_lift: Annotated[float, Field(gt=0, le=10)] = 0.1
    power: Level = 0.8
    alpha: Level = 0.05
    treatment_arms: Annotated[int, Field(ge=1, le=20)] = 1
    control_share: Level = 0.5
    cluster_column: str = ""
    guardrail_margin: Annotated[float, Field(gt=0, lt=1)] = 0.05
    customers_per_day: Annotated[float, Field(ge=0)] = 0.0
    planned_experiment: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]*$")] = ""
    looks: Annotated[int, Field(ge=1, le=50)] = 1
    information: list[Share] = []
    winsorise_at: Annotated[float, Field(gt=0.5, lt=1)] = 0.995
    simulations: Annotated[int, Field(ge=1, le=100_000)] = 400
    rehearsal_customers: Annotated[int, Field(ge=1000, le=10_000_000)] = 100_000


class AbTestParams(CommonParams):
    """Parameters of the notebook that judges an experiment."""

    notebook: ClassVar[str] = "ab_test"

    experiment: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]*$")] = ""
    looks_taken: Count = 1
    prior_deviation: Annotated[float, Field(ge=0)] = 0.0
    prior_from_programme: bool = False


def model_for(notebook: str) -> type[CommonParams]:
    """Return the model of a notebook; raises KeyError where it has none."""
    return {model.notebook: model for model in CommonParams.__subclasses__()}[notebook]
