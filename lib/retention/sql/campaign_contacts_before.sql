-- How many messages each person was sent on a channel in the days before the date.
SELECT
    customer_key,
    count(*) AS contacts
FROM touches
WHERE
    channel = $channel
    AND kind = 'sent'
    AND touched_epoch_s < $as_of_s
    AND touched_epoch_s >= $as_of_s - $window_s
GROUP BY customer_key
ORDER BY customer_key
