-- Rows and raw money of every file, day and currency by fate. A record that a later step refused
-- or excluded (an orphan, an erased person) is moved to that step's fate; there are few such
-- records as a rule, and the ledger's keys need not be read where there are none.
WITH moved AS (
    SELECT
        ledger.source,
        ledger.file,
        ledger.day,
        ledger.value_currency,
        adjusted.fate,
        ledger.value_minor
    FROM ledger
    INNER JOIN adjusted
        ON
            ledger.batch_id = adjusted.batch_id
            AND ledger.accounts_table = adjusted.table_name
            AND ledger.row_key = adjusted.row_key
            AND ledger.fate = 'accepted'
),

entries AS (
    SELECT
        source,
        file,
        day,
        value_currency,
        fate,
        count(*) AS records,
        coalesce(sum(value_minor), 0) AS value
    FROM ledger
    GROUP BY ALL
    UNION ALL
    SELECT source, file, day, value_currency, fate, 1, coalesce(value_minor, 0)
    FROM moved
    UNION ALL
    SELECT source, file, day, value_currency, 'accepted', -1, -coalesce(value_minor, 0)
    FROM moved
)

SELECT
    source,
    file,
    CAST(day AS VARCHAR) AS day,
    coalesce(value_currency, '') AS currency,
    CAST(sum(records) AS BIGINT) AS rows_read,
    CAST(coalesce(sum(records) FILTER (WHERE fate = 'accepted'), 0) AS BIGINT) AS rows_accepted,
    CAST(coalesce(sum(records) FILTER (WHERE fate = 'quarantined'), 0) AS BIGINT)
        AS rows_quarantined,
    CAST(coalesce(sum(records) FILTER (WHERE fate = 'excluded'), 0) AS BIGINT) AS rows_excluded,
    sum(value) AS value_read,
    coalesce(sum(value) FILTER (WHERE fate = 'accepted'), 0) AS value_accepted,
    coalesce(sum(value) FILTER (WHERE fate = 'quarantined'), 0) AS value_quarantined,
    coalesce(sum(value) FILTER (WHERE fate = 'excluded'), 0) AS value_excluded
FROM entries
GROUP BY ALL
ORDER BY ALL
