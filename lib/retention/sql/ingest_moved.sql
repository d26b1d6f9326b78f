-- Accepted records that a later step refused or excluded (an orphan, an erased person), with their
-- later fate and its cause. There are few as a rule, and where there are none the ledger's keys need
-- not be read.
SELECT
    ledger.source,
    ledger.file,
    ledger.line_no,
    ledger.day,
    ledger.value_currency,
    ledger.value_minor,
    adjusted.fate,
    adjusted.why
FROM ledger
INNER JOIN adjusted
    ON
        ledger.batch_id = adjusted.batch_id
        AND ledger.accounts_table = adjusted.table_name
        AND ledger.row_key = adjusted.row_key
        AND ledger.fate = 'accepted'
