-- Assortment: what the known orders were made of.
WITH spent AS (
    SELECT
        customer_number,
        category,
        sum(line_net_minor) AS line_net_minor,
        sum(CASE WHEN is_made_to_order THEN 1.0 WHEN NOT is_made_to_order THEN 0.0 END)
            AS made_lines,
        count(is_made_to_order) AS told_lines
    FROM counted_lines
    WHERE ordered_epoch_s < $as_of_s
    GROUP BY customer_number, category
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
