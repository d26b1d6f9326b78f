-- Engagement layer: the loyalty programme, from its events. Without any such event before the as-of
-- date nobody has a row, and the features are absent; with some, all customers have one.
WITH known AS (
    SELECT customer_key, event_name, event_epoch_s, value
    FROM events
    WHERE event_name IN ('loyalty_join', 'loyalty_leave', 'loyalty_earn', 'loyalty_redeem')
      AND customer_key IS NOT NULL
      AND event_epoch_s < $as_of_s
),
members AS (
    SELECT
        customer_key,
        max(CASE WHEN event_name <> 'loyalty_leave' THEN event_epoch_s END) AS last_in_s,
        max(CASE WHEN event_name = 'loyalty_leave' THEN event_epoch_s END) AS last_left_s,
        sum(CASE WHEN event_name = 'loyalty_earn' THEN coalesce(value, 0)
                 WHEN event_name = 'loyalty_redeem' THEN -coalesce(value, 0)
                 ELSE 0 END) AS points,
        sum(CASE WHEN event_name = 'loyalty_redeem'
                  AND event_epoch_s >= $as_of_s - 180 * 86400 THEN 1 ELSE 0 END) AS redemptions
    FROM known
    GROUP BY customer_key
),
programme AS (
    SELECT count(*) AS members FROM members
)
SELECT
    l.customer_key,
    coalesce(m.last_in_s > coalesce(m.last_left_s, -1), FALSE) AS is_loyalty_member,
    coalesce(m.points, 0) AS loyalty_points,
    CAST(coalesce(m.redemptions, 0) AS BIGINT) AS loyalty_redemptions_180d
FROM features_layer_orders AS l
CROSS JOIN programme AS p
LEFT JOIN members AS m ON m.customer_key = l.customer_key
WHERE p.members > 0
