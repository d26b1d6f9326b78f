-- Histogram of order values by powers of two, now and in the snapshot before.
WITH sizes AS (
    SELECT
        'now' AS side,
        CASE WHEN net_minor <= 0 THEN -1 ELSE floor(log2(net_minor)) END AS bin
    FROM orders
    UNION ALL
    SELECT
        'before' AS side,
        CASE WHEN net_minor <= 0 THEN -1 ELSE floor(log2(net_minor)) END AS bin
    FROM orders_before
)

SELECT
    bin,
    count(*) FILTER (WHERE side = 'now') AS now,
    count(*) FILTER (WHERE side = 'before') AS before
FROM sizes
GROUP BY bin
ORDER BY bin
