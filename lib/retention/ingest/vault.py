"""The identity vault: who is behind a pseudonym, encrypted, apart from the snapshots.

Rows are ``(customer_key, kind, value, source)``, kept in sixteen Parquet buckets by the first
character of the key and sealed with AES-256-GCM, so that forgetting a person rewrites one bucket.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from retention.errors import InputError
from retention.ingest.keys import KeyRing, private_folder

_NONCE = 12
_BUCKETS = "0123456789abcdef"
SCHEMA = pa.schema(
    [("customer_key", pa.string()), ("kind", pa.string()), ("value", pa.string()),
     ("source", pa.string())]
)  # fmt: skip


def seal(key: bytes, name: str, content: bytes) -> bytes:
    """Encrypt and authenticate content, bound to its name (AES-256-GCM, random nonce)."""
    nonce = os.urandom(_NONCE)
    return nonce + AESGCM(key).encrypt(nonce, content, name.encode())


def unseal(key: bytes, name: str, sealed: bytes) -> bytes:
    """Decrypt what :func:`seal` made.

    Raises
    ------
    InputError
        If the key is not the one it was sealed with, or the file was altered.
    """
    try:
        return AESGCM(key).decrypt(sealed[:_NONCE], sealed[_NONCE:], name.encode())
    except InvalidTag:
        raise InputError(
            "A vault file does not open: the key differs or the file was altered.",
            "Give the key that it was written with (RETENTION_KEY or RETENTION_KEY_FILE).",
            file=name,
        ) from None


def parquet_bytes(rows: pa.Table) -> bytes:
    """Return a table as the bytes of a Parquet file that never touches a disk in the clear."""
    sink = pa.BufferOutputStream()
    pq.write_table(rows, sink, compression="zstd")
    return bytes(sink.getvalue().to_pybytes())


def write_private(path: Path, content: bytes) -> None:
    """Write a file of mode 0600 in one step: a killed process leaves the old one whole."""
    draft = path.with_name(path.name + ".new")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as handle:
        handle.write(content)
        handle.flush()
        os.fsync(handle.fileno())
    draft.replace(path)


@dataclass(frozen=True)
class Vault:
    """The encrypted store of identities.

    Parameters
    ----------
    private
        The private folder; the buckets lie in its ``vault``.
    keys
        Key ring; the newest generation seals.
    """

    private: Path
    keys: KeyRing

    @property
    def folder(self) -> Path:
        """The folder of the buckets, at mode 0700."""
        return private_folder(private_folder(self.private) / "vault")

    def read(self, buckets: Iterable[str] = _BUCKETS) -> pa.Table:
        """Return the rows of some buckets (all by default)."""
        parts = [self._read_bucket(bucket) for bucket in buckets]
        return pa.concat_tables([SCHEMA.empty_table(), *parts])

    def find(self, customer_key: str) -> pa.Table:
        """Return what is known of one person."""
        rows = self.read([customer_key[0]])
        return rows.filter(pa.compute.equal(rows["customer_key"], customer_key))

    def merge(self, connection: duckdb.DuckDBPyConnection, incoming: str) -> int:
        """Add the rows of a table named ``incoming``; return how many rows the vault then holds."""
        with self._alone():
            return self._merged(connection, incoming)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Let one process at a time write: files may be taken in side by side."""
        with (self.folder / "lock").open("w") as handle:
            os.fchmod(handle.fileno(), 0o600)
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield

    def _merged(self, connection: duckdb.DuckDBPyConnection, incoming: str) -> int:
        """Add the rows bucket by bucket; return how many there are then."""
        total = 0
        for bucket, fresh in _by_bucket(connection, incoming):
            old = self._read_bucket(bucket)
            if fresh.num_rows:
                merged = _distinct(connection, pa.concat_tables([old, fresh]))
                if merged.num_rows != old.num_rows or not merged.equals(old):
                    self._write_bucket(bucket, merged)
                old = merged
            total += old.num_rows
        return total

    def forget(self, customer_keys: set[str]) -> int:
        """Remove people; return how many rows went."""
        gone = 0
        keys = pa.array(sorted(customer_keys), pa.string())
        for bucket in sorted({key[0] for key in customer_keys}):
            rows = self._read_bucket(bucket)
            kept = rows.filter(
                pa.compute.invert(pa.compute.is_in(rows["customer_key"], value_set=keys))
            )
            gone += rows.num_rows - kept.num_rows
            if kept.num_rows != rows.num_rows:
                self._write_bucket(bucket, kept)
        return gone

    def replace(self, connection: duckdb.DuckDBPyConnection, rows: str) -> None:
        """Write the whole vault anew from a table named ``rows`` (after a key rotation)."""
        for bucket, fresh in _by_bucket(connection, rows):
            self._write_bucket(bucket, _distinct(connection, fresh))

    def _read_bucket(self, bucket: str) -> pa.Table:
        """Return one bucket, empty where it was never written."""
        path = self.folder / f"{bucket}.sealed"
        if not path.exists():
            return SCHEMA.empty_table()
        content = unseal(self.keys.subkey("vault"), path.name, path.read_bytes())
        return pq.read_table(pa.BufferReader(content), schema=SCHEMA)

    def _write_bucket(self, bucket: str, rows: pa.Table) -> None:
        """Seal one bucket."""
        path = self.folder / f"{bucket}.sealed"
        write_private(path, seal(self.keys.subkey("vault"), path.name, parquet_bytes(rows)))


def _by_bucket(connection: duckdb.DuckDBPyConnection, rows: str) -> Iterator[tuple[str, pa.Table]]:
    """Yield the rows of a table bucket by bucket."""
    for bucket in _BUCKETS:
        found = connection.sql(
            f"SELECT customer_key, kind, value, source FROM {rows} "
            "WHERE starts_with(customer_key, $bucket)",
            params={"bucket": bucket},
        )
        yield bucket, found.to_arrow_table().cast(SCHEMA)


def _distinct(connection: duckdb.DuckDBPyConnection, rows: pa.Table) -> pa.Table:
    """Return distinct rows in their order."""
    connection.register("vault_rows", rows)
    answer = connection.sql(
        "SELECT DISTINCT customer_key, kind, value, source FROM vault_rows ORDER BY ALL"
    ).to_arrow_table()
    connection.unregister("vault_rows")
    return answer.cast(SCHEMA)
