"""A real PostgreSQL, started by the test: tables and queries come through ADBC in Arrow batches."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from retention.errors import InputError
from retention.sources import FORMATS, ReadOptions, land

pytestmark = pytest.mark.slow

OPTIONS = ReadOptions(threads=1, currency="USD")
TABLE = """
CREATE TABLE costs (cost_id text, incurred_at timestamptz, kind text, amount numeric(12, 2));
INSERT INTO costs
  SELECT 'k' || i, timestamptz '2026-03-01 10:00:00+02' + i * interval '1 day', 'tool', i + 0.5
  FROM generate_series(1, 5000) AS i;
INSERT INTO costs VALUES ('k0', NULL, 'tool', NULL);
"""


def _program(name: str) -> str | None:
    """Return the path of a PostgreSQL program, also where Debian hides it."""
    found = shutil.which(name)
    hidden = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    return found or (str(hidden[-1]) if hidden else None)


def _as_other_user(command: list[str]) -> list[str]:
    """Run a command as nobody where the tests run as root, which PostgreSQL refuses."""
    return ["runuser", "-u", "nobody", "--", *command] if os.geteuid() == 0 else command


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Start a throwaway server; yield its address."""
    initdb, control = _program("initdb"), _program("pg_ctl")
    if not (initdb and control and _program("postgres")):
        pytest.skip("PostgreSQL is not installed here (Debian: apt-get install postgresql).")
    folder = tmp_path_factory.mktemp("pg")
    if os.geteuid() == 0:
        for place in (folder, *folder.parents[:3]):
            place.chmod(place.stat().st_mode | 0o055)
        shutil.chown(folder, "nobody")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    data = folder / "data"
    run = {"check": True, "capture_output": True, "timeout": 120, "cwd": folder}
    subprocess.run(
        _as_other_user([initdb, "-D", str(data), "-U", "shop", "--auth=trust", "-E", "UTF8"]), **run
    )
    settings = f"-p {port} -c listen_addresses=127.0.0.1 -c fsync=off -k {folder}"
    start = [control, "-D", str(data), "-o", settings, "-l", str(folder / "log"), "-w", "start"]
    subprocess.run(_as_other_user(start), **(run | {"capture_output": False}))
    yield f"postgresql://shop:secret@127.0.0.1:{port}/postgres"
    subprocess.run(_as_other_user([control, "-D", str(data), "-m", "fast", "stop"]), **run)


@pytest.fixture(scope="module")
def shop(postgres: str) -> str:
    """Fill a table; return the server's address."""
    import adbc_driver_postgresql.dbapi as driver

    with driver.connect(postgres) as connection, connection.cursor() as cursor:
        for statement in TABLE.strip().split(";\n"):
            cursor.execute(statement.strip().rstrip(";"))
        connection.commit()
    return postgres


def test_a_table_is_fetched_whole_with_its_times_and_amounts(shop, tmp_path, map_file):
    made = map_file(f"{shop}#costs", FORMATS["costs"], tmp_path, OPTIONS)["costs"]
    first = made[made.cost_key == "k1"].iloc[0]
    assert len(made) == 5001
    assert first.incurred_at == datetime(2026, 3, 2, 8)
    assert first.amount_minor == 150
    assert float(made.value_minor.sum()) == sum(100 * i + 50 for i in range(1, 5001))
    assert made.amount_minor.isna().sum() == 1


def test_a_query_is_fetched_and_its_hash_follows_its_content(shop, tmp_path):
    query = "SELECT * FROM costs WHERE cost_id IN ('k1', 'k2')"
    one = land(f"{shop}#{query}", FORMATS["costs"], tmp_path, OPTIONS)
    two = land(f"{shop}#{query} ORDER BY cost_id DESC", FORMATS["costs"], tmp_path, OPTIONS)
    three = land(f"{shop}#{query} LIMIT 1", FORMATS["costs"], tmp_path, OPTIONS)
    assert one.rows_read == two.rows_read == 2
    assert one.sha256 == two.sha256 != three.sha256


def test_credentials_appear_nowhere(shop, tmp_path):
    landed = land(f"{shop}#costs", FORMATS["costs"], tmp_path, OPTIONS)
    assert "secret" not in landed.path + landed.select()
    with pytest.raises(InputError) as caught:
        land(f"{shop}#nowhere", FORMATS["costs"], tmp_path, OPTIONS)
    assert "refused the query" in str(caught.value)
    assert "secret" not in str(caught.value)


def test_a_server_that_does_not_answer_is_a_clear_error(tmp_path):
    with pytest.raises(InputError) as caught:
        land("postgresql://ada:secret@127.0.0.1:1/shop#costs", FORMATS["costs"], tmp_path, OPTIONS)
    assert "cannot be reached" in str(caught.value)
    assert "secret" not in str(caught.value)
