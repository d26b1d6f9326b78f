-- The latest promoter score of each respondent in each window.
WITH answers AS (
    SELECT
        customer_key,
        coalesce(customer_key, response_key) AS respondent_key,
        CASE WHEN answered_epoch_s >= $start_s THEN 1 ELSE 0 END AS is_now,
        score,
        row_number() OVER (
            PARTITION BY coalesce(customer_key, response_key),
                CASE WHEN answered_epoch_s >= $start_s THEN 1 ELSE 0 END
            ORDER BY answered_epoch_s DESC, response_key
        ) AS place
    FROM surveys
    WHERE instrument = 'nps'
      AND score IS NOT NULL
      AND answered_epoch_s < $as_of_s
      AND answered_epoch_s >= $before_s
)
SELECT customer_key, respondent_key, is_now, score
FROM answers
WHERE place = 1
ORDER BY respondent_key, is_now
