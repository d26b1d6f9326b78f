-- Days from a customer's first purchase until the first in each other shop.
WITH counted AS (
    SELECT k.customer_key, k.day_s, o.shop_id
    FROM known_orders AS k
    JOIN orders AS o ON o.order_key = k.order_key
),
starts AS (
    SELECT customer_key, min(day_s) AS start_s
    FROM counted
    GROUP BY customer_key
)
SELECT
    c.customer_key,
    c.shop_id,
    (min(c.day_s) - min(s.start_s)) // 86400 AS ended_days
FROM counted AS c
JOIN starts AS s ON s.customer_key = c.customer_key
GROUP BY c.customer_key, c.shop_id
ORDER BY c.customer_key, c.shop_id
