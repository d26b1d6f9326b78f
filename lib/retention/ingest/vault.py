"""The identity vault: who is behind a pseudonym, encrypted, apart from the snapshots.

Rows are ``(customer_key, kind, value, source)``, kept in sixteen buckets by the first character of
the key and sealed with AES-256-GCM. What a file brings is added to each bucket as a piece of its
own, so that taking in a file costs what the file brings, however large the vault has grown;
forgetting a person reads one bucket and rewrites the pieces that name them.
"""

from __future__ import annotations

import fcntl
import hashlib
import hmac
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
MAXIMUM_PIECES = 24
"""Pieces that a bucket may have before they are made one."""

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
        """Return the rows of some buckets (all by default), each once, in order."""
        parts = [_distinct(self._read_pieces(self._pieces(bucket))) for bucket in buckets]
        return pa.concat_tables([SCHEMA.empty_table(), *parts])

    def find(self, customer_key: str) -> pa.Table:
        """Return what is known of one person."""
        rows = self.read([customer_key[0]])
        return rows.filter(pa.compute.equal(rows["customer_key"], customer_key))

    def merge(self, connection: duckdb.DuckDBPyConnection, incoming: str) -> None:
        """Add the rows of a table named ``incoming``; what is known already is not kept twice."""
        rows = connection.sql(f"SELECT {', '.join(SCHEMA.names)} FROM {incoming}").to_arrow_table()
        fresh = _distinct(rows.cast(SCHEMA))
        with self._alone():
            for bucket in _BUCKETS:
                is_here = pa.compute.starts_with(fresh["customer_key"], bucket)
                self._write_piece(bucket, fresh.filter(is_here))
                pieces = self._pieces(bucket)
                if len(pieces) > MAXIMUM_PIECES:
                    self._replace(pieces, bucket, _distinct(self._read_pieces(pieces)))

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Let one process at a time write: files may be taken in side by side."""
        with (self.folder / "lock").open("w") as handle:
            os.fchmod(handle.fileno(), 0o600)
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield

    def without(self, customer_keys: set[str]) -> tuple[int, list[Path], dict[Path, bytes]]:
        """Return what forgetting people changes: rows that go, files that go, files that come."""
        gone = 0
        old: list[Path] = []
        fresh: dict[Path, bytes] = {}
        keys = pa.array(sorted(customer_keys), pa.string())
        for bucket in sorted({key[0] for key in customer_keys}):
            for piece in self._pieces(bucket):
                rows = self._read_pieces([piece])
                theirs = pa.compute.is_in(rows["customer_key"], value_set=keys)
                kept = rows.filter(pa.compute.invert(theirs))
                if kept.num_rows != rows.num_rows:
                    gone += rows.num_rows - kept.num_rows
                    old.append(piece)
                    fresh |= self._sealed(bucket, kept)
        return gone, old, fresh

    def sealed(self, rows: pa.Table) -> dict[Path, bytes]:
        """Return the files that hold these rows and no others."""
        files: dict[Path, bytes] = {}
        for bucket in _BUCKETS:
            is_here = pa.compute.starts_with(rows["customer_key"], bucket)
            files |= self._sealed(bucket, _distinct(rows.filter(is_here)))
        return files

    def pieces(self) -> list[Path]:
        """Return the files of all buckets."""
        return [piece for bucket in _BUCKETS for piece in self._pieces(bucket)]

    def _pieces(self, bucket: str) -> list[Path]:
        """Return the files of a bucket."""
        return sorted(self.folder.glob(f"{bucket}*.sealed"))

    def _read_pieces(self, pieces: Iterable[Path]) -> pa.Table:
        """Return the rows of some files; rows that several of them hold stand there as often."""
        key = self.keys.subkey("vault")
        contents = [unseal(key, path.name, path.read_bytes()) for path in pieces]
        tables = [pq.read_table(pa.BufferReader(text), schema=SCHEMA) for text in contents]
        return pa.concat_tables([SCHEMA.empty_table(), *tables])

    def _sealed(self, bucket: str, rows: pa.Table) -> dict[Path, bytes]:
        """Return a file whose name follows from its rows under the key; nothing for no rows."""
        if not rows.num_rows:
            return {}
        content, key = parquet_bytes(rows), self.keys.subkey("vault")
        name = hmac.new(key, content, hashlib.sha256).hexdigest()[:16]
        path = self.folder / f"{bucket}-{name}.sealed"
        return {path: seal(key, path.name, content)}

    def _write_piece(self, bucket: str, rows: pa.Table) -> Path | None:
        """Write rows as one file, unless it is there; return its path, None for no rows."""
        for path, content in self._sealed(bucket, rows).items():
            if not path.exists():
                write_private(path, content)
            return path
        return None

    def _replace(self, pieces: Iterable[Path], bucket: str, rows: pa.Table) -> None:
        """Write rows as one piece, then remove those that it replaces."""
        written = self._write_piece(bucket, rows)
        for piece in pieces:
            if piece != written:
                piece.unlink()


def _distinct(rows: pa.Table) -> pa.Table:
    """Return distinct rows in their order; nothing of them is spilled to a disk."""
    names = ", ".join(SCHEMA.names)
    with duckdb.connect(config={"temp_directory": ""}) as connection:
        connection.register("vault_rows", rows)
        found = connection.sql(f"SELECT DISTINCT {names} FROM vault_rows ORDER BY ALL")
        return found.to_arrow_table().cast(SCHEMA)
