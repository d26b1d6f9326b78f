-- Assortment: what the known orders were made of. Return lines (quantity < 0) do not count.
WITH spent AS (
    SELECT
        o.customer_key,
        l.category,
        sum(l.line_net_minor) AS line_net_minor,
        sum(CASE WHEN l.is_made_to_order THEN 1.0 WHEN NOT l.is_made_to_order THEN 0.0 END)
            AS made_lines,
        count(l.is_made_to_order) AS told_lines
    FROM known_orders AS o
    JOIN order_lines AS l ON l.order_key = o.order_key
    WHERE l.quantity > 0
    GROUP BY o.customer_key, l.category
),
placed AS (
    SELECT
        *,
        row_number() OVER (
            PARTITION BY customer_key
            ORDER BY CASE WHEN category IS NULL THEN 1 ELSE 0 END, line_net_minor DESC, category
        ) AS place
    FROM spent
)
SELECT
    customer_key,
    count(category) AS category_count,
    max(CASE WHEN place = 1 THEN category END) AS top_category,
    sum(made_lines) / nullif(sum(told_lines), 0) AS made_to_order_share
FROM placed
GROUP BY customer_key
