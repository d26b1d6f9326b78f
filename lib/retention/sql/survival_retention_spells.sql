-- Days from a customer's first purchase until the first silence longer than the window had passed.
-- The silence after the last purchase runs until the as-of date.
WITH ends AS (
    SELECT
        customer_number,
        min(start_s) AS start_s,
        max(CASE WHEN day_s = start_s THEN discounted END) AS started_with_discount,
        max(CASE WHEN day_s = start_s THEN bought_minor END) AS first_value_minor,
        min(CASE WHEN gap_s > $window_s THEN day_s END) AS silent_s
    FROM retention_gaps
    GROUP BY customer_number
)
SELECT
    k.customer_key,
    e.start_s,
    e.started_with_discount,
    e.first_value_minor,
    (coalesce(e.silent_s + $window_s, $as_of_s) - e.start_s) // 86400 AS duration,
    CASE WHEN e.silent_s IS NULL THEN 0 ELSE 1 END AS event
FROM ends AS e
JOIN known_customers AS k ON k.customer_number = e.customer_number
ORDER BY k.customer_number
