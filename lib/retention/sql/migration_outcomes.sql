-- One row per order of either side that lies in the period: what became of it. An order without a
-- partner that equals a matched order of its own side stands there twice; one whose partner's
-- record was refused is no loss of the migration but of that export.
CREATE OR REPLACE TEMP TABLE migration_outcomes AS
WITH paired AS (
    SELECT
        p.rule,
        l.id AS legacy_id,
        n.id AS new_id,
        l.day AS legacy_day,
        n.day AS new_day
    FROM migration_pairs AS p
    INNER JOIN migration_orders AS l ON p.legacy_id = l.id
    INNER JOIN migration_orders AS n ON p.new_id = n.id
    WHERE
        l.day BETWEEN CAST($first AS DATE) AND CAST($last AS DATE)
        OR n.day BETWEEN CAST($first AS DATE) AND CAST($last AS DATE)
),

matched AS (
    SELECT DISTINCT o.side, o.person_key, o.day, o.currency, o.total_minor
    FROM migration_orders AS o
    WHERE
        o.person_key IS NOT NULL
        AND o.id IN (
            SELECT p.legacy_id FROM migration_pairs AS p
            UNION ALL
            SELECT p.new_id FROM migration_pairs AS p
        )
),

refused AS (
    SELECT DISTINCT side, number FROM migration_orders WHERE fate <> 'sound' AND fate <> 'repeated'
),

alone AS (
    SELECT
        o.*,
        m.side IS NOT NULL AS is_double,
        r.side IS NOT NULL AS is_refused_there
    FROM migration_orders AS o
    LEFT JOIN matched AS m
        ON
            o.side = m.side AND o.person_key = m.person_key AND o.day = m.day
            AND o.currency = m.currency AND o.total_minor = m.total_minor
    LEFT JOIN refused AS r ON o.number = r.number AND o.side <> r.side
    WHERE
        o.fate = 'sound'
        AND o.day BETWEEN CAST($first AS DATE) AND CAST($last AS DATE)
        AND o.id NOT IN (SELECT p.legacy_id FROM migration_pairs AS p)
        AND o.id NOT IN (SELECT p.new_id FROM migration_pairs AS p)
)

SELECT
    CASE rule WHEN 'number' THEN 'matched' ELSE 'identifier_changed' END AS outcome,
    legacy_id,
    new_id,
    coalesce(legacy_day, new_day) AS day
FROM paired
UNION ALL
SELECT
    CASE
        WHEN is_double THEN 'doubled_in_' || side
        WHEN is_refused_there THEN 'refused_in_' || CASE side WHEN 'new' THEN 'legacy' ELSE 'new' END
        WHEN side = 'legacy' THEN 'missing_in_new'
        ELSE 'only_in_new'
    END AS outcome,
    CASE side WHEN 'legacy' THEN id END AS legacy_id,
    CASE side WHEN 'new' THEN id END AS new_id,
    day
FROM alone
