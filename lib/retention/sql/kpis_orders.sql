-- Per customer: what was ordered in the window and in the one before it.
-- Windows: [$before_s, $start_s) and [$start_s, as-of date); known_orders ends at the as-of date.
-- Margin is of orders whose goods have a known cost: value and cost of those alone.
WITH returns AS (
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
    o.customer_key,
    min(ordered_epoch_s) AS first_s,
    CAST(sum(CASE WHEN ordered_epoch_s >= $start_s THEN 1 ELSE 0 END) AS BIGINT) AS orders_now,
    CAST(sum(CASE WHEN ordered_epoch_s >= $start_s THEN value_minor ELSE 0 END) AS BIGINT)
        - coalesce(max(r.returned_now), 0) AS value_now,
    CAST(sum(CASE WHEN ordered_epoch_s >= $before_s AND ordered_epoch_s < $start_s
        THEN 1 ELSE 0 END) AS BIGINT) AS orders_before,
    CAST(sum(CASE WHEN ordered_epoch_s >= $before_s AND ordered_epoch_s < $start_s
        THEN value_minor ELSE 0 END) AS BIGINT) - coalesce(max(r.returned_before), 0)
        AS value_before,
    CAST(max(CASE WHEN ordered_epoch_s < $before_s AND ordered_epoch_s >= $earlier_s
        THEN 1 ELSE 0 END) AS BIGINT) AS was_active_earlier,
    min(day_s) AS first_day_s,
    max(CASE WHEN ordered_epoch_s >= $start_s THEN day_s END) AS last_day_now_s,
    max(CASE WHEN ordered_epoch_s >= $before_s AND ordered_epoch_s < $start_s THEN day_s END)
        AS last_day_before_s,
    CAST(sum(CASE WHEN ordered_epoch_s >= $start_s AND g.goods_cost_minor IS NOT NULL
        THEN 1 ELSE 0 END) AS BIGINT) AS costed_orders_now,
    CAST(sum(CASE WHEN ordered_epoch_s >= $start_s AND g.goods_cost_minor IS NOT NULL
        THEN value_minor ELSE 0 END) AS BIGINT) AS costed_now,
    CAST(sum(CASE WHEN ordered_epoch_s >= $start_s AND g.goods_cost_minor IS NOT NULL
        THEN value_minor - g.goods_cost_minor ELSE 0 END) AS BIGINT) AS margin_now,
    CAST(sum(CASE WHEN ordered_epoch_s >= $before_s AND ordered_epoch_s < $start_s
        AND g.goods_cost_minor IS NOT NULL THEN 1 ELSE 0 END) AS BIGINT) AS costed_orders_before,
    CAST(sum(CASE WHEN ordered_epoch_s >= $before_s AND ordered_epoch_s < $start_s
        AND g.goods_cost_minor IS NOT NULL THEN value_minor ELSE 0 END) AS BIGINT)
        AS costed_before,
    CAST(sum(CASE WHEN ordered_epoch_s >= $before_s AND ordered_epoch_s < $start_s
        AND g.goods_cost_minor IS NOT NULL
        THEN value_minor - g.goods_cost_minor ELSE 0 END) AS BIGINT) AS margin_before
FROM known_orders AS o
LEFT JOIN kpis_goods_costs AS g ON g.order_key = o.order_key
LEFT JOIN returns AS r ON r.customer_key = o.customer_key
GROUP BY o.customer_key
ORDER BY o.customer_key
