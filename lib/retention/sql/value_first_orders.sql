-- What each customer's first purchase day was like: 1 or 0, NULL where the source does not tell.
WITH firsts AS (
    SELECT customer_number, min(day_s) AS first_s
    FROM known_orders
    GROUP BY customer_number
)
SELECT
    o.customer_key,
    max(CASE WHEN o.discount_minor > 0 THEN 1.0 ELSE 0.0 END) AS first_with_discount,
    max(CASE WHEN o.is_gift THEN 1.0 WHEN NOT o.is_gift THEN 0.0 END) AS first_is_gift,
    max(CASE WHEN extract(month FROM o.ordered_at) >= 11 THEN 1.0 ELSE 0.0 END) AS first_in_season,
    CAST(sum(o.gross_minor - o.discount_minor) AS BIGINT) AS first_minor
FROM known_orders AS o
JOIN firsts AS f ON f.customer_number = o.customer_number AND f.first_s = o.day_s
GROUP BY o.customer_key
ORDER BY o.customer_key
