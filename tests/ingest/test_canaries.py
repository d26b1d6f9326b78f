"""Canaries in every column of every format: none comes out, whatever the rows' fate."""

from __future__ import annotations

import csv
import traceback

import pandas as pd
import pytest

from retention.errors import RetentionError
from retention.ingest import run_ingest
from retention.sources.registry import FORMATS

CANARIES = (
    "quokka.zwolf@canary.example",
    "Quokka Zwölf",
    "+49 30 55577701",
    "12 Canary Hill Road",
)
TRACES = ("canary.example", "55577701", "canary hill", "quokka zwölf")


def everything_below(folder):
    """Return all text below a folder: Parquet unpacked, everything else as it is."""
    parts = []
    for path in folder.rglob("*"):
        if path.suffix == ".parquet":
            parts.append(pd.read_parquet(path).to_csv())
        elif path.is_file():
            parts.append(path.read_bytes().decode("utf-8", "replace"))
    return "\n".join(parts).lower()


def rows_of(source):
    """Return rows that hold each canary in each column, all of it or only where text belongs."""
    columns = source.used_columns()
    for shift in range(len(CANARIES)):
        full = [CANARIES[(n + shift) % len(CANARIES)] for n in range(len(columns))]
        yield full
        yield [
            "2025-02-01" if column in source.dates else "10.00" if column in source.money else text
            for column, text in zip(columns, full, strict=True)
        ]


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(FORMATS))
def test_no_canary_comes_out_of_any_column_of_any_format(name, tmp_path, monkeypatch, capfd):
    monkeypatch.setenv("RETENTION_KEY", "5a" * 32)
    source = FORMATS[name]
    with (tmp_path / "export.csv").open("w", encoding="utf-8", newline="") as handle:
        writer = csv.writer(handle)
        writer.writerow(source.used_columns())
        writer.writerows(rows_of(source))
    store = tmp_path / "outputs" / "shop" / "store"
    told, traces = "", TRACES
    try:
        result = run_ingest(
            [f"{name}: export.csv"], store, tmp_path / ".retention", root=tmp_path,
            as_of="2025-03-01", currency="USD", threads=1,
        )  # fmt: skip
        assert result.total("rows_read") == 2 * len(CANARIES)
        told = result.to_frame().to_csv() + "".join(check.detail for check in result.checks)
    except RetentionError as error:
        told = "".join(traceback.format_exception(error))
    printed = capfd.readouterr()
    places = [tmp_path / "outputs", tmp_path / ".retention"]
    found = "".join(everything_below(place) for place in places if place.exists())
    if not any(mapping.person for mapping in source.tables):
        traces = TRACES[:-1]  # nobody's name is known from a file about nobody
    leaked = [t for t in traces if t in (found + told + printed.out + printed.err).lower()]
    assert not leaked
