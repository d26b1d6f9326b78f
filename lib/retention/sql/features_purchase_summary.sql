-- Frequency, recency, tenure and mean value of repeat purchases, in units of $unit_s seconds.
-- Units are numbered; those of a week begin on Monday: 1970-01-01 was a Thursday, three days
-- (259,200 s) after one.
-- Reads the orders once and directly, with the same conditions as features_known_orders. What was
-- paid back stands below them as rows of its own, at the time of its order: the few refunds need
-- not be sought among the keys of all orders, which are the longest column to read.
-- Numbers are kept as narrow as they are (sums of whole numbers come wider, as do days): everything
-- after them is twice as fast.
WITH known AS (
    SELECT customer_key, ordered_epoch_s, gross_minor - discount_minor AS value_minor
    FROM orders
    WHERE customer_key IS NOT NULL
      AND status IN ('paid', 'refunded')
      AND ordered_epoch_s < $as_of_s
    UNION ALL
    SELECT customer_key, ordered_epoch_s, -refunded_minor AS value_minor
    FROM known_refunds
),
units AS (
    SELECT
        customer_key,
        CAST((ordered_epoch_s + 259200) // $unit_s AS INTEGER) AS unit,
        CAST(sum(value_minor) AS BIGINT) AS value_minor
    FROM known
    GROUP BY CAST((ordered_epoch_s + 259200) // $unit_s AS INTEGER), customer_key
),
spans AS (
    SELECT
        customer_key,
        min(unit) AS first_unit,
        max(unit) AS last_unit,
        count(*) AS unit_count,
        CAST(sum(value_minor) AS BIGINT) AS total_minor,
        min_by(value_minor, unit) AS first_minor
    FROM units
    GROUP BY customer_key
)
SELECT
    customer_key,
    unit_count - 1 AS frequency,
    CAST(last_unit - first_unit AS BIGINT) AS recency,
    CAST(($as_of_s + 259199) // $unit_s - first_unit AS BIGINT) AS tenure,
    (total_minor - first_minor) / nullif(CAST(unit_count - 1 AS DOUBLE), 0) / $minor_per_major
        AS monetary_value
FROM spans
ORDER BY customer_key
