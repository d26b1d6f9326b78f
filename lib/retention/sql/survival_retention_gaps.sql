-- What each customer bought on a day, and the silence after it: up to the next purchase day or, after
-- the last, to the as-of date.
WITH days AS (
    SELECT
        customer_number,
        day_s,
        max(CASE WHEN discount_minor > 0 THEN 1 ELSE 0 END) AS discounted,
        CAST(sum(gross_minor - discount_minor) AS BIGINT) AS bought_minor
    FROM known_orders
    GROUP BY customer_number, day_s
)
SELECT
    customer_number,
    day_s,
    discounted,
    bought_minor,
    min(day_s) OVER (PARTITION BY customer_number) AS start_s,
    coalesce(lead(day_s) OVER (PARTITION BY customer_number ORDER BY day_s), $as_of_s) - day_s
        AS gap_s
FROM days
