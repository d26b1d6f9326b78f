-- Messages sent, and whether each was opened by a person or clicked, by channel and hour of the day.
-- The hour is in UTC, from whole seconds.
WITH sent AS (
    SELECT
        touch_key,
        customer_key,
        campaign_key,
        channel,
        touched_epoch_s,
        CAST(floor((touched_epoch_s - 86400 * floor(touched_epoch_s / 86400)) / 3600) AS BIGINT)
            AS hour
    FROM touches
    WHERE kind = 'sent'
),

answers AS (
    SELECT
        customer_key,
        campaign_key,
        channel,
        max(CASE WHEN kind = 'opened' AND NOT coalesce(is_machine_open, FALSE) THEN 1 ELSE 0 END)
            AS opened,
        max(CASE WHEN kind = 'clicked' THEN 1 ELSE 0 END) AS clicked
    FROM touches
    WHERE kind IN ('opened', 'clicked') AND campaign_key IS NOT NULL
    GROUP BY customer_key, campaign_key, channel
)

SELECT
    s.channel,
    s.hour,
    count(*) AS sent,
    CAST(sum(coalesce(a.opened, 0)) AS BIGINT) AS opened,
    CAST(sum(coalesce(a.clicked, 0)) AS BIGINT) AS clicked
FROM sent AS s
LEFT JOIN answers AS a
    ON a.customer_key = s.customer_key
    AND a.campaign_key = s.campaign_key
    AND a.channel = s.channel
WHERE s.campaign_key IS NOT NULL
GROUP BY s.channel, s.hour
ORDER BY s.channel, s.hour
