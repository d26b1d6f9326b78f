-- Per visitor (customer, else browser) and window: visits, visits with a cart, with a purchase.
-- What the loyalty programme books is no visit. Who the browser was is told to nobody: there are
-- millions, and those who did alike are alike.
WITH visits AS (
    SELECT
        max(customer_key) AS customer_key,
        max(anon_key) AS anon_key,
        coalesce(session_key, event_key) AS visit_key,
        max(CASE WHEN event_epoch_s >= $start_s THEN 1 ELSE 0 END) AS is_now,
        max(CASE WHEN event_name IN ('add_to_cart', 'begin_checkout') THEN 1 ELSE 0 END) AS carted,
        max(CASE WHEN event_name = 'purchase' THEN 1 ELSE 0 END) AS bought
    FROM events
    WHERE event_epoch_s < $as_of_s
      AND event_epoch_s >= $before_s
      AND event_name NOT IN ('loyalty_join', 'loyalty_leave', 'loyalty_earn', 'loyalty_redeem')
    GROUP BY coalesce(session_key, event_key)
)
SELECT
    customer_key,
    is_now,
    CAST(count(*) AS INTEGER) AS visits,
    CAST(sum(bought) AS INTEGER) AS visits_bought,
    CAST(sum(carted) AS INTEGER) AS visits_carted,
    CAST(sum(CASE WHEN carted = 1 AND bought = 0 THEN 1 ELSE 0 END) AS INTEGER) AS carts_abandoned
FROM visits
GROUP BY customer_key, coalesce(customer_key, anon_key, visit_key), is_now
ORDER BY customer_key, is_now, visits, visits_bought, visits_carted, carts_abandoned
