-- What the goods of each order cost, by the latest unit cost known before the as-of date.
-- NULL where the cost of any piece is not on record: a part is not a sum.
WITH unit_costs AS (
    SELECT
        scope_key AS sku,
        amount_minor,
        row_number() OVER (
            PARTITION BY scope_key ORDER BY incurred_epoch_s DESC, cost_key
        ) AS place
    FROM costs
    WHERE kind = 'goods_unit'
      AND scope_type = 'product'
      AND incurred_epoch_s < $as_of_s
)
SELECT
    l.order_key,
    CASE
        WHEN count(*) = count(u.amount_minor) THEN CAST(sum(l.quantity * u.amount_minor) AS BIGINT)
    END AS goods_cost_minor
FROM order_lines AS l
LEFT JOIN unit_costs AS u ON u.sku = l.sku AND u.place = 1
WHERE l.quantity > 0
GROUP BY l.order_key
