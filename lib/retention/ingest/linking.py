"""Which identities are one person: what was seen, what was declared, and why.

The rules can be told in four sentences. An e-mail address is a person. A telephone number or a
platform's id that was seen with exactly one person is theirs; seen with several, it stays apart. A
declared link joins two identities, and a later declaration that they are unlinked parts them and
keeps what was merely seen from joining them again. Names never join anybody, so that a guest who
left nothing but a name is never taken for the holder of an account.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from retention.engine import Engine, query_text

_RANK = {"email": 0, "phone": 1, "platform_id": 2, "name_only": 3}

_PAIRS = """
WITH sides AS (
    SELECT link_key, state, declared_epoch_s, declared_by,
           min(customer_key) AS one, max(customer_key) AS other
    FROM declared GROUP BY ALL HAVING count(DISTINCT customer_key) = 2
), latest AS (
    SELECT *, row_number() OVER (
        PARTITION BY one, other ORDER BY declared_epoch_s DESC, state DESC, declared_by, link_key
    ) AS place FROM sides
)
SELECT one, other, state, declared_by, declared_epoch_s FROM latest WHERE place = 1
ORDER BY one, other"""
"""The latest word on each pair; of two at once the parting (``unlinked``) holds."""

IDENTITY_LINKS = """
SELECT links.token, links.customer_key,
       CASE WHEN links.kind = 'declared' THEN 'declared'
            WHEN links.candidates > 1 THEN 'seen_with_several_people'
            ELSE links.kind || '_seen_with_one_person' END AS rule,
       CAST(links.candidates AS BIGINT) AS candidates, d.declared_by,
       CAST(make_timestamp(d.declared_epoch_s * 1000000) AS TIMESTAMP) AS declared_at,
       d.declared_epoch_s, 'identity' AS source, links.token AS source_record_id,
       '' AS batch_id
FROM (SELECT * REPLACE (CASE WHEN candidates > 1 THEN token ELSE customer_key END AS customer_key)
      FROM links) AS links
LEFT JOIN declared_people AS d ON links.token = d.token"""
"""The canonical table ``identity_links`` out of ``links``: whose each identity is, and why."""


def link_people(engine: Engine, seen: Sequence[Path], declared: Sequence[Path]) -> None:
    """Make ``links`` (whose each weaker identity is) and ``rekeyed`` (keys that change by it).

    Parameters
    ----------
    engine
        Engine to work in.
    seen
        Parquet files with the keys that were seen together.
    declared
        Parquet files with both sides of every declared link; none where nothing was declared.

    Notes
    -----
    The answer depends on the set of rows alone, not on their order or on the files they came in.
    """
    engine.register("seen_together", seen)
    people, parted = _declared(engine, declared)
    engine.register("declared_frame", people)
    engine.register("unlinked_frame", parted)
    for name in ("declared", "unlinked"):
        table = "declared_people" if name == "declared" else "unlinked"
        engine.execute(
            f"CREATE OR REPLACE TEMP TABLE {table} AS FROM {name}_frame"
        )  # fmt: skip
    engine.execute(query_text("ingest_links"))
    engine.execute(
        "CREATE OR REPLACE TABLE rekeyed AS SELECT token, customer_key FROM links "
        "WHERE candidates = 1 AND token <> customer_key"
    )


def resolution_of(engine: Engine) -> pd.DataFrame:
    """Return how many identities each rule joined or kept apart: rule, identities, people."""
    return engine.sql(
        f"SELECT rule, count(*) AS identities, count(DISTINCT customer_key) AS people "
        f"FROM ({IDENTITY_LINKS}) GROUP BY rule ORDER BY rule"
    ).frame()


def _declared(engine: Engine, files: Sequence[Path]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return who was declared to be whom, and which pairs were parted (both ways round)."""
    pairs = pd.DataFrame({"one": [], "other": [], "state": []}, dtype="string")
    kinds = pd.Series(dtype="object")
    if files:
        engine.register("declared", files)
        pairs = engine.sql(_PAIRS).frame()
        kinds = engine.sql(
            "SELECT customer_key, min(identity_confidence) AS kind FROM declared GROUP BY ALL"
        ).frame().set_index("customer_key")["kind"]  # fmt: skip
    parted = pairs[pairs.state == "unlinked"]
    both = pd.DataFrame(
        {"token": pd.concat([parted.one, parted.other]),
         "parted_from": pd.concat([parted.other, parted.one])}, dtype="string",
    )  # fmt: skip
    return components(pairs[pairs.state == "linked"], kinds), both


def components(pairs: pd.DataFrame, kinds: pd.Series) -> pd.DataFrame:
    """Return the groups that linked pairs make: one row per identity.

    Parameters
    ----------
    pairs
        Columns ``one`` and ``other``, and where known ``declared_by`` and ``declared_epoch_s``.
    kinds
        What kind of identity each is, by its key.

    Returns
    -------
    pandas.DataFrame
        ``token``, ``person`` (the group's strongest identity: e-mail before telephone before
        platform id, then the smallest key), ``has_email``, ``declared_by``, ``declared_epoch_s``.

    Examples
    --------
    >>> pairs = pd.DataFrame({"one": ["a", "b"], "other": ["b", "c"]})
    >>> components(pairs, pd.Series({"a": "phone", "b": "email", "c": "email"})).person.tolist()
    ['b', 'b', 'b']
    """
    if pairs.empty:
        texts = pd.DataFrame(columns=["token", "person", "declared_by"], dtype="string")
        return texts.assign(
            has_email=pd.Series(dtype="bool"), declared_epoch_s=pd.Series(dtype="int64")
        )
    tokens, codes = np.unique(
        np.concatenate([pairs.one.to_numpy(object), pairs.other.to_numpy(object)]),
        return_inverse=True,
    )
    frame = pd.DataFrame({"token": tokens, "group": _groups(codes, len(tokens))})
    frame["rank"] = frame.token.map(kinds).map(_RANK).fillna(len(_RANK)).astype(int)
    ordered = frame.sort_values(["group", "rank", "token"], kind="stable")
    first = ordered.drop_duplicates("group").set_index("group")
    frame["person"] = frame.group.map(first.token)
    frame["has_email"] = frame.group.map(first["rank"]) == 0
    return frame[["token", "person", "has_email"]].merge(_statements(pairs), on="token", how="left")


def _groups(codes: np.ndarray, nodes: int) -> np.ndarray:
    """Return the number of the connected component of each node."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    one, other = np.split(codes, 2)
    graph = coo_matrix((np.ones(len(one), dtype=np.int8), (one, other)), shape=(nodes, nodes))
    return np.asarray(connected_components(graph, directed=False)[1])


def _statements(pairs: pd.DataFrame) -> pd.DataFrame:
    """Return of each identity who declared it last, and when."""
    both = pd.concat([pairs.assign(token=pairs.one), pairs.assign(token=pairs.other)])
    for column, kind in (("declared_by", "string"), ("declared_epoch_s", "Int64")):
        if column not in both:
            both[column] = pd.Series(pd.NA, index=both.index, dtype=kind)
    both = both.sort_values(["token", "declared_epoch_s", "declared_by"], kind="stable")
    last = both.drop_duplicates("token", keep="last")
    return last[["token", "declared_by", "declared_epoch_s"]].reset_index(drop=True)
