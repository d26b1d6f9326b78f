-- First purchase and revenue of each customer who bought from the as-of date until the horizon.
SELECT
    customer_key,
    min(ordered_epoch_s) AS first_purchase_s,
    CAST(sum(gross_minor - discount_minor - refunded_minor) AS BIGINT) AS revenue_minor
FROM orders
WHERE customer_key IS NOT NULL
  AND status IN ('paid', 'refunded')
  AND ordered_epoch_s >= $as_of_s
  AND ordered_epoch_s < $until_s
GROUP BY customer_key
ORDER BY customer_key
