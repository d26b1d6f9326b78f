-- Customers far beyond the usual number of orders or spend, and what they hold of net value.
WITH per_customer AS (
    SELECT
        customer_key,
        count(*) AS orders,
        sum(net_minor) AS net
    FROM orders
    WHERE customer_key IS NOT NULL AND status <> 'cancelled'
    GROUP BY customer_key
),

usual AS (
    SELECT
        median(orders) AS orders,
        median(net) AS net
    FROM per_customer
),

marked AS (
    SELECT
        per_customer.net,
        per_customer.orders > $multiple * usual.orders
        OR per_customer.net > $multiple * usual.net AS is_outlier
    FROM per_customer
    CROSS JOIN usual
)

SELECT
    count(*) FILTER (WHERE is_outlier) AS customers,
    CAST(sum(net) FILTER (WHERE is_outlier) AS DOUBLE)
    / nullif(CAST(sum(net) AS DOUBLE), 0) AS value_share
FROM marked
