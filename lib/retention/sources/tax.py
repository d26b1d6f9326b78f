"""Prices that contain tax: which of a file's orders have such prices, and what is net.

Where prices exclude tax, a total is goods + shipping + tax; where they contain it, it is
goods + shipping.
Each order with tax says by its own total which of the two holds. One that fits both or neither (a
tip, a discount on shipping) follows the majority of its file.

The tax on the goods is all of it where shipping is untaxed, else their share of the total. Which of
the two holds is the file's: named rates decide ("VAT 21%"), else the sum that gives fewer rates.
"""

from __future__ import annotations

CONVENTION = """
WITH taxed AS (
  SELECT goods_paid, coalesce(shipped, 0) AS shipped, taxed, charged, rate,
    charged - goods_paid BETWEEN coalesce(shipped, 0) - spared - 1 AND coalesce(shipped, 0) + 1
      AS fits_within,
    charged - goods_paid - taxed
      BETWEEN coalesce(shipped, 0) - spared - 1 AND coalesce(shipped, 0) + 1 AS fits_beside
  FROM (SELECT *, least(coalesce(shipped, 0), abs(coalesce(given, 0))) AS spared FROM {heads})
  WHERE taxed > 0 AND goods_paid > 0
), within AS (
  SELECT abs(goods_paid * rate / (100 + rate) - taxed) AS off_goods,
    abs(charged * rate / (100 + rate) - taxed) AS off_total,
    round(100.0 * taxed / nullif(goods_paid - taxed, 0)) AS rate_of_goods,
    round(100.0 * taxed / nullif(charged - taxed, 0)) AS rate_of_total
  FROM taxed WHERE fits_within AND NOT fits_beside AND charged > goods_paid
), votes AS (
  SELECT count(*) FILTER (off_total < off_goods) AS total_named,
    count(*) FILTER (off_goods < off_total) AS goods_named,
    count(DISTINCT rate_of_total) AS total_rates, count(DISTINCT rate_of_goods) AS goods_rates
  FROM within
)
SELECT (SELECT count(*) FILTER (fits_within AND NOT fits_beside)
          > count(*) FILTER (fits_beside AND NOT fits_within) FROM taxed) AS mostly_within,
  CASE WHEN total_named <> goods_named THEN total_named > goods_named
       ELSE total_rates < goods_rates END AS shipping_is_taxed
FROM votes"""
"""One row on a file: whether its prices mostly contain tax, and whether shipping is taxed.

``{heads}`` is one row per order with ``goods_paid``, ``shipped``, ``taxed``, ``charged``, ``given``
(all discounts) in minor units, and ``rate``: the one named rate in per cent, else NULL.
"""

_SPARED = "least(coalesce(shipped, 0), abs(coalesce(given, 0)))"
_WITHIN = f"""charged - goods_paid
  BETWEEN coalesce(shipped, 0) - {_SPARED} - 1 AND coalesce(shipped, 0) + 1"""
_BESIDE = f"""charged - goods_paid - taxed
  BETWEEN coalesce(shipped, 0) - {_SPARED} - 1 AND coalesce(shipped, 0) + 1"""

TAX_IN_PRICES = f"""coalesce(taxed > 0
  AND CASE WHEN ({_WITHIN}) = ({_BESIDE}) THEN mostly_within ELSE {_WITHIN} END, FALSE)"""
"""Whether an order's prices contain the tax, over the columns of ``{{heads}}`` and `CONVENTION`."""

TAX_OF_GOODS = """CASE WHEN tax_in_prices THEN CASE WHEN shipping_is_taxed AND charged > 0
    THEN CAST(round(CAST(taxed AS DOUBLE) * least(goods_paid, charged) / charged) AS BIGINT)
    ELSE least(taxed, goods_paid) END
  ELSE 0 END"""
"""The tax that an order's goods contain, in minor units."""


def without_tax(value: str) -> str:
    """Return SQL of an amount at the order's prices without the tax that they contain.

    Parameters
    ----------
    value
        SQL of the amount; ``goods_paid`` and ``goods_tax`` of the order must be at hand.

    Examples
    --------
    >>> without_tax("price").splitlines()[0]
    'CASE WHEN goods_tax > 0 THEN'
    """
    return (
        f"CASE WHEN goods_tax > 0 THEN\n  CAST(round(CAST({value} AS DOUBLE) "
        f"* (goods_paid - goods_tax) / goods_paid) AS BIGINT) ELSE {value} END"
    )
