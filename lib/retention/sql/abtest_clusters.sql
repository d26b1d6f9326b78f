-- One row per cluster: clusters, not units, are the independent draws, so the sums of a cluster
-- are what the sufficient statistics are formed of. Braces as in abtest_statistics.sql.
SELECT {groups}, {cluster} AS cluster_key, {aggregates}
FROM {units}
GROUP BY {group_names}, {cluster}
