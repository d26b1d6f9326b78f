-- Orders that count and were placed before the as-of date, with their value as known then.
-- day_s is the start of the UTC day as seconds since 1970.
SELECT
    o.customer_key,
    k.customer_number,
    o.order_key,
    o.ordered_at,
    o.ordered_epoch_s,
    o.ordered_epoch_s - o.ordered_epoch_s % 86400 AS day_s,
    o.gross_minor,
    o.discount_minor,
    coalesce(r.refunded_minor, 0) AS refunded_minor,
    coalesce(r.refund_count, 0) AS refund_count,
    o.gross_minor - o.discount_minor - coalesce(r.refunded_minor, 0) AS value_minor,
    o.is_gift,
    o.delivered_late
FROM orders AS o
JOIN known_customers AS k ON k.customer_key = o.customer_key
LEFT JOIN known_refunds AS r ON r.order_key = o.order_key
WHERE o.status IN ('paid', 'refunded')
  AND o.ordered_epoch_s < $as_of_s
