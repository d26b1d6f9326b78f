-- How many customers have an order on record, whether or not it counts.
SELECT count(DISTINCT customer_key) AS customers
FROM orders
