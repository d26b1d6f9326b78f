-- What had been paid back on each order that counts by the as-of date; few orders have a row.
-- A refund of unknown date counts once the order is $settle_s seconds old: before that it may
-- still lie ahead of the as-of date, and a feature must not know it.
SELECT
    o.order_key,
    o.customer_key,
    o.ordered_epoch_s,
    CAST(sum(r.amount_minor) AS BIGINT) AS refunded_minor,
    count(*) AS refund_count
FROM refunds AS r
JOIN counted_orders AS o ON o.order_key = r.order_key
WHERE o.is_refunded
  AND o.ordered_epoch_s < $as_of_s
  AND (r.refunded_epoch_s < $as_of_s
       OR (r.refunded_epoch_s IS NULL AND o.ordered_epoch_s < $as_of_s - $settle_s))
GROUP BY o.order_key, o.customer_key, o.ordered_epoch_s
