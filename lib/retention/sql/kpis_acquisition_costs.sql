-- What was spent on winning customers in each window, and in how many currencies.
SELECT
    CAST(sum(CASE WHEN incurred_epoch_s >= $start_s THEN amount_minor ELSE 0 END) AS BIGINT)
        AS cost_now,
    CAST(sum(CASE WHEN incurred_epoch_s < $start_s THEN amount_minor ELSE 0 END) AS BIGINT)
        AS cost_before
FROM costs
WHERE kind = 'advertising'
  AND incurred_epoch_s < $as_of_s
  AND incurred_epoch_s >= $before_s
