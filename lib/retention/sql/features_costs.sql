-- Margin: what the known orders left after the cost of their goods; NULL where a cost is unknown.
SELECT
    o.customer_key,
    CASE
        WHEN count(*) = count(g.goods_cost_minor)
            THEN CAST(sum(o.value_minor - g.goods_cost_minor) AS BIGINT)
    END AS margin_minor
FROM known_orders AS o
LEFT JOIN goods_costs AS g ON g.order_key = o.order_key
GROUP BY o.customer_key
