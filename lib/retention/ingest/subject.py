"""Who a request is about: from an address, a number or a pseudonym to all keys of that person."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pandas as pd

from retention.engine import Engine
from retention.errors import ParameterError
from retention.ingest.encryption import unlock
from retention.ingest.keys import KeyRing, normalise_email, normalise_phone
from retention.ingest.snapshot import CURRENT, Snapshot

Kind = Literal["auto", "email", "phone", "platform_id", "customer_key"]

_TOKENS = ("email_key", "phone_key", "platform_key", "person_key")


@dataclass(frozen=True)
class Subject:
    """A person, as pseudonyms.

    Parameters
    ----------
    key
        The key that the request itself gives.
    keys
        Every key that stands for this person and nobody else.
    """

    key: str
    keys: frozenset[str]


def key_of(identity: str, ring: KeyRing, kind: Kind = "auto", platform: str = "") -> str:
    """Return the pseudonym of an identity.

    Parameters
    ----------
    identity
        E-mail address, telephone number, platform id, or a pseudonym.
    ring
        Key ring.
    kind
        What it is; ``auto`` tells addresses, pseudonyms and telephone numbers apart.
    platform
        Platform of a platform id, such as ``etsy``.

    Raises
    ------
    ParameterError
        If it is none of these; the message does not repeat it.
    """
    found = _detect(identity) if kind == "auto" else kind
    if found == "customer_key":
        return identity.strip().lower()
    if found == "platform_id" and platform:
        return ring.pseudonym(f"platform:{platform}", identity.strip())
    normal = {"email": normalise_email, "phone": normalise_phone}.get(found, lambda _: None)
    value = normal(identity)
    if value is None:
        raise ParameterError(
            "What was given is no e-mail address, telephone number or pseudonym.",
            "Give one of them, or name the platform of a platform id.",
            column="identity",
        )
    return ring.pseudonym(found, value)


def find_subject(
    identity: str,
    ring: KeyRing,
    stores: Sequence[Path],
    kind: Kind = "auto",
    platform: str = "",
    private: Path | None = None,
) -> Subject:
    """Return the person with every key that was seen with theirs alone or was declared theirs.

    A telephone number shared by two addresses belongs to neither of them: erasing one person must
    not touch the other.

    Raises
    ------
    ParameterError
        If a number or id stands for several people: then an address has to say which.
    """
    key = key_of(identity, ring, kind, platform)
    files = sorted(path for store in stores for path in _identity_objects(store))
    if not files:
        return Subject(key, frozenset({key}))
    engine = Engine(threads=1)
    try:
        if private is not None:
            unlock(engine, private)
        engine.register("seen", files)
        return _gathered(engine, key, stores)
    finally:
        engine.close()


def _gathered(engine: Engine, key: str, stores: Sequence[Path]) -> Subject:
    """Return the person of a key with all their keys."""
    person = _strongest(engine, key)
    keys = {key, person}
    for token in ("phone_key", "platform_key"):
        query = (
            f"SELECT {token} FROM seen WHERE {token} IS NOT NULL GROUP BY {token} "
            "HAVING bool_or(email_key = $person OR person_key = $person) "
            "AND count(*) FILTER (email_key <> $person) = 0"
        )
        found = engine.sql(query, person=person).frame()[token]
        keys |= set(found)
    return Subject(person, frozenset(keys | _linked(engine, keys, stores)))


def _linked(engine: Engine, keys: set[str], stores: Sequence[Path]) -> set[str]:
    """Return the keys that the present snapshots give to the same person."""
    tables = [Snapshot.load(store).tables.get("identity_links")
              for store in stores if (store / CURRENT / "manifest.json").is_file()]  # fmt: skip
    files = [path for paths in tables if paths for path in paths]
    if not files:
        return set()
    engine.register("identity_links", files)
    engine.register("own_keys", pd.DataFrame({"k": sorted(keys)}))
    frame = engine.sql(
        "WITH people AS (SELECT k FROM own_keys UNION SELECT customer_key FROM identity_links "
        "WHERE token IN (FROM own_keys)) "
        "SELECT k FROM people UNION SELECT token FROM identity_links "
        "WHERE customer_key IN (FROM people)"
    ).frame()
    return set(frame["k"])


def _strongest(engine: Engine, key: str) -> str:
    """Return the address's key that a weaker key was seen with alone, else the key itself."""
    matches = " OR ".join(f"{token} = $key" for token in _TOKENS)
    frame = engine.sql(
        f"SELECT DISTINCT coalesce(email_key, phone_key, person_key) AS person FROM seen "
        f"WHERE {matches}", key=key,
    ).frame()  # fmt: skip
    emails = engine.sql(
        f"SELECT DISTINCT email_key FROM seen WHERE ({matches}) AND email_key IS NOT NULL", key=key
    ).frame()["email_key"]
    if len(emails) > 1 and key not in set(emails):
        raise ParameterError(
            f"This number or id stands for {len(emails)} people.",
            "Give the e-mail address of the one who asked.", column="identity",
        )  # fmt: skip
    if len(emails):
        return str(emails[0]) if len(emails) == 1 else key
    return str(frame["person"][0]) if len(frame) == 1 else key


def _identity_objects(store: Path) -> list[Path]:
    """Return the objects in a store that say which keys were seen together."""
    paths = sorted(store.glob("batches/*.json"))
    notes = [json.loads(path.read_text(encoding="utf-8")) for path in paths]
    return [store / "objects" / f"{note['identities']}.parquet" for note in notes]


def _detect(identity: str) -> str:
    """Tell what an identity is."""
    text = identity.strip()
    if "@" in text:
        return "email"
    if len(text) == 32 and all(c in "0123456789abcdef" for c in text.lower()):
        return "customer_key"
    return "phone"
