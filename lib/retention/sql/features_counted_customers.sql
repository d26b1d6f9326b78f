-- Customers with an order that counts, numbered in the order of their keys: grouping and joining by
-- a number costs half of what it costs by a key of 32 letters.
SELECT
    customer_key,
    CAST(row_number() OVER (ORDER BY customer_key) AS BIGINT) AS customer_number,
    first_epoch_s
FROM (
    SELECT customer_key, min(ordered_epoch_s) AS first_epoch_s
    FROM orders
    WHERE customer_key IS NOT NULL
      AND status IN ('paid', 'refunded')
    GROUP BY customer_key
) AS d
