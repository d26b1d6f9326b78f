-- Service layer: help-desk tickets in the 180 days before the as-of date.
SELECT
    customer_key,
    count(*) AS tickets_180d
FROM tickets
WHERE customer_key IS NOT NULL
  AND opened_epoch_s < $as_of_s
  AND opened_epoch_s >= $as_of_s - 180 * 86400
GROUP BY customer_key
