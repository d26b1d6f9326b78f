"""A notebook's own view of the run: what it reads, what it writes, and how it ends."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from retention.engine import ROW_GROUP_ROWS, Engine, open_engine, sha256_of
from retention.errors import EvidenceError, RunError
from retention.features.dates import latest_order, shifted
from retention.reports.display import show_finding
from retention.reports.formatting import metric_text
from retention.results import SKIPPED, Artifact, Check, Metric, worst
from retention.runs.evidence import Evidence, Missing
from retention.runs.files import write_json
from retention.runs.plan import BY_NAME
from retention.runs.run import Run, earlier_runs, producer
from retention.runs.signoff import last_approved
from retention.runs.workspace import Workspace

STAGING_VARIABLE = "RETENTION_OUTPUT_DIR"
"""Environment variable by which the runner tells a kernel where to write."""

SHARED_VARIABLE = "RETENTION_SHARED_DIR"
"""Environment variable of the folder where the notebooks of one run keep what several ask for."""


@dataclass
class Stage:
    """What one notebook reads and writes.

    Open it with :func:`open_stage`. Reading looks into this run first, then into the run named by
    ``run``; writing goes to the staging folder of the runner, or to ``outputs/<profile>/scratch``
    where a person runs the notebook by hand.
    """

    notebook: str
    profile: str
    workspace: Workspace
    sources: tuple[Run, ...]
    output: Path
    engine: Engine
    minimum_cell_size: int
    evidence: Evidence
    as_of: str = ""
    known_until: str = ""
    artifacts: list[Artifact] = field(default_factory=list)

    @property
    def root(self) -> Path:
        """Root of the workspace; paths in the params are relative to it."""
        return self.workspace.root

    @property
    def params(self) -> Path:
        """Folder of the profile's params; it belongs to the project, not to the data."""
        return self.workspace.params / self.profile

    @property
    def store(self) -> Path:
        """Folder of the profile's snapshots."""
        return self.workspace.store(self.profile)

    @property
    def private(self) -> Path:
        """Folder of keys, vault and audit log."""
        return self.workspace.private

    def has(self, name: str) -> bool:
        """Tell whether a table can be read."""
        return any(source.has_table(name) for source in self.sources)

    def table(self, name: str) -> pd.DataFrame:
        """Return a table that an earlier notebook published, or one of the snapshot.

        Raises
        ------
        RunError
            If there is none; the message names the notebook that makes it.
        """
        for source in self.sources:
            if source.has_table(name):
                return source.table(name)
        maker = producer(name) or "ingest"
        raise RunError(
            f"There is no table {name!r} in profile {self.profile!r} yet.",
            f"Run the notebook {maker!r} first, or `retention run {self.profile}`.",
        )

    def earlier_runs(self, as_of: str) -> list[Run]:
        """Return the published runs as of an earlier date, the one that knew least first.

        A notebook that calls this says so in the plan (``recalls``), so that it runs again when
        there is more to recall.
        """
        return earlier_runs(self.profile, as_of, self.workspace)

    def approved_run(self) -> Run | None:
        """Return the run whose report of this notebook was approved last, None where none was.

        What `earlier_runs` says of the plan holds here, too.
        """
        return last_approved(self.profile, self.workspace, self.notebook)

    def save(self, name: str, frame: pd.DataFrame, key: str | Sequence[str]) -> Artifact:
        """Publish a table, sorted by its key so that the same rows give the same bytes.

        Parameters
        ----------
        name
            Name of the table; also the name of its file.
        frame
            The rows; the index is not kept.
        key
            Column or columns that identify a row.

        Raises
        ------
        RunError
            If the key is missing or not unique.
        """
        columns = [key] if isinstance(key, str) else list(key)
        missing = [column for column in columns if column not in frame]
        if missing or frame.duplicated(columns).any():
            what = f"lacks {missing}" if missing else "has rows that share a key"
            raise RunError(f"Table {name!r} {what}.", f"Its key is {columns}.")
        path = self.output / "tables" / f"{name}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        rows = pa.Table.from_pandas(
            frame.sort_values(columns, kind="stable"), preserve_index=False
        ).replace_schema_metadata(None)
        pq.write_table(rows, path, compression="zstd", row_group_size=ROW_GROUP_ROWS)
        path.parent.chmod(0o750)  # rows about single people: for owner and group alone
        path.chmod(0o640)
        artifact = Artifact(name, f"tables/{name}.parquet", len(frame), sha256_of(path))
        self.artifacts.append(artifact)
        return artifact

    def use_snapshot(self, snapshot_id: str) -> None:
        """Make the snapshot that ingest has just published the one this run stands on."""
        self.output.mkdir(parents=True, exist_ok=True)
        write_json(self.output / "snapshot.json", {"id": snapshot_id})
        _register_snapshot(self.engine, self.sources)

    def known_as_of(self, as_of: str) -> str:
        """Return the as-of date, or the day after the last known order where that is earlier.

        Between the two nothing is known: whoever bought then would seem to have fallen silent.
        """
        self.known_until = latest_order(self.engine)
        self.as_of = min(as_of, shifted(self.known_until, 1)) if self.known_until else as_of
        if self.as_of < as_of:
            show_finding(
                f"Orders are known until {self.known_until}. All figures are as of the day after, "
                f"{self.as_of}, not as of {as_of}.",
                "Download the latest orders to move the date on.",
            )
        return self.as_of

    @contextmanager
    def subject(self) -> Iterator[None]:
        """End the notebook where this block finds nothing to look at: no customer, no experiment.

        Its result is then ``skipped`` with the reason, and no further statement runs.
        """
        try:
            yield
        except EvidenceError as reason:
            self.evidence.goes_on = False
            self.finish(Missing(reason), [])
            raise

    def given(self, value: Any, otherwise: Any = None) -> Any:
        """Return a value, or something else where the data did not suffice for it."""
        return otherwise if isinstance(value, Missing) else value

    def finish(
        self,
        headline: str | Missing,
        metrics: Sequence[Metric] | Missing = (),
        checks: Sequence[Check] | Missing = (),
    ) -> None:
        """Write the result file and print a rounded summary; always the notebook's last act.

        Parameters
        ----------
        headline
            The verdict in a sentence, as the result's ``summary()`` words it. Where it could not
            be computed the reason takes its place, and the result is ``skipped``.
        metrics
            The figures that readers compare from run to run.
        checks
            Trust checks.
        """
        figures, passed = list(self.given(metrics, ())), list(self.given(checks, ()))
        is_answered = not isinstance(headline, Missing)
        text = str(headline.reason) if isinstance(headline, Missing) else headline
        result = {
            "notebook": self.notebook,
            "headline": text,
            "status": worst(passed) if is_answered else SKIPPED,
            "as_of": self.as_of,
            "known_until": self.known_until,
            "metrics": [metric.as_dict() for metric in figures],
            "checks": [check.as_dict() for check in passed],
            "artifacts": [artifact.as_dict() for artifact in self.artifacts],
            "left_out": self.evidence.left_out(),
        }
        path = self.output / "results" / f"{self.notebook}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_json(path, result)
        print(text)
        for metric in figures:
            print(f"  {metric.name}: {metric_text(metric)}")


def open_stage(
    notebook: str,
    profile: str,
    run: str = "latest",
    output_dir: str = "",
    engine: str = "duckdb",
    memory_limit: str = "4GB",
    minimum_cell_size: int = 10,
    temporary_directory: str = "",
    spark_master: str = "",
) -> Stage:
    """Open a notebook's view of the run; its first act after the imports.

    Parameters
    ----------
    notebook
        Name of the notebook.
    profile
        Folder under ``params/`` and ``outputs/``.
    run
        Published run to read from, where this run does not hold a table itself.
    output_dir
        Where to write; empty for ``outputs/<profile>/scratch``. The runner names its staging folder
        in ``$RETENTION_OUTPUT_DIR`` instead, so that the executed notebook holds no path; then
        nothing is read but what this very run has made.
    engine
        Columnar engine: ``duckdb`` on this machine, ``spark`` beyond it.
    memory_limit
        Upper bound of the engine's memory, such as ``4GB``.
    minimum_cell_size
        Smallest count of customers that a report may show.
    temporary_directory
        Where the engine spills; empty for the system's folder for temporary files.
    spark_master
        Spark's master URL; empty for ``$RETENTION_SPARK_MASTER``, else ``local[2]``.

    Raises
    ------
    RunError
        If the engine is unknown, or Spark is asked for and not installed.
    """
    workspace = Workspace.find()
    staging = os.environ.get(STAGING_VARIABLE)
    scratch = workspace.profile(profile) / "scratch"
    output = Path(output_dir or staging or scratch)
    folders = [output] if staging else [output, workspace.profile(profile) / run]
    sources = tuple(Run(profile, folder, workspace.store(profile)) for folder in folders)
    opened = open_engine(engine, memory_limit, temporary_directory, spark_master)
    _register_snapshot(opened, sources)
    known = BY_NAME.get(notebook)
    evidence = Evidence(known.path(workspace) if known else None)
    evidence.install()
    return Stage(notebook, profile, workspace, sources, output, opened, minimum_cell_size, evidence)


def _register_snapshot(engine: Engine, sources: Sequence[Run]) -> None:
    """Name every canonical table of the first snapshot found, for SQL.

    What notebooks of a run share about a snapshot lies in the folder that the runner names; of an
    encrypted snapshot nothing does, for there it would lie open.
    """
    snapshot = next((s for s in (source.snapshot() for source in sources) if s), None)
    if snapshot:
        snapshot.register(engine)
        folder = os.environ.get(SHARED_VARIABLE)
        if folder and not snapshot.is_encrypted():
            engine.share(Path(folder) / str(snapshot.id))
