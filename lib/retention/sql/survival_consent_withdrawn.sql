-- Days from a customer's first purchase until consent to a purpose was first withdrawn after it.
WITH starts AS (
    SELECT customer_key, min(day_s) AS start_s
    FROM known_orders
    GROUP BY customer_key
)
SELECT
    s.customer_key,
    c.purpose,
    (min(c.changed_epoch_s) - min(s.start_s)) // 86400 AS ended_days
FROM starts AS s
JOIN consents AS c ON c.customer_key = s.customer_key
WHERE c.state = 'withdrawn'
  AND c.changed_epoch_s >= s.start_s
  AND c.changed_epoch_s < $as_of_s
GROUP BY s.customer_key, c.purpose
ORDER BY s.customer_key, c.purpose
