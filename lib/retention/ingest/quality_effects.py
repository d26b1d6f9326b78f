"""What each finding would do to segments, churn and lift: the reason to care, one line each."""

from __future__ import annotations

from dataclasses import dataclass

from retention.ingest.codes import IngestCheck


@dataclass(frozen=True)
class Effect:
    """Dimension of data quality, and what a fault in it would do to each analysis."""

    dimension: str
    segments: str
    churn: str
    lift: str


_EVERYTHING = "every figure may be wrong"

EFFECTS: dict[str, Effect] = {
    IngestCheck.ROWS_RECONCILE: Effect(
        "completeness", _EVERYTHING, _EVERYTHING, _EVERYTHING),
    IngestCheck.MONEY_RECONCILES: Effect(
        "completeness", "monetary scores are off", "value at stake is off", "revenue lift is off"),
    IngestCheck.SNAPSHOT_RECONCILES: Effect(
        "completeness", _EVERYTHING, _EVERYTHING, _EVERYTHING),
    IngestCheck.QUARANTINE_SHARE: Effect(
        "completeness", "refused buyers fall into lower segments", "refused orders look like churn",
        "bias where refusals differ between arms"),
    IngestCheck.EMPTY_SOURCE: Effect(
        "completeness", "the layer is missing", "its features are missing", "its outcomes are 0"),
    IngestCheck.COMPLETENESS: Effect(
        "completeness", "anonymous orders are in no segment", "repeat buyers look lost",
        "conversions are missed in every arm"),
    IngestCheck.FRESHNESS: Effect(
        "freshness", "everyone looks dormant", "churn is overstated", "the window is cut short"),
    IngestCheck.UNIQUENESS: Effect(
        "uniqueness", "frequency and value are doubled", "gaps look shorter than they are",
        "conversions are counted twice"),
    IngestCheck.FILES_AGREE: Effect(
        "uniqueness", "value and state are those of one copy", "an older state may have been meant",
        "outcomes may rest on the wrong copy"),
    IngestCheck.DUPLICATED_CUSTOMERS: Effect(
        "uniqueness", "loyal buyers fall into several small ones", "their churn is overstated",
        "one person may be in two arms"),
    IngestCheck.IDENTITY_CONFLICT: Effect(
        "uniqueness", "repeat rates are a little low", "some repeat orders are missed",
        "some conversions are missed"),
    IngestCheck.REFERENTIAL_INTEGRITY: Effect(
        "referential integrity", "value by category does not add up", "features have gaps",
        "outcomes may miss their unit"),
    IngestCheck.VOLUME_DRIFT: Effect(
        "volume", "segments shrink for no reason", "a lost file looks like churn",
        "outcomes are incomplete"),
    IngestCheck.MISSING_DAYS: Effect(
        "volume", "recency is too long", "a hole looks like churn", "lift over the hole is noise"),
    IngestCheck.DISTRIBUTION_DRIFT: Effect(
        "distribution", "fixed cuts no longer fit", "fitted models may not hold",
        "earlier tests do not carry over"),
    IngestCheck.OUTLIERS: Effect(
        "distribution", "wholesalers fill the top segment", "value at stake is theirs",
        "variance grows, the test needs more units"),
    IngestCheck.BOTS: Effect(
        "bots and test orders", "bots fill the active segments", "activity hides churn",
        "exposure without persons dilutes lift"),
    IngestCheck.MIXED_CURRENCIES: Effect(
        "currency", "monetary scores mix units", "value at stake mixes units",
        "revenue lift mixes units"),
    IngestCheck.REFUNDS_AGREE: Effect(
        "money", "net value is off by the difference", "value at stake is off",
        "net revenue per unit is off"),
    IngestCheck.MONEY_PLAUSIBLE: Effect(
        "money", "monetary scores may be misread", "value at stake may be misread",
        "revenue lift may be misread"),
    IngestCheck.TAX_CONVENTION: Effect(
        "money", "value may hold tax", "value at stake may hold tax", "revenue may hold tax"),
    IngestCheck.CURRENCY_ODDITIES: Effect(
        "currency", "one source looks a hundred times richer", "value at stake is off",
        "revenue lift is off"),
    IngestCheck.TIME_PRECISION: Effect(
        "time", "no effect", "gaps in hours mean nothing", "windows are exact to the day only"),
    IngestCheck.TIME_ODDITIES: Effect(
        "time", "no effect beyond a day", "gaps are off by hours",
        "orders fall before their own exposure"),
    IngestCheck.COUNTRY_SPELLINGS: Effect(
        "conformity", "one country looks like several", "the fairness audit splits groups",
        "strata are split"),
    IngestCheck.CONSENT_COVERAGE: Effect(
        "consent", "no effect", "fewer may be scored", "fewer may be targeted"),
    IngestCheck.GUEST_SHARE: Effect(
        "identity", "guests rarely repeat under one key", "their churn is overstated",
        "fewer can be reached"),
    IngestCheck.OUTCOMES_OF_UNITS: Effect(
        "completeness", "no effect", "no effect", "there is nothing to compare"),
    IngestCheck.UNITS_IN_TWO_ARMS: Effect(
        "uniqueness", "no effect", "no effect", "arms mix, and the effect is diluted"),
    IngestCheck.REMOVED_COVARIATES: Effect(
        "privacy", "no effect", "no effect", "nobody can be targeted by them"),
    **{
        code: Effect("migration", "history may break at the cut-over",
                     "customers lost in the move look churned", "before and after differ by system")
        for code in (IngestCheck.MIGRATION_CUSTOMERS, IngestCheck.MIGRATION_ORDERS,
                     IngestCheck.MIGRATION_AMOUNTS, IngestCheck.MIGRATION_REFUNDS,
                     IngestCheck.MIGRATION_LINES)
    },
}  # fmt: skip
"""Effect of each check's fault, by its code."""
