-- What looks placed by machines: customers with too many orders on one day, and orders that stand
-- twice within a minute; all in counts.
WITH busy AS (
    SELECT
        customer_key,
        ordered_epoch_s // 86400 AS day,
        count(*) AS orders
    FROM orders
    WHERE customer_key IS NOT NULL AND time_precision = 'second'
    GROUP BY customer_key, ordered_epoch_s // 86400
    HAVING count(*) > $orders_per_day
),

near AS (
    SELECT
        ordered_epoch_s - lag(ordered_epoch_s) OVER (
            PARTITION BY customer_key, currency, gross_minor, net_minor
            ORDER BY ordered_epoch_s, order_key
        ) AS gap
    FROM orders
    WHERE customer_key IS NOT NULL AND time_precision = 'second' AND status <> 'cancelled'
)

SELECT
    (SELECT count(DISTINCT customer_key) FROM busy) AS customers,
    (SELECT coalesce(sum(orders), 0) FROM busy) AS orders,
    (SELECT count(*) FROM near WHERE gap <= 60) AS doubled,
    (SELECT count(*) FROM ledger WHERE why = 'test_order') AS test_records
