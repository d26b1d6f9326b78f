-- What the customers known at the as-of date bought from then until the horizon; zero if nothing.
-- Outcomes may look ahead: refunds to date are taken off the revenue.
WITH known AS (
    SELECT DISTINCT customer_key
    FROM orders
    WHERE customer_key IS NOT NULL
      AND status IN ('paid', 'refunded')
      AND ordered_epoch_s < $as_of_s
),
bought AS (
    SELECT
        customer_key,
        count(*) AS purchases,
        count(DISTINCT ordered_epoch_s - ordered_epoch_s % 86400) AS purchase_days,
        CAST(sum(gross_minor - discount_minor - refunded_minor) AS BIGINT) AS revenue_minor
    FROM orders
    WHERE customer_key IS NOT NULL
      AND status IN ('paid', 'refunded')
      AND ordered_epoch_s >= $as_of_s
      AND ordered_epoch_s < $until_s
    GROUP BY customer_key
)
SELECT
    k.customer_key,
    coalesce(b.purchases, 0) AS purchases,
    coalesce(b.purchase_days, 0) AS purchase_days,
    coalesce(b.revenue_minor, 0) AS revenue_minor
FROM known AS k
LEFT JOIN bought AS b ON b.customer_key = k.customer_key
ORDER BY k.customer_key
