-- Who unsubscribed, complained or bounced on a channel before the date, and when last.
SELECT
    customer_key,
    max(touched_epoch_s) AS suppressed_epoch_s
FROM touches
WHERE
    channel = $channel
    AND kind IN ('unsubscribed', 'complained', 'bounced')
    AND touched_epoch_s < $as_of_s
GROUP BY customer_key
ORDER BY customer_key
