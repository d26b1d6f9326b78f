-- Extremes and mean of each measured value, for an origin near the mean to count it from.
SELECT {aggregates}
FROM {units}
