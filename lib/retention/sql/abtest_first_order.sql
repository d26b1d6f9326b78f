-- Seconds from a unit's own assignment to its first order after it; NULL where there is none yet.
SELECT a.unit_key, a.assigned_epoch_s, min(o.ordered_epoch_s) - a.assigned_epoch_s AS first_order_s
FROM assignments AS a
LEFT JOIN orders AS o
    ON o.customer_key = a.unit_key
    AND o.status IN ('paid', 'refunded')
    AND o.ordered_epoch_s >= a.assigned_epoch_s
    AND o.ordered_epoch_s < $until_s
WHERE a.experiment_key = $experiment_key
GROUP BY a.unit_key, a.assigned_epoch_s
ORDER BY a.unit_key
