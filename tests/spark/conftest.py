"""Two shops, each on both engines: the simulated one and Online Retail."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from shutil import which

import pytest
import yaml

from retention.engine import Engine, open_engine
from retention.ingest import run_ingest

PROJECT = Path(__file__).resolve().parents[2]
MISSING = [
    name
    for name, there in (("pyspark", importlib.util.find_spec("pyspark")), ("java", which("java")))
    if not there
]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what needs Spark where there is none, and say so."""
    for item in items:
        if item.get_closest_marker("spark") and MISSING:
            why = f"{' and '.join(MISSING)} not installed here; `make test-spark` brings them"
            item.add_marker(pytest.mark.skip(reason=why))


@dataclass(frozen=True)
class Shop:
    """One shop's snapshot, named in both engines."""

    name: str
    root: Path
    store: Path
    duck: Engine
    spark: Engine | None
    as_of: str
    options: dict

    def has(self, table: str) -> bool:
        return self.duck.has(table)


@pytest.fixture(scope="session")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("spark-scratch")


def ingest_options(profile: str) -> dict:
    """Return the arguments that the ingest notebook passes on, from the profile's params."""
    given = yaml.safe_load((PROJECT / "params" / profile / "ingest.yaml").read_text())
    return {name: given[name] for name in ("sources", "read_options", "currency", "time_zone")}


def shop_of(profile: str, root: Path, as_of: str, scratch: Path) -> Iterator[Shop]:
    """Ingest a profile's exports on DuckDB and name the snapshot's tables in both engines."""
    options = ingest_options(profile)
    store = root / "outputs" / profile / "store"
    made = run_ingest(store=store, private=root / ".retention", root=root, as_of=as_of,
                      memory_limit="2GB", **options)  # fmt: skip
    duck = Engine("2GB")
    spark = None if MISSING else open_engine("spark", "2GB", str(scratch))
    for engine in filter(None, (duck, spark)):
        made.snapshot.register(engine)
    yield Shop(profile, root, store, duck, spark, as_of, options)
    if spark:
        spark.close()
    duck.close()


@pytest.fixture(scope="session")
def demo_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a workspace with the exports of the simulated shop, 3,000 customers."""
    from retention.demo import write_shop

    root = tmp_path_factory.mktemp("demo")
    write_shop(root / "exports" / "demo", customers=3_000, seed=20260701)
    return root


@pytest.fixture(scope="session")
def demo(demo_root: Path, scratch: Path) -> Iterator[Shop]:
    yield from shop_of("demo", demo_root, "2026-07-01", scratch)


@pytest.fixture(scope="session")
def online_retail(
    real_data: Path, tmp_path_factory: pytest.TempPathFactory, scratch: Path
) -> Iterator[Shop]:
    root = tmp_path_factory.mktemp("online_retail")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RETENTION_DATA", str(real_data))
        yield from shop_of("online_retail", root, "2011-09-01", scratch)
