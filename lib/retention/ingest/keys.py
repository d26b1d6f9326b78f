"""Keyed pseudonyms: HMAC-SHA-256 over a namespace and a normalised identity.

The key never leaves this module except as a DuckDB session variable, so that ten million rows are
keyed inside the engine. Rotation *chains* keys: the pseudonym of generation n is the HMAC, under
key n, of the pseudonym of generation n - 1. Rotating therefore needs no identities, and whoever
holds an old key alone cannot compute a new pseudonym.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
import unicodedata
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from retention.errors import InputError, RunError

PSEUDONYM_LENGTH = 32
"""Hexadecimal characters kept of the HMAC: 128 bits, so that 10^9 people collide with p < 2e-21."""

KEY_BYTES = 32
_BLOCK = 64
_KEY_FILE = "key"
PLAN = "pending/plan.json"
"""File in the private folder that is there while a decided change is carried out."""


def normalise_email(text: str | None) -> str | None:
    """Return the form of an e-mail address that its pseudonym is computed from.

    NFKC, trimmed, case-folded, domain in IDNA; ``+tag`` and dots are kept, because only the
    provider knows whether they matter. What has no ``@`` is no address and gives None.

    Examples
    --------
    >>> normalise_email("  Ada+Shop@Bücher.EXAMPLE ")
    'ada+shop@xn--bcher-kva.example'
    """
    if text is None:
        return None
    local, at, domain = unicodedata.normalize("NFKC", text).strip().casefold().rpartition("@")
    if not (at and local and domain) or re.search(r"\s", local + domain):
        return None
    with suppress(UnicodeError):  # a label that IDNA refuses stays as it is, the same every time
        domain = domain.encode("idna").decode("ascii")
    return f"{local}@{domain}"


def normalise_phone(text: str | None) -> str | None:
    """Return the digits of a telephone number, ``00`` read as ``+``; None below seven digits.

    Examples
    --------
    >>> normalise_phone("+1 (555) 010-2030")
    '+15550102030'
    """
    if text is None:
        return None
    digits = re.sub(r"[^0-9+]", "", unicodedata.normalize("NFKC", text))
    digits = re.sub(r"^00", "+", digits)
    digits = digits[:1] + digits[1:].replace("+", "")
    return digits if sum(c.isdigit() for c in digits) >= 7 else None


@dataclass(frozen=True)
class KeyRing:
    """The secret keys, oldest first; the last one is the present generation.

    Parameters
    ----------
    masters
        One secret of at least 32 bytes per generation.

    Examples
    --------
    >>> ring = KeyRing((bytes(32),))
    >>> ring.pseudonym("email", "ada@shop.example") == ring.pseudonym("email", "ada@shop.example")
    True
    """

    masters: tuple[bytes, ...] = field(repr=False)

    def pseudonym(self, namespace: str, value: str) -> str:
        """Return the pseudonym of a value that is already normalised."""
        text = f"{namespace}|{value}"
        for key in self._hmac_keys():
            text = _keyed(key, text)
        return text

    def record_key(self, namespace: str, value: str) -> str:
        """Return the key of what a record names: itself, its order, visit or browser."""
        text = self.subkey("record", 0) + f"{namespace}|{value}".encode()
        key = hashlib.sha256(text).hexdigest()[:PSEUDONYM_LENGTH]
        for later in self._hmac_keys()[1:]:
            key = _keyed(later, key)
        return key

    def subkey(self, purpose: str, generation: int = -1) -> bytes:
        """Return the 32-byte key for one purpose (the vault, the quarantine ...)."""
        return hmac.new(self.masters[generation], purpose.encode(), hashlib.sha256).digest()

    def rotate(self, pseudonym: str) -> str:
        """Return a pseudonym of the previous generation under the present one."""
        return _keyed(self._hmac_keys()[-1], pseudonym)

    @property
    def fingerprint(self) -> str:
        """Public name of the present key, safe to print and to write into a manifest."""
        return self.subkey("fingerprint").hex()[:12]

    def rotated(self, fresh: bytes | None = None) -> KeyRing:
        """Return the ring with one more generation."""
        return KeyRing((*self.masters, fresh or secrets.token_bytes(KEY_BYTES)))

    def install(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Define the SQL macros ``pseudonym`` and ``record_key`` of a namespace and a value.

        A person's pseudonym is an HMAC. What a record names besides (itself, its order, visit or
        browser) is keyed in each of many millions of rows, where HMAC takes three times as long:
        SHA-256 of a key of its own and the id, cut to half, is as good a keyed function, for what
        is cut off cannot be carried on (AMAC: Bellare, Bernstein and Tessaro, EUROCRYPT 2016).

        The keys are bound as session variables: no statement text ever holds them.
        """
        text = "namespace || '|' || value"
        connection.execute("SET VARIABLE record = ?", [self.subkey("record", 0)])
        record = f"left(sha256(getvariable('record') || encode({text})), {PSEUDONYM_LENGTH})"
        for number, key in enumerate(self._hmac_keys()):
            text = _bind_hmac(connection, f"k{number}", key, text)
            record = _bind_hmac(connection, f"k{number}", key, record) if number else record
        connection.execute(f"CREATE OR REPLACE MACRO pseudonym(namespace, value) AS {text}")
        connection.execute(f"CREATE OR REPLACE MACRO record_key(namespace, value) AS {record}")

    def install_rotation(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Define ``rotate(value)``: a pseudonym of the previous generation to the present one."""
        key = self._hmac_keys()[-1]
        expression = _bind_hmac(connection, "kr", key, "value")
        connection.execute(f"CREATE OR REPLACE MACRO rotate(value) AS {expression}")

    def _hmac_keys(self) -> list[bytes]:
        """Return the pseudonym key of each generation, oldest first."""
        return [self.subkey("pseudonym", number) for number in range(len(self.masters))]


def _keyed(key: bytes, text: str) -> str:
    """Return HMAC-SHA-256 of a text (hex, cut)."""
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()[:PSEUDONYM_LENGTH]


def _bind_hmac(
    connection: duckdb.DuckDBPyConnection, name: str, key: bytes, expression: str
) -> str:
    """Bind the two padded keys of RFC 2104 and return the SQL of HMAC-SHA-256 (hex, cut)."""
    block = key.ljust(_BLOCK, b"\0")
    for pad, byte in (("i", 0x36), ("o", 0x5C)):
        padded = bytes(b ^ byte for b in block)
        connection.execute(f"SET VARIABLE {name}_{pad} = ?", [padded])
    inner = f"unhex(sha256(getvariable('{name}_i') || encode({expression})))"
    return f"left(sha256(getvariable('{name}_o') || {inner}), {PSEUDONYM_LENGTH})"


def open_keys(private: Path, *, create: bool = True, is_changing: bool = False) -> KeyRing:
    """Read the key ring from the environment or from the private folder.

    ``RETENTION_KEY`` holds the secrets themselves (hexadecimal, separated by commas, oldest
    first); ``RETENTION_KEY_FILE`` names a file with one per line; otherwise ``<private>/key``,
    which is made, readable by its owner only, where it does not exist.

    Parameters
    ----------
    private
        The private folder (made with mode 0700 where missing).
    create
        Whether a missing key file may be made.
    is_changing
        Whether the caller is the change itself: nobody else may use a key that may be changing.

    Raises
    ------
    InputError
        If a key is malformed, missing, or readable by others.
    RunError
        If an erasure, an expiry or a key rotation was interrupted.
    """
    if (private / PLAN).exists() and not is_changing:
        raise RunError(
            "A change of people's data was interrupted.",
            "Finish it: call `retention erase`, `forget-old` or `rotate-key` again.",
        )
    path = key_file(private)
    if path is None:
        return _parse(os.environ["RETENTION_KEY"].split(","), "RETENTION_KEY")
    if not path.exists():
        if os.environ.get("RETENTION_KEY_FILE") or not create:
            raise InputError(
                "There is no key file.",
                "Restore it from where it is kept: without it no pseudonym can be repeated.",
                file=str(path),
            )
        write_keys(path, KeyRing((secrets.token_bytes(KEY_BYTES),)))
    return read_keys(path)


def key_file(private: Path) -> Path | None:
    """Return the file that the key ring is kept in, None where the environment holds it itself."""
    if os.environ.get("RETENTION_KEY"):
        return None
    named = os.environ.get("RETENTION_KEY_FILE")
    return Path(named) if named else private_folder(private) / _KEY_FILE


def read_keys(path: Path) -> KeyRing:
    """Read a key ring from a file; raises InputError if others can read it, too."""
    return _parse(_owners_text(path).split(), str(path))


def _owners_text(path: Path) -> str:
    """Return the text of a key file, refused where others could read it, too."""
    if not path.is_file():
        raise InputError(
            "There is no key file.", "Restore it, or correct its name.", file=str(path)
        )
    if path.stat().st_mode & 0o077:
        raise InputError("The key file can be read by others.", "Run chmod 600.", file=str(path))
    return path.read_text(encoding="ascii").strip()


def snapshot_key(private: Path) -> bytes | None:
    """Return the key that encrypted snapshots open with, None where this user holds none.

    It is derived from the key ring but does not lead back to it: an analyst gets this key alone
    (``RETENTION_SNAPSHOT_KEY`` in hexadecimal, or ``RETENTION_SNAPSHOT_KEY_FILE``) and can open
    snapshots, neither compute a pseudonym nor open the vault.

    Raises
    ------
    InputError
        If a key is malformed or its file readable by others.
    """
    text, named = os.environ.get("RETENTION_SNAPSHOT_KEY"), "RETENTION_SNAPSHOT_KEY"
    file = os.environ.get("RETENTION_SNAPSHOT_KEY_FILE")
    if not text and file:
        text, named = _owners_text(Path(file)), file
    if text:
        return _parse([text], named).masters[0]
    if not os.access(private, os.X_OK):
        return None
    has_ring = os.environ.get("RETENTION_KEY") or os.environ.get("RETENTION_KEY_FILE")
    if not (has_ring or (private / _KEY_FILE).exists()):
        return None
    return open_keys(private, create=False, is_changing=True).subkey("snapshot")


def key_text(ring: KeyRing) -> str:
    """Return the content of a key file."""
    return "".join(key.hex() + "\n" for key in ring.masters)


def write_keys(path: Path, ring: KeyRing) -> None:
    """Write the ring to a file with mode 0600, replacing the old one in one step."""
    draft = path.with_name(path.name + ".new")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as handle:
        handle.write(key_text(ring))
        handle.flush()
        os.fsync(handle.fileno())
    draft.replace(path)


def private_folder(private: Path) -> Path:
    """Return the private folder, made and kept at mode 0700."""
    private.mkdir(parents=True, exist_ok=True, mode=0o700)
    private.chmod(0o700)
    return private


def _parse(lines: list[str], origin: str) -> KeyRing:
    """Turn hexadecimal text into a ring; the text itself never enters a message."""
    try:
        masters = tuple(bytes.fromhex(line.strip()) for line in lines if line.strip())
    except ValueError:
        masters = ()
    if not masters or any(len(key) < KEY_BYTES for key in masters):
        raise InputError(
            f"A key in {origin} is not at least {KEY_BYTES} bytes in hexadecimal.",
            "Make one with: python -c 'import secrets; print(secrets.token_hex(32))'.",
        )
    return KeyRing(masters)
