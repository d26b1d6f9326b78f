-- One row per person from every file that mentions them: the strongest identity, the earliest
-- trace, and of each attribute what the latest file says.
SELECT
    customer_key,
    min(first_seen_at) AS first_seen_at,
    min(first_seen_epoch_s) AS first_seen_epoch_s,
    max_by(country, (sequence, first_seen_epoch_s, country)) AS country,
    max_by(channel, (sequence, first_seen_epoch_s, channel)) AS channel,
    bool_and(is_guest) AS is_guest,
    min_by(
        identity_confidence,
        CASE identity_confidence
            WHEN 'email' THEN 1 WHEN 'phone' THEN 2 WHEN 'platform_id' THEN 3 ELSE 4
        END
    ) AS identity_confidence,
    max_by(birth_year, (sequence, first_seen_epoch_s, birth_year)) AS birth_year,
    max_by(gender, (sequence, first_seen_epoch_s, gender)) AS gender,
    min(source) AS source,
    min(source_record_id) AS source_record_id,
    min(batch_id) AS batch_id
FROM incoming
WHERE customer_key NOT IN (SELECT e.customer_key FROM erased_people AS e)
GROUP BY customer_key
