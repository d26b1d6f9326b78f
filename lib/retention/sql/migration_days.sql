-- Orders and money of both systems per day and currency.
SELECT
    CAST(o.day AS VARCHAR) AS day,
    coalesce(l.currency, n.currency) AS currency,
    count(l.id) AS legacy_orders,
    count(n.id) AS new_orders,
    count(*) FILTER (WHERE o.outcome IN ('matched', 'identifier_changed')) AS matched,
    count(*) FILTER (WHERE o.outcome IN ('missing_in_new', 'refused_in_new')) AS missing,
    count(*) FILTER (WHERE o.outcome IN ('only_in_new', 'refused_in_legacy')) AS added,
    count(*) FILTER (WHERE o.outcome LIKE 'doubled%') AS doubled,
    count(*) FILTER (WHERE l.net_minor <> n.net_minor) AS net_differs,
    CAST(coalesce(sum(l.net_minor), 0) AS BIGINT) AS legacy_net,
    CAST(coalesce(sum(n.net_minor), 0) AS BIGINT) AS new_net,
    CAST(coalesce(sum(n.net_minor), 0) - coalesce(sum(l.net_minor), 0) AS BIGINT) AS difference
FROM migration_outcomes AS o
LEFT JOIN migration_orders AS l ON o.legacy_id = l.id
LEFT JOIN migration_orders AS n ON o.new_id = n.id
GROUP BY o.day, coalesce(l.currency, n.currency)
ORDER BY o.day, coalesce(l.currency, n.currency)
