-- Why records were refused or excluded, by source and currency, each with the first place.
WITH entries AS (
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
