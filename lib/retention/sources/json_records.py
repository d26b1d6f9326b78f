"""JSON: one object per line, or one array of objects; values land as text, one level flattened.

The array may stand alone or in an object, as answers of web services do: ``{"data": [...]}``.

A key of an object within the record lands as ``outer.inner`` beside the object itself, so that
``billing.email`` can be mapped like any column. Arrays stay JSON text.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from retention.engine import Engine
from retention.errors import InputError
from retention.sources.base import ReadOptions, SourceFormat
from retention.sources.codes import BrokenCode
from retention.sources.decoding import established_encoding
from retention.sources.reading import (
    Read,
    identifier,
    quoted,
    require_agreement,
    require_columns,
    stem_in,
)
from retention.sources.scanning import BrokenRecord, Scanner
from retention.sources.tally import Tally
from retention.sources.texts import utf8_text
from retention.sources.unpacking import unpacked

SEPARATOR = 0x1F
"""A control character that JSON text cannot hold; so that a line is one column."""

MAXIMUM_COLUMNS = 2_000
_PLAIN = r'"[^"\\]*"\s*:\s*(?:"[^"\\]*"|-?[0-9.]+|true|false|null)\s*,\s*'
_WRAPPER = re.compile(rf'\{{\s*(?:{_PLAIN})*"(?:data|orders|results|records)"\s*:\s*\[')
"""The beginning of an object that holds the records in an array, after plain values at most."""

_BETWEEN = re.compile(r"[\s,]*")
_DECODER = json.JSONDecoder()


def is_json(head: bytes) -> bool:
    """Tell whether a text begins as JSON records do."""
    return head.lstrip(b" \t\r\n")[:1] in (b"{", b"[")


def land_json(
    real: Path, named: str, fmt: SourceFormat, folder: Path, options: ReadOptions
) -> Read:
    """Land JSON records; see `retention.sources.landing.land`.

    Raises
    ------
    InputError
        If the array is cut short or malformed, or a required column is nowhere.
    """
    first = next(unpacked(real, named, options), b"")
    encoding, mark = established_encoding(first, options.encoding, named)
    texts = utf8_text(real, named, options, encoding, mark)
    stem = stem_in(folder, fmt)
    clean, parquet = stem.with_suffix(".txt"), stem.with_suffix(".parquet")
    opened = _opening(first[mark:].decode(encoding, "ignore"))
    lines = _array_lines(texts, named) if opened else texts
    try:
        tally = _scan(lines, clean)
        engine = Engine(options.memory_limit, options.threads, str(folder))
        columns, rows = _columnar(engine, clean, tally, fmt, parquet, named)
        engine.close()
    finally:
        clean.unlink(missing_ok=True)
    return Read(encoding, "", rows, parquet, columns, 0, tally.broken)


def sampled_columns(text: str) -> tuple[str, ...]:
    """Return the columns that the records at the beginning of a JSON text would land as.

    Examples
    --------
    >>> sampled_columns('{"id": 1, "billing": {"email": "a@b.c"}}')
    ('id', 'billing', 'billing.email')
    """
    decoder, rest = json.JSONDecoder(), text[_opening(text) :].lstrip()
    names: dict[str, None] = {}
    while rest[:1] == "{":
        try:
            record, at = decoder.raw_decode(rest)
        except json.JSONDecodeError:
            break
        for key, value in record.items():
            names[key] = None
            names |= {f"{key}.{k}": None for k in value} if isinstance(value, dict) else {}
        rest = rest[at:].lstrip(" \t\r\n,")
    return tuple(names)


def _opening(head: str) -> int:
    """Return the characters up to the first element of the array of records; 0 without array."""
    start = len(head) - len(head.lstrip())
    if head[start : start + 1] == "[":
        return start + 1
    wrapper = _WRAPPER.match(head, start)
    return wrapper.end() if wrapper else 0


def _array_lines(texts: Iterator[bytes], named: str) -> Iterator[bytes]:
    """Yield the elements of a JSON array, one per line."""
    utf8 = codecs.getincrementaldecoder("utf-8")()
    buffer, at, ended, number, opening = "", 0, False, 0, ""
    try:
        for text in texts:
            buffer, at = buffer[at:] + utf8.decode(text), 0
            if not opening:
                opening, buffer = buffer[: _opening(buffer)], buffer[_opening(buffer) :]
            while not ended:
                at, ended, element = _element(buffer, at)
                if element is None:
                    break
                number += 1
                yield element
    except (UnicodeDecodeError, RecursionError) as error:
        raise InputError(
            f"The JSON array cannot be read after record {number}.", "Export it again.", file=named
        ) from error
    if not ended or not _closes(opening, buffer[at:]):
        raise InputError(
            f"The JSON array is cut short or malformed after record {number}.",
            "Export it again.", file=named,
        )  # fmt: skip


def _closes(opening: str, rest: str) -> bool:
    """Tell whether the text after the array ends what began before it."""
    try:
        json.loads(f"{opening}]{rest}")
    except json.JSONDecodeError:
        return False
    return True


def _element(buffer: str, at: int) -> tuple[int, bool, bytes | None]:
    """Return where the next element of an array ends, whether the array ends, and its text."""
    at = _BETWEEN.match(buffer, at).end()  # type: ignore[union-attr]
    if buffer[at : at + 1] == "]":
        return at + 1, True, None
    try:
        _, end = _DECODER.raw_decode(buffer, at)
    except json.JSONDecodeError:
        return at, False, None
    # Within JSON strings line ends are escaped: those that stand here are layout.
    text = buffer[at:end].replace("\n", " ").replace("\r", " ")
    return end, False, text.encode() + b"\n"


def _scan(lines: Iterator[bytes], clean: Path) -> Tally:
    """Split lines, and copy those that are lawful text."""
    scanner = Scanner(SEPARATOR, 1, b"", 1, quoting=False)
    with clean.open("wb") as copy:
        tally = Tally(1, copy)
        for text in lines:
            for piece in scanner.feed(text, final=False):
                tally.add(piece)
        for piece in scanner.feed(b"", final=True):
            tally.add(piece)
    return tally


def _columnar(
    engine: Engine, clean: Path, tally: Tally, fmt: SourceFormat, parquet: Path, named: str
) -> tuple[tuple[str, ...], int]:
    """Write the records as columns of text; move malformed ones to the broken records."""
    numbers = parquet.with_suffix(".lines.parquet")
    pq.write_table(pa.table({"line_no": tally.line_numbers()}), numbers)
    engine.connection.execute(_records_view(clean, numbers, tally.longest))
    counted = engine.connection.execute("SELECT count(*) FROM records").fetchall()[0][0]
    require_agreement(tally.rows, counted, named)
    malformed = engine.connection.execute(
        "SELECT line_no, record FROM records WHERE object IS NULL"
    ).fetchall()
    tally.broken += [
        BrokenRecord(line, record.encode(), BrokenCode.UNREADABLE_JSON)
        for line, record in malformed
    ]
    known = {*fmt.used_columns(), *fmt.aliases}
    paths = _without_case_twins(_paths(engine), known)
    if len(paths) > MAXIMUM_COLUMNS:
        raise InputError(f"The records have {len(paths)} keys.", "Is this a table?", file=named)
    if paths:
        require_columns(fmt, tuple(paths), named)
    rows = _write(engine, paths, parquet)
    numbers.unlink()
    return tuple(paths), rows


def _records_view(clean: Path, numbers: Path, longest: int) -> str:
    """Return the statement that makes the view ``records``: line, text, and the text if sound."""
    longest = max(longest, 1 << 20)
    return (
        "CREATE TEMP VIEW records AS SELECT *, CASE WHEN json_valid(record) THEN "
        "CASE WHEN json_type(record) = 'OBJECT' THEN record END END AS object "
        f"FROM read_csv({quoted(str(clean))}, auto_detect = false, header = false, "
        f"columns = {{'record': 'VARCHAR'}}, delim = {quoted(chr(SEPARATOR))}, quote = '', "
        f"escape = '', new_line = '\\n', max_line_size = {2 * longest}, "
        f"buffer_size = {4 * longest}, compression = 'none') "
        f"POSITIONAL JOIN read_parquet({quoted(str(numbers))})"
    )


def _paths(engine: Engine) -> dict[str, str]:
    """Return every key and every key of an object within, with its JSON path."""
    outer = engine.connection.execute(
        "SELECT DISTINCT unnest(json_keys(object)) AS key FROM records ORDER BY key"
    ).fetchall()
    paths: dict[str, str] = {}
    for (key,) in outer:
        path = '$."' + key.replace('"', '\\"') + '"'
        paths[key] = path
        inner = engine.connection.execute(
            "SELECT DISTINCT unnest(json_keys(object, $path)) AS key FROM records "
            "WHERE json_type(object, $path) = 'OBJECT' ORDER BY key",
            {"path": path},
        ).fetchall()
        for (name,) in inner:
            escaped = name.replace('"', '\\"')
            paths[f"{key}.{name}"] = f'{path}."{escaped}"'
    return paths


def _without_case_twins(paths: dict[str, str], known: set[str]) -> dict[str, str]:
    """Return the paths with names that differ in letter case alone numbered."""
    seen: dict[str, int] = {}
    result = {}
    for name, path in sorted(paths.items(), key=lambda item: item[0] not in known):
        seen[name.lower()] = seen.get(name.lower(), 0) + 1
        times = seen[name.lower()]
        result[name if times == 1 else f"{name} ({times})"] = path
    return result


def _write(engine: Engine, paths: dict[str, str], parquet: Path) -> int:
    """Write one text column per path."""
    wanted = ", ".join(quoted(path) for path in paths.values())
    columns = ", ".join(
        f"nullif(found[{i}], '') AS {identifier(name)}" for i, name in enumerate(paths, start=1)
    )
    found = f"json_extract_string(object, [{wanted}])" if paths else "NULL"
    listed = f"{columns}, line_no" if paths else "line_no"
    answer = engine.connection.execute(
        f"COPY (SELECT {listed} FROM (SELECT {found} AS found, line_no FROM records "
        f"WHERE object IS NOT NULL)) TO {quoted(str(parquet))} (FORMAT parquet)"
    ).fetchall()
    return int(answer[0][0])
