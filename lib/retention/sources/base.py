"""What an export format is, and how its rows become canonical rows.

A format is data, not code: the headers that identify it and, for each canonical table that it
feeds, one SELECT over the landed rows. Reading bytes faithfully is `landing`; judging rows,
pseudonyms and storage are the ingest layer's.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from retention.errors import ParameterError
from retention.sources.header_names import header_key, weight_of

IDENTITY_COLUMNS: tuple[str, ...] = (
    "identity_email",
    "identity_phone",
    "identity_platform_id",
    "identity_name",
    "identity_postcode",
)
"""Raw identities, as text. They stop at the ingest layer, which puts pseudonyms in their place."""

RESERVED_COLUMNS: tuple[str, ...] = (
    "line_no",
    "source_record_id",
    "reasons",
    "exclusion",
    "occurred_at",
    "value_minor",
    "value_currency",
    *IDENTITY_COLUMNS,
)
"""Columns that every mapping yields beside those of its canonical table."""

ENOUGH_EVIDENCE = 2.0
"""Weight of the columns found (telling names count 1) from which a format is recognised."""

MOSTLY_EXPLAINED = 0.75
"""Share of a file's columns, by weight, that a format of common names alone must explain."""

MAXIMUM_PLACE = 999_999
"""A line's number that follows its order's pseudonym; more digits could be anybody's number."""

DateOrder = Literal["auto", "month_first", "day_first"]
Decimal = Literal["auto", ".", ","]


@dataclass(frozen=True)
class ReadOptions:
    """What the user says about a file where the file cannot say it itself.

    Parameters
    ----------
    encoding
        ``auto`` takes a byte-order mark or strict UTF-8 and otherwise asks; or a Python codec name
        such as ``windows-1252``.
    delimiter
        ``auto`` reads it off the header row; or the character itself.
    decimal
        Decimal mark of numbers; ``auto`` accepts a comma only where the values prove it.
    date_order
        Order of day and month in dates such as ``12/1/2010``; ``auto`` accepts what the values
        prove and otherwise asks.
    time_zone
        IANA name of the zone of times that carry no offset.
    shop_zone
        IANA name of the zone whose clock cuts days, weeks and months; empty means ``time_zone``.
    currency
        ISO 4217 code of files that name none; empty means the format's own.
    shop_id
        Name of the shop; empty means the format's own.
    columns
        Column mapping: ``"target = column"``.
    labels
        Of the generic source: ``"their word = our word"`` for the state of an order.
    maximum_expansion
        Largest ratio of unpacked to packed size (beyond 64 MB) that is not taken for a bomb.
    memory_limit
        Upper bound of the engine's memory while landing.
    threads
        Threads of the engine while landing; None means all.
    root
        Folder that a path may not lead out of (by ``..`` or a symbolic link); empty means any.
    """

    encoding: str = "auto"
    delimiter: str = "auto"
    decimal: Decimal = "auto"
    date_order: DateOrder = "auto"
    time_zone: str = "UTC"
    shop_zone: str = ""
    currency: str = ""
    shop_id: str = ""
    columns: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    maximum_expansion: int = 200
    memory_limit: str | None = None
    threads: int | None = None
    root: str = ""


def column_pairs(texts: Iterable[str]) -> list[tuple[str, str]]:
    """Return the pairs of ``"target = column"`` texts.

    Raises
    ------
    ParameterError
        If a text is of another form.

    Examples
    --------
    >>> column_pairs(["Score = How likely are you to recommend us?"])
    [('Score', 'How likely are you to recommend us?')]
    """
    pairs = []
    for text in texts:
        target, equals, column = (part.strip() for part in text.partition("="))
        if not (equals and target and column):
            raise ParameterError(
                f"{text!r} maps no column.", "Write 'target = column'.", column="columns"
            )
        pairs.append((target, column))
    return pairs


@dataclass(frozen=True)
class TableMapping:
    """One canonical table that a format feeds.

    Parameters
    ----------
    table
        Name of the canonical table.
    select
        SELECT over the view ``landed`` (columns as text, under their original names, empty fields
        as NULL, plus ``line_no`` and ``file``). It yields the canonical columns that the format
        knows, without ``source``, ``batch_id`` and the person's key, and the `RESERVED_COLUMNS`:

        - ``reasons VARCHAR[]``: what is unreadable or unlawful, as ``code:Column`` (NULL or an
          empty list if nothing is);
        - ``exclusion VARCHAR``: code of a declared exclusion, else NULL;
        - ``occurred_at TIMESTAMP``: the row's day for reconciliation, NULL where unreadable;
        - ``value_minor DECIMAL(38,6)``: the row's raw money in minor units, exact (it may have a
          fraction where the source has sub-minor prices), and ``value_currency``;
        - ``identity_*``: raw identities, NULL where absent.

        Order lines may give ``line_place BIGINT``, their number within the order: their key is then
        the order's pseudonym with that number, and what they give as key is looked at only where
        the number is none of 0 ... `MAXIMUM_PLACE`. A ``source_record_id`` that is NULL says that
        the row has none but its key.
    accounts
        Whether this mapping yields exactly one row for each landed row. Exactly one mapping of a
        format does; reconciliation counts its rows and its ``value_minor``. The others are derived.
    person
        Canonical column that the ingest layer fills from the identities: ``customer_key``,
        ``unit_key``, or empty where the table has none.
    adds_people
        Whether it may name people whom no other mapping of the format names. Where it cannot, its
        identities are not gathered again.
    views
        Preparatory views, name → SELECT, to create in order before any ``select`` of the format.
    hashes
        Those of the ``views`` that give the 64-bit hashes which stand more than once, in the column
        ``hash``: name → SELECT of all the hashes. A large file's are found faster by sorting them.
    spent
        Columns of the ``views`` that no ``select`` reads, view → columns: they were there for the
        mapping's own views, and are given up when these are made.
    constants
        Columns that ``select`` gives the same value in every row, name → its SQL: they need not be
        stored with each of many rows.
    by_line
        Whether the rows of some lines follow from these lines and the ``views`` alone; it need not
        be said where the mapping accounts and has no views. See `is_by_line`.
    line_views
        Those of the ``views`` that give one row for each line, from that line alone.
    """

    table: str
    select: str
    accounts: bool = False
    person: str = "customer_key"
    adds_people: bool = True
    views: Mapping[str, str] = field(default_factory=dict)
    hashes: Mapping[str, str] = field(default_factory=dict)
    spent: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    constants: Mapping[str, str] = field(default_factory=dict)
    by_line: bool = False
    line_views: tuple[str, ...] = ()

    @property
    def is_by_line(self) -> bool:
        """Whether a large file's rows can be made in stretches, which keeps them in its order."""
        return self.by_line or (self.accounts and not self.views)


@dataclass(frozen=True)
class SourceFormat:
    """One export format.

    Parameters
    ----------
    name
        Name used in params, such as ``shopify_orders``.
    meaning
        One line on what it is and how to get it from the platform.
    required
        Columns without which the file cannot be used; they also identify the format.
    optional
        Columns that are used where present; absent ones are landed as NULL.
    tables
        The canonical tables it feeds.
    dates
        Columns whose day/month order must be established where they are written with slashes,
        dots or dashes; each as its original name.
    date_order
        ``month_first`` or ``day_first`` where the platform fixes it, else ``auto``.
    money
        Columns of numbers, used to establish the decimal mark.
    currency
        Currency where the export names none, empty where it does.
    aliases
        Other header names seen for a column: alias → name used in ``select``.
    shop
        Shop that the rows belong to where the user names none; empty means the first word of the
        format's name.
    expand
        Builds the format for given options, where it depends on them (the generic source).
    is_settled
        Whether the options' column mapping is already part of the format.
    blank_delimited
        Whether columns are parted by runs of blanks.
    companions
        Files in the same folder that the mappings look up: view → (file name, format).
    headerless
        Columns of files that come without a header row: pattern of a first line (blanks folded) →
        names of its columns.
    yields_to
        ``orders``: records of payments, which are no sales of their own where another source tells
        the orders; ``platform``: details, whose orders another file of the same platform tells.
    """

    name: str
    meaning: str
    required: tuple[str, ...]
    optional: tuple[str, ...]
    tables: tuple[TableMapping, ...]
    dates: tuple[str, ...] = ()
    date_order: DateOrder = "auto"
    money: tuple[str, ...] = ()
    currency: str = ""
    aliases: Mapping[str, str] = field(default_factory=dict)
    shop: str = ""
    expand: Callable[[ReadOptions], SourceFormat] | None = None
    is_settled: bool = False
    blank_delimited: bool = False
    companions: Mapping[str, tuple[str, SourceFormat]] = field(default_factory=dict)
    headerless: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    yields_to: str = ""

    def for_options(self, options: ReadOptions) -> SourceFormat:
        """Return the format with the options' column mapping in force.

        Parameters
        ----------
        options
            ``columns`` holds texts ``"target = column"``: the target is a column that the format
            knows, the column what this file calls it.

        Raises
        ------
        ParameterError
            If a text is of another form or names an unknown target.
        """
        if self.is_settled:
            return self
        if self.expand:
            return self.expand(options)
        named = {column: target for target, column in column_pairs(options.columns)}
        unknown = set(named.values()) - set(self.used_columns())
        if unknown:
            raise ParameterError(
                f"{self.name} has no column {min(unknown)!r} to map to.",
                f"It knows {', '.join(self.used_columns())}.", column="columns",
            )  # fmt: skip
        return replace(self, aliases={**self.aliases, **named}, is_settled=True)

    def columns_of_bare(self, line: str) -> tuple[str, ...]:
        """Return the columns of a file without header by its first line; none where it has one."""
        folded = " ".join(line.split())
        for pattern, columns in self.headerless.items():
            if re.fullmatch(pattern, folded):
                return columns
        return ()

    def columns_in(self, header: Iterable[str]) -> dict[str, str]:
        """Return the format's columns that a header has: column → name in the header.

        Letter case and surrounding blanks do not count, but a name as written goes before another
        that is only alike. Of two names for one column the first in the header counts.

        Examples
        --------
        >>> tiny = SourceFormat("tiny", "", ("Order ID",), ("Note",), (), aliases={"Memo": "Note"})
        >>> tiny.columns_in([" order id", "MEMO", "Shelf"])
        {'Order ID': ' order id', 'Note': 'MEMO'}
        """
        exact = {**self.aliases, **{name: name for name in self.used_columns()}}
        alike = {header_key(name): target for name, target in reversed(exact.items())}
        found: dict[str, str] = {}
        for name in header:
            target = exact.get(name) or alike.get(header_key(name))
            if target is not None:
                found.setdefault(target, name)
        return found

    def recognise(self, header: Iterable[str]) -> float:
        """Return how well a header fits: 0 where it does not, 1 with every column.

        It fits with all required columns, unless these are common names (Id, Email, Created at)
        that explain little of what else the file holds.

        Examples
        --------
        >>> tiny = SourceFormat("tiny", "", ("a", "b"), ("c",), ())
        >>> tiny.recognise(["a", "b"]), tiny.recognise(["a"])
        (0.8, 0.0)
        """
        header = tuple(header)
        found = self.columns_in(header)
        if not self.required or not set(self.required) <= set(found):
            return 0.0
        evidence = weight_of(found)
        explained = weight_of(found.values()) / weight_of(header)
        if evidence < ENOUGH_EVIDENCE and explained < MOSTLY_EXPLAINED:
            return 0.0
        covered = evidence / weight_of(self.used_columns())
        return round((0.4 + 0.6 * covered) * (0.5 + 0.5 * explained), 3)

    def used_columns(self) -> tuple[str, ...]:
        """Return every column that a mapping may refer to."""
        return (*self.required, *(c for c in self.optional if c not in self.required))
