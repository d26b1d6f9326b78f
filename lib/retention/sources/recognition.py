"""Which format a file is in, and which it almost is in: told by its column names alone."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from retention.sources.base import ENOUGH_EVIDENCE, ReadOptions, SourceFormat
from retention.sources.header_names import header_key, weight_of
from retention.sources.headers import header_of

NOT_NEEDED: dict[str, tuple[str, ...]] = {
    "a list of products": ("handle", "title", "variant price"),
    "a list of discounts": ("discount class", "times used in total"),
    "a list of discount codes": ("code", "discount type", "usage limit"),
    "a list of payouts": ("payout status", "payout date"),
    "a list of stock": ("handle", "location", "on hand"),
    "a list of gift cards": ("gift card code", "initial value"),
    "product reviews": ("rating", "review_date"),
    "a list of products, of WooCommerce": ("type", "sku", "regular price", "published"),
    "a list of listings": ("title", "description", "price", "currency_code", "image1"),
    "abandoned checkouts": ("abandoned checkout url",),
}
"""Exports that shops keep beside their orders and that no notebook reads: telling columns of
each."""

NEAR_SHARE = 0.6
"""Share of a format's required columns, by weight, from which a file is nearly of that format."""


@dataclass(frozen=True)
class NearMiss:
    """A file that lacks little of a format.

    Parameters
    ----------
    format
        Name of the format.
    missing
        Required columns that the file lacks, each with what it may be called there (or "").
    """

    format: str
    missing: dict[str, str]

    def sentence(self) -> str:
        """Say what is missing, what was found instead and what to do about it."""
        lacks = " and ".join(repr(name) for name in self.missing)
        found = [name for name in self.missing.values() if name]
        text = f"looks like {self.format}, but lacks {lacks}"
        if not found:
            return f"{text}. Export it again with all columns."
        named = "; ".join(f"{target} = {name}" for target, name in self.missing.items() if name)
        return (
            f"{text}; found {' and '.join(repr(name) for name in found)}. Export it again, or "
            f'name the file\'s own column: add - "{self.format}: columns = {named}" to '
            f"`read_options` and the file to `sources` in ingest.yaml."
        )


@dataclass(frozen=True)
class Recognition:
    """What a file's header says.

    Parameters
    ----------
    columns
        Its column names.
    fits
        The formats that it fits with how well (0 to 1), the best first.
    near
        The format that it nearly fits, where it fits none.
    not_needed
        What it is where no notebook needs it; empty where that is not known.
    """

    columns: tuple[str, ...]
    fits: tuple[tuple[SourceFormat, float], ...]
    near: NearMiss | None = None
    not_needed: str = ""


def recognise(
    path: Path, formats: Mapping[str, SourceFormat], options: ReadOptions | None = None
) -> Recognition:
    """Return which of the formats a file's header fits.

    Parameters
    ----------
    path
        The file.
    formats
        The formats to choose from, by name.
    options
        What is known of the file (encoding, delimiter).

    Raises
    ------
    InputError
        If the file cannot be read or has no header.
    """
    names = header_of(path, options or ReadOptions())
    line = names[0] if names else ""
    if len(names) == 1:
        names = tuple(line.split())
    scored = [
        (fmt, 1.0 if fmt.columns_of_bare(line) else fmt.recognise(names))
        for fmt in formats.values()
    ]
    fits = sorted((p for p in scored if p[1] > 0), key=lambda pair: (-pair[1], pair[0].name))
    if fits:
        return Recognition(names, tuple(fits))
    return Recognition(names, (), _nearest(names, formats.values()), _not_needed(names))


def _nearest(names: tuple[str, ...], formats: Iterable[SourceFormat]) -> NearMiss | None:
    """Return the format that lacks least, where the file has most of its required columns."""
    best: tuple[float, NearMiss] | None = None
    for fmt in formats:
        found = fmt.columns_in(names)
        missing = [name for name in fmt.required if name not in found]
        had = [name for name in fmt.required if name in found]
        if not missing or weight_of(found) < ENOUGH_EVIDENCE + len(missing):
            continue
        share = weight_of(had) / weight_of(fmt.required)
        if share >= NEAR_SHARE and (best is None or weight_of(found) > best[0]):
            best = (weight_of(found), NearMiss(fmt.name, _instead(missing, names, fmt)))
    return best[1] if best else None


def _instead(missing: list[str], names: tuple[str, ...], fmt: SourceFormat) -> dict[str, str]:
    """Return the missing columns, each with the foreign column that is called most like it."""
    known = set(fmt.columns_in(names).values())
    foreign = {header_key(name): name for name in names if name not in known}
    chosen: dict[str, str] = {}
    for column in missing:
        words = set(header_key(column).split())
        within = [name for name in foreign if set(name.split()) <= words]  # Price of Lineitem price
        close = difflib.get_close_matches(header_key(column), within or list(foreign), 1, 0.5)
        chosen[column] = foreign.pop(close[0]).strip() if close else ""
    return chosen


def _not_needed(names: tuple[str, ...]) -> str:
    """Return what a file is that no notebook needs; empty where that is not known."""
    keys = {header_key(name) for name in names}
    return next((what for what, telling in NOT_NEEDED.items() if keys.issuperset(telling)), "")
