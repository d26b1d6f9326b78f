-- Rows and raw money of every file, day and currency by fate. A record that a later step refused
-- or excluded (an orphan, an erased person) carries that step's fate.
WITH final AS (
    SELECT
        ledger.source,
        ledger.file,
        ledger.day,
        ledger.value_currency,
        ledger.value_minor,
        coalesce(adjusted.fate, ledger.fate) AS fate
    FROM ledger
    LEFT JOIN adjusted
        ON
            ledger.batch_id = adjusted.batch_id
            AND ledger.accounts_table = adjusted.table_name
            AND ledger.row_key = adjusted.row_key
            AND ledger.fate = 'accepted'
)

SELECT
    source,
    file,
    CAST(day AS VARCHAR) AS day,
    coalesce(value_currency, '') AS currency,
    count(*) AS rows_read,
    count(*) FILTER (WHERE fate = 'accepted') AS rows_accepted,
    count(*) FILTER (WHERE fate = 'quarantined') AS rows_quarantined,
    count(*) FILTER (WHERE fate = 'excluded') AS rows_excluded,
    coalesce(sum(value_minor), 0) AS value_read,
    coalesce(sum(value_minor) FILTER (WHERE fate = 'accepted'), 0) AS value_accepted,
    coalesce(sum(value_minor) FILTER (WHERE fate = 'quarantined'), 0) AS value_quarantined,
    coalesce(sum(value_minor) FILTER (WHERE fate = 'excluded'), 0) AS value_excluded
FROM final
GROUP BY ALL
ORDER BY ALL
