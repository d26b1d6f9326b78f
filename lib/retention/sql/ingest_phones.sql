-- Digits of a telephone number in ASCII, 00 read as +; too short to be one gives NULL.
WITH digits AS (
    SELECT
        raw,
        regexp_replace(regexp_replace(raw, '[^0-9+]', '', 'g'), '^00', '+') AS kept
    FROM distinct_raw
    WHERE regexp_full_match(raw, '[ -~]*')
),

plus AS (
    SELECT
        raw,
        substr(kept, 1, 1) || replace(substr(kept, 2), '+', '') AS kept
    FROM digits
)

SELECT
    raw,
    CASE
        WHEN length(replace(kept, '+', '')) >= 7 THEN kept
    END AS normal
FROM plus
