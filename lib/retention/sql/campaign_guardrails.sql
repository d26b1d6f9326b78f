-- What each unit of an experiment did within the horizon that the campaign must not make worse.
SELECT
    a.unit_key,
    max(CASE WHEN t.kind = 'unsubscribed' THEN 1 ELSE 0 END) AS unsubscribed,
    max(CASE WHEN t.kind = 'complained' THEN 1 ELSE 0 END) AS complained
FROM assignments AS a
LEFT JOIN touches AS t
    ON t.customer_key = a.unit_key
    AND t.kind IN ('unsubscribed', 'complained')
    AND t.touched_epoch_s >= a.assigned_epoch_s
    AND t.touched_epoch_s < a.assigned_epoch_s + $horizon_s
WHERE a.experiment_key = $experiment_key
GROUP BY a.unit_key
ORDER BY a.unit_key
