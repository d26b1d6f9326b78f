-- Customers of each monthly cohort who bought in each month since their first purchase.
-- Months are numbered year * 12 + month, so that their difference is a whole number of months.
-- They are the months of the shop's clock.
WITH shop_times AS (
    SELECT
        customer_key,
        status,
        ordered_epoch_s,
        make_timestamp(ordered_epoch_s * 1000000) AS ordered_at
    FROM orders
),
months AS (
    SELECT DISTINCT
        customer_key,
        extract(year FROM ordered_at) * 12 + extract(month FROM ordered_at) - 1 AS month_number
    FROM shop_times
    WHERE customer_key IS NOT NULL
      AND status IN ('paid', 'refunded')
      AND ordered_epoch_s < $as_of_s
),
firsts AS (
    SELECT customer_key, min(month_number) AS cohort
    FROM months
    GROUP BY customer_key
)
SELECT
    CAST(f.cohort AS BIGINT) AS cohort_month,
    CAST(m.month_number - f.cohort AS BIGINT) AS months_since,
    count(*) AS customers
FROM firsts AS f
JOIN months AS m ON m.customer_key = f.customer_key
GROUP BY f.cohort, m.month_number - f.cohort
ORDER BY 1, 2
