"""The Spark session: one per process, set so that it answers as DuckDB does."""

from __future__ import annotations

import atexit
import os
import re
import sys
from importlib.util import find_spec
from pathlib import Path
from shutil import which
from typing import TYPE_CHECKING, Any

from retention.engine.spill import spill_folder
from retention.errors import RunError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

MASTER_VARIABLE = "RETENTION_SPARK_MASTER"
"""Environment variable that names the cluster where the params do not."""

DEFAULT_MASTER = "local[2]"

_MEANING = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.timestampType": "TIMESTAMP_NTZ",
    "spark.sql.ansi.enabled": "true",
    "spark.sql.caseSensitive": "false",
    "spark.sql.execution.arrow.pyspark.enabled": "true",
    "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
    "spark.sql.parquet.compression.codec": "zstd",
}
"""What a query means depends on these, so every session of ours has them, on any cluster."""


class _Local:
    """What lives as long as the process: the folder of temporary files."""


_PROCESS = _Local()


def open_session(
    memory_limit: str | None, master: str | None, temporary_directory: str | None
) -> SparkSession:
    """Return a session with names of its own, on the Spark that runs or on one started now.

    A Spark that is already there (``spark-submit``, a managed notebook) is used as it was set up;
    else one is started on ``master``, with its memory and temporary folder bounded.

    Parameters
    ----------
    memory_limit
        Memory of the driver, as ``"4GB"``; on a local master that is all there is.
    master
        Spark's master URL; None for ``$RETENTION_SPARK_MASTER``, else ``local[2]``.
    temporary_directory
        Where shuffles and spills go.

    Raises
    ------
    RunError
        If PySpark or Java is missing, or Spark does not start.
    """
    require_spark()
    from pyspark.sql import SparkSession

    running = SparkSession.getActiveSession()
    if running is None:
        running = _start(memory_limit, master or os.environ.get(MASTER_VARIABLE) or DEFAULT_MASTER,
                         temporary_directory)  # fmt: skip
    session = running.newSession()
    for name, value in _MEANING.items():
        session.conf.set(name, value)
    return session


def require_spark() -> None:
    """Refuse to go on without PySpark and Java, and say how to get them.

    Raises
    ------
    RunError
        If one of them is missing.
    """
    if find_spec("pyspark") is None:
        raise RunError(
            "`engine: spark` needs PySpark, which is not installed.",
            "Install it beside the rest: pip install --require-hashes -r requirements-spark.lock "
            "(or `make .venv-spark/.installed`); or set `engine: duckdb` in common.yaml.",
        )
    if which("java") is None and not os.environ.get("JAVA_HOME"):
        raise RunError(
            "`engine: spark` needs Java 17 or newer, and there is no `java` here.",
            "Install it (Debian: apt-get install openjdk-17-jre-headless), or set JAVA_HOME.",
        )


def spark_memory(limit: str) -> str:
    """Return an amount of memory as Spark writes it.

    Examples
    --------
    >>> spark_memory("4GB"), spark_memory("1.5GB"), spark_memory("900MB")
    ('4096m', '1536m', '900m')
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(MB|GB)", limit)
    if not match:
        raise RunError(f"{limit!r} is no amount of memory.", "Write it like 4GB or 900MB.")
    return f"{int(float(match[1]) * (1024 if match[2] == 'GB' else 1))}m"


def settings(memory_limit: str | None, master: str, folder: Path) -> dict[str, str]:
    """Return the settings of a Spark that is started here.

    Parameters
    ----------
    memory_limit
        Memory of the driver.
    master
        Spark's master URL.
    folder
        Where temporary files go.
    """
    chosen = {
        **_MEANING,
        "spark.local.dir": str(folder),
        "spark.sql.warehouse.dir": str(folder / "warehouse"),
        "spark.driver.extraJavaOptions": f"-Djava.io.tmpdir={folder} -Duser.timezone=UTC",
        "spark.sql.catalogImplementation": "in-memory",
        "spark.driver.maxResultSize": "0",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
    }
    if memory_limit:
        chosen["spark.driver.memory"] = spark_memory(memory_limit)
    if master.startswith("local"):
        cores = re.search(r"\[(\d+)", master)
        chosen["spark.sql.shuffle.partitions"] = cores[1] if cores else str(os.cpu_count() or 2)
        chosen["spark.driver.host"] = chosen["spark.driver.bindAddress"] = "127.0.0.1"
    return chosen


def _start(memory_limit: str | None, master: str, temporary_directory: str | None) -> SparkSession:
    """Start Spark; it ends, and its temporary folder goes, when the process does."""
    from py4j.protocol import Py4JError  # type: ignore[import-not-found]
    from pyspark.errors import PySparkException
    from pyspark.sql import SparkSession

    if master.startswith("local"):  # tasks of this machine run in this very environment
        os.environ["PYSPARK_PYTHON"] = os.environ["PYSPARK_DRIVER_PYTHON"] = sys.executable
    folder = spill_folder(_PROCESS, temporary_directory)
    builder: Any = SparkSession.builder.master(master).appName("retention")
    for name, value in settings(memory_limit, master, folder).items():
        builder = builder.config(name, value)
    try:
        session: SparkSession = builder.getOrCreate()
    except (PySparkException, Py4JError) as error:
        raise RunError(
            f"Spark did not start on {master!r}: {str(error).splitlines()[0]}",
            "Look at the lines above; check spark_master, memory_limit (Spark wants 470MB or more) "
            "and that Java is 17 or newer.",
        ) from error
    session.sparkContext.setLogLevel("ERROR")
    atexit.register(session.stop)
    return session
