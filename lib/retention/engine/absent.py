"""A canonical table that a shop's data lack is missing evidence, not a fault of the query."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from retention.errors import EvidenceError
from retention.tables import TABLES

UNKNOWN_TABLE = re.compile(r"[Tt]able (?:or view |with name )[`\"]?(\w+)")
"""How DuckDB and Spark begin to tell of a name that nothing is registered under."""


@contextmanager
def absent_tables(kind: type[Exception]) -> Iterator[None]:
    """Say in words which canonical table a query asked for in vain.

    Parameters
    ----------
    kind
        What the engine raises where a name is unknown.

    Raises
    ------
    EvidenceError
        If the unknown name is that of a canonical table.
    """
    try:
        yield
    except kind as error:
        found = UNKNOWN_TABLE.search(str(error))
        if found is None or found[1] not in TABLES:
            raise
        name = found[1].replace("_", " ")
        raise EvidenceError(
            f"The shop's data hold no {name}.", f"Add an export with {name} to `sources`."
        ) from error
