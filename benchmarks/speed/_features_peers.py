"""Contestants in the race for features. Only the functions named ``ours`` import our library."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

AS_OF, AS_OF_S = "2026-07-01", 1_782_864_000
START_S, DAY_S = 1_704_067_200, 86_400
THREADS = 2
Work = Callable[[], dict[str, float]]

NUMBERS = (
    "recency_days", "tenure_days", "order_count", "monetary_minor", "repeat_order_count",
    "median_gap_days", "last_gap_days", "discount_share", "season_share", "category_count",
)  # fmt: skip

BY_HAND = """
WITH o AS (
    SELECT customer_key, order_key, ordered_at, ordered_epoch_s,
        ordered_epoch_s - ordered_epoch_s % 86400 AS day_s, gross_minor, discount_minor,
        gross_minor - discount_minor - refunded_minor AS value_minor
    FROM orders
    WHERE status IN ('paid', 'refunded') AND ordered_epoch_s < {as_of_s}
),
gaps AS (
    SELECT customer_key, count(*) - 1 AS repeat_order_count,
        median(gap_s) / 86400.0 AS median_gap_days,
        arg_max(gap_s, day_s) / 86400.0 AS last_gap_days
    FROM (
        SELECT customer_key, day_s,
            day_s - lag(day_s) OVER (PARTITION BY customer_key ORDER BY day_s) AS gap_s
        FROM (SELECT DISTINCT customer_key, day_s FROM o)
    )
    GROUP BY customer_key
),
totals AS (
    SELECT customer_key, min(ordered_at) AS first_order_at,
        ({as_of_s} - max(day_s)) // 86400 AS recency_days,
        ({as_of_s} - min(day_s)) // 86400 AS tenure_days,
        count(*) AS order_count, sum(value_minor)::BIGINT AS monetary_minor,
        sum(discount_minor) / nullif(sum(gross_minor)::DOUBLE, 0) AS discount_share,
        avg((month(ordered_at) >= 11)::INT) AS season_share
    FROM o GROUP BY customer_key
),
spent AS (
    SELECT customer_key, category, sum(line_net_minor) AS spent_minor
    FROM o JOIN order_lines USING (order_key) WHERE quantity > 0 GROUP BY ALL
),
tastes AS (
    SELECT customer_key, count(category) AS category_count,
        arg_max(category, spent_minor) AS top_category
    FROM spent GROUP BY customer_key
)
SELECT * FROM totals JOIN gaps USING (customer_key) LEFT JOIN tastes USING (customer_key)
ORDER BY customer_key
"""


def folder(customers: int) -> Path:
    """Write orders and lines once: 3.33 orders a customer, 3 lines an order on average."""
    place = Path(tempfile.gettempdir()) / f"retention-bench-features-{os.getuid()}-{customers}"
    if (place / "order_lines.parquet").is_file():
        return place
    import duckdb  # not every peer's environment has it; ours, which comes first, does

    place.mkdir(parents=True, exist_ok=True)
    orders = customers * 10 // 3
    con = duckdb.connect(config={"threads": THREADS, "memory_limit": "3GB"})
    con.execute("SET TimeZone = 'UTC'")
    con.execute(f"""COPY (
        SELECT md5('o' || i::VARCHAR) AS order_key,
            md5((CASE WHEN i < {customers} THEN i
                 ELSE hash(i, 1) % {customers} END)::VARCHAR) AS customer_key,
            make_timestamp(({START_S} + (hash(i, 2) % 78796800)::BIGINT) * 1000000) AS ordered_at,
            {START_S} + (hash(i, 2) % 78796800)::BIGINT AS ordered_epoch_s,
            CASE WHEN hash(i, 3) % 50 = 0 THEN 'cancelled' ELSE 'paid' END AS status,
            'USD' AS currency, 500 + (hash(i, 4) % 20000)::BIGINT AS gross_minor,
            (hash(i, 5) % 400)::BIGINT AS discount_minor, 0::BIGINT AS refunded_minor,
            NULL::BOOLEAN AS is_gift, NULL::BOOLEAN AS delivered_late
        FROM range({orders}) AS r(i)
    ) TO '{place}/orders.parquet' (FORMAT parquet)""")
    con.execute(f"""COPY (
        SELECT md5('o' || (j % {orders})::VARCHAR) AS order_key,
            'p' || (hash(j, 6) % 500)::VARCHAR AS product_key,
            'c' || (hash(j, 7) % 12)::VARCHAR AS category, 1::BIGINT AS quantity,
            100 + (hash(j, 8) % 1000000)::BIGINT AS line_net_minor,
            NULL::BOOLEAN AS is_made_to_order
        FROM range({3 * orders}) AS r(j)
    ) TO '{place}/order_lines.tmp' (FORMAT parquet)""")
    os.replace(place / "order_lines.tmp", place / "order_lines.parquet")
    return place


def answer(frame: Any) -> dict[str, float]:
    """Return the sum of every number, by which contestants are compared."""
    return {"rows": float(len(frame)), **{n: float(frame[n].sum()) for n in NUMBERS}}


def ours(customers: int) -> Work:
    """Compute the features with our library."""
    from retention.engine import Engine
    from retention.features import customer_features

    place = folder(customers)

    def work() -> dict[str, float]:
        engine = Engine(memory_limit="4GB", threads=THREADS)
        for name in ("orders", "order_lines"):
            engine.register(name, place / f"{name}.parquet")
        return answer(customer_features(engine, AS_OF))

    return work


def by_hand(customers: int) -> Work:
    """Compute the same with one query an expert would write for DuckDB alone."""
    import duckdb

    place = folder(customers)

    def work() -> dict[str, float]:
        con = duckdb.connect(config={"threads": THREADS, "memory_limit": "4GB"})
        con.execute("SET TimeZone = 'UTC'")
        for name in ("orders", "order_lines"):
            con.execute(f"CREATE VIEW {name} AS FROM read_parquet('{place}/{name}.parquet')")
        return answer(con.execute(BY_HAND.format(as_of_s=AS_OF_S)).df())

    return work


def with_pandas(customers: int) -> Work:
    """Compute the same with pandas' group-by."""
    import pandas as pd

    place = folder(customers)

    def work() -> dict[str, float]:
        o = pd.read_parquet(place / "orders.parquet")
        o = o[o["status"].isin(["paid", "refunded"]) & (o["ordered_epoch_s"] < AS_OF_S)]
        o = o.assign(
            day=o["ordered_epoch_s"] // DAY_S,
            value=o["gross_minor"] - o["discount_minor"] - o["refunded_minor"],
            season=(o["ordered_at"].dt.month >= 11).astype(float),
        )
        f = o.groupby("customer_key").agg(
            first_order_at=("ordered_at", "min"), last=("day", "max"), first=("day", "min"),
            order_count=("day", "size"), monetary_minor=("value", "sum"),
            gross=("gross_minor", "sum"), discount=("discount_minor", "sum"),
            season_share=("season", "mean"),
        )  # fmt: skip
        f["recency_days"], f["tenure_days"] = (
            AS_OF_S // DAY_S - f["last"],
            AS_OF_S // DAY_S - f["first"],
        )
        f["discount_share"] = f["discount"] / f["gross"]
        d = o[["customer_key", "day"]].drop_duplicates().sort_values(["customer_key", "day"])
        d["gap"] = d.groupby("customer_key")["day"].diff()
        gaps = d.groupby("customer_key")["gap"]
        f["repeat_order_count"] = gaps.size() - 1
        f["median_gap_days"], f["last_gap_days"] = gaps.median(), gaps.last()
        lines = pd.read_parquet(
            place / "order_lines.parquet",
            columns=["order_key", "category", "quantity", "line_net_minor"],
        )
        lines = lines[lines["quantity"] > 0].merge(o[["order_key", "customer_key"]], on="order_key")
        spent = lines.groupby(["customer_key", "category"])["line_net_minor"].sum().reset_index()
        f["category_count"] = spent.groupby("customer_key").size()
        top = spent.sort_values("line_net_minor").drop_duplicates("customer_key", keep="last")
        f["top_category"] = top.set_index("customer_key")["category"]
        return answer(f.sort_index().reset_index())

    return work


def transactions(customers: int) -> Any:
    """Return the orders that count, in memory as the peers want them: who, when and how much.

    In the order of time, as shops export them, and the keys as the peer's own pandas reads them:
    pymc-marketing is faster on the strings of pandas 3 than on Python's.
    """
    import pandas as pd

    columns = ["customer_key", "ordered_at", "status", "gross_minor", "discount_minor"]
    frame = pd.read_parquet(folder(customers) / "orders.parquet", columns=columns)
    frame = frame[frame["status"].isin(["paid", "refunded"])].sort_values("ordered_at")
    frame["value"] = (frame["gross_minor"] - frame["discount_minor"]) / 100
    return frame[["customer_key", "ordered_at", "value"]].reset_index(drop=True)


def summarised(frame: Any, tenure: str) -> dict[str, float]:
    """Return what summaries are compared by."""
    names = {"frequency": "frequency", "recency": "recency", "tenure": tenure,
             "monetary_value": "monetary_value"}  # fmt: skip
    totals = {key: float(frame[column].fillna(0).sum()) for key, column in names.items()}
    return {"rows": float(len(frame)), **totals}


LAST_DAY = "2026-06-30"


def our_summary(customers: int) -> Work:
    """Summarise with our library, from the table of orders as a notebook finds it on disk."""
    from retention.engine import Engine
    from retention.features import purchase_summary

    engine = Engine(memory_limit="4GB", threads=THREADS)
    engine.register("orders", folder(customers) / "orders.parquet")
    return lambda: summarised(purchase_summary(engine, AS_OF), "tenure")


def lifetimes_summary(customers: int) -> Work:
    """Summarise with lifetimes."""
    import warnings

    from lifetimes.utils import summary_data_from_transaction_data

    frame = transactions(customers)

    def work() -> dict[str, float]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = summary_data_from_transaction_data(
                frame, "customer_key", "ordered_at", "value", observation_period_end=LAST_DAY
            )
        return summarised(found, "T")

    return work


def pymc_summary(customers: int) -> Work:
    """Summarise with pymc-marketing."""
    import warnings

    from pymc_marketing.clv import utils

    frame = transactions(customers)

    def work() -> dict[str, float]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = utils.rfm_summary(
                frame, "customer_key", "ordered_at", "value", observation_period_end=LAST_DAY
            )
        return summarised(found, "T")

    return work
