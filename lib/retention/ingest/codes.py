"""Every named code that ingest gives: why a row was refused, and how a check ended."""

from __future__ import annotations

from enum import StrEnum


class Reason(StrEnum):
    """Why a row was put into quarantine by the contracts (a source may add its own codes)."""

    RECORD_BROKEN = "record_broken"
    MISSING = "missing_value"
    NOT_IN_SET = "value_not_in_set"
    BELOW_MINIMUM = "below_minimum"
    DUPLICATE_KEY = "duplicate_key"
    ORPHAN = "orphan_reference"
    ORDER_REFUSED = "order_refused"
    BAD_CURRENCY = "bad_currency"
    IN_FUTURE = "time_in_future"
    BEFORE_ERA = "time_before_1990"
    MONEY_DISAGREES = "money_disagrees"
    AMOUNT_ABSURD = "amount_absurd"
    NO_IDENTITY = "no_identity"


class Exclusion(StrEnum):
    """Why a row was left out on purpose: declared, counted, never silent."""

    ERASED_PERSON = "erased_person"
    PAST_RETENTION = "past_retention_period"
    NOT_MAPPED = "no_canonical_row"
    EXACT_REPEAT = "exact_repeat"
    OLDER_COPY = "older_copy"
    REPEATED_HEADER = "repeated_header"
    OTHER_CURRENCY = "other_currency"


class IngestCheck(StrEnum):
    """The trust checks of an ingest."""

    ROWS_RECONCILE = "rows_reconcile"
    MONEY_RECONCILES = "money_reconciles"
    QUARANTINE_SHARE = "quarantine_share"
    EMPTY_SOURCE = "empty_source"
    COMPLETENESS = "completeness"
    FRESHNESS = "freshness"
    MISSING_DAYS = "missing_days"
    REFERENTIAL_INTEGRITY = "referential_integrity"
    DUPLICATED_CUSTOMERS = "duplicated_customers"
    IDENTITY_CONFLICT = "identity_conflict"
    MIXED_CURRENCIES = "mixed_currencies"
    TIME_PRECISION = "time_precision"
    OUTLIERS = "outliers"
    BOTS = "bots_and_test_orders"
    VOLUME_DRIFT = "volume_drift"
    DISTRIBUTION_DRIFT = "distribution_drift"
    CONSENT_COVERAGE = "consent_coverage"
    GUEST_SHARE = "guest_share"
    SNAPSHOT_RECONCILES = "snapshot_reconciles"
    UNIQUENESS = "uniqueness"
    FILES_AGREE = "files_agree"
    REFUNDS_AGREE = "refunds_agree"
    MONEY_PLAUSIBLE = "money_plausible"
    TAX_CONVENTION = "tax_convention"
    TIME_ODDITIES = "time_zone_oddities"
    CURRENCY_ODDITIES = "currency_oddities"
    COUNTRY_SPELLINGS = "country_spellings"
    OUTCOMES_OF_UNITS = "outcomes_of_units"
    UNITS_IN_TWO_ARMS = "units_in_two_arms"
    REMOVED_COVARIATES = "removed_covariates"
    MIGRATION_CUSTOMERS = "migration_customers"
    MIGRATION_ORDERS = "migration_orders"
    MIGRATION_AMOUNTS = "migration_amounts"
    MIGRATION_REFUNDS = "migration_refunds"
    MIGRATION_LINES = "migration_order_lines"
