-- The assignment log of one experiment, for the checks on exposure and on dates.
SELECT unit_key, arm, assigned_epoch_s, exposed_epoch_s
FROM assignments
WHERE experiment_key = $experiment_key
ORDER BY unit_key, arm
