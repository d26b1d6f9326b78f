-- What each unit of an experiment was given off its orders within the horizon after its own
-- assignment, and on how many orders: the offers it redeemed.
SELECT
    a.unit_key,
    CAST(sum(coalesce(o.discount_minor, 0)) AS BIGINT) AS discount_minor,
    CAST(sum(CASE WHEN o.discount_minor > 0 THEN 1 ELSE 0 END) AS BIGINT) AS redemptions
FROM assignments AS a
LEFT JOIN orders AS o
    ON o.customer_key = a.unit_key
    AND o.status IN ('paid', 'refunded')
    AND o.ordered_epoch_s >= a.assigned_epoch_s
    AND o.ordered_epoch_s < a.assigned_epoch_s + $horizon_s
WHERE a.experiment_key = $experiment_key
GROUP BY a.unit_key
ORDER BY a.unit_key
