-- Orders that count and have a refund, by their own word or by the list of refunds: how many say
-- otherwise than the list. An order's word is of its goods alone, so that the list may say more.
WITH listed AS (
    SELECT order_key, CAST(sum(amount_minor) AS BIGINT) AS amount_minor
    FROM refunds
    GROUP BY order_key
),

compared AS (
    SELECT
        o.refunded_minor,
        r.amount_minor,
        o.gross_minor - o.discount_minor AS goods_minor
    FROM orders AS o
    INNER JOIN listed AS r ON o.order_key = r.order_key
    WHERE o.status IN ('paid', 'refunded')
)

SELECT
    count(*) AS orders,
    coalesce(sum(refunded_minor), 0) AS by_order,
    coalesce(sum(amount_minor), 0) AS by_list,
    count(*) FILTER (
        WHERE amount_minor < refunded_minor - 1
        OR (refunded_minor = 0 AND amount_minor > 0 AND goods_minor > 0)
    ) AS disagree
FROM compared
