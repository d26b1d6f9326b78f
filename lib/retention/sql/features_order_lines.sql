-- Assortment: what the known orders were made of. Return lines (quantity < 0) do not count.
WITH spent AS (
    SELECT
        o.customer_number,
        l.category,
        sum(l.line_net_minor) AS line_net_minor,
        sum(CASE WHEN l.is_made_to_order THEN 1.0 WHEN NOT l.is_made_to_order THEN 0.0 END)
            AS made_lines,
        count(l.is_made_to_order) AS told_lines
    FROM known_orders AS o
    JOIN order_lines AS l ON l.order_key = o.order_key
    WHERE l.quantity > 0
    GROUP BY o.customer_number, l.category
),
totals AS (
    SELECT
        customer_number,
        count(category) AS category_count,
        max(CASE WHEN category IS NOT NULL THEN line_net_minor END) AS most_minor,
        sum(made_lines) / nullif(sum(told_lines), 0) AS made_to_order_share
    FROM spent
    GROUP BY customer_number
),
tops AS (
    SELECT s.customer_number, min(s.category) AS top_category
    FROM spent AS s
    JOIN totals AS t ON t.customer_number = s.customer_number AND t.most_minor = s.line_net_minor
    GROUP BY s.customer_number
)
SELECT t.customer_number, t.category_count, p.top_category, t.made_to_order_share
FROM totals AS t
LEFT JOIN tops AS p ON p.customer_number = t.customer_number
