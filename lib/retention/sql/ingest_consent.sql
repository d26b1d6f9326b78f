-- Who has decided on marketing e-mail: the latest word holds, and of two at once the withdrawal.
WITH latest AS (
    SELECT
        customer_key,
        state,
        row_number() OVER (
            PARTITION BY customer_key
            ORDER BY changed_epoch_s DESC, CASE state WHEN 'withdrawn' THEN 0 ELSE 1 END
        ) AS place
    FROM consents
    WHERE purpose = 'marketing_email'
)

SELECT
    (SELECT count(*) FROM customers) AS customers,
    count(*) AS decided,
    count(*) FILTER (WHERE state = 'granted') AS granted
FROM latest
WHERE place = 1
