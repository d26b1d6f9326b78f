-- Customers with an order that counts before the as-of date, numbered in the order of their keys:
-- grouping and joining by a number costs half of what it costs by a key of 32 letters.
SELECT
    customer_key,
    CAST(row_number() OVER (ORDER BY customer_key) AS BIGINT) AS customer_number
FROM (
    SELECT DISTINCT customer_key
    FROM orders
    WHERE customer_key IS NOT NULL
      AND status IN ('paid', 'refunded')
      AND ordered_epoch_s < $as_of_s
) AS d
