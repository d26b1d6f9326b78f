-- Per customer: value of the orders since $start_s, that of those whose goods have a known cost, and
-- what these left after the cost of the goods. known_orders ends at the as-of date.
SELECT
    o.customer_key,
    CAST(sum(o.value_minor) AS BIGINT) AS value_minor,
    CAST(sum(CASE WHEN g.goods_cost_minor IS NOT NULL THEN o.value_minor ELSE 0 END) AS BIGINT)
        AS costed_minor,
    CAST(sum(CASE WHEN g.goods_cost_minor IS NOT NULL
        THEN o.value_minor - g.goods_cost_minor ELSE 0 END) AS BIGINT) AS margin_minor
FROM known_orders AS o
LEFT JOIN goods_costs AS g ON g.order_key = o.order_key
WHERE o.ordered_epoch_s >= $start_s
GROUP BY o.customer_key
ORDER BY o.customer_key
