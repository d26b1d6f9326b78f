-- Orders per day of the shop's clock.
SELECT
    CAST(make_timestamp(ordered_epoch_s * 1000000) AS DATE) AS day,
    count(*) AS orders
FROM orders
GROUP BY CAST(make_timestamp(ordered_epoch_s * 1000000) AS DATE)
ORDER BY day
