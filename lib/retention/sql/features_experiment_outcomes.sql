-- What each unit of an experiment bought within the horizon after its own assignment.
SELECT
    a.unit_key,
    count(o.order_key) AS orders,
    coalesce(sum(o.gross_minor - o.discount_minor - o.refunded_minor), 0)
        / $minor_per_major AS revenue
FROM assignments AS a
LEFT JOIN orders AS o
    ON o.customer_key = a.unit_key
    AND o.status IN ('paid', 'refunded')
    AND o.ordered_epoch_s >= a.assigned_epoch_s
    AND o.ordered_epoch_s < a.assigned_epoch_s + $horizon_s
WHERE a.experiment_key = $experiment_key
GROUP BY a.unit_key
ORDER BY a.unit_key
