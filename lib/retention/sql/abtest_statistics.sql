-- Sufficient statistics of an experiment: one row per group (arm, segment, day) with count(*), sums
-- and sums of products; DOUBLE, so that nothing overflows. The braces are filled from the declared
-- metrics by retention/abtest/collect.py; the units are a table with one row each, or one row per
-- cluster as abtest_clusters.sql gives them.
SELECT {groups}, {aggregates}
FROM {units}
GROUP BY {group_names}
ORDER BY {group_names}
