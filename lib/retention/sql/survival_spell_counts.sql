-- Customers by their days from the first purchase until the first silence longer than the window
-- had passed, and by whether there was one; dated as in survival_retention_spells.
WITH ends AS (
    SELECT
        customer_number,
        min(start_s) AS start_s,
        min(CASE WHEN gap_s > $window_s THEN day_s END) AS silent_s
    FROM retention_gaps
    GROUP BY customer_number
)
SELECT
    (coalesce(silent_s + $window_s, $as_of_s) - start_s) // 86400 AS duration,
    CASE WHEN silent_s IS NULL THEN 0 ELSE 1 END AS event,
    count(*) AS weight
FROM ends
GROUP BY 1, 2
ORDER BY duration, event
