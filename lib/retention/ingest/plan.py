"""What is to be read: params' texts become files with their format and reading options."""

from __future__ import annotations

import dataclasses
import glob
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from retention.errors import InputError, ParameterError
from retention.ingest.identity import platform_of
from retention.sources.base import ReadOptions, SourceFormat
from retention.sources.codes import ExclusionCode
from retention.sources.registry import format_named

DEFAULT_DATA = "../shared/data"
"""Where ``$RETENTION_DATA`` points to when nobody says otherwise, relative to the workspace."""

_DEFAULTS = {"RETENTION_DATA": DEFAULT_DATA}


@dataclass(frozen=True)
class Item:
    """One file to read.

    Parameters
    ----------
    path
        The file, absolute.
    name
        The file as messages and manifests name it: relative, without this machine's folders.
    source
        Its format.
    options
        How to read it.
    """

    path: Path
    name: str
    source: SourceFormat
    options: ReadOptions


@dataclass(frozen=True)
class _Override:
    """An option that is said of ``*``, of a format, or of a file."""

    target: str
    option: str
    value: str | int | tuple[str, ...]

    def names(self, file: str) -> bool:
        """Tell whether it is said of this file: its path or name, or a pattern of either."""
        last = file.rsplit("/", 1)[-1]
        return any(text == self.target or fnmatch(text, self.target) for text in (file, last)
                   if self.target != "*")  # fmt: skip


def plan(
    sources: Sequence[str], root: Path, read_options: Sequence[str], defaults: ReadOptions
) -> list[Item]:
    """Return every file that the params name, sorted within each source.

    Parameters
    ----------
    sources
        Texts ``"format: path"``; the path is relative to ``root``, may hold ``*`` and
        ``$VARIABLES`` (``$RETENTION_DATA`` defaults to ``../shared/data``).
    root
        Root of the workspace.
    read_options
        Texts ``"format: option = value"`` or, of one file, ``"orders_2.csv: option = value"``, see
        :class:`retention.sources.base.ReadOptions`. What is said of a file goes before what is said
        of its format, and that before what is said of all (``*``).
    defaults
        Options of every file that says nothing else.

    Raises
    ------
    ParameterError
        If a text is malformed or names no known format or option.
    InputError
        If a path matches no file.
    """
    overrides = [_override(text) for text in read_options]
    items = []
    for text in sources:
        name, pattern = _pair(text, "sources")
        source = format_named(name)
        for path, shown in _matches(pattern, root, text):
            options = _with_overrides(source.name, shown, overrides, defaults)
            expanded = source.expand(options) if source.expand else source
            items.append(Item(path, shown, expanded, options))
    _refuse_idle(overrides, items)
    return [_beside(item, items) for item in items]


def _beside(item: Item, items: Sequence[Item]) -> Item:
    """Return a file as it is read beside the others: no sale is told twice.

    Payments are left out as declared where another source tells the orders; details give their
    lines alone where another file of the platform does.
    """
    yields_to = item.source.yields_to
    platform = platform_of(item.source.name)
    others = {
        other.source.yields_to
        for other in items
        if any(mapping.table == "orders" for mapping in other.source.tables)
        and (yields_to == "orders" or platform_of(other.source.name) == platform)
    }
    if not yields_to or not others - {yields_to}:
        return item
    first, tables = item.source.tables[0], item.source.tables[:1]
    if yields_to == "orders":
        select = (
            f"SELECT * REPLACE (CAST('{ExclusionCode.PAYMENT}' AS VARCHAR) AS exclusion) "
            f"FROM ({first.select})"
        )
        tables = (dataclasses.replace(first, select=select),)
    return dataclasses.replace(item, source=dataclasses.replace(item.source, tables=tables))


def _matches(pattern: str, root: Path, text: str) -> list[tuple[Path, str]]:
    """Return the files of a pattern with the names to show."""
    expanded = re.sub(
        r"\$(\w+)", lambda m: os.environ.get(m[1]) or _DEFAULTS.get(m[1], m[0]), pattern
    )
    if "://" in expanded:
        return [(Path(expanded), pattern)]
    found = files_of(expanded, root)
    if not found:
        raise InputError(
            f"No file matches the source {text!r}.",
            "Put the export there, or correct the path in ingest.yaml.",
            file=pattern,
        )
    if found == [root / expanded]:
        return [(found[0], pattern)]
    shown = pattern.rsplit("/", 1)[0] if "/" in pattern else ""
    return [(path, f"{shown}/{path.name}".lstrip("/")) for path in found]


def files_of(pattern: str, root: Path) -> list[Path]:
    """Return the files that a path or pattern names, sorted; none where there is none.

    A name such as ``orders [1].csv`` is no pattern where there is a file of that name.

    Parameters
    ----------
    pattern
        Path or pattern, absolute or relative to ``root``.
    root
        Root of the workspace.
    """
    if (root / pattern).exists():
        return [root / pattern]
    return [root / path for path in sorted(glob.glob(pattern, root_dir=root, recursive=True))]


def _pair(text: str, parameter: str) -> tuple[str, str]:
    """Split ``"format: rest"``."""
    name, colon, rest = text.partition(":")
    if not (colon and name.strip() and rest.strip()):
        raise ParameterError(
            f"{text!r} is not of the form 'format: …'.", "Write for example "
            "'shopify_orders: exports/shop/orders*.csv'.", column=parameter,
        )  # fmt: skip
    return name.strip(), rest.strip()


def _override(text: str) -> _Override:
    """Read one ``"target: option = value"``."""
    options = [f.name for f in dataclasses.fields(ReadOptions)]
    found = re.fullmatch(rf"(.+?)\s*:\s*({'|'.join(options)})\s*=\s*(.*)", text.strip(), re.DOTALL)
    if found is None:
        raise ParameterError(
            f"{text!r} names no reading option.", f"Write 'format: option = value' or 'file.csv: "
            f"option = value'. Options: {', '.join(options)}.", column="read_options",
        )  # fmt: skip
    target, option, value = found[1], found[2], found[3].strip()
    if option in ("columns", "labels"):
        return _Override(target, option, tuple(part.strip() for part in value.split(";")))
    return _Override(target, option, int(value) if option == "maximum_expansion" else value)


def _with_overrides(
    name: str, file: str, overrides: list[_Override], base: ReadOptions
) -> ReadOptions:
    """Return the options of one file: those said of all, then of its format, then of itself."""
    chosen: dict[str, Any] = {}
    for target in ("*", name):
        chosen |= {o.option: o.value for o in overrides if o.target == target}
    chosen |= {o.option: o.value for o in overrides if o.names(file)}
    return dataclasses.replace(base, **chosen)


def _refuse_idle(overrides: list[_Override], items: list[Item]) -> None:
    """Refuse an option that is said of a file which no source names."""
    for override in overrides:
        if override.target == "*" or re.fullmatch(r"\w+", override.target):
            continue
        if not any(override.names(item.name) for item in items):
            raise ParameterError(
                f"No source names the file {override.target!r}.",
                "Write the file as `sources` does, or its name alone.", column="read_options",
            )  # fmt: skip
