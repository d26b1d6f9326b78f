-- Units of one experiment with the arm they had in another that began earlier and was still fresh.
SELECT
    a.unit_key,
    b.arm AS other_arm
FROM assignments AS a
INNER JOIN assignments AS b
    ON b.unit_key = a.unit_key
    AND b.experiment_key = $other_key
    AND b.assigned_epoch_s <= a.assigned_epoch_s
    AND b.assigned_epoch_s > a.assigned_epoch_s - $window_s
WHERE a.experiment_key = $experiment_key
ORDER BY a.unit_key
