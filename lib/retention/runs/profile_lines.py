"""Adds items to a list of a YAML file and leaves every other line as it is."""

from __future__ import annotations

import re
from collections.abc import Sequence

import yaml

from retention.errors import ParameterError


def add_to_list(text: str, name: str, items: Sequence[str]) -> str:
    """Return YAML text with items added to a list of texts; comments and other lines stay.

    Parameters
    ----------
    text
        The file.
    name
        Name of the list; it is made where the file has none.
    items
        Texts to add; those that stand there already are not added again.

    Raises
    ------
    ParameterError
        If the list is written in a way that cannot be added to.

    Examples
    --------
    >>> print(add_to_list("a: [x]  # one", "a", ["y: z"]))
    a:  # one
      - "x"
      - "y: z"
    """
    before = (yaml.safe_load(text) or {}).get(name) or []
    wanted = [*before, *(item for item in items if item not in before)]
    if wanted == before:
        return text
    written = [f"  - {_quoted(item)}" for item in wanted[len(before) :]]
    lines = text.splitlines()
    key = rf"""["']?{name}["']?\s*:"""
    start = next((i for i, line in enumerate(lines) if re.match(key, line)), None)
    if start is None:
        added = [*lines, f"{name}:", *written]
    elif re.match(rf"{key}\s*\[.*\]\s*(#.*)?$", lines[start]):
        comment = re.search(r"\]\s*(#.*)$", lines[start])
        head = f"{name}:" + (f"  {comment[1]}" if comment else "")
        kept = [f"  - {_quoted(item)}" for item in before]
        added = [*lines[:start], head, *kept, *written, *lines[start + 1 :]]
    else:
        end = _end_of_list(lines, start)
        indent = re.match(r"\s*", lines[end - 1])
        space = indent[0] if indent and lines[end - 1].lstrip().startswith("- ") else "  "
        added = [*lines[:end], *(space + line.lstrip() for line in written), *lines[end:]]
    result = "\n".join(added) + "\n"
    if (yaml.safe_load(result) or {}).get(name) != wanted:
        raise ParameterError(
            f"The list `{name}` is written in a way that cannot be added to.",
            f"Add by hand: {'; '.join(items)}", column=name,
        )  # fmt: skip
    return result.rstrip("\n") if not text.endswith("\n") and text else result


def _end_of_list(lines: Sequence[str], start: int) -> int:
    """Return the line after the last item of a list."""
    end = start + 1
    for number in range(start + 1, len(lines)):
        line = lines[number]
        if line.strip() and not line.startswith((" ", "-", "#", "\t")):
            break
        if line.strip() and not line.lstrip().startswith("#"):
            end = number + 1
    return end


def _quoted(item: str) -> str:
    """Return a text as YAML, in double quotes."""
    return yaml.safe_dump(item, default_style='"', allow_unicode=True, width=10**6).strip()
