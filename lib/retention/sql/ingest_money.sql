-- Money of each source's orders: what was sold and refunded, and how many taxed orders had the tax
-- within their prices.
SELECT
    source,
    min(currency) AS currency,
    count(*) AS orders,
    count(*) FILTER (WHERE status IN ('paid', 'refunded')) AS counted,
    count(*) FILTER (WHERE status IN ('paid', 'refunded') AND refunded_minor > 0) AS with_refund,
    count(*) FILTER (WHERE status IN ('paid', 'refunded') AND net_minor > gross_minor)
        AS above_gross,
    CAST(coalesce(sum(gross_minor - discount_minor)
        FILTER (WHERE status IN ('paid', 'refunded')), 0) AS BIGINT) AS sold,
    CAST(coalesce(sum(refunded_minor)
        FILTER (WHERE status IN ('paid', 'refunded')), 0) AS BIGINT) AS refunded,
    count(*) FILTER (WHERE tax_minor > 0 AND tax_in_prices IS NOT NULL) AS taxed,
    count(*) FILTER (WHERE tax_minor > 0 AND tax_in_prices) AS within
FROM orders
GROUP BY source
ORDER BY source
