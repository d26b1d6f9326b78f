-- Orders within the periods of a study, for a panel of customers who were known before the first.
SELECT o.customer_key, o.ordered_epoch_s,
    o.gross_minor - o.discount_minor - o.refunded_minor AS value_minor
FROM orders AS o
INNER JOIN customers AS c ON c.customer_key = o.customer_key
WHERE o.status IN ('paid', 'refunded')
    AND o.ordered_epoch_s >= $start_s
    AND o.ordered_epoch_s < $until_s
    AND c.first_seen_epoch_s < $start_s
ORDER BY o.customer_key, o.ordered_epoch_s, o.order_key
