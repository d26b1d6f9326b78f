-- Customers who had joined the loyalty programme before the as-of date, and whether they had left.
SELECT
    customer_key,
    CASE WHEN coalesce(max(CASE WHEN event_name = 'loyalty_leave' THEN event_epoch_s END), -1)
            >= max(CASE WHEN event_name <> 'loyalty_leave' THEN event_epoch_s ELSE 0 END)
        THEN 1 ELSE 0 END AS has_ended
FROM events
WHERE event_name IN ('loyalty_join', 'loyalty_leave', 'loyalty_earn', 'loyalty_redeem')
  AND customer_key IS NOT NULL
  AND event_epoch_s < $as_of_s
GROUP BY customer_key
ORDER BY customer_key
