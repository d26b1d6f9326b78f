-- Why records were refused or excluded, by source and currency, each with the first place.
SELECT
    ledger.source,
    coalesce(adjusted.fate, ledger.fate) AS fate,
    coalesce(adjusted.why, ledger.why) AS reason,
    coalesce(ledger.value_currency, '') AS currency,
    count(*) AS rows,
    coalesce(sum(ledger.value_minor), 0) AS value,
    arg_min(ledger.file, (ledger.file, ledger.line_no)) AS file,
    arg_min(ledger.line_no, (ledger.file, ledger.line_no)) AS line
FROM ledger
LEFT JOIN adjusted
    ON
        ledger.batch_id = adjusted.batch_id
        AND ledger.accounts_table = adjusted.table_name
        AND ledger.row_key = adjusted.row_key
        AND ledger.fate = 'accepted'
WHERE coalesce(adjusted.fate, ledger.fate) <> 'accepted'
GROUP BY ALL
ORDER BY ALL
