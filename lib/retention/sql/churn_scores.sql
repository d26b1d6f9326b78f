-- The latest score that another system had given each customer before the as-of date.
WITH placed AS (
    SELECT
        customer_key,
        score,
        row_number() OVER (PARTITION BY customer_key ORDER BY scored_epoch_s DESC, score_key)
            AS place
    FROM scores
    WHERE model = $model
      AND scored_epoch_s < $as_of_s
)
SELECT customer_key, score
FROM placed
WHERE place = 1
ORDER BY customer_key
