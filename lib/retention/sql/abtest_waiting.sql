-- Seconds from a given time to each customer's first order after it; NULL where there is none.
SELECT
    customer_key AS unit_key,
    min(
        CASE
            WHEN ordered_epoch_s >= $as_of_s AND ordered_epoch_s < $until_s
                THEN ordered_epoch_s - $as_of_s
        END
    ) AS first_order_s
FROM orders
WHERE customer_key IS NOT NULL AND status IN ('paid', 'refunded')
GROUP BY customer_key
ORDER BY customer_key
