-- Every order of an experiment's units from a while before their own assignment until the as-of
-- date, with its distance from the assignment in seconds (negative before it).
SELECT
    a.unit_key,
    a.arm,
    o.ordered_epoch_s - a.assigned_epoch_s AS after_s,
    o.gross_minor - o.discount_minor - o.refunded_minor AS value_minor
FROM assignments AS a
INNER JOIN orders AS o ON o.customer_key = a.unit_key
WHERE a.experiment_key = $experiment_key
    AND o.status IN ('paid', 'refunded')
    AND o.ordered_epoch_s >= a.assigned_epoch_s - $window_s
    AND o.ordered_epoch_s < a.assigned_epoch_s + $horizon_s
    AND o.ordered_epoch_s < $until_s
ORDER BY a.unit_key, o.ordered_epoch_s, o.order_key
