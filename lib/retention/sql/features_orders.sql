-- Transactional layer: one row per customer with at least one order that counts.
-- A late delivery counts once the order is $arrival_s seconds old: before that it is not known.
WITH returns AS (
    SELECT
        customer_key,
        CAST(sum(returned_minor) AS BIGINT) AS returned_minor,
        count(*) AS return_count
    FROM known_returns
    GROUP BY customer_key
),
totals AS (
    SELECT
        customer_number,
        min(ordered_at) AS first_order_at,
        CAST(($as_of_s - max(day_s)) / 86400.0 AS BIGINT) AS recency_days,
        CAST(($as_of_s - min(day_s)) / 86400.0 AS BIGINT) AS tenure_days,
        count(*) AS order_count,
        CAST(sum(value_minor) AS BIGINT) AS value_minor,
        sum(discount_minor) / nullif(CAST(sum(gross_minor) AS DOUBLE), 0) AS discount_share,
        CAST(sum(refunded_minor) AS BIGINT) AS refunded_minor,
        CAST(sum(gross_minor - discount_minor) AS DOUBLE) AS bought_minor,
        avg(CASE WHEN is_gift THEN 1.0 WHEN NOT is_gift THEN 0.0 END) AS gift_share,
        avg(CASE WHEN extract(month FROM ordered_at) >= 11 THEN 1.0 ELSE 0.0 END) AS season_share,
        CAST(sum(CASE
            WHEN delivered_late AND ordered_epoch_s < $as_of_s - $arrival_s THEN 1
            WHEN delivered_late IS NOT NULL THEN 0
        END) AS BIGINT) AS late_deliveries,
        CAST(sum(refund_count) AS BIGINT) AS refund_count,
        count(gap_s) AS repeat_order_count,
        median(gap_s) / 86400.0 AS median_gap_days,
        max_by(gap_s, CASE WHEN gap_s IS NOT NULL THEN day_s END) / 86400.0 AS last_gap_days
    FROM known_orders
    GROUP BY customer_number
)
SELECT
    k.customer_key,
    k.customer_number,
    t.first_order_at,
    t.recency_days,
    t.tenure_days,
    t.order_count,
    t.discount_share,
    t.gift_share,
    t.season_share,
    t.late_deliveries,
    t.repeat_order_count,
    t.median_gap_days,
    t.last_gap_days,
    t.value_minor - coalesce(r.returned_minor, 0) AS monetary_minor,
    (t.value_minor - coalesce(r.returned_minor, 0))
        / nullif(CAST(t.order_count AS DOUBLE), 0) AS average_order_minor,
    (t.refunded_minor + coalesce(r.returned_minor, 0)) / nullif(t.bought_minor, 0) AS return_share,
    t.refund_count + coalesce(r.return_count, 0) AS refund_count
FROM known_customers AS k
JOIN totals AS t ON t.customer_number = k.customer_number
LEFT JOIN returns AS r ON r.customer_key = k.customer_key
