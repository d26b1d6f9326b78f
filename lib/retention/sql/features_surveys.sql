-- Voice layer: the latest promoter score, the latest reason the person gave, and what the person
-- said to prefer. Preferences are answers to a survey or form whose name begins with "preference".
WITH answers AS (
    SELECT
        customer_key,
        CASE WHEN instrument = 'nps' AND score IS NOT NULL THEN 'score'
             WHEN instrument LIKE 'preference%' THEN 'preference'
             ELSE 'reason' END AS kind,
        score,
        reason_code,
        answered_epoch_s,
        response_key
    FROM surveys
    WHERE customer_key IS NOT NULL
      AND answered_epoch_s < $as_of_s
),
said AS (
    SELECT customer_key, 'score' AS kind, score, NULL AS reason_code, answered_epoch_s, response_key
    FROM answers
    WHERE kind = 'score'
    UNION ALL
    SELECT
        customer_key,
        CASE WHEN kind = 'preference' THEN 'preference' ELSE 'reason' END AS kind,
        NULL AS score,
        reason_code,
        answered_epoch_s,
        response_key
    FROM answers
    WHERE reason_code IS NOT NULL
),
placed AS (
    SELECT
        customer_key,
        kind,
        score,
        reason_code,
        row_number() OVER (
            PARTITION BY customer_key, kind ORDER BY answered_epoch_s DESC, response_key
        ) AS place
    FROM said
)
SELECT
    customer_key,
    max(CASE WHEN kind = 'score' AND place = 1 THEN score END) AS nps_score,
    max(CASE WHEN kind = 'reason' AND place = 1 THEN reason_code END) AS stated_reason,
    max(CASE WHEN kind = 'preference' AND place = 1 THEN reason_code END) AS stated_preference,
    nullif(count(DISTINCT CASE WHEN kind = 'preference' THEN reason_code END), 0)
        AS preference_count
FROM placed
GROUP BY customer_key
