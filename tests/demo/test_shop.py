"""The shop is the same for the same seed, and refuses what makes no sense."""

import hashlib
from pathlib import Path

import pytest

from retention.demo import DemoSummary, write_shop
from retention.demo.writing import Writer, connect
from retention.errors import ParameterError


def digests(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_shop(tmp_path / name, customers=400, seed=3)
    assert digests(tmp_path / "one") == digests(tmp_path / "two")


def test_another_seed_gives_another_shop(tmp_path: Path) -> None:
    first = write_shop(tmp_path / "one", customers=400, seed=3)
    second = write_shop(tmp_path / "two", customers=400, seed=4)
    assert digests(first.folder) != digests(second.folder)


def test_activity_scales_the_orders(tmp_path: Path) -> None:
    calm = write_shop(tmp_path / "calm", customers=1_000)
    busy = write_shop(tmp_path / "busy", customers=1_000, activity=4.0)
    assert busy.orders > 1.3 * calm.orders


def test_the_summary_says_how_large_the_shop_is(shop: DemoSummary) -> None:
    assert "6,000 customers" in shop.summary()
    assert shop.order_lines > shop.orders > shop.customers


@pytest.mark.parametrize("setting", [{"customers": 5}, {"activity": 0.0}, {"activity": 1e6}])
def test_an_impossible_shop_is_refused(tmp_path: Path, setting: dict[str, float]) -> None:
    with pytest.raises(ParameterError):
        write_shop(tmp_path, **setting)
    assert not list(tmp_path.iterdir())


def test_a_column_that_the_platform_lacks_is_refused(tmp_path: Path) -> None:
    import pyarrow as pa

    with connect() as connection, pytest.raises(KeyError, match="stray"):
        Writer(tmp_path, connection).csv("x.csv", ("a",), {"stray": "1"}, pa.table({"n": [1]}))
