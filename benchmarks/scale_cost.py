"""``python -m benchmarks.scale_cost``: what a very large shop would cost, from the measured growth.

Reads growth.json, carries each stage's processor seconds to the size asked for along its own
exponent, and writes the table between the marks in docs/scale.md. ``--check`` says whether the page
agrees with the measurement.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.exponent import exponent
from benchmarks.record import HERE

CUSTOMERS = 100_000_000
LINES = 10_000_000_000
PAGE = HERE.parent / "docs" / "scale.md"
BEGIN, END = "<!-- cost: begin -->", "<!-- cost: end -->"

BY_LINES = ("ingest", "features")
"""Stages whose cost follows the order lines (and the events beside them); the rest follows the
customers. The simulated shop's own lines per customer are measured with it."""

PER_FILE = ("shop",)
"""Stages that are no part of a run."""


@dataclass(frozen=True)
class Price:
    """What a machine costs.

    Parameters
    ----------
    core_hour
        Money for one core of a general-purpose machine for an hour, US dollars.
    storage_month
        Money for a terabyte of object storage for a month, US dollars.
    source
        Whose price list, and of which day.
    """

    core_hour: float
    storage_month: float
    source: str


PRICE = Price(
    core_hour=0.048,
    storage_month=23.0,
    source="AWS list prices, us-east-1, as published for 2025: m6i.4xlarge 0.768 USD an hour for "
    "16 virtual cores; S3 Standard 0.023 USD a gigabyte and month. Put your own in PRICE",
)
OVERHEAD = 9.4
"""Processor time of Spark over DuckDB for the same work: 61 s against 6.5 s on 10,000,000 lines on
one machine (DESIGN.md section 3); the price of sending rows between machines is in it."""
BYTES_PER_LINE = 1_511
"""Raw exports per order line of the simulated shop with 104,607 customers (521,771,266 bytes for
345,224 lines, its events and e-mail touches included)."""


def stage_seconds(
    rows: list[dict[str, Any]], stage: str, factor_base: float
) -> tuple[float, float]:
    """Return the processor seconds of a stage at the target size, and the exponent used.

    Parameters
    ----------
    rows
        The measurement.
    stage
        Name of the stage.
    factor_base
        Target size over the largest measured size, in the unit that the stage's cost follows.
    """
    mine = sorted((r for r in rows if r["stage"] == stage), key=lambda r: r["customers"])
    slope = max(1.0, exponent(mine, "processor_seconds")) if len(mine) > 1 else 1.0
    return mine[-1]["processor_seconds"] * factor_base**slope, slope


def estimate(measured: dict[str, Any], price: Price = PRICE) -> list[dict[str, Any]]:
    """Return cost per stage: processor hours on DuckDB's and on Spark's terms, and money.

    An exponent below one is read as one: a fixed part weighs in small measurements, and nothing
    grows more slowly than its input. Each stage is carried on from its own largest size; copies of
    a shop have its lines so many times.
    """
    rows = measured["rows"]
    shop = max((r for r in rows if r["stage"] == "shop"), key=lambda r: r["customers"])
    lines_each = float(shop["answer"]["lines"]) / shop["customers"]
    found = []
    for stage in dict.fromkeys(row["stage"] for row in rows):
        if stage in PER_FILE:
            continue
        by_lines = stage in BY_LINES
        largest = max(row["customers"] for row in rows if row["stage"] == stage)
        factor = (LINES / lines_each if by_lines else CUSTOMERS) / largest
        seconds, slope = stage_seconds(rows, stage, factor)
        hours = seconds / 3_600
        spread = hours * (OVERHEAD if by_lines else 1.0)
        found.append(
            {"stage": stage, "follows": "lines" if by_lines else "customers", "exponent": slope,
             "hours": hours, "spread": spread, "money": spread * price.core_hour}
        )  # fmt: skip
    return found


def table(measured: dict[str, Any] | None, price: Price = PRICE) -> str:
    """Return the text between the marks."""
    if measured is None:
        return (
            "Not measured yet: run `python -m benchmarks.growth`, then "
            "`python -m benchmarks.scale_cost`."
        )
    found = estimate(measured, price)
    stored = LINES * BYTES_PER_LINE / 1e12
    lines = [
        f"{CUSTOMERS:,} customers, {LINES:,} order lines; measured up to "
        f"{max(r['customers'] for r in measured['rows']):,} customers.", "",
        "| stage | cost follows | exponent | core hours, one engine | core hours, Spark | USD |",
        "|---|---|---|---|---|---|",
    ]  # fmt: skip
    for row in found:
        lines.append(
            f"| {row['stage']} | {row['follows']} | {row['exponent']:.2f} | {row['hours']:,.1f} | "
            f"{row['spread']:,.1f} | {row['money']:,.2f} |"
        )
    hours, money = (sum(row[name] for row in found) for name in ("spread", "money"))
    lines += [
        f"| **one full run** | | | | **{hours:,.1f}** | **{money:,.2f}** |", "",
        f"On 256 cores that is about {hours / 256:,.1f} hours. The raw exports take about "
        f"{stored:,.1f} TB, {stored * price.storage_month:,.0f} USD a month.", "",
        f"Prices: {price.source}.",
    ]  # fmt: skip
    return "\n".join(lines)


def rendered(page: str, text: str) -> str:
    """Return the page with the text between its marks."""
    before, rest = page.split(BEGIN)
    return f"{before}{BEGIN}\n{text}\n{END}{rest.split(END)[1]}"


def update(growth: Path = HERE / "growth.json", page: Path = PAGE, *, check: bool = False) -> bool:
    """Write the table into the page, or only say whether it is there already."""
    measured = json.loads(growth.read_text(encoding="utf-8")) if growth.is_file() else None
    old = page.read_text(encoding="utf-8")
    new = rendered(old, table(measured))
    if not check:
        page.write_text(new, encoding="utf-8")
    return new == old


def main() -> int:
    """Write the table, or check it."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--check", action="store_true", help="say whether the page agrees")
    options.add_argument("--growth", type=Path, default=HERE / "growth.json")
    options.add_argument("--page", type=Path, default=PAGE)
    asked = options.parse_args()
    agrees = update(asked.growth, asked.page, check=asked.check)
    if asked.check and not agrees:
        print(f"{asked.page} and {asked.growth} disagree: run python -m benchmarks.scale_cost")
    return int(asked.check and not agrees)


if __name__ == "__main__":
    raise SystemExit(main())
