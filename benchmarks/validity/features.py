"""Features and purchase summaries against published counts and against the future."""

from __future__ import annotations

import gzip
import os
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from benchmarks.record import HERE, Entry, near
from retention.engine import Engine
from retention.features import customer_features, future_purchases, purchase_summary

DATA = Path(os.environ.get("RETENTION_DATA", HERE.parents[1] / "shared" / "data"))
AREA = "features"


def cases() -> Iterator[Entry]:
    """Yield the published counts of two data sets, and what the future changes."""
    yield from _cdnow()
    yield from _online_retail()


def _cdnow() -> Iterator[Entry]:
    """Count customers, repeat purchase days and hold-out purchase days of the 1/10 sample."""
    engine = Engine(threads=1)
    engine.register("orders", _cdnow_orders())
    summary = purchase_summary(engine, "1997-10-01")
    future = future_purchases(engine, "1997-10-01", 273)
    source = "CDNOW 1/10 sample (Fader, Hardie and Lee 2005)"
    n = len(summary)
    for case, expected, figure in (
        ("CDNOW: customers", 2357, n),
        ("CDNOW: repeat purchase days in 39 weeks", 2457, int(summary["frequency"].sum())),
        ("CDNOW: customers with a repeat purchase", 946, int((summary["frequency"] > 0).sum())),
        ("CDNOW: purchase days in the next 39 weeks", 1882, int(future["purchase_days"].sum())),
    ):
        yield near(AREA, case, expected, figure, 0, n, source)


def _cdnow_orders() -> pd.DataFrame:
    """Return the purchases of the published sample as orders."""
    with gzip.open(DATA / "cdnow.txt.gz", "rt") as handle:
        raw = pd.read_csv(handle, sep=r"\s+", header=0, names=["id", "day", "cds", "dollars"])
    listed = (HERE.parent / "tests" / "value" / "cdnow_sample_ids.txt").read_text().splitlines()
    ids = {int(word) for line in listed if not line.startswith("#") for word in line.split()}
    raw = raw[raw["id"].isin(ids)].reset_index(drop=True)
    at = pd.to_datetime(raw["day"].astype(str), format="%Y%m%d")
    return _orders(raw["id"].astype(str), at, (raw["dollars"] * 100).round())


def _online_retail() -> Iterator[Entry]:
    """Count the customers known on 2011-09-01, and the cells that the future would change."""
    lines = pd.read_csv(DATA / "online_retail.csv.gz", dtype={"InvoiceNo": str, "CustomerID": str})
    lines = lines.drop_duplicates()
    sold = lines[
        lines["CustomerID"].notna() & ~lines["InvoiceNo"].str.startswith("C")
        & (lines["Quantity"] > 0) & (lines["UnitPrice"] > 0)
    ]  # fmt: skip
    value = (sold["Quantity"] * sold["UnitPrice"] * 100).round()
    grouped = sold.assign(value=value).groupby("InvoiceNo")
    invoices = grouped.agg({"CustomerID": "first", "InvoiceDate": "min", "value": "sum"})
    orders = _orders(
        invoices["CustomerID"], pd.to_datetime(invoices["InvoiceDate"]), invoices["value"]
    )
    features = [_features(orders), _features(orders[orders["ordered_at"] < "2011-09-01"])]
    n = len(features[0])
    yield near(AREA, "Online Retail: customers known on 2011-09-01", 3317, n, 0, n,
               "VECTORS: 90 days, as-of 2011-09-01")  # fmt: skip
    changed = int((features[0].fillna(-1) != features[1].fillna(-1)).to_numpy().sum())
    yield near(AREA, "Online Retail: cells that orders after the as-of date change", 0, changed,
               0, n, "an as-of date hides the future")  # fmt: skip
    gaps = orders.assign(day=orders["ordered_at"].dt.normalize())
    gaps = gaps[["customer_key", "day"]].drop_duplicates().sort_values(["customer_key", "day"])
    gaps["gap"] = gaps.groupby("customer_key")["day"].diff().dt.days
    medians = gaps.groupby("customer_key")["gap"].median()
    whole = Engine(threads=1)
    whole.register("orders", orders)
    ours = customer_features(whole, "2011-12-10").set_index("customer_key")["median_gap_days"]
    apart = float((ours - medians.reindex(ours.index)).abs().max())
    yield near(AREA, "Online Retail: largest difference of median gaps to pandas, days", 0, apart,
               1e-9, len(ours), "pandas' group-by")  # fmt: skip


def _features(orders: pd.DataFrame) -> pd.DataFrame:
    """Return the features of the Online Retail customers on 2011-09-01."""
    engine = Engine(threads=1)
    engine.register("orders", orders)
    return customer_features(engine, "2011-09-01")


def _orders(customer: pd.Series, at: pd.Series, minor: pd.Series) -> pd.DataFrame:
    """Return purchases in the shape of the canonical orders."""
    return pd.DataFrame(
        {
            "order_key": [f"o{i}" for i in range(len(customer))],
            "customer_key": customer.to_numpy(), "ordered_at": at.to_numpy(),
            "ordered_epoch_s": ((at - pd.Timestamp(0)) // pd.Timedelta("1s")).to_numpy(),
            "status": "paid", "currency": "GBP", "gross_minor": minor.astype("int64").to_numpy(),
            "discount_minor": 0, "refunded_minor": 0,
            "is_gift": pd.array([None] * len(customer), "boolean"),
            "delivered_late": pd.array([None] * len(customer), "boolean"),
        }
    )  # fmt: skip
