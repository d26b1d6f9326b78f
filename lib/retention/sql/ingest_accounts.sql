-- Rows and raw money of every file, day and currency by fate. A record that a later step refused
-- or excluded is moved to that step's fate (ingest_moved).
WITH entries AS (
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
