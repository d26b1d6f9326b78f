-- Weaker identities that were seen with exactly one stronger one take its key.
-- Several stronger ones make no link: the conflict is reported, nobody is merged by guess.
CREATE OR REPLACE TEMP TABLE links AS
WITH by_phone AS (
    SELECT
        phone_key AS token,
        'phone' AS kind,
        count(DISTINCT email_key) AS candidates,
        min(email_key) AS customer_key
    FROM seen_together
    WHERE phone_key IS NOT NULL
    GROUP BY phone_key
),

resolved AS (
    SELECT
        seen_together.platform_key,
        coalesce(
            seen_together.email_key,
            CASE WHEN by_phone.candidates = 1 THEN by_phone.customer_key END,
            seen_together.phone_key
        ) AS stronger
    FROM seen_together
    LEFT JOIN by_phone ON seen_together.phone_key = by_phone.token
    WHERE seen_together.platform_key IS NOT NULL
),

by_platform AS (
    SELECT
        platform_key AS token,
        'platform_id' AS kind,
        count(DISTINCT stronger) AS candidates,
        min(stronger) AS customer_key
    FROM resolved
    GROUP BY platform_key
)

SELECT * FROM by_phone WHERE candidates > 0
UNION ALL
SELECT * FROM by_platform WHERE candidates > 0
