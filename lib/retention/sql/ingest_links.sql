-- Whose each weaker identity is. One that was seen with exactly one stronger one takes its key;
-- several stronger ones make no link: nobody is merged by guess. What was declared comes first:
-- declared_people says which identities are one person, unlinked which pairs must not be joined
-- by what was merely seen.
CREATE OR REPLACE TEMP TABLE links AS
WITH seen AS (
    SELECT
        s.email_key,
        s.phone_key,
        s.platform_key,
        coalesce(d.person, s.email_key) AS email_person
    FROM (SELECT DISTINCT email_key, phone_key, platform_key FROM seen_together) AS s
    LEFT JOIN declared_people AS d ON s.email_key = d.token
),

-- A node is an identity, or all the identities that were declared to be one person.
phone_nodes AS (
    SELECT
        coalesce(d.person, seen.phone_key) AS node,
        count(DISTINCT seen.email_person) AS candidates,
        min(seen.email_person) AS person
    FROM seen
    LEFT JOIN declared_people AS d ON seen.phone_key = d.token
    WHERE
        seen.phone_key IS NOT NULL
        AND NOT coalesce(d.has_email, false)
        AND NOT EXISTS (
            SELECT 1 FROM unlinked AS u
            WHERE u.token = seen.phone_key AND u.parted_from = seen.email_key
        )
    GROUP BY coalesce(d.person, seen.phone_key)
),

resolved AS (
    SELECT
        seen.platform_key,
        coalesce(d.person, seen.platform_key) AS node,
        coalesce(d.has_email, false) AS has_email,
        coalesce(
            seen.email_person,
            CASE WHEN p.has_email THEN p.person END,
            CASE WHEN phone_nodes.candidates = 1 THEN phone_nodes.person END,
            p.person,
            seen.phone_key
        ) AS stronger
    FROM seen
    LEFT JOIN declared_people AS d ON seen.platform_key = d.token
    LEFT JOIN declared_people AS p ON seen.phone_key = p.token
    LEFT JOIN phone_nodes ON coalesce(p.person, seen.phone_key) = phone_nodes.node
    WHERE
        seen.platform_key IS NOT NULL
        AND NOT EXISTS (
            SELECT 1 FROM unlinked AS u
            WHERE
                u.token = seen.platform_key
                AND u.parted_from = coalesce(seen.email_key, seen.phone_key)
        )
),

platform_nodes AS (
    SELECT
        node,
        count(DISTINCT stronger) FILTER (WHERE stronger <> node) AS candidates,
        min(stronger) FILTER (WHERE stronger <> node) AS person
    FROM resolved
    WHERE NOT has_email
    GROUP BY node
),

declared AS (
    SELECT
        d.token,
        'declared' AS kind,
        1 AS candidates,
        CASE
            WHEN d.has_email THEN d.person
            WHEN phone_nodes.candidates = 1 THEN phone_nodes.person
            WHEN platform_nodes.candidates = 1 THEN platform_nodes.person
            ELSE d.person
        END AS customer_key
    FROM declared_people AS d
    LEFT JOIN phone_nodes ON d.person = phone_nodes.node
    LEFT JOIN platform_nodes ON d.person = platform_nodes.node
),

observed AS (
    SELECT node AS token, 'phone' AS kind, candidates, person AS customer_key
    FROM phone_nodes
    WHERE candidates > 0
    UNION ALL
    SELECT node AS token, 'platform_id' AS kind, candidates, person AS customer_key
    FROM platform_nodes
    WHERE candidates > 0
),

every_link AS (
    SELECT token, kind, candidates, customer_key FROM declared
    UNION ALL
    SELECT o.token, o.kind, o.candidates, o.customer_key
    FROM observed AS o
    WHERE NOT EXISTS (SELECT 1 FROM declared_people AS d WHERE d.token = o.token)
)

-- The stronger identity may itself stand for another since it was declared to be theirs.
SELECT
    l.token,
    l.kind,
    l.candidates,
    coalesce(d.customer_key, l.customer_key) AS customer_key
FROM every_link AS l
LEFT JOIN declared AS d ON l.customer_key = d.token
