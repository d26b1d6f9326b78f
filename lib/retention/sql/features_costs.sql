-- Margin: what the known orders left after the cost of their goods; NULL where a cost is unknown.
-- What was sent back is taken off in full: whether it could be sold again is not on record.
WITH returns AS (
    SELECT customer_key, CAST(sum(returned_minor) AS BIGINT) AS returned_minor
    FROM known_returns
    GROUP BY customer_key
)
SELECT
    o.customer_number,
    CASE
        WHEN count(*) = count(g.goods_cost_minor)
            THEN CAST(sum(o.value_minor - g.goods_cost_minor) - coalesce(max(r.returned_minor), 0)
                AS BIGINT)
    END AS margin_minor
FROM known_orders AS o
LEFT JOIN goods_costs AS g ON g.order_key = o.order_key
LEFT JOIN returns AS r ON r.customer_key = o.customer_key
GROUP BY o.customer_number
