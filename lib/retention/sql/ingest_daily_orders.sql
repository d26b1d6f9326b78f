-- Orders per day (UTC).
SELECT
    CAST(ordered_at AS DATE) AS day,
    count(*) AS orders
FROM orders
GROUP BY CAST(ordered_at AS DATE)
ORDER BY day
