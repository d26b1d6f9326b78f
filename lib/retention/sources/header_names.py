"""How column names are compared, and how much a name says about the format of its file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

_AROUND = "\ufeff\u200b\"'` \t\r\n\xa0"

COMMON_NAMES = frozenset(
    {
        "id", "#", "name", "first name", "last name", "full name", "email", "e-mail",
        "email address", "phone", "phone number", "company", "title", "organization", "source",
        "date", "time", "timestamp", "created at", "created", "updated at", "type", "kind",
        "status", "state", "tags", "note", "notes", "comment", "description", "subject", "reason",
        "country", "country code", "city", "province", "region", "zip", "zip code", "postcode",
        "address", "address1", "address2", "currency", "amount", "price", "total", "subtotal",
        "shipping", "tax", "taxes", "fee", "net", "quantity", "sku", "order", "order id",
        "order number", "customer", "customer id", "product id", "score", "event", "action",
    }
)  # fmt: skip
"""Names that exports of any system have; a format is not recognised by these."""

COMMON_WEIGHT = 0.2
"""What a common name counts beside a telling one, which counts 1."""


def header_key(name: str) -> str:
    """Return the form in which column names are compared: letter case, marks and blanks aside.

    Examples
    --------
    >>> header_key('\ufeff"Order  ID" '), header_key("order id")
    ('order id', 'order id')
    """
    return " ".join(name.strip(_AROUND).split()).casefold()


def weight_of(names: Iterable[str]) -> float:
    """Return how much names say about a file's format: 1 for each telling one.

    Examples
    --------
    >>> weight_of(["Lineitem price", "Email"])
    1.2
    """
    return sum(COMMON_WEIGHT if header_key(name) in COMMON_NAMES else 1.0 for name in names)


def columns_in_words(names: Sequence[str], known: Iterable[str] = ()) -> str:
    """Describe a header without quoting what could be somebody's data.

    A file that lost its header shows its first record in place of one, so only names that exports
    are known to have are repeated.

    Examples
    --------
    >>> columns_in_words(["Email", "Jane Doe", "Status"])
    '3 columns (Email, Status, …)'
    >>> columns_in_words(["jane@shop.example", "12.50"])
    '2 columns, none by a known name: is its first row data in place of column names?'
    """
    count = f"{len(names)} column{'' if len(names) == 1 else 's'}"
    keys = COMMON_NAMES | {header_key(name) for name in known}
    shown = [name.strip(_AROUND) for name in names if header_key(name) in keys][:8]
    if not shown:
        return f"{count}, none by a known name: is its first row data in place of column names?"
    return f"{count} ({', '.join(shown)}{'' if len(shown) == len(names) else ', …'})"
