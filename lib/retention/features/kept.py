"""What the notebooks of a run ask for alike is made once, by whichever comes first.

A kept file never changes: whoever has begun to read it would go on in the midst of another.
"""

from __future__ import annotations

import fcntl
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from retention.engine import Engine, query_text


@contextmanager
def to_be_made(paths: Collection[Path]) -> Iterator[bool]:
    """Tell whether files of one folder are still to be made; others wait until the block ends.

    The lock is the kernel's own (``flock``): it ends with its holder, however that dies.
    """
    first = min(paths)
    first.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with first.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield not all(path.is_file() for path in paths)


def keep(engine: Engine, queries: Mapping[Path, str], **parameters: Any) -> None:
    """Write answers to their files; each appears whole or not at all.

    The queries name all of the ``$name`` parameters.
    """
    for path, query in queries.items():
        unfinished = path.with_suffix(".unfinished")
        engine.copy(query, unfinished, **parameters)
        unfinished.replace(path)


@contextmanager
def made_once(
    engine: Engine, name: str, query: str, stem: str, standing: str = "", **parameters: Any
) -> Iterator[None]:
    """Let an answer be the table ``name`` until the block ends; a run makes it but once.

    Parameters
    ----------
    engine
        The engine.
    name
        Name of the table.
    query
        Name of the query; it names all of the parameters.
    stem
        What a run knows the answer by: different for every answer.
    standing
        Columns by which the rows stand in a file that is shared; empty for any order.
    parameters
        The query's parameters.
    """
    if engine.shared is None:
        with engine.unordered():
            engine.query(query, **parameters).materialise(name)
    else:
        kept, text = engine.shared / f"{stem}.parquet", query_text(query)
        with to_be_made([kept]) as wanted:
            if wanted:
                ordered = f"SELECT * FROM ({text}) ORDER BY {standing}" if standing else text
                keep(engine, {kept: ordered}, **parameters)
        engine.register(name, kept)
    try:
        yield
    finally:
        engine.drop(name)
