"""A first draft of a declaration from a file: guesses by column names, checked against the values.

A draft is a page for a person to correct. It names columns, and words of the order's state; it
quotes nothing else of what stands in the file.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from retention.errors import InputError
from retention.sources.base import ReadOptions, SourceFormat
from retention.sources.declarations.labels import ORDER_STATUS
from retention.sources.header_names import header_key
from retention.sources.landing import land
from retention.sources.reading import identifier

SAMPLE = 5_000
"""Rows of the file that are looked at."""

_LOOKS = {
    "mail": "^[^@ ]+@[^@ ]+[.][^@ ]+$",
    "moment": "^[0-9]{1,4}[-/.][0-9]{1,2}[-/.][0-9]{2,4}|^[A-Za-z]{3,9}[ -][0-9]{1,2}[,-]",
    "number": "^[-(]?[^0-9a-z]{0,3}[0-9][0-9.,' ]*[^0-9a-z]{0,3}[)]?$",
    "code": "^[A-Z]{3}$",
}
"""What most filled values of a column look like."""

_ORDER: dict[str, tuple[str, str]] = {
    "order_key": ("", r"(order|transaction|invoice|receipt|sale|bestell|auftrag|commande|pedido)"
                      r".*(id|no|nr|num|number|name|ref|nummer|#|key)\b|"
                      r"^(order|invoice|receipt|transaction|sale|reference|no|nr|number|id)$"),
    "ordered_at": ("moment", r"(order|sale|creat|purchas|transact|invoice|bestell|placed).*"
                             r"(date|at|time|on|datum)|^(date|datum|when|created|day|fecha)"),
    "status": ("", r"status|^state$|zustand|estado|statut"),
    "currency": ("code", r"currency|w(ä|ae)hrung|^ccy$|devise|moneda"),
    "discount": ("number", r"discount|rabatt|remise|voucher|coupon.*(amount|value)|^disc"),
    "shipping": ("number", r"shipping|postage|delivery|versand|freight|livraison"),
    "tax": ("number", r"\b(tax|taxes|vat|gst|mwst|tva|iva)\b"),
    "refunded": ("number", r"refund|erstatt|returned amount|rembours"),
    "gross": ("number", r"subtotal|sub total|gross|zwischensumme|goods|items? total"),
    "total": ("number", r"grand total|^total|total$|\b(sum|summe|amount|betrag|paid)\b"),
    "email": ("mail", r"e-?mail|^mail$|courriel|correo"),
    "phone": ("", r"phone|^tel|mobile|telefon"),
    "platform_id": ("", r"(customer|buyer|user|kunden?|client).*(id|no|nr|number|nummer)\b"),
    "name": ("", r"^(customer|buyer|billing|full|client|kunde).*name|^name$|^customer$|^kunde$"),
    "postcode": ("", r"zip|post ?code|postal|\bplz\b"),
    "country": ("", r"country|^land$|pays"),
}  # fmt: skip
_LINE: dict[str, tuple[str, str]] = {
    "sku": ("", r"\bsku\b|article (no|number)|artikelnummer|product (id|code)"),
    "title": ("", r"(item|product|line ?item|article|artikel).*(name|title|bezeichnung)|"
                  r"^(item|product|article|artikel|description|title)$"),
    "quantity": ("number", r"\b(qty|quantity|quantities|pieces|menge|anzahl|units)\b"),
    "unit_price": ("number", r"unit price|item price|price each|line ?item price|^price$|^preis$"),
}  # fmt: skip
_ASIDE = r"paid|ship|fulfil|updat|cancel|deliver|print|due"
"""Dates of something else than the order."""


@dataclass(frozen=True)
class ColumnFacts:
    """What one column of a file looks like."""

    name: str
    look: str
    distinct: int
    filled: int


def draft_declaration(path: Path, name: str, folder: Path, options: ReadOptions) -> str:
    """Return the draft of a declaration of a file, as YAML with remarks.

    Parameters
    ----------
    path
        The file, with an order or an item in each row.
    name
        Name of the format to be.
    folder
        Private folder to land the file in.
    options
        What is known of the file.

    Raises
    ------
    InputError
        If the file cannot be read, or has no rows.
    """
    landed = land(path, SourceFormat("draft", "", (), (), ()), folder, options)
    with duckdb.connect() as connection:
        connection.execute(f"CREATE TABLE seen AS FROM ({landed.select()}) LIMIT {SAMPLE}")
        facts = [_facts(connection, column) for column in landed.columns]
        if not any(fact.filled for fact in facts):
            raise InputError("The file has no rows to guess from.", "Export some.", file=str(path))
        lines = _guess(_LINE, facts, {})
        has_items = "quantity" in lines and bool({"title", "sku"} & set(lines))
        taken = lines if has_items else {}
        order = _guess(_ORDER, facts, taken)
        words = _words(connection, order.get("status", ""))
    return _page(path, name, facts, order, lines if has_items else {}, words)


def _facts(connection: duckdb.DuckDBPyConnection, name: str) -> ColumnFacts:
    """Return what a column looks like."""
    column = f"trim({identifier(name)})"
    looks = ", ".join(f"count(*) FILTER (regexp_matches({column}, ?))" for _ in _LOOKS)
    filled, distinct, *counts = connection.execute(
        f"SELECT count({identifier(name)}), count(DISTINCT {column}), {looks} FROM seen",
        list(_LOOKS.values()),
    ).fetchall()[0]
    look = next(
        (n for n, c in zip(_LOOKS, counts, strict=True) if filled and c >= 0.8 * filled), ""
    )
    return ColumnFacts(name, look, distinct, filled)


def _guess(
    wanted: Mapping[str, tuple[str, str]], facts: Sequence[ColumnFacts], taken: Mapping[str, str]
) -> dict[str, str]:
    """Return the column of each target: called so, and looking so where that can be told."""
    found: dict[str, str] = {}
    for target, (look, pattern) in wanted.items():
        used = {*taken.values(), *found.values()}
        free = [
            f for f in facts if f.name not in used and f.filled and (not look or f.look == look)
        ]
        called = [f for f in free if re.search(pattern, header_key(f.name).replace("_", " "))]
        if target == "ordered_at":
            called.sort(key=lambda f: bool(re.search(_ASIDE, header_key(f.name))))
            called = called or free
        if target == "email":
            called = called or free
        if target == "order_key":
            called.sort(key=lambda f: -f.distinct)
        if called:
            found[target] = called[0].name
    if "order_key" in wanted and "order_key" not in found:
        used = {*taken.values(), *found.values()}
        apart = [f for f in facts if f.name not in used and f.look in ("", "number")]
        apart = [f for f in apart if f.filled and f.distinct == max(g.filled for g in facts)]
        found |= {"order_key": apart[0].name} if apart else {}
    return found


def _words(connection: duckdb.DuckDBPyConnection, status: str) -> list[str]:
    """Return the words of an order's state, where they are few and can be nobody's."""
    if not status:
        return []
    column = f"trim({identifier(status)})"
    rows = connection.execute(
        f"SELECT {column}, count(*) FROM seen WHERE {column} <> '' GROUP BY 1 ORDER BY 2 DESC, 1"
    ).fetchall()
    if len(rows) > 15:
        return []
    return [word for word, _ in rows if re.fullmatch(r"[^\W\d_]+([ -][^\W\d_]+){0,3}", word)]


def _page(
    path: Path,
    name: str,
    facts: Sequence[ColumnFacts],
    order: Mapping[str, str],
    lines: Mapping[str, str],
    words: Sequence[str],
) -> str:
    """Return the draft."""
    text = [
        f"# A draft from {path.name}: guessed by column names and a look at the values.",
        "# Correct it line by line; docs/formats.md explains every word. What is wrong here is",
        "# wrong in every figure: compare the orders' number and sum with what the tool shows.",
        f"name: {name}",
        f"meaning: {json.dumps(f'Orders of our shop tool, such as {path.name}.')}",
        "tables:",
    ]
    if lines:
        text.append("  order_lines:            # one row per item")
        text += [
            f"    {target}: {json.dumps(c, ensure_ascii=False)}" for target, c in lines.items()
        ]
    text.append("  orders:")
    for target in ("order_key", "ordered_at"):
        if target not in order:
            text.append(f"    # {target}: ???      needed; write the column's name")
    text += [line for target in order for line in _line(target, order, facts, words)]
    used = {*order.values(), *lines.values(), _clock(facts)}
    unused = [fact.name for fact in facts if fact.name not in used]
    if unused:
        text.append("# Not used: " + ", ".join(_quoted(name) for name in unused))
    return "\n".join(text) + "\n"


def _quoted(name: str) -> str:
    """Return a name as YAML."""
    return json.dumps(name, ensure_ascii=False)


_REMARKS = {
    "order_key": "what tells one order from another",
    "ordered_at": "when it was placed; set date_order where day and month are unclear",
    "gross": "goods before discount, without shipping and tax",
    "total": "all that the buyer paid: goods are what is left without shipping and tax",
    "discount": "positive or negative, it is a discount",
    "refunded": "paid back of the order",
}


def _line(
    target: str, order: Mapping[str, str], facts: Sequence[ColumnFacts], words: Sequence[str]
) -> list[str]:
    """Return the lines of one target."""
    source = _quoted(order[target])
    clock = _clock(facts)
    if target == "ordered_at" and clock:
        source = f"{{join: [{source}, {_quoted(clock)}]}}"
    if target != "status":
        remark = _REMARKS.get(target, "")
        return [f"    {target}: {source}" + (f"      # {remark}" if remark else "")]
    made = [f"    status:\n      column: {source}"]
    if words:
        made.append("      labels:      # their word: paid, pending, cancelled or refunded")
        made += [_label(word) for word in words]
    return made


def _label(word: str) -> str:
    """Return the line of one word; one that is not known is left to a person."""
    meaning = ORDER_STATUS.get(word.lower(), "")
    known = f"{_quoted(word)}: {meaning}"
    return f"        {known}" if meaning else f"        # {known}???"


def _clock(facts: Sequence[ColumnFacts]) -> str:
    """Return the column of a time of day that stands beside the date; empty where there is none."""
    named = (
        f.name
        for f in facts
        if re.fullmatch(r"(order )?(time|clock|uhrzeit|heure|hora)", header_key(f.name))
        and f.look != "moment"
    )
    return next(named, "")
