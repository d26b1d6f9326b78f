"""A simulated shop, ingested, with its truth beside it: what the recovery cases start from."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import pandas as pd
import yaml

from benchmarks.record import HERE
from retention.demo import write_shop
from retention.engine import Engine
from retention.ingest import IngestResult, Snapshot, run_ingest
from retention.ingest.keys import normalise_email, open_keys

AS_OF = "2026-07-01"
FIXED_KEY = "5e" * 32
"""One key for every measurement: it decides the order of customers, and so every random split."""


@dataclass(frozen=True)
class Shop:
    """An ingested shop.

    Parameters
    ----------
    folder
        Folder of the exports and of the truth.
    engine
        Engine with every table of the snapshot.
    ingest
        Account of the ingest.
    customers
        Truth of every customer with an e-mail address, with the ``customer_key`` it was given.
    """

    folder: Path
    engine: Engine
    ingest: IngestResult
    customers: pd.DataFrame

    def truth(self, name: str) -> pd.DataFrame:
        """Return a table of the truth."""
        return pd.read_parquet(self.folder / "truth" / f"{name}.parquet")


@lru_cache(maxsize=2)
def ingested(customers: int = 20_000, seed: int = 20260701, activity: float = 1.0) -> Shop:
    """Write, ingest and open a simulated shop; kept until this process ends."""
    os.environ["RETENTION_KEY"] = FIXED_KEY
    root = _temporary_root()
    folder = root / "exports" / "demo"
    write_shop(folder, customers, seed, activity)
    params = yaml.safe_load((HERE.parent / "params/demo/ingest.yaml").read_text(encoding="utf-8"))
    result = run_ingest(
        params["sources"], root / "store", root / "private", root=root, as_of=AS_OF,
        currency=params["currency"], time_zone=params["time_zone"],
        read_options=params["read_options"],
    )  # fmt: skip
    engine = Engine()
    Snapshot.load(root / "store").register(engine)
    keys = open_keys(root / "private")
    truth = pd.read_parquet(folder / "truth/customers.parquet")
    known = truth[truth["email"].notna()]
    keyed = [keys.pseudonym("email", normalise_email(email) or "") for email in known["email"]]
    return Shop(folder, engine, result, known.assign(customer_key=keyed))


_ROOTS: list[tempfile.TemporaryDirectory[str]] = []


def _temporary_root() -> Path:
    """Return a new folder that is removed when this process ends."""
    _ROOTS.append(tempfile.TemporaryDirectory(prefix="retention-shop-"))
    return Path(_ROOTS[-1].name)
