"""Changing the key: every pseudonym is carried to the new generation, everywhere at once.

The pseudonym of generation n is the HMAC, under key n, of the pseudonym of generation n - 1
(:mod:`retention.ingest.keys`), so that no identity is needed to compute it. What is written anew:
the vault, the list of the erased, sealed raw records, every object, note and manifest of every
store, and the tables, reports and notebooks of every run. Snapshots that are encrypted get a new
key as well.

It is one transaction (:mod:`retention.ingest.transaction`): a rotation that was killed has changed
nothing, or is finished by calling it again, and until then nothing else may use the key.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from retention.engine import Engine, is_encrypted
from retention.errors import InputError
from retention.ingest.keys import KeyRing, key_file, key_text, open_keys
from retention.ingest.rewrite import Rewrite, run_folders, stores_of
from retention.ingest.tombstones import erased_file, erased_people
from retention.ingest.transaction import Outcome, Transaction, commit, finish
from retention.ingest.vault import SCHEMA, Vault, parquet_bytes, seal, unseal
from retention.ingest.workbench import workbench

_PSEUDONYMS = (
    "customer_key", "unit_key", "person_key", "email_key", "phone_key", "platform_key", "name_key",
    "token", "order_key", "order_line_key", "refund_key", "event_key", "anon_key", "session_key",
    "touch_key", "response_key", "ticket_key", "link_key", "source_record_id", "row_key",
    "cluster_key",
)  # fmt: skip
"""Columns whose text begins with a pseudonym (what follows it, as in a line's key, stays)."""

_BLURRED = "regexp_replace(original_values, '\\b[0-9a-f]{32}\\b', '[rotated]', 'g')"


@dataclass(frozen=True)
class RotationResult:
    """What was carried over to the new key, in counts.

    Parameters
    ----------
    fingerprint
        Public name of the new key.
    identities
        Rows of the vault.
    rows
        Rows of snapshots and published tables.
    files
        Parquet files that were written anew.
    """

    fingerprint: str
    identities: int
    rows: int
    files: int

    def summary(self) -> str:
        """Say what was done."""
        return (
            f"Rotated to key {self.fingerprint}: {self.identities} identities, {self.rows} rows "
            f"in {self.files} files carry new pseudonyms. Keep a copy of the new key file; hand "
            "out the snapshots' key again where they are encrypted; sign runs again."
        )


def rotate(private: Path, outputs: Path) -> RotationResult:
    """Make a new key and carry everything over to it; finish a rotation that was interrupted.

    Parameters
    ----------
    private
        The private folder.
    outputs
        Folder of all profiles' outputs.

    Raises
    ------
    InputError
        If the key comes from the environment itself, where nobody but its owner can change it.
    """
    path = key_file(private)
    if path is None:
        raise InputError(
            "The key stands in RETENTION_KEY, which cannot be written.",
            "Put it into a file of mode 600, name that in RETENTION_KEY_FILE and call again.",
        )
    done = finish(private)
    if done and done.action == "rotate":
        return RotationResult(**done.effect)
    old = open_keys(private, create=False)
    rings = _Generations(old, old.rotated())
    transaction = Transaction(private)
    result = _prepare(transaction, outputs, rings)
    transaction.replace(path, key_text(rings.new).encode(), mode=0o600)
    commit(transaction, Outcome("rotate", "", asdict(result)))
    return result


@dataclass(frozen=True)
class _Generations:
    """The ring before and the ring after."""

    old: KeyRing
    new: KeyRing


def _prepare(transaction: Transaction, outputs: Path, rings: _Generations) -> RotationResult:
    """Prepare everything under the new key."""
    private = transaction.private
    with workbench(private) as (engine, folder):
        rings.new.install_rotation(engine.connection)
        for ring in (rings.new, rings.old):  # the store opens with the one, then with the other
            engine.unlock(ring.subkey("snapshot"))
        rotation = Rotation(engine, folder, transaction, is_everywhere=True, rings=rings)
        for store in stores_of(outputs):
            rotation.rewrite_store(store)
        for run in run_folders(outputs):
            rotation.rewrite_run(run)
        identities = _rotate_vault(engine, transaction, rings)
    people = frozenset(rings.new.rotate(person) for person in erased_people(private, rings.old))
    if people:
        transaction.replace(*erased_file(private, rings.new, people), mode=0o600)
    _rotate_records(transaction, rings)
    for answer in sorted((private / "access").glob("*.md")):
        transaction.remove(answer)
    return RotationResult(rings.new.fingerprint, identities, rotation.rows, rotation.files)


@dataclass
class Rotation(Rewrite):
    """Files under new pseudonyms.

    Parameters
    ----------
    rings
        The key rings before and after.
    """

    rings: _Generations = field(default_factory=lambda: _Generations(KeyRing(()), KeyRing(())))

    def change(self, source: str, columns: list[str]) -> tuple[str, str] | None:
        """Return the file with every pseudonym of the old generation under the new key."""
        present = [name for name in _PSEUDONYMS if name in columns]
        if not present:
            return None
        fresh = ", ".join(f"{rotated(name)} AS {name}" for name in present)
        if "original_values" in columns:  # of a refused row; its own key still joins it
            fresh += f", {_BLURRED} AS original_values"
        order = ", ".join(f'"{name}"' for name in columns)
        return (
            f"SELECT count(*) FROM {source}",
            f"SELECT * REPLACE ({fresh}) FROM {source} ORDER BY {order}",
        )

    def amend(self, manifest: dict[str, Any]) -> dict[str, Any]:
        """Name the new key in a manifest."""
        return {**manifest, "key": self.rings.new.fingerprint}

    def replacements(self, tokens: set[str]) -> dict[str, str]:
        """Return the new pseudonyms of those that stand in a text and are known as such."""
        return {token: self.rings.new.rotate(token) for token in tokens & self._known}

    @cached_property
    def _known(self) -> frozenset[str]:
        """Every old pseudonym of a person that the vault knows."""
        rows = Vault(self.transaction.private, self.rings.old).read()
        return frozenset(rows["customer_key"].to_pylist())

    def key_for(self, path: Path) -> bytes | None:
        """Return the key that the new object of an encrypted one is encrypted under."""
        return self.rings.new.subkey("snapshot") if is_encrypted(path) else None


def rotated(name: str) -> str:
    """Return SQL of a column's value under the new key; what is no pseudonym stays."""
    text = f"CAST({name} AS VARCHAR)"
    return (
        f"CASE WHEN regexp_matches({text}, '^[0-9a-f]{{32}}') "
        f"THEN rotate(left({text}, 32)) || substr({text}, 33) ELSE {text} END"
    )


def _rotate_vault(engine: Engine, transaction: Transaction, rings: _Generations) -> int:
    """Prepare the vault under the new key; return its rows."""
    before, after = (Vault(transaction.private, ring) for ring in (rings.old, rings.new))
    engine.register("vault_before", before.read())
    rows = engine.connection.sql(
        "SELECT * REPLACE (rotate(customer_key) AS customer_key) FROM vault_before"
    )
    fresh = rows.to_arrow_table().cast(SCHEMA)
    transaction.exchange(before.pieces(), after.sealed(fresh))
    return fresh.num_rows


def _rotate_records(transaction: Transaction, rings: _Generations) -> None:
    """Prepare the refused records under the new key, with the new pseudonyms of their people."""
    old, new = rings.old.subkey("vault"), rings.new.subkey("vault")
    for path in sorted((transaction.private / "quarantine").glob("*.sealed")):
        rows = pq.read_table(pa.BufferReader(unseal(old, path.name, path.read_bytes())))
        people = [key and rings.new.rotate(key) for key in rows["person_key"].to_pylist()]
        place = rows.schema.get_field_index("person_key")
        fresh = rows.set_column(place, "person_key", pa.array(people, pa.string()))
        transaction.replace(path, seal(new, path.name, parquet_bytes(fresh)))
