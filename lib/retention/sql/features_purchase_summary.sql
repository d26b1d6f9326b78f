-- Frequency, recency, tenure and mean value of repeat purchases, in units of $unit_s seconds.
-- Units of a week begin on Monday: 1970-01-01 was a Thursday, three days (259,200 s) after one.
-- Reads the orders once and directly, with the same conditions as features_known_orders: keeping
-- them as a table first would cost a third more. Sums of whole numbers are wider than they need to
-- be: as BIGINT, everything after them is twice as fast.
WITH known AS (
    SELECT
        o.customer_key,
        (o.ordered_epoch_s + 259200) - (o.ordered_epoch_s + 259200) % $unit_s AS unit_start_s,
        o.gross_minor - o.discount_minor - coalesce(r.refunded_minor, 0) AS value_minor
    FROM orders AS o
    LEFT JOIN known_refunds AS r ON r.order_key = o.order_key
    WHERE o.customer_key IS NOT NULL
      AND o.status IN ('paid', 'refunded')
      AND o.ordered_epoch_s < $as_of_s
),
units AS (
    SELECT customer_key, unit_start_s, CAST(sum(value_minor) AS BIGINT) AS value_minor
    FROM known
    GROUP BY customer_key, unit_start_s
),
spans AS (
    SELECT
        customer_key,
        min(unit_start_s) AS first_s,
        max(unit_start_s) AS last_s,
        count(*) AS unit_count,
        CAST(sum(value_minor) AS BIGINT) AS total_minor,
        min_by(value_minor, unit_start_s) AS first_minor
    FROM units
    GROUP BY customer_key
)
SELECT
    customer_key,
    unit_count - 1 AS frequency,
    CAST((last_s - first_s) / CAST($unit_s AS DOUBLE) AS BIGINT) AS recency,
    CAST((($as_of_s + 259199) - ($as_of_s + 259199) % $unit_s - first_s)
        / CAST($unit_s AS DOUBLE) AS BIGINT) AS tenure,
    (total_minor - first_minor) / nullif(CAST(unit_count - 1 AS DOUBLE), 0) / $minor_per_major
        AS monetary_value
FROM spans
ORDER BY customer_key
