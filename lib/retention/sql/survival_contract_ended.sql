-- Days from a customer's first purchase until a subscription or tier first ended after it.
WITH starts AS (
    SELECT customer_key, min(day_s) AS start_s
    FROM known_orders
    GROUP BY customer_key
)
SELECT
    s.customer_key,
    (min(c.ended_epoch_s) - min(s.start_s)) // 86400 AS ended_days
FROM starts AS s
JOIN contracts AS c ON c.customer_key = s.customer_key
WHERE c.ended_epoch_s >= s.start_s
  AND c.ended_epoch_s < $as_of_s
GROUP BY s.customer_key
ORDER BY s.customer_key
