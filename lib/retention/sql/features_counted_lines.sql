-- What the orders that count were made of, by the number of their customer. Return lines
-- (quantity < 0) do not count.
SELECT
    o.customer_number,
    o.ordered_epoch_s,
    l.category,
    l.line_net_minor,
    l.is_made_to_order
FROM order_lines AS l
JOIN counted_orders AS o ON o.order_key = l.order_key
WHERE l.quantity > 0
