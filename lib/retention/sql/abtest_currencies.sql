-- Currencies in which the units of an experiment paid after their assignment.
SELECT DISTINCT o.currency
FROM assignments AS a
INNER JOIN orders AS o
    ON o.customer_key = a.unit_key
    AND o.ordered_epoch_s >= a.assigned_epoch_s
WHERE a.experiment_key = $experiment_key
ORDER BY o.currency
