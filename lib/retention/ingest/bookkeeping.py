"""The queries that account for every record of a file: ledger, raw records, identities."""

from __future__ import annotations

from collections.abc import Sequence

from retention.ingest.codes import Exclusion, Reason
from retention.ingest.row_status import ACCEPTED, EXCLUDED, FATE, QUARANTINED, Judged, person_column

_LASTING = "person_key IS NOT NULL AND person_key NOT IN (FROM erased_people)"
"""Which of a file's people are kept: the erased are forgotten."""

VAULT_ROWS = f"""
    SELECT person_key AS customer_key, kind, value, $source AS source
    FROM (
        SELECT person_key, 'email' AS kind, trim(identity_email) AS value FROM people
        UNION ALL SELECT person_key, 'phone', trim(identity_phone) FROM people
        UNION ALL SELECT person_key, 'platform_id', platform_id FROM people
        UNION ALL SELECT person_key, 'name', trim(identity_name) FROM people
        UNION ALL SELECT person_key, 'postcode', trim(identity_postcode) FROM people
    )
    WHERE {_LASTING} AND nullif(value, '') IS NOT NULL
"""
"""What the vault keeps of the table ``people``: one row per person and identity."""


def ledger_query(judged: Sequence[Judged]) -> str:
    """Return SQL with one row per landed record: its day, raw money and fate.

    The accounting mapping yields exactly one row for each record that could be split; broken
    records follow as quarantined rows without day or money.
    """
    main = accounting(judged)
    return f"""
        SELECT line_no,
               CASE WHEN exclusion IS DISTINCT FROM '{Exclusion.ERASED_PERSON}'
                    THEN CAST({main.row_key} AS VARCHAR) END AS row_key,
               CAST(shop_clock(occurred_at) AS DATE) AS day,
               CAST(value_minor AS DECIMAL(38, 6)) AS value_minor, value_currency, fate,
               CASE fate WHEN '{ACCEPTED}' THEN NULL
                         WHEN '{QUARANTINED}' THEN reasons[1] ELSE exclusion END AS why
        FROM {main.name}
        UNION ALL
        SELECT line_no, NULL, NULL, NULL, NULL,
               CAST(CASE reason WHEN '{Exclusion.REPEATED_HEADER}' THEN '{EXCLUDED}'
                                ELSE '{QUARANTINED}' END AS {FATE}),
               CASE reason WHEN '{Exclusion.REPEATED_HEADER}' THEN reason
                           ELSE '{Reason.RECORD_BROKEN}:' || reason END
        FROM broken"""


def raw_records_query(judged: list[Judged]) -> str:
    """Return SQL of the original records behind the quarantine, as JSON text."""
    lines = " UNION ".join(
        f"SELECT line_no, {person_column(j.table) or 'NULL'} AS person_key FROM {j.name} "
        f"WHERE fate = '{QUARANTINED}'"
        for j in judged
    )
    return f"""
        WITH refused AS (
            SELECT line_no, max(person_key) AS person_key FROM ({lines}) GROUP BY line_no
        )
        SELECT line_no, person_key, CAST(to_json(landed) AS VARCHAR) AS raw_record
        FROM landed JOIN refused USING (line_no)
        UNION ALL SELECT line_no, NULL, raw_record FROM broken
        WHERE reason <> '{Exclusion.REPEATED_HEADER}' ORDER BY line_no"""


def identities_query() -> str:
    """Return SQL of the keys that were seen together: what linking across files works on."""
    return (
        "SELECT DISTINCT person_key, email_key, phone_key, platform_key FROM people "
        f"WHERE {_LASTING}"
    )


def names_query() -> str:
    """Return SQL of the keyed name and postcode of each person: who may stand twice."""
    return (
        "SELECT DISTINCT person_key, name_key FROM people "
        f"WHERE {_LASTING} AND name_key IS NOT NULL"
    )


def accounting(judged: Sequence[Judged]) -> Judged:
    """Return the mapping that yields one row per record."""
    return next(j for j in judged if j.accounts)


def newest_query(judged: Sequence[Judged]) -> str:
    """Return SQL of the time of the newest accepted record, as text; empty where none has one."""
    main = accounting(judged)
    return (
        "SELECT coalesce(CAST(CAST(max(occurred_at) AS TIMESTAMP) AS VARCHAR), '') "
        f"FROM {main.name} WHERE fate = '{ACCEPTED}'"
    )
