-- How many messages each unit of an experiment was sent in the days before its own assignment.
SELECT
    a.unit_key,
    sum(CASE WHEN t.touched_epoch_s >= a.assigned_epoch_s - $day_s * 7 THEN 1 ELSE 0 END)
        AS contacts_7d,
    count(t.touch_key) AS contacts_30d
FROM assignments AS a
LEFT JOIN touches AS t
    ON t.customer_key = a.unit_key
    AND t.kind = 'sent'
    AND t.touched_epoch_s >= a.assigned_epoch_s - $day_s * 30
    AND t.touched_epoch_s < a.assigned_epoch_s
WHERE a.experiment_key = $experiment_key
GROUP BY a.unit_key
ORDER BY a.unit_key
