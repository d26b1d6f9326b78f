-- Customers who had a subscription or tier before the as-of date, and whether any still ran then.
SELECT
    customer_key,
    min(CASE WHEN ended_epoch_s IS NULL OR ended_epoch_s >= $as_of_s THEN 0 ELSE 1 END) AS has_ended
FROM contracts
WHERE started_epoch_s < $as_of_s
GROUP BY customer_key
ORDER BY customer_key
