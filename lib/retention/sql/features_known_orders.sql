-- Orders that were placed before the as-of date, with their value as known then. The few on which
-- anything was ever paid back stand apart: what of it was known need be sought for them alone.
SELECT
    customer_key,
    customer_number,
    order_key,
    ordered_at,
    ordered_epoch_s,
    day_s,
    gap_s,
    gross_minor,
    discount_minor,
    CAST(0 AS BIGINT) AS refunded_minor,
    CAST(0 AS BIGINT) AS refund_count,
    gross_minor - discount_minor AS value_minor,
    is_gift,
    delivered_late
FROM counted_orders
WHERE NOT is_refunded
  AND ordered_epoch_s < $as_of_s
UNION ALL
SELECT
    o.customer_key,
    o.customer_number,
    o.order_key,
    o.ordered_at,
    o.ordered_epoch_s,
    o.day_s,
    o.gap_s,
    o.gross_minor,
    o.discount_minor,
    coalesce(r.refunded_minor, 0) AS refunded_minor,
    coalesce(r.refund_count, 0) AS refund_count,
    o.gross_minor - o.discount_minor - coalesce(r.refunded_minor, 0) AS value_minor,
    o.is_gift,
    o.delivered_late
FROM counted_orders AS o
LEFT JOIN known_refunds AS r ON r.order_key = o.order_key
WHERE o.is_refunded
  AND o.ordered_epoch_s < $as_of_s
