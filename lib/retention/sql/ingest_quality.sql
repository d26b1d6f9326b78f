-- One row of figures on the orders that every later analysis leans on.
WITH lines AS (
    SELECT
        order_key,
        CAST(sum(line_net_minor + line_discount_minor) AS BIGINT) AS goods
    FROM order_lines
    WHERE category IS NULL OR category NOT IN ('carriage', 'discount', 'fee')
    GROUP BY order_key
)

SELECT
    make_timestamp(max(orders.ordered_epoch_s) * 1000000) AS last_order,
    count(*) AS orders,
    count(*) FILTER (WHERE orders.customer_key IS NULL) AS without_customer,
    count(DISTINCT orders.currency) AS currencies,
    count(*) FILTER (WHERE orders.time_precision = 'day') AS day_precision,
    count(*) FILTER (WHERE abs(lines.goods - orders.gross_minor) > 1) AS lines_disagree
FROM orders
LEFT JOIN lines ON orders.order_key = lines.order_key
