-- Pooled cap: the exact quantile over all arms together. A cap per arm would itself be an effect.
SELECT {quantiles}
FROM {units}
