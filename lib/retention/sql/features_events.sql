-- Behavioural layer: visits in the 90 days before the as-of date, by session. What the loyalty
-- programme books (points earned, for one) is no visit.
WITH visits AS (
    SELECT
        customer_key,
        coalesce(session_key, event_key) AS visit_key,
        sum(CASE WHEN event_name = 'view_item' THEN 1 ELSE 0 END) AS views,
        max(CASE WHEN event_name IN ('add_to_cart', 'begin_checkout') THEN 1 ELSE 0 END) AS carted,
        max(CASE WHEN event_name = 'purchase' THEN 1 ELSE 0 END) AS bought,
        sum(CASE WHEN event_name = 'exit_intent' THEN 1 ELSE 0 END) AS exits
    FROM events
    WHERE customer_key IS NOT NULL
      AND event_epoch_s < $as_of_s
      AND event_epoch_s >= $as_of_s - 90 * 86400
      AND event_name NOT IN ('loyalty_join', 'loyalty_leave', 'loyalty_earn', 'loyalty_redeem')
    GROUP BY customer_key, coalesce(session_key, event_key)
)
SELECT
    customer_key,
    count(*) AS sessions_90d,
    CAST(sum(views) AS BIGINT) AS views_90d,
    CAST(sum(CASE WHEN views > 0 AND bought = 0 THEN 1 ELSE 0 END) AS BIGINT)
        AS browse_sessions_90d,
    CAST(sum(CASE WHEN carted = 1 AND bought = 0 THEN 1 ELSE 0 END) AS BIGINT)
        AS carts_abandoned_90d,
    CAST(sum(exits) AS BIGINT) AS exit_intents_90d
FROM visits
GROUP BY customer_key
