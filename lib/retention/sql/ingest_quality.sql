-- One row of figures on the orders that every later analysis leans on. Lines whose prices contained
-- tax are rounded one by one, so that their sum may be off by a cent for each.
WITH lines AS (
    SELECT
        order_key,
        CAST(sum(line_net_minor + line_discount_minor) AS BIGINT) AS goods,
        count(*) AS line_count
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
    count(*) FILTER (WHERE abs(lines.goods - orders.gross_minor) > lines.line_count)
        AS lines_disagree
FROM orders
LEFT JOIN lines ON orders.order_key = lines.order_key
