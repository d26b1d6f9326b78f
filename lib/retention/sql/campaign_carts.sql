-- How many visits with a filled basket each unit had within the horizon, and how many of them ended
-- in an order of the same visit.
WITH visits AS (
    SELECT
        a.unit_key,
        e.session_key,
        max(CASE WHEN e.event_name IN ('add_to_cart', 'begin_checkout') THEN 1 ELSE 0 END) AS filled,
        max(CASE WHEN e.event_name = 'purchase' THEN 1 ELSE 0 END) AS bought
    FROM assignments AS a
    INNER JOIN events AS e
        ON e.customer_key = a.unit_key
        AND e.event_epoch_s >= a.assigned_epoch_s
        AND e.event_epoch_s < a.assigned_epoch_s + $horizon_s
    WHERE a.experiment_key = $experiment_key AND e.session_key IS NOT NULL
    GROUP BY a.unit_key, e.session_key
)

SELECT
    unit_key,
    sum(filled) AS carts,
    sum(filled * bought) AS recovered_carts
FROM visits
GROUP BY unit_key
ORDER BY unit_key
