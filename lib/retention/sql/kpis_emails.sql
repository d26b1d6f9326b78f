-- Per customer and window: e-mails sent, opened by a person, clicked, either (each e-mail at
-- most once; who clicked has opened, whatever the pixel says).
WITH emails AS (
    SELECT
        customer_key,
        campaign_key,
        CASE WHEN touched_epoch_s >= $start_s THEN 1 ELSE 0 END AS is_now,
        CAST(sum(CASE WHEN kind = 'sent' THEN 1 ELSE 0 END) AS BIGINT) AS sent,
        CAST(sum(CASE WHEN kind = 'opened' AND NOT coalesce(is_machine_open, FALSE)
            THEN 1 ELSE 0 END) AS BIGINT) AS opens,
        CAST(sum(CASE WHEN kind = 'clicked' THEN 1 ELSE 0 END) AS BIGINT) AS clicks
    FROM touches
    WHERE channel = 'email'
      AND touched_epoch_s < $as_of_s
      AND touched_epoch_s >= $before_s
    GROUP BY customer_key, campaign_key, CASE WHEN touched_epoch_s >= $start_s THEN 1 ELSE 0 END
)
SELECT
    customer_key,
    is_now,
    CAST(sum(sent) AS BIGINT) AS sent,
    CAST(sum(CASE WHEN opens < sent THEN opens ELSE sent END) AS BIGINT) AS opened,
    CAST(sum(CASE WHEN clicks < sent THEN clicks ELSE sent END) AS BIGINT) AS clicked,
    CAST(sum(CASE WHEN opens < sent AND clicks < sent
        THEN CASE WHEN opens > clicks THEN opens ELSE clicks END ELSE sent END) AS BIGINT)
        AS engaged
FROM emails
WHERE sent > 0
GROUP BY customer_key, is_now
ORDER BY customer_key, is_now
