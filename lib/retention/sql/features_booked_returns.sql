-- Returns that a source books as orders of their own (cancelled, with a negative value): what each
-- customer sent back, and when.
SELECT
    customer_key,
    ordered_epoch_s,
    discount_minor - gross_minor AS returned_minor
FROM orders
WHERE customer_key IS NOT NULL
  AND status = 'cancelled'
  AND gross_minor - discount_minor < 0
