"""What every reader hands to landing, and what readers share."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from retention.errors import InputError
from retention.sources.base import SourceFormat
from retention.sources.header_names import columns_in_words
from retention.sources.scanning import BrokenRecord

BATCH_ROWS = 50_000


@dataclass(frozen=True)
class Read:
    """What a reader found in a file: the fields of `Landed` that depend on its bytes.

    ``relation`` is the SELECT of the landed rows where they are read in place.
    """

    encoding: str
    delimiter: str
    rows: int
    parquet: Path
    columns: tuple[str, ...]
    first_line: int
    broken: list[BrokenRecord] = field(default_factory=list)
    relation: str = ""


def stem_in(folder: Path, fmt: SourceFormat) -> Path:
    """Return a fresh path in the folder, without suffix."""
    return folder / f"{fmt.name}-{uuid.uuid4().hex[:12]}"


def quoted(text: str) -> str:
    """Return a SQL string literal."""
    return "'" + text.replace("'", "''") + "'"


def identifier(name: str) -> str:
    """Return a SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def require_columns(fmt: SourceFormat, names: tuple[str, ...], named: str) -> None:
    """Raise if a required column is missing.

    Raises
    ------
    InputError
        Naming the first missing column and what the file has instead.
    """
    have = fmt.columns_in(names)
    missing = [name for name in fmt.required if name not in have]
    if missing:
        shown = columns_in_words(names, fmt.used_columns())
        raise InputError(
            f"No column {missing[0]!r}, which {fmt.name} needs; the file has {shown}.",
            "Export with that column; or, if it has another name there, add to `read_options` in "
            f'ingest.yaml: - "{fmt.name}: columns = {missing[0]} = its name in the file".',
            file=named, line=1, column=missing[0],
        )  # fmt: skip


def require_agreement(counted: int, parsed: int, named: str) -> None:
    """Raise if the engine made another number of records than the strict scanner counted.

    Raises
    ------
    InputError
        Always when the two differ: better nothing than less than all.
    """
    if counted != parsed:
        raise InputError(
            f"Two readers disagree: {counted} records against {parsed}.",
            "Please report this file's shape; nothing was imported.", file=named,
        )  # fmt: skip


def distinct_names(written: Iterable[str], known: Iterable[str], named: str) -> tuple[str, ...]:
    """Return trimmed names, doubled ones numbered; the engine does not tell letter case apart.

    Raises
    ------
    InputError
        If a known name stands there twice.
    """
    seen: dict[str, int] = {}
    result = []
    folded_known = {name.lower() for name in known}
    for position, text in enumerate(written, start=1):
        name = text.strip(" \t\r\n\ufeff") or f"column {position}"
        folded = name.lower()
        seen[folded] = seen.get(folded, 0) + 1
        if seen[folded] > 1 and folded in folded_known:
            raise InputError(
                "The header names a column twice.", "Remove or rename one of them.",
                file=named, line=1, column=name,
            )  # fmt: skip
        result.append(name if seen[folded] == 1 else f"{name} ({seen[folded]})")
    return tuple(result)


def write_texts(
    rows: Iterator[tuple[int, list[str | None]]], columns: tuple[str, ...], path: Path
) -> int:
    """Write rows of texts with their line numbers as Parquet; return how many."""
    schema = pa.schema([(name, pa.string()) for name in columns] + [("line_no", pa.int64())])
    count = 0
    with pq.ParquetWriter(path, schema) as writer:
        while batch := list(islice(rows, BATCH_ROWS)):
            arrays = [
                pa.array([texts[i] for _, texts in batch], pa.string()) for i in range(len(columns))
            ]
            arrays.append(pa.array([line for line, _ in batch], pa.int64()))
            writer.write_table(pa.table(arrays, schema=schema))
            count += len(batch)
    return count
