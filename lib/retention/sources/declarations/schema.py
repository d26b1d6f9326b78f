"""What a declaration of an export format may say, and how its file is read.

A declaration is a page of YAML: the headers that identify an export, and for each canonical column
the column of the export that holds it. docs/formats.md explains every word with examples.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from retention.errors import ParameterError
from retention.sources.base import IDENTITY_COLUMNS, DateOrder
from retention.tables import TABLES

IDENTITIES = tuple(name.removeprefix("identity_") for name in IDENTITY_COLUMNS)
"""Targets that hold a raw identity, in the order of the identity columns."""

_WHO = (*IDENTITIES, "email_or_id", "any_identity")

EXTRA_TARGETS: dict[str, tuple[str, ...]] = {
    "orders": (
        "goods",
        "total",
        "cancelled_at",
        "paid_at",
        "zone",
        "refund_of",
        "country",
        "channel",
        "is_guest",
        "first_seen_at",
    ),
    "order_lines": ("title", "line_gross", "ordered_at"),
}
"""Targets beside the canonical columns: what a canonical column is worked out from."""

_Loader: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
"""Every value stays the text that it is: ``no`` is a label here and 007 a code."""


class Reading(BaseModel):
    """Where a canonical column's value stands in the export, and how it is read.

    Parameters
    ----------
    column, first, join, sum, key, value
        One of: a column; columns of which the first that is filled counts; columns joined by a
        blank (a date and a time, a first and a last name); amounts added up; columns that together
        name a record; a constant.
    labels
        The export's word → the canonical word, letter case aside.
    otherwise
        Canonical word of every label that is not listed; ``exclude`` leaves such rows out,
        ``slug`` takes the label itself in small letters and underscores.
    default
        Value where the column is empty.
    form
        ``lower``; ``slug`` (small letters and underscores); ``plain`` (without the apostrophe that
        spreadsheets put before a number).
    prefix
        Text put before the value.
    add_rows
        Of an order's amount: each of its rows carries a part of it.
    less
        Of an amount: columns to subtract from it.
    blank
        Texts that stand for an empty column, such as a customer id of 0.
    minutes_after
        Of a time: where the column is empty, the time is another column's, so many minutes later.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    column: str = ""
    first: tuple[str, ...] = ()
    join: tuple[str, ...] = ()
    sum: tuple[str, ...] = ()
    key: tuple[str, ...] = ()
    value: str | None = None
    labels: dict[str, str] = {}
    otherwise: str | None = None
    default: str | None = None
    form: Literal["", "lower", "slug", "plain"] = ""
    prefix: str = ""
    add_rows: bool = False
    less: tuple[str, ...] = ()
    blank: tuple[str, ...] = ()
    minutes_after: tuple[str, str] | None = None

    @model_validator(mode="before")
    @classmethod
    def _short(cls, given: object) -> object:
        """Take a bare text as a column, and a text in single quotes as a constant."""
        if not isinstance(given, str):
            return given
        is_constant = len(given) > 1 and given[0] == given[-1] == "'"
        return {"value": given[1:-1]} if is_constant else {"column": given}

    @model_validator(mode="after")
    def _one_source(self) -> Reading:
        """Refuse what names no source, or two."""
        named = [
            bool(self.column),
            bool(self.first),
            bool(self.join),
            bool(self.sum),
            bool(self.key),
            self.value is not None,
        ]
        if sum(named) != 1:
            raise ValueError("name one of: column, first, join, sum, key, value")
        return self

    @property
    def headers(self) -> tuple[str, ...]:
        """Columns of the export that it reads."""
        own = (self.column,) if self.column else ()
        several = (*self.first, *self.join, *self.sum, *self.key, *self.less)
        return (*own, *several, *(self.minutes_after or ()))


class Part(BaseModel):
    """What an export tells of one canonical table.

    Parameters
    ----------
    columns
        Canonical column, identity or extra target → its reading.
    record
        What names the record in its source; empty means the table's key, else the line.
    only
        Column → labels: other rows do not concern the table. Of the table that stands for the
        file's records (the first), they are left out as declared.
    item
        Of order lines: the column that is empty on rows which are of the order alone.
    needs
        Columns that have to be filled; rows where one is empty are refused.
    filled
        Targets without which a row does not concern the table.
    refund_rows
        Column → labels of rows that tell of money paid back.
    test_rows
        Column → labels of rows that are no sales but tests.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    columns: dict[str, Reading]
    record: Reading | None = None
    only: dict[str, tuple[str, ...]] = {}
    item: str = ""
    needs: tuple[str, ...] = ()
    filled: tuple[str, ...] = ()
    refund_rows: dict[str, tuple[str, ...]] = {}
    test_rows: dict[str, tuple[str, ...]] = {}

    @model_validator(mode="before")
    @classmethod
    def _flat(cls, given: Any) -> Any:
        """Let targets stand beside the options."""
        if not isinstance(given, Mapping) or "columns" in given:
            return given
        options = set(cls.model_fields) - {"columns"}
        made = {name: value for name, value in given.items() if name in options}
        return made | {"columns": {n: v for n, v in given.items() if n not in options}}

    @property
    def headers(self) -> tuple[str, ...]:
        """Columns of the export that it reads."""
        read = [header for reading in self.columns.values() for header in reading.headers]
        record = self.record.headers if self.record else ()
        item = (self.item,) if self.item else ()
        return (*read, *record, *item, *self.only, *self.needs, *self.refund_rows, *self.test_rows)


class Declaration(BaseModel):
    """One export format as it is declared.

    Parameters
    ----------
    name, meaning
        Name used in the params, and one line on what it is and where to get it.
    required
        Columns by which it is recognised, all of them; empty means every column that is read.
    optional
        Further columns that the export is known to have.
    aliases
        Other header names of a column: alias → name.
    tables
        Canonical table → what the export tells of it; a list where it tells of one twice.
    shop, currency, date_order
        Shop, currency and order of day and month where the export does not say.
    yields_to
        ``orders``: payments, which are no sales of their own beside a source of orders;
        ``platform``: details, whose orders another file of the same platform tells.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    meaning: str
    required: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    aliases: dict[str, str] = {}
    tables: dict[str, tuple[Part, ...]]
    shop: str = ""
    currency: str = ""
    date_order: DateOrder = "auto"
    yields_to: Literal["", "orders", "platform"] = ""

    @model_validator(mode="before")
    @classmethod
    def _lists(cls, given: Any) -> Any:
        """Take one part as a list of one."""
        if not isinstance(given, Mapping) or not isinstance(given.get("tables"), Mapping):
            return given
        tables = {
            name: parts if isinstance(parts, (list, tuple)) else [parts]
            for name, parts in given["tables"].items()
        }
        return {**given, "tables": tables}

    @model_validator(mode="after")
    def _known(self) -> Declaration:
        """Refuse tables and columns that the vocabulary does not have."""
        for table, parts in self.tables.items():
            if table not in TABLES:
                raise ValueError(f"there is no table {table!r}; known are {', '.join(TABLES)}")
            for target in (target for part in parts for target in part.columns):
                canonical_target(table, target)
        if "orders" in self.tables:
            told = {
                canonical_target(table, target)
                for table in ("orders", "order_lines")
                for part in self.tables.get(table, ())
                for target in part.columns
            }
            for name in {"order_key", "ordered_at"} - told:
                raise ValueError(f"orders need {name}: write its column")
        return self

    @property
    def headers(self) -> tuple[str, ...]:
        """Columns of the export that any table reads, each once."""
        read = (h for parts in self.tables.values() for part in parts for h in part.headers)
        return tuple(dict.fromkeys(read))


def canonical_target(table: str, target: str) -> str:
    """Return a target under its canonical name: ``gross`` is ``gross_minor``.

    Raises
    ------
    ValueError
        If the table has no such column.

    Examples
    --------
    >>> canonical_target("orders", "gross"), canonical_target("orders", "goods")
    ('gross_minor', 'goods')
    """
    names = (*TABLES[table].names, *_WHO, *EXTRA_TARGETS.get(table, ()))
    for name in (target, f"{target}_minor", f"{target}_at"):
        if name in names:
            return name
    shown = [n.removesuffix("_minor") for n in names if not n.endswith("_epoch_s")]
    raise ValueError(f"{table} has no column {target!r}; it has {', '.join(shown)}")


def read_declarations(path: Path) -> list[Declaration]:
    """Read the declarations of a file: one, or several parted by lines of ``---``.

    Raises
    ------
    ParameterError
        If the file is no YAML or declares no format; the message names the place.
    """
    try:
        given = list(yaml.load_all(path.read_text(encoding="utf-8"), Loader=_Loader))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        raise ParameterError(
            "The declaration is no YAML.",
            "Correct it there; docs/formats.md has examples.",
            file=str(path),
            line=mark.line + 1 if mark else None,
        ) from None
    return [declared(one, str(path)) for one in given]


def declared(given: object, file: str = "") -> Declaration:
    """Return the declaration that a mapping makes.

    Raises
    ------
    ParameterError
        If it declares no format; the message names the first place at fault.
    """
    try:
        return Declaration.model_validate(given)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"] if part != 0) or "the declaration"
        raise ParameterError(
            f"In {place}: {first['msg'].removeprefix('Value error, ')}.",
            "Correct the declaration; docs/formats.md explains every word.",
            file=file or None,
        ) from None
