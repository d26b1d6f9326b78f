-- What became of each buyer of the period: found again under the same identity, under another one
-- (known from their orders), or not at all; and who stands twice in the new system.
WITH bought AS (
    SELECT DISTINCT o.side, o.person_key
    FROM migration_orders AS o
    WHERE
        o.person_key IS NOT NULL
        AND o.id IN (
            SELECT t.legacy_id FROM migration_outcomes AS t
            UNION ALL
            SELECT t.new_id FROM migration_outcomes AS t
        )
),

known AS (
    SELECT DISTINCT side, person_key
    FROM migration_orders
    WHERE fate = 'sound' AND person_key IS NOT NULL
),

carried AS (
    SELECT DISTINCT l.person_key AS legacy_person, n.person_key AS new_person
    FROM migration_pairs AS p
    INNER JOIN migration_orders AS l ON p.legacy_id = l.id
    INNER JOIN migration_orders AS n ON p.new_id = n.id
    WHERE l.person_key IS NOT NULL AND n.person_key IS NOT NULL
),

split AS (
    SELECT legacy_person
    FROM carried
    GROUP BY legacy_person
    HAVING count(*) > 1
),

renamed AS (
    SELECT legacy_person, new_person
    FROM carried
    WHERE
        legacy_person <> new_person
        AND legacy_person NOT IN (SELECT s.legacy_person FROM split AS s)
)

SELECT
    b.side,
    CASE
        WHEN b.side = 'legacy' AND b.person_key IN (SELECT s.legacy_person FROM split AS s)
            THEN 'doubled'
        WHEN k.person_key IS NOT NULL THEN 'matched'
        WHEN
            b.person_key IN (SELECT r.legacy_person FROM renamed AS r)
            OR b.person_key IN (SELECT r.new_person FROM renamed AS r)
            THEN 'identifier_changed'
        WHEN b.side = 'new' AND b.person_key IN (SELECT c.new_person FROM carried AS c)
            THEN 'matched'
        WHEN b.side = 'legacy' THEN 'missing'
        ELSE 'added'
    END AS outcome,
    count(*) AS customers
FROM bought AS b
LEFT JOIN known AS k ON b.person_key = k.person_key AND b.side <> k.side
GROUP BY ALL
ORDER BY ALL
