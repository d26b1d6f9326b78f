-- Gaps between purchase days, counted; the gap after the last purchase is still open.
WITH days AS (
    SELECT DISTINCT customer_number, day_s
    FROM known_orders
),
gaps AS (
    SELECT
        least(row_number() OVER (PARTITION BY customer_number ORDER BY day_s), 4) AS order_number,
        day_s,
        lead(day_s) OVER (PARTITION BY customer_number ORDER BY day_s) AS next_s
    FROM days
)
SELECT
    order_number,
    (coalesce(next_s, $as_of_s) - day_s) // 86400 AS duration,
    CASE WHEN next_s IS NULL THEN 0 ELSE 1 END AS event,
    count(*) AS weight
FROM gaps
GROUP BY 1, 2, 3
ORDER BY order_number, duration, event
