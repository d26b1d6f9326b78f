"""Are money and people plausible? What would show that a file was read wrongly as a whole."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from retention.engine import Engine
from retention.ingest.assemble import Assembly
from retention.ingest.codes import IngestCheck
from retention.ingest.quality_oddities import finding
from retention.quantities import minor_units
from retention.results import Check, Status, percent

ENOUGH = 20
"""Orders from which on a source is judged as a whole."""

MUCH_REFUNDED = 0.3
"""Share of value refunded that few shops reach."""


def files_agree(assembly: Assembly) -> Check:
    """Say how many records several files hold, and where two files tell one differently."""
    shared = assembly.shared
    records = sum(found["records"] or 0 for found in shared.values())
    changed, contradicted = (
        {name: found[kind] for name, found in shared.items() if found[kind]}
        for kind in ("changed", "contradicted")
    )
    if not changed and not contradicted:
        told = f"{records:,} records stand in several files, which agree on all of them."
        return Check(IngestCheck.FILES_AGREE, Status.PASS, told)
    told = ", ".join(f"{count:,} {name}" for name, count in (contradicted or changed).items())
    first = shared[next(iter(contradicted or changed))]
    one, other = (assembly.contributions[first[side] or 0].path for side in ("one", "other"))
    return finding(
        IngestCheck.FILES_AGREE, bool(contradicted),
        f"{records:,} records stand in several files; two files "
        f"{'contradict each other' if contradicted else 'tell earlier and later states'} of "
        f"{told} (such as {one} and {other}). The later state, the larger refund, then the file "
        "with the newest record holds.",
        "Look at one of these records in the shop: an edited order is fine, two shops that number "
        "alike need a shop_id each.",
    )  # fmt: skip


def mixed_currencies(assembly: Assembly) -> Check:
    """Say which currency is reported, and what others were converted or left out."""
    currencies = assembly.currencies
    if not currencies.reporting:
        return Check(IngestCheck.MIXED_CURRENCIES, Status.PASS, "All money is in one currency.")
    left = currencies.left_out
    told = [
        f"{orders:,} orders of {quantity_of(code, gross)} were left out for want of a rate"
        for code, orders, gross in zip(left.currency, left.orders, left.gross_minor, strict=True)
    ]
    if currencies.converted:
        names = ", ".join(currencies.converted)
        told.append(f"amounts in {names} were converted by the rate of their day")
    return finding(
        IngestCheck.MIXED_CURRENCIES, len(currencies.left_out) > 0,
        f"Figures are in {currencies.reporting}: {'; '.join(told) or 'costs in others are out'}.",
        "Give dated rates as a source (`fx_rates`: date, from, to, rate), or set `currency` to the "
        "one to report.",
    )  # fmt: skip


def money_checks(engine: Engine) -> Iterator[Check]:
    """Yield what is suspect of the orders' money: refunds, tax, and columns that never vary."""
    figures = engine.query("ingest_money").frame()
    yield _refunds_agree(engine, figures)
    yield _plausible(figures)
    yield _tax(figures)


def _refunds_agree(engine: Engine, figures: pd.DataFrame) -> Check:
    """Compare what orders say was paid back of their goods with the table of refunds."""
    if not engine.has("refunds"):
        return Check(IngestCheck.REFUNDS_AGREE, Status.PASS, "No source lists refunds one by one.")
    row = engine.query("ingest_refunds").frame().iloc[0]
    code = str(figures["currency"].iloc[0])
    return finding(
        IngestCheck.REFUNDS_AGREE, row["disagree"] > 0,
        f"{row['disagree']:,.0f} of {row['orders']:,.0f} orders with refunds say otherwise than "
        f"the list of refunds: {quantity_of(code, row['by_order'])} by the orders, "
        f"{quantity_of(code, row['by_list'])} by the list (with shipping and tax in it).",
        "Export both for the same period; until then net value is the orders' own.",
    )  # fmt: skip


def _plausible(figures: pd.DataFrame) -> Check:
    """Find sources of which much is refunded, net above gross, or one column says it all."""
    told = []
    for row in figures.to_dict("records"):
        share = row["refunded"] / max(row["sold"], 1)
        if row["counted"] >= ENOUGH and row["with_refund"] == row["counted"]:
            told.append(f"every order of {row['source']} has a refund")
        elif row["counted"] >= ENOUGH and share > MUCH_REFUNDED:
            told.append(f"{percent(share, 0)} of the value of {row['source']} was refunded")
        if row["above_gross"]:
            told.append(f"{row['above_gross']:,} orders of {row['source']} net more than they cost")
        if row["orders"] >= ENOUGH and not row["counted"]:
            told.append(f"no order of {row['source']} is paid")
    return finding(
        IngestCheck.MONEY_PLAUSIBLE, bool(told),
        "; ".join(told) + "." if told else "Refunds and net value are below gross in every source, "
        "and no single column decides over all orders.",
        "Open one such order in the shop: a column that says the same of every order was probably "
        "misread.",
    )  # fmt: skip


def _tax(figures: pd.DataFrame) -> Check:
    """Say by source whether its prices contained tax."""
    told, mixed = [], False
    for row in figures[figures.taxed > 0].to_dict("records"):
        within = row["within"] / row["taxed"]
        mixed |= 0 < within < 1
        side = "contain tax, which was taken out" if within > 0.5 else "are without tax"
        told.append(f"prices of {row['source']} {side} ({row['within']:,} of {row['taxed']:,} "
                    "taxed orders had it within)")  # fmt: skip
    text = "; ".join(told) or "no order tells of tax within its prices"
    return finding(
        IngestCheck.TAX_CONVENTION, mixed, f"{text[0].upper()}{text[1:]}.",
        "Shops that sell to several countries mix both; if yours does not, look at an order of the "
        "rarer kind.",
    )  # fmt: skip


def quantity_of(currency: str, minor: float) -> str:
    """Return an amount in minor units as it is written.

    Examples
    --------
    >>> quantity_of("JPY", 1200), quantity_of("EUR", 120250)
    ('JPY 1,200', 'EUR 1,202.50')
    """
    unit = minor_units(currency)
    return f"{currency} {minor / unit:,.{2 if unit > 1 else 0}f}"
