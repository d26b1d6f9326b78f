-- Who may be written to: the latest word on the purpose before the date is "granted". Where both words
-- fall on the same second, "withdrawn" holds. One row per person.
WITH latest AS (
    SELECT
        customer_key,
        max(changed_epoch_s) AS changed_epoch_s
    FROM consents
    WHERE purpose = $purpose AND changed_epoch_s < $as_of_s
    GROUP BY customer_key
),

said AS (
    SELECT
        c.customer_key,
        max(CASE WHEN c.state = 'withdrawn' THEN 1 ELSE 0 END) AS withdrawn,
        max(c.changed_epoch_s) AS changed_epoch_s
    FROM consents AS c
    INNER JOIN latest AS l
        ON l.customer_key = c.customer_key AND l.changed_epoch_s = c.changed_epoch_s
    WHERE c.purpose = $purpose
    GROUP BY c.customer_key
)

SELECT customer_key, changed_epoch_s AS granted_epoch_s
FROM said
WHERE withdrawn = 0
ORDER BY customer_key
