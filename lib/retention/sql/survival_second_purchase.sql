-- Days from a customer's first purchase day to the second, or to the as-of date.
WITH days AS (
    SELECT
        customer_number,
        day_s,
        max(CASE WHEN discount_minor > 0 THEN 1 ELSE 0 END) AS discounted,
        CAST(sum(gross_minor - discount_minor) AS BIGINT) AS bought_minor
    FROM known_orders
    GROUP BY customer_number, day_s
),
placed AS (
    SELECT
        customer_number,
        day_s,
        discounted,
        bought_minor,
        row_number() OVER (PARTITION BY customer_number ORDER BY day_s) AS place
    FROM days
),
firsts AS (
    SELECT
        customer_number,
        max(CASE WHEN place = 1 THEN day_s END) AS start_s,
        max(CASE WHEN place = 1 THEN discounted END) AS started_with_discount,
        max(CASE WHEN place = 1 THEN bought_minor END) AS first_value_minor,
        max(CASE WHEN place = 2 THEN day_s END) AS second_s
    FROM placed
    WHERE place <= 2
    GROUP BY customer_number
)
SELECT
    k.customer_key,
    f.start_s,
    f.started_with_discount,
    f.first_value_minor,
    (coalesce(f.second_s, $as_of_s) - f.start_s) // 86400 AS duration,
    CASE WHEN f.second_s IS NULL THEN 0 ELSE 1 END AS event
FROM firsts AS f
JOIN known_customers AS k ON k.customer_number = f.customer_number
ORDER BY f.customer_number
