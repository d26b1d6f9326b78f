-- Normalised e-mail addresses of printable ASCII; the rest is left to Python (NFKC, IDNA).
-- For ASCII, NFKC changes nothing, case-folding is lower(), and IDNA lowers the domain only.
SELECT
    raw,
    CASE
        WHEN regexp_full_match(trim(raw), '[!-~]+@[!-?A-~]+') THEN lower(trim(raw))
    END AS normal
FROM distinct_raw
WHERE regexp_full_match(raw, '[ -~]*')
