-- Engagement layer: messages sent, opened by a person, clicked; whether the person unsubscribed.
SELECT
    customer_key,
    CAST(sum(CASE WHEN kind = 'sent' AND touched_epoch_s >= $as_of_s - 90 * 86400
        THEN 1 ELSE 0 END) AS BIGINT) AS emails_sent_90d,
    CAST(sum(CASE WHEN kind = 'opened' AND NOT coalesce(is_machine_open, FALSE)
        AND touched_epoch_s >= $as_of_s - 90 * 86400 THEN 1 ELSE 0 END) AS BIGINT) AS opens_90d,
    CAST(sum(CASE WHEN kind = 'clicked' AND touched_epoch_s >= $as_of_s - 90 * 86400
        THEN 1 ELSE 0 END) AS BIGINT) AS clicks_90d,
    ($as_of_s - max(CASE WHEN kind = 'opened' AND NOT coalesce(is_machine_open, FALSE)
        THEN touched_epoch_s END)) / 86400.0 AS days_since_open,
    max(CASE WHEN kind = 'unsubscribed' THEN 1 ELSE 0 END) = 1 AS is_unsubscribed
FROM touches
WHERE channel = 'email'
  AND touched_epoch_s < $as_of_s
GROUP BY customer_key
