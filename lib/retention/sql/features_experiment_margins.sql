-- Margin of what each unit of an experiment bought within the horizon after its own assignment.
-- A unit has no margin where the cost of any of its goods is unknown, and 0 if it bought nothing.
SELECT
    a.unit_key,
    CASE
        WHEN count(o.order_key) = 0 THEN 0.0
        WHEN count(o.order_key) = count(g.goods_cost_minor)
            THEN sum(o.gross_minor - o.discount_minor - o.refunded_minor - g.goods_cost_minor)
                / $minor_per_major
    END AS net_margin
FROM assignments AS a
LEFT JOIN orders AS o
    ON o.customer_key = a.unit_key
    AND o.status IN ('paid', 'refunded')
    AND o.ordered_epoch_s >= a.assigned_epoch_s
    AND o.ordered_epoch_s < a.assigned_epoch_s + $horizon_s
LEFT JOIN goods_costs AS g ON g.order_key = o.order_key
WHERE a.experiment_key = $experiment_key
GROUP BY a.unit_key
ORDER BY a.unit_key
