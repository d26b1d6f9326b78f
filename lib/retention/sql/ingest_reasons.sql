-- Why records were refused or excluded, by source and currency, each with the first place.
WITH moved AS (
    SELECT
        ledger.source,
        adjusted.fate,
        adjusted.why,
        ledger.value_currency,
        ledger.value_minor,
        ledger.file,
        ledger.line_no
    FROM ledger
    INNER JOIN adjusted
        ON
            ledger.batch_id = adjusted.batch_id
            AND ledger.accounts_table = adjusted.table_name
            AND ledger.row_key = adjusted.row_key
            AND ledger.fate = 'accepted'
),

entries AS (
    SELECT source, fate, why, value_currency, value_minor, file, line_no
    FROM ledger
    WHERE fate <> 'accepted'
    UNION ALL
    SELECT source, fate, why, value_currency, value_minor, file, line_no
    FROM moved
)

SELECT
    source,
    fate,
    why AS reason,
    coalesce(value_currency, '') AS currency,
    count(*) AS rows,
    coalesce(sum(value_minor), 0) AS value,
    arg_min(file, (file, line_no)) AS file,
    arg_min(line_no, (file, line_no)) AS line
FROM entries
GROUP BY ALL
ORDER BY ALL
