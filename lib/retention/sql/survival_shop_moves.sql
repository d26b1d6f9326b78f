-- Days from a customer's first purchase until buying in one shop alone, for those who began in
-- another: the first purchase there after the last one anywhere else.
WITH counted AS (
    SELECT k.customer_number, k.day_s, o.shop_id
    FROM known_orders AS k
    JOIN orders AS o ON o.order_key = k.order_key
),
runs AS (
    SELECT
        customer_number,
        shop_id,
        day_s,
        min(day_s) OVER (PARTITION BY customer_number) AS start_s,
        last_value(shop_id) OVER (
            PARTITION BY customer_number ORDER BY day_s, shop_id
            ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
        ) AS last_shop,
        first_value(shop_id) OVER (PARTITION BY customer_number ORDER BY day_s, shop_id) AS first_shop
    FROM counted
),
elsewhere AS (
    SELECT
        customer_number,
        max(CASE WHEN shop_id <> last_shop THEN day_s END) AS until_s
    FROM runs
    GROUP BY customer_number
)
SELECT
    c.customer_key,
    min(r.first_shop) AS first_shop,
    r.shop_id,
    (min(r.day_s) - min(r.start_s)) // 86400 AS ended_days
FROM runs AS r
JOIN elsewhere AS e ON e.customer_number = r.customer_number
JOIN known_customers AS c ON c.customer_number = r.customer_number
WHERE r.shop_id = r.last_shop
  AND r.first_shop <> r.last_shop
  AND r.day_s >= e.until_s
GROUP BY c.customer_key, r.shop_id
ORDER BY c.customer_key
