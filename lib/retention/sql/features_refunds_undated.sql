-- What had been paid back on each order that counts, where the snapshot has no table of refunds.
-- The order's total counts once the order is $settle_s seconds old (see features_refunds_dated).
SELECT
    order_key,
    customer_key,
    ordered_epoch_s,
    refunded_minor,
    CAST(1 AS BIGINT) AS refund_count
FROM counted_orders
WHERE is_refunded
  AND ordered_epoch_s < $as_of_s - $settle_s
