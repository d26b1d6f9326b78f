-- Days from a customer's first purchase until the first unsubscription after it.
WITH starts AS (
    SELECT customer_key, min(day_s) AS start_s
    FROM known_orders
    GROUP BY customer_key
)
SELECT
    s.customer_key,
    (min(t.touched_epoch_s) - min(s.start_s)) // 86400 AS ended_days
FROM starts AS s
JOIN touches AS t ON t.customer_key = s.customer_key
WHERE t.kind = 'unsubscribed'
  AND t.touched_epoch_s >= s.start_s
  AND t.touched_epoch_s < $as_of_s
GROUP BY s.customer_key
ORDER BY s.customer_key
