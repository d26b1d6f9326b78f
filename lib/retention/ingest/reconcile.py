"""Nothing is lost: rows and money read equal what was accepted, quarantined and excluded."""

from __future__ import annotations

from decimal import Decimal

import pandas as pd

from retention.engine import Engine, query_text
from retention.ingest.assemble import Assembly
from retention.ingest.codes import IngestCheck
from retention.ingest.mends import mend_of
from retention.ingest.result import FATES
from retention.quantities import minor_units
from retention.results import Check, Status

_GATHERED = ("customers", "declared_links", "identity_links", "quarantine")
"""Tables whose rows are not one for each record."""


def load_ledger(assembly: Assembly) -> None:
    """Give the ledgers of all contributions one name in the engine, and what was moved in them."""
    objects = assembly.store.root / "objects"
    parts = [
        f"SELECT *, '{c.batch_id}' AS batch_id, '{c.source}' AS source, {_quoted(c.path)} AS file, "
        f"'{c.accounts_table}' AS accounts_table "
        f"FROM {assembly.engine.parquet([objects / f'{sha}.parquet' for sha in c.ledger])}"
        for c in assembly.contributions
    ]
    views = {"ledger": " UNION ALL ".join(parts), "moved": query_text("ingest_moved")}
    for name, text in views.items():
        assembly.engine.execute(f"CREATE OR REPLACE TEMP VIEW {name} AS {text}")


def accounts_of(engine: Engine) -> pd.DataFrame:
    """Return rows and money per source, file, day and currency; money as exact ``Decimal``."""
    accounts = engine.sql(query_text("ingest_accounts")).arrow().to_pandas()
    return _in_major_units(accounts, [f"value_{name}" for name in ("read", *FATES)])


def reasons_of(engine: Engine) -> pd.DataFrame:
    """Return why records were refused or excluded, by source and currency, each with its mend."""
    reasons = engine.sql(query_text("ingest_reasons")).arrow().to_pandas()
    places = zip(reasons.pop("file"), reasons.pop("line"), strict=True)
    reasons["example"] = [f"{file.rsplit('/', 1)[-1]}, line {line}" for file, line in places]
    reasons["mend"] = [mend_of(reason) for reason in reasons.reason]
    return _in_major_units(reasons, ["value"])


def reconcile(assembly: Assembly, accounts: pd.DataFrame) -> list[Check]:
    """Return the hard checks: rows and money of every file, and what the snapshot holds.

    The counts on the left come from a strict reader that shares nothing with the engine's, the
    money from the mapping before any judgement; those on the right from the ledger.
    """
    rows, money = [], []
    for made in assembly.contributions:
        own = accounts[(accounts.file == made.path) & (accounts.source == made.source)]
        counted = sum(int(own[f"rows_{fate}"].sum()) for fate in FATES)
        if counted != made.rows_read:
            rows.append(f"{made.path}: {made.rows_read:,} read, {counted:,} accounted for")
        for currency, entry in made.measured.items():
            part = own[own.currency == currency]
            total = sum((sum(part[f"value_{fate}"], Decimal(0)) for fate in FATES), Decimal(0))
            if total * minor_units(currency) != Decimal(entry["value"]):
                money.append(f"{made.path} ({currency or 'no currency'})")
    return [
        _check(IngestCheck.ROWS_RECONCILE, rows, "rows", len(assembly.contributions)),
        _check(IngestCheck.MONEY_RECONCILES, money, "money", len(assembly.contributions)),
        _snapshot(assembly, accounts),
    ]


def _snapshot(assembly: Assembly, accounts: pd.DataFrame) -> Check:
    """Compare what was accepted with the rows that the snapshot's tables and their history hold.

    A table that gathers rows (customers), or that takes several rows of one record, is left out.
    """
    gaps, compared = [], 0
    for name, entry in assembly.tables.items():
        files = [made for made in assembly.contributions if made.rows_of(name)]
        if name in _GATHERED or not files or any(c.accounts_table != name for c in files):
            continue
        sources = {c.source for c in assembly.contributions if c.accounts_table == name}
        taken = int(accounts[accounts.source.isin(sources)].rows_accepted.sum())
        held = entry["rows"] + sum(old["rows"] for old in assembly.history.get(name, []))
        compared += 1
        if taken != held:
            gaps.append(f"{name}: {taken:,} accepted, {held:,} held")
    if gaps:
        return Check(IngestCheck.SNAPSHOT_RECONCILES, Status.FAIL, f"{'; '.join(gaps)}.",
                     "Do not use this snapshot; report the files with their hashes.")  # fmt: skip
    return Check(IngestCheck.SNAPSHOT_RECONCILES, Status.PASS, f"The snapshot holds every accepted "
                 f"record, current or in its history ({compared} table(s)).")  # fmt: skip


def _check(code: IngestCheck, gaps: list[str], what: str, files: int) -> Check:
    """Return a hard check that holds only without gaps."""
    if gaps:
        return Check(code, Status.FAIL, f"The {what} of {len(gaps)} of {files} file(s) do not add "
                     f"up: {'; '.join(gaps[:5])}.", "Do not use this snapshot; report the file "
                     "with its hash from the manifest.")  # fmt: skip
    return Check(code, Status.PASS, f"The {what} of all {files} file(s) add up exactly: read = "
                 "accepted + quarantined + excluded.")  # fmt: skip


def _in_major_units(frame: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    """Turn minor units into major ones, exactly."""
    factors = frame.currency.map(minor_units)
    for name in columns:
        pairs = zip(frame[name], factors, strict=True)
        frame[name] = pd.Series([Decimal(value) / factor for value, factor in pairs], dtype=object)
    return frame


def _quoted(text: str) -> str:
    """Return text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"
