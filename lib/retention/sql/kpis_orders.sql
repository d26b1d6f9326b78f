-- Per customer: what was ordered in the window and in the one before it.
-- Windows: [$before_s, $start_s) and [$start_s, as-of date); known_orders ends at the as-of date.
-- Margin is of orders whose goods have a known cost: value and cost of those alone.
WITH totals AS (
    SELECT
        customer_number,
        min(ordered_epoch_s) AS first_s,
        CAST(sum(CASE WHEN ordered_epoch_s >= $start_s THEN 1 ELSE 0 END) AS BIGINT) AS orders_now,
        CAST(sum(CASE WHEN ordered_epoch_s >= $start_s THEN value_minor ELSE 0 END) AS BIGINT)
            AS value_now,
        CAST(sum(CASE WHEN ordered_epoch_s >= $before_s AND ordered_epoch_s < $start_s
            THEN 1 ELSE 0 END) AS BIGINT) AS orders_before,
        CAST(sum(CASE WHEN ordered_epoch_s >= $before_s AND ordered_epoch_s < $start_s
            THEN value_minor ELSE 0 END) AS BIGINT) AS value_before,
        CAST(max(CASE WHEN ordered_epoch_s < $before_s AND ordered_epoch_s >= $earlier_s
            THEN 1 ELSE 0 END) AS BIGINT) AS was_active_earlier,
        min(day_s) AS first_day_s,
        max(CASE WHEN ordered_epoch_s >= $start_s THEN day_s END) AS last_day_now_s,
        max(CASE WHEN ordered_epoch_s >= $before_s AND ordered_epoch_s < $start_s THEN day_s END)
            AS last_day_before_s
    FROM known_orders
    GROUP BY customer_number
),
costed AS (
    SELECT
        o.customer_number,
        o.ordered_epoch_s >= $start_s AS is_now,
        count(*) AS orders,
        CAST(sum(o.value_minor) AS BIGINT) AS value_minor,
        CAST(sum(o.value_minor - g.goods_cost_minor) AS BIGINT) AS margin_minor
    FROM known_orders AS o
    JOIN kpis_goods_costs AS g ON g.order_key = o.order_key
    WHERE o.ordered_epoch_s >= $before_s
      AND g.goods_cost_minor IS NOT NULL
    GROUP BY o.customer_number, o.ordered_epoch_s >= $start_s
),
returns AS (
    SELECT
        customer_key,
        CAST(sum(CASE WHEN ordered_epoch_s >= $start_s THEN returned_minor ELSE 0 END) AS BIGINT)
            AS returned_now,
        CAST(sum(CASE WHEN ordered_epoch_s >= $before_s AND ordered_epoch_s < $start_s
            THEN returned_minor ELSE 0 END) AS BIGINT) AS returned_before
    FROM known_returns
    GROUP BY customer_key
)
SELECT
    k.customer_key,
    t.first_s,
    t.orders_now,
    t.value_now - coalesce(r.returned_now, 0) AS value_now,
    t.orders_before,
    t.value_before - coalesce(r.returned_before, 0) AS value_before,
    t.was_active_earlier,
    t.first_day_s,
    t.last_day_now_s,
    t.last_day_before_s,
    coalesce(n.orders, 0) AS costed_orders_now,
    coalesce(n.value_minor, 0) AS costed_now,
    coalesce(n.margin_minor, 0) AS margin_now,
    coalesce(b.orders, 0) AS costed_orders_before,
    coalesce(b.value_minor, 0) AS costed_before,
    coalesce(b.margin_minor, 0) AS margin_before
FROM totals AS t
JOIN known_customers AS k ON k.customer_number = t.customer_number
LEFT JOIN costed AS n ON n.customer_number = t.customer_number AND n.is_now
LEFT JOIN costed AS b ON b.customer_number = t.customer_number AND NOT b.is_now
LEFT JOIN returns AS r ON r.customer_key = k.customer_key
ORDER BY t.customer_number
