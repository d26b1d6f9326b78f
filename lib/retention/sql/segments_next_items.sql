-- One order per customer, the first on record, if it has been followed for the whole horizon: which
-- items it held and which were bought in the horizon after it. Where most lines have no category,
-- those that have one are carriage, fees and the like, and no products. Counts of customers per pair of items.
WITH anchors AS (
    SELECT customer_number, min(ordered_epoch_s) AS anchor_s
    FROM known_orders
    GROUP BY customer_number
    HAVING min(ordered_epoch_s) < $as_of_s - $horizon_s
),
bought AS (
    SELECT DISTINCT
        o.customer_number,
        a.anchor_s,
        o.ordered_epoch_s,
        CASE WHEN $by_category THEN l.category
             WHEN l.category IS NULL THEN l.product_key END AS item
    FROM known_orders AS o
    JOIN anchors AS a ON a.customer_number = o.customer_number
    JOIN order_lines AS l ON l.order_key = o.order_key
    WHERE l.quantity > 0
      AND o.ordered_epoch_s >= a.anchor_s
      AND o.ordered_epoch_s < a.anchor_s + $horizon_s
),
anchored AS (
    SELECT DISTINCT customer_number, item
    FROM bought
    WHERE ordered_epoch_s = anchor_s AND item IS NOT NULL
),
followed AS (
    SELECT DISTINCT customer_number, item
    FROM bought
    WHERE ordered_epoch_s > anchor_s AND item IS NOT NULL
),
sizes AS (
    SELECT count(*) AS customers FROM anchors
),
firsts AS (
    SELECT item, count(*) AS had FROM anchored GROUP BY item
),
nexts AS (
    SELECT item, count(*) AS bought_next FROM followed GROUP BY item
),
pairs AS (
    SELECT a.item, f.item AS next_item, count(*) AS bought_both
    FROM anchored AS a
    JOIN followed AS f ON f.customer_number = a.customer_number
    GROUP BY a.item, f.item
)
SELECT
    p.item,
    p.next_item,
    s.customers,
    x.had,
    n.bought_next,
    p.bought_both
FROM pairs AS p
JOIN firsts AS x ON x.item = p.item
JOIN nexts AS n ON n.item = p.next_item
CROSS JOIN sizes AS s
ORDER BY p.item, p.next_item
