-- Transactional layer: one row per customer with at least one order that counts.
-- A late delivery counts once the order is $arrival_s seconds old: before that it is not known.
WITH days AS (
    SELECT
        customer_key,
        day_s,
        day_s - lag(day_s) OVER (PARTITION BY customer_key ORDER BY day_s) AS gap_s,
        row_number() OVER (PARTITION BY customer_key ORDER BY day_s DESC) AS place
    FROM (SELECT DISTINCT customer_key, day_s FROM known_orders) AS d
),
gaps AS (
    SELECT
        customer_key,
        count(*) - 1 AS repeat_order_count,
        median(gap_s) / 86400.0 AS median_gap_days,
        max(CASE WHEN place = 1 THEN gap_s END) / 86400.0 AS last_gap_days
    FROM days
    GROUP BY customer_key
),
totals AS (
    SELECT
        customer_key,
        min(ordered_at) AS first_order_at,
        CAST(($as_of_s - max(day_s)) / 86400.0 AS BIGINT) AS recency_days,
        CAST(($as_of_s - min(day_s)) / 86400.0 AS BIGINT) AS tenure_days,
        count(*) AS order_count,
        CAST(sum(value_minor) AS BIGINT) AS monetary_minor,
        sum(value_minor) / CAST(count(*) AS DOUBLE) AS average_order_minor,
        sum(discount_minor) / nullif(CAST(sum(gross_minor) AS DOUBLE), 0) AS discount_share,
        sum(refunded_minor)
            / nullif(CAST(sum(gross_minor - discount_minor) AS DOUBLE), 0) AS return_share,
        avg(CASE WHEN is_gift THEN 1.0 WHEN NOT is_gift THEN 0.0 END) AS gift_share,
        avg(CASE WHEN extract(month FROM ordered_at) >= 11 THEN 1.0 ELSE 0.0 END) AS season_share,
        CAST(sum(CASE
            WHEN delivered_late AND ordered_epoch_s < $as_of_s - $arrival_s THEN 1
            WHEN delivered_late IS NOT NULL THEN 0
        END) AS BIGINT) AS late_deliveries,
        CAST(sum(refund_count) AS BIGINT) AS refund_count
    FROM known_orders
    GROUP BY customer_key
)
SELECT t.*, g.repeat_order_count, g.median_gap_days, g.last_gap_days
FROM totals AS t
JOIN gaps AS g ON g.customer_key = t.customer_key
