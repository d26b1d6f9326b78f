-- What had been paid back on each order that counts, where the snapshot has no table of refunds.
-- The order's total counts once the order is $settle_s seconds old (see features_refunds_dated).
SELECT
    order_key,
    customer_key,
    ordered_epoch_s,
    refunded_minor,
    CAST(1 AS BIGINT) AS refund_count
FROM orders
WHERE customer_key IS NOT NULL
  AND status IN ('paid', 'refunded')
  AND refunded_minor > 0
  AND ordered_epoch_s < $as_of_s - $settle_s
