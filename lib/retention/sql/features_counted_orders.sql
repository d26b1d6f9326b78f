-- Orders that count, of whatever date, with the number of their customer and whether anything was
-- ever paid back on them. What was known of them at a date is told from here.
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
    o.refunded_minor,
    r.order_key IS NOT NULL AS is_refunded,
    o.is_gift,
    o.delivered_late
FROM orders AS o
JOIN counted_customers AS k ON k.customer_key = o.customer_key
LEFT JOIN refunded_orders AS r ON r.order_key = o.order_key
WHERE o.status IN ('paid', 'refunded')
