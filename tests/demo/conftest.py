"""One simulated shop for all the tests of this folder."""

from pathlib import Path

import pytest

from retention.demo import DemoSummary, write_shop


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> DemoSummary:
    return write_shop(tmp_path_factory.mktemp("shop"), customers=6_000, seed=7)


@pytest.fixture(scope="session")
def folder(shop: DemoSummary) -> Path:
    return shop.folder
