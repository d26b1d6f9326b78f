-- What was spent on one campaign, by kind of cost.
SELECT
    kind,
    currency,
    CAST(sum(amount_minor) AS BIGINT) AS amount_minor
FROM costs
WHERE scope_type = 'campaign' AND scope_key = $campaign_key
GROUP BY kind, currency
ORDER BY kind, currency
