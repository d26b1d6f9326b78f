-- Orders per source, hour of the day (UTC) and half of the year, where the second is known.
SELECT
    source,
    CAST(hour(ordered_at) AS BIGINT) AS hour,
    CASE
        WHEN month(ordered_at) IN (11, 12, 1, 2) THEN 'winter'
        WHEN month(ordered_at) IN (5, 6, 7, 8) THEN 'summer'
        ELSE 'between'
    END AS season,
    count(*) AS orders,
    count(*) FILTER (WHERE ordered_epoch_s % 86400 = 0) AS at_midnight
FROM orders
WHERE time_precision = 'second'
GROUP BY ALL
ORDER BY ALL
