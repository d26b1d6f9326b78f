"""Snapshots encrypted at rest: Parquet's own modular encryption, AES-GCM.

The engine reads such files in place, so nothing is ever unpacked to a disk. Its own writer would
need a cryptographic module that has to be downloaded; Arrow brings one, so files are first written
as always, into the private folder, and then encrypted on their way into the store. An object keeps
the hash of its *plain* content as its name: the same data gives the same names and the same
snapshot id, encrypted or not, although no two encryptions have the same bytes.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
from pyarrow.parquet.encryption import create_decryption_properties, create_encryption_properties

from retention.engine import Engine, is_encrypted
from retention.ingest.keys import snapshot_key

PRIVATE = ".retention"

_WHOLE = 1 << 30
_ONE_PAGE = {
    "data_page_size": _WHOLE, "max_rows_per_page": _WHOLE, "dictionary_pagesize_limit": _WHOLE,
}  # fmt: skip
"""One page for each column of a row group: DuckDB 2.0 decrypts no second page that Arrow wrote."""


def encrypt(draft: Path, target: Path, key: bytes) -> None:
    """Write a plain Parquet file's rows, encrypted, to another file; row groups stay as they are.

    Parameters
    ----------
    draft
        The plain file; it is left alone.
    target
        The encrypted file, footer and schema included.
    key
        32 bytes.
    """
    source = pq.ParquetFile(draft)
    with pq.ParquetWriter(
        target, source.schema_arrow, compression="zstd",
        encryption_properties=create_encryption_properties(footer_key=key), **_ONE_PAGE,
    ) as writer:  # fmt: skip
        for number in range(source.num_row_groups):
            writer.write_table(source.read_row_group(number), row_group_size=1 << 30)


def unlock(engine: Engine, private: Path) -> None:
    """Let an engine open encrypted snapshots, where this user holds the key."""
    key = snapshot_key(private)
    if key is not None:
        engine.unlock(key)


def private_of(store: Path) -> Path:
    """Return the private folder of the workspace that a profile's store belongs to."""
    return store.resolve().parents[2] / PRIVATE


def read_frame(path: Path, private: Path) -> pd.DataFrame:
    """Return the rows of a Parquet file, decrypted where it is encrypted.

    Raises
    ------
    InputError
        If it is encrypted and this user holds no key, or another one.
    """
    if not is_encrypted(path):
        return pd.read_parquet(path)
    key = snapshot_key(private)
    engine = Engine(threads=1)
    try:
        if key is not None:
            engine.unlock(key)
        engine.parquet(path)  # says what is wrong with the key, if anything is
    finally:
        engine.close()
    properties = create_decryption_properties(footer_key=key)
    return pq.read_table(path, decryption_properties=properties).to_pandas()
