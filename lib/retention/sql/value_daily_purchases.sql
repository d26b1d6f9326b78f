-- Purchase days per calendar day (days since 1970) of customers acquired before $cohort_end_s:
-- how many bought for the first time, and how many again. One purchase day per customer and day.
WITH days AS (
    SELECT customer_number, day_s, min(day_s) OVER (PARTITION BY customer_number) AS first_s
    FROM (SELECT DISTINCT customer_number, day_s FROM known_orders) AS d
)
SELECT
    CAST(day_s / 86400 AS BIGINT) AS day,
    CAST(sum(CASE WHEN day_s = first_s THEN 1 ELSE 0 END) AS BIGINT) AS first_purchases,
    CAST(sum(CASE WHEN day_s > first_s THEN 1 ELSE 0 END) AS BIGINT) AS repeat_purchases
FROM days
WHERE first_s < $cohort_end_s
GROUP BY day_s
ORDER BY day_s
