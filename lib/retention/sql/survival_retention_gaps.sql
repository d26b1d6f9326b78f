-- The silence after each purchase day, up to the next or, after the last, to the as-of date.
WITH days AS (
    SELECT DISTINCT customer_number, day_s
    FROM known_orders
)
SELECT
    customer_number,
    day_s,
    min(day_s) OVER (PARTITION BY customer_number) AS start_s,
    coalesce(lead(day_s) OVER (PARTITION BY customer_number ORDER BY day_s), $as_of_s) - day_s
        AS gap_s
FROM days
