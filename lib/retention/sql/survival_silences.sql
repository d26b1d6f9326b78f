-- Days from the first purchase to the last before the first silence longer than the window, and
-- whether that silence was over the window by the as-of date.
WITH ends AS (
    SELECT
        customer_number,
        min(start_s) AS start_s,
        max(day_s) AS last_s,
        min(CASE WHEN gap_s > $window_s THEN day_s END) AS silent_s
    FROM retention_gaps
    GROUP BY customer_number
)
SELECT
    (coalesce(silent_s, last_s) - start_s) // 86400 AS last_days,
    CASE WHEN silent_s IS NULL THEN 0 ELSE 1 END AS event,
    count(*) AS weight
FROM ends
GROUP BY 1, 2
ORDER BY last_days, event
