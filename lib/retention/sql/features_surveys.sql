-- Voice layer: the latest promoter score and the latest reason the person gave.
WITH answers AS (
    SELECT
        customer_key,
        CASE WHEN instrument = 'nps' THEN score END AS score,
        reason_code,
        row_number() OVER (
            PARTITION BY customer_key, instrument = 'nps' AND score IS NOT NULL
            ORDER BY answered_epoch_s DESC, response_key
        ) AS score_place,
        row_number() OVER (
            PARTITION BY customer_key, reason_code IS NOT NULL
            ORDER BY answered_epoch_s DESC, response_key
        ) AS reason_place
    FROM surveys
    WHERE customer_key IS NOT NULL
      AND answered_epoch_s < $as_of_s
)
SELECT
    customer_key,
    max(CASE WHEN score_place = 1 THEN score END) AS nps_score,
    max(CASE WHEN reason_place = 1 THEN reason_code END) AS stated_reason
FROM answers
GROUP BY customer_key
