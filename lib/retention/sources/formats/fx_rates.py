"""Exchange rates: day, from, to, and how much of the second currency one of the first buys."""

from __future__ import annotations

from retention.sources.base import SourceFormat, TableMapping
from retention.sources.codes import ReasonCode
from retention.sources.fragments import NO_EXCLUSION, NO_MONEY, reasons

_RATES = f"""
SELECT strftime(shop_clock(moment), '%Y-%m-%d') AS rate_date, currency_of("from") AS currency,
  currency_of("to") AS to_currency, CASE WHEN number > 0 THEN number END AS rate,
  line_no, CAST(NULL AS VARCHAR) AS source_record_id,
  {reasons((ReasonCode.UNREADABLE_TIME, "date", "moment"),
           (ReasonCode.UNREADABLE_NUMBER, "rate", "number"))},
  {NO_EXCLUSION}, moment AS occurred_at, {NO_MONEY}
FROM (SELECT *, time_of("date") AS moment, number_of("rate") AS number FROM landed)"""  # fmt: skip

FORMAT = SourceFormat(
    name="fx_rates",
    meaning="Exchange rates: date, from, to, rate (units of `to` for one of `from`).",
    required=("date", "from", "to", "rate"),
    optional=(),
    tables=(TableMapping("fx_rates", _RATES, accounts=True, person=""),),
    dates=("date",),
    money=("rate",),
)  # fmt: skip
