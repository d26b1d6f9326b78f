"""A fitted model applied to rows batch by batch, so that scoring needs the memory of one batch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import duckdb
import pandas as pd
import pyarrow as pa

Scorer = Callable[[pd.DataFrame], pd.DataFrame]
"""Takes a batch of rows, gives one row of scores for each; it may look at nothing else."""

BATCH_ROWS = 100_000
"""Rows per batch: enough to make calls cheap, few enough to fit anywhere."""


def scored(
    function: Scorer, schema: pa.Schema
) -> Callable[[Iterable[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    """Return a function over Arrow batches that applies a scorer to each.

    Parameters
    ----------
    function
        The scorer; it sees frames of the types that the engine's ``frame()`` gives.
    schema
        Columns and types of what it returns.
    """

    def batches(incoming: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        with duckdb.connect(config={"threads": 1}) as connection:
            for batch in incoming:
                if batch.num_rows:
                    frame = connection.from_arrow(pa.Table.from_batches([batch])).df()
                    scores = pa.Table.from_pandas(function(frame), schema, preserve_index=False)
                    yield from scores.to_batches()

    return batches
