-- For each customer the category they have not bought that goes best with one they have: the highest
-- lift P(both) / (P(one) P(other)) over customers, ties by name, pairs of ten customers or more.
WITH bought AS (
    SELECT DISTINCT
        o.customer_key,
        l.category
    FROM orders AS o
    INNER JOIN order_lines AS l
        ON l.order_key = o.order_key
    WHERE
        o.status IN ('paid', 'refunded')
        AND o.ordered_epoch_s < $as_of_s
        AND o.customer_key IS NOT NULL
        AND l.category IS NOT NULL
        AND l.quantity > 0
),

sizes AS (
    SELECT category, count(*) AS customers
    FROM bought
    GROUP BY category
),

everyone AS (
    SELECT count(DISTINCT customer_key) AS customers
    FROM bought
),

pairs AS (
    SELECT
        a.category AS one,
        b.category AS other,
        count(*) AS customers
    FROM bought AS a
    INNER JOIN bought AS b
        ON b.customer_key = a.customer_key AND b.category <> a.category
    GROUP BY a.category, b.category
    HAVING count(*) >= 10
),

lifts AS (
    SELECT
        p.one,
        p.other,
        p.customers * e.customers / nullif(s.customers * t.customers, 0) AS lift
    FROM pairs AS p
    INNER JOIN sizes AS s ON s.category = p.one
    INNER JOIN sizes AS t ON t.category = p.other
    CROSS JOIN everyone AS e
),

ranked AS (
    SELECT
        b.customer_key,
        f.other AS category,
        row_number() OVER (PARTITION BY b.customer_key ORDER BY f.lift DESC, f.other) AS place
    FROM bought AS b
    INNER JOIN lifts AS f ON f.one = b.category
    LEFT JOIN bought AS already
        ON already.customer_key = b.customer_key AND already.category = f.other
    WHERE already.category IS NULL
)

SELECT customer_key, category
FROM ranked
WHERE place = 1
ORDER BY customer_key
