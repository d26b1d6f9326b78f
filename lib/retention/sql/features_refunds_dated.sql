-- What had been paid back of the goods of each order that counts by the as-of date; few orders have
-- a row. Where every refund is known the order says how much of it was for goods (a refund may hold
-- shipping and tax); while some still lie ahead, those known count up to the price of the goods, so
-- that nothing of what is ahead is known.
-- A refund of unknown date counts once the order is $settle_s seconds old: before that it may
-- still lie ahead of the as-of date, and a feature must not know it.
WITH told AS (
    SELECT
        o.order_key,
        o.customer_key,
        o.ordered_epoch_s,
        o.gross_minor - o.discount_minor AS goods_minor,
        o.refunded_minor AS refunded_to_date,
        r.amount_minor,
        CASE
            WHEN
                r.refunded_epoch_s < $as_of_s
                OR (r.refunded_epoch_s IS NULL AND o.ordered_epoch_s < $as_of_s - $settle_s)
                THEN 1
            ELSE 0
        END AS is_known
    FROM refunds AS r
    JOIN counted_orders AS o ON o.order_key = r.order_key
    WHERE o.is_refunded
      AND o.ordered_epoch_s < $as_of_s
),
sums AS (
    SELECT
        order_key,
        customer_key,
        ordered_epoch_s,
        goods_minor,
        refunded_to_date,
        CAST(sum(amount_minor) AS BIGINT) AS all_minor,
        CAST(sum(CASE WHEN is_known = 1 THEN amount_minor ELSE 0 END) AS BIGINT) AS known_minor,
        CAST(sum(is_known) AS BIGINT) AS refund_count
    FROM told
    GROUP BY order_key, customer_key, ordered_epoch_s, goods_minor, refunded_to_date
)
SELECT
    order_key,
    customer_key,
    ordered_epoch_s,
    CASE
        WHEN refunded_to_date > 0 AND known_minor = all_minor THEN refunded_to_date
        WHEN known_minor < goods_minor THEN known_minor
        ELSE goods_minor
    END AS refunded_minor,
    refund_count
FROM sums
WHERE refund_count > 0
UNION ALL
SELECT
    o.order_key,
    o.customer_key,
    o.ordered_epoch_s,
    o.refunded_minor,
    CAST(1 AS BIGINT) AS refund_count
FROM counted_orders AS o
LEFT JOIN (SELECT DISTINCT order_key FROM refunds) AS r ON r.order_key = o.order_key
WHERE o.is_refunded
  AND r.order_key IS NULL
  AND o.refunded_minor > 0
  AND o.ordered_epoch_s < $as_of_s - $settle_s
