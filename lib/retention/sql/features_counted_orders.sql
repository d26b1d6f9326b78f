-- Orders that count, of whatever date, with the number of their customer and whether anything was
-- ever paid back on them. What was known of them at a date is told from here.
-- Times are those of the shop's clock, as epoch seconds are in every table: ordered_at has the shop's
-- month, day_s is the start of the shop's day as seconds since 1970; gap_s the seconds since the customer's
-- purchase day before, in one order of each day but the first. It looks back, so that it is the same
-- at every date from which the order is known.
WITH counted AS (
    SELECT
        o.customer_key,
        k.customer_number,
        o.order_key,
        make_timestamp(o.ordered_epoch_s * 1000000) AS ordered_at,
        o.ordered_epoch_s,
        o.ordered_epoch_s - o.ordered_epoch_s % 86400 AS day_s,
        o.gross_minor,
        o.discount_minor,
        o.refunded_minor,
        o.is_gift,
        o.delivered_late
    FROM orders AS o
    JOIN counted_customers AS k ON k.customer_key = o.customer_key
    WHERE o.status IN ('paid', 'refunded')
)
SELECT
    c.customer_key,
    c.customer_number,
    c.order_key,
    c.ordered_at,
    c.ordered_epoch_s,
    c.day_s,
    nullif(
        c.day_s - lag(c.day_s) OVER (
            PARTITION BY c.customer_number ORDER BY c.day_s, c.order_key
        ), 0
    ) AS gap_s,
    c.gross_minor,
    c.discount_minor,
    c.refunded_minor,
    r.order_key IS NOT NULL AS is_refunded,
    c.is_gift,
    c.delivered_late
FROM counted AS c
LEFT JOIN refunded_orders AS r ON r.order_key = c.order_key
