"""What is to be read: params' texts become files with their format and reading options."""

from __future__ import annotations

import dataclasses
import glob
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from retention.errors import InputError, ParameterError
from retention.sources.base import ReadOptions, SourceFormat
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
        Texts ``"format: option = value"``, see :class:`retention.sources.base.ReadOptions`.
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
        options = _with_overrides(source.name, overrides, defaults)
        source = source.expand(options) if source.expand else source
        items += [
            Item(path, shown, source, options) for path, shown in _matches(pattern, root, text)
        ]
    return items


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


def _override(text: str) -> tuple[str, str, str | tuple[str, ...] | int]:
    """Read one ``"format: option = value"``."""
    name, rest = _pair(text, "read_options")
    option, equals, value = (part.strip() for part in rest.partition("="))
    known = {f.name: f.type for f in dataclasses.fields(ReadOptions)}
    if not equals or option not in known:
        raise ParameterError(
            f"{text!r} names no reading option.", f"Options: {', '.join(known)}.",
            column="read_options",
        )  # fmt: skip
    if option == "columns":
        return name, option, tuple(part.strip() for part in value.split(";"))
    return name, option, int(value) if option == "maximum_expansion" else value


def _with_overrides(
    name: str, overrides: list[tuple[str, str, str | tuple[str, ...] | int]], base: ReadOptions
) -> ReadOptions:
    """Return the options of one format."""
    chosen = {option: value for target, option, value in overrides if target in (name, "*")}
    return dataclasses.replace(base, **chosen)  # type: ignore[arg-type]
