-- Which order of the old system is which order of the new one: by number where it stands once on
-- each side, else by person, day, currency and amount (its identifier has changed).
CREATE OR REPLACE TEMP TABLE migration_pairs AS
WITH numbered AS (
    SELECT
        *,
        count(*) OVER (PARTITION BY side, number) AS same_number
    FROM migration_orders
    WHERE fate = 'sound'
),

by_number AS (
    SELECT
        l.id AS legacy_id,
        n.id AS new_id,
        'number' AS rule
    FROM numbered AS l
    INNER JOIN numbered AS n
        ON
            l.number = n.number
            AND l.side = 'legacy' AND n.side = 'new'
            AND l.same_number = 1 AND n.same_number = 1
),

unmatched AS (
    SELECT
        o.*,
        row_number() OVER (
            PARTITION BY o.side, o.person_key, o.day, o.currency, o.total_minor
            ORDER BY o.ordered_at, o.number, o.id
        ) AS place
    FROM numbered AS o
    WHERE
        o.person_key IS NOT NULL
        AND o.id NOT IN (SELECT b.legacy_id FROM by_number AS b)
        AND o.id NOT IN (SELECT b.new_id FROM by_number AS b)
),

by_content AS (
    SELECT
        l.id AS legacy_id,
        n.id AS new_id,
        'content' AS rule
    FROM unmatched AS l
    INNER JOIN unmatched AS n
        ON
            l.person_key = n.person_key
            AND l.day = n.day
            AND l.currency = n.currency
            AND l.total_minor = n.total_minor
            AND l.place = n.place
            AND l.side = 'legacy' AND n.side = 'new'
)

SELECT * FROM by_number
UNION ALL
SELECT * FROM by_content
