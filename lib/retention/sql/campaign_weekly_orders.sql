-- What each unit of an experiment bought in each week after its own assignment (week 0 first).
-- Weeks without orders are absent; integer division of whole seconds is exact on both engines.
SELECT
    a.unit_key,
    CAST(floor((o.ordered_epoch_s - a.assigned_epoch_s) / $week_s) AS BIGINT) AS week,
    count(o.order_key) AS orders,
    CAST(sum(o.gross_minor - o.discount_minor - o.refunded_minor) AS BIGINT) AS revenue_minor
FROM assignments AS a
INNER JOIN orders AS o
    ON o.customer_key = a.unit_key
    AND o.status IN ('paid', 'refunded')
    AND o.ordered_epoch_s >= a.assigned_epoch_s
    AND o.ordered_epoch_s < a.assigned_epoch_s + $weeks * $week_s
WHERE a.experiment_key = $experiment_key
GROUP BY 1, 2
ORDER BY 1, 2
