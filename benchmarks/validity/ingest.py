"""Whether ingest loses nothing: control totals of real exports and of the simulated shop's dirt."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

from benchmarks.record import HERE, Entry
from benchmarks.shop import FIXED_KEY, ingested
from retention.ingest import IngestResult, run_ingest

_UCI = "UCI Online Retail: lines and sum of quantity times price of the file"
_HILLSTROM = "Hillstrom's e-mail challenge: rows of the file"


def cases() -> Iterator[Entry]:
    """Yield the control totals, exactly."""
    data = Path(os.environ.get("RETENTION_DATA", HERE.parent.parent / "shared" / "data"))
    if (data / "online_retail.csv.gz").is_file():
        shop = _ingest(f"online_retail: {data}/online_retail.csv.gz", "GBP")
        yield from _totals("gift shop", shop, 541_909, Decimal("9747747.93"), _UCI)
        test = _ingest(f"hillstrom: {data}/hillstrom.csv.gz", "USD")
        yield _exact("e-mail test: rows read", 64_000, int(test.total("rows_read")), _HILLSTROM)
    yield from _simulated()


def _simulated() -> Iterator[Entry]:
    """Yield the simulated shop's accounts and the pseudonyms' agreement with its truth."""
    shop = ingested()
    result = shop.ingest
    fates = sum(int(result.total(f"rows_{f}")) for f in ("accepted", "quarantined", "excluded"))
    yield _exact("simulated shop: rows accounted for", int(result.total("rows_read")), fates,
                 "rows counted by the strict reader")  # fmt: skip
    known = shop.engine.sql("SELECT customer_key FROM customers").frame().customer_key
    buyers = shop.engine.sql(
        "SELECT DISTINCT customer_key FROM orders WHERE customer_key IS NOT NULL"
    ).frame()
    inside = int(buyers.customer_key.isin(set(known)).sum())
    yield _exact("simulated shop: buyers that are customers", len(buyers), inside,
                 "every buyer stands in the customers table")  # fmt: skip


def _totals(
    name: str, result: IngestResult, rows: int, value: Decimal, source: str
) -> Iterator[Entry]:
    """Yield rows and money of one export: accepted + quarantined is everything."""
    kept = int(result.total("rows_accepted")) + int(result.total("rows_quarantined"))
    money = Decimal(result.total("value_accepted")) + Decimal(result.total("value_quarantined"))
    yield _exact(f"{name}: rows accepted + quarantined", rows, kept, source)
    yield _exact(f"{name}: value accepted + quarantined", float(value), float(money), source)


def _ingest(source: str, currency: str) -> IngestResult:
    """Ingest one export into a folder of its own."""
    os.environ["RETENTION_KEY"] = FIXED_KEY
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        return run_ingest([source], root / "store", root / "private", root=root,
                          as_of="2011-12-10", currency=currency)  # fmt: skip


def _exact(case: str, expected: float, figure: float, source: str) -> Entry:
    """Return an entry that holds only if nothing is missing."""
    return Entry("ingest", case, expected, figure, 0, int(expected), expected == figure, source)
