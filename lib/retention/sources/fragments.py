"""Pieces of SQL that every format's mapping is put together from."""

from __future__ import annotations

from collections.abc import Iterable

from retention.sources.codes import ReasonCode

NO_MONEY = "CAST(0 AS DECIMAL(38, 6)) AS value_minor, CAST(NULL AS VARCHAR) AS value_currency"
"""Accounting columns of a record that carries no money."""

WITHOUT_MONEY = {"value_minor": "CAST(0 AS DECIMAL(38, 6))", "value_currency": "NULL"}
"""The ``constants`` of a mapping whose records carry no money."""

PLAIN_RECORD = {**WITHOUT_MONEY, "exclusion": "NULL"}
"""The ``constants`` of a mapping whose records carry no money and are never excluded."""

NO_EXCLUSION = "CAST(NULL AS VARCHAR) AS exclusion"
NO_REASONS = "CAST(NULL AS VARCHAR[]) AS reasons"


def column(name: str) -> str:
    """Return a column name quoted for SQL.

    Examples
    --------
    >>> column("Sale Date")
    '"Sale Date"'
    """
    return '"' + name.replace('"', '""') + '"'


def reasons(
    *unreadable: tuple[ReasonCode, str, str], more: Iterable[str] = (), where: str = ""
) -> str:
    """Return ``reasons``: one per text that is there but does not parse, and conditional ones.

    Parameters
    ----------
    unreadable
        Triples of code, column of the export, and the SQL of its parsed value.
    more
        Further SQL expressions that give a reason or NULL.
    where
        SQL of what holds for every row that can have a reason: the others are not asked further.
    """
    cases = [
        f"unreadable('{code}:{name}', {column(name)}, {value})" for code, name, value in unreadable
    ]
    items = ", ".join([*cases, *more])
    if not items:
        return NO_REASONS
    # Lists are dear, and nearly every row is sound: they are built for the others only.
    found = (
        f"CASE WHEN coalesce({items}) IS NOT NULL THEN reasons_of(CAST([{items}] AS VARCHAR[])) END"
    )
    return f"CASE WHEN {where} THEN {found} END AS reasons" if where else f"{found} AS reasons"


def unreadable_times(*names: str) -> list[tuple[ReasonCode, str, str]]:
    """Return the triples of columns that hold times."""
    return [(ReasonCode.UNREADABLE_TIME, name, f"time_of({column(name)})") for name in names]


def unreadable_money(currency: str, *names: str) -> list[tuple[ReasonCode, str, str]]:
    """Return the triples of columns that hold money in a currency given as SQL."""
    return [
        (ReasonCode.UNREADABLE_MONEY, name, f"minor_of({column(name)}, {currency})")
        for name in names
    ]


def money_parsed(currency: str, names: dict[str, str]) -> str:
    """Return columns of money parsed, each under the name given: once parsed, often used.

    Examples
    --------
    >>> money_parsed("code", {"Taxes": "taxed", "Total": "total"})
    'minor_of("Taxes", code) AS taxed, minor_of("Total", code) AS total'
    """
    return ", ".join(
        f"minor_of({column(text)}, {currency}) AS {parsed}" for text, parsed in names.items()
    )


def unreadable_parsed(names: dict[str, str]) -> list[tuple[ReasonCode, str, str]]:
    """Return the triples of columns of money that `money_parsed` has parsed."""
    return [(ReasonCode.UNREADABLE_MONEY, text, parsed) for text, parsed in names.items()]


def unreadable_integers(*names: str) -> list[tuple[ReasonCode, str, str]]:
    """Return the triples of columns that hold whole numbers."""
    return [(ReasonCode.UNREADABLE_NUMBER, name, f"integer_of({column(name)})") for name in names]


def unreadable_numbers(*names: str) -> list[tuple[ReasonCode, str, str]]:
    """Return the triples of columns that hold numbers."""
    return [(ReasonCode.UNREADABLE_NUMBER, name, f"number_of({column(name)})") for name in names]


def condition(test: str, code: ReasonCode, name: str) -> str:
    """Return SQL that gives the reason ``code:name`` where the test holds."""
    return f"CASE WHEN {test} THEN '{code}:{name}' END"


def identities(
    email: str = "NULL",
    phone: str = "NULL",
    platform_id: str = "NULL",
    name: str = "NULL",
    postcode: str = "NULL",
) -> str:
    """Return the five identity columns; each argument is SQL.

    Examples
    --------
    >>> identities(email='"Email"').splitlines()[0]
    'CAST(text_of("Email") AS VARCHAR) AS identity_email,'
    """
    given = {
        "email": email, "phone": phone, "platform_id": platform_id, "name": name,
        "postcode": postcode,
    }  # fmt: skip
    return ",\n".join(
        f"CAST({'NULL' if value == 'NULL' else f'text_of({value})'} AS VARCHAR) AS identity_{key}"
        for key, value in given.items()
    )


def labels(text: str, words: dict[str, str], default: str = "NULL") -> str:
    """Return a CASE that turns a platform's labels (letter case aside) into canonical ones.

    Examples
    --------
    >>> labels("x", {"Shipped": "paid"})
    "CASE lower(text_of(x)) WHEN 'shipped' THEN 'paid' ELSE NULL END"
    """
    cases = " ".join(f"WHEN '{word.lower()}' THEN '{meaning}'" for word, meaning in words.items())
    return f"CASE lower(text_of({text})) {cases} ELSE {default} END"


def refunded_and_net(paid_back: str, goods: str) -> str:
    """Return what was refunded of an order's goods, at most their price, and what remains.

    Examples
    --------
    >>> refunded_and_net("paid_back", "goods").splitlines()[1]
    '(goods) - least(paid_back, goods) AS net_minor'
    """
    refunded = f"least({paid_back}, {goods})"
    return f"{refunded} AS refunded_minor,\n({goods}) - {refunded} AS net_minor"


def sku_columns(sku: str, title: str) -> str:
    """Return product key, sku, category and whether it is made to order, from sku and title.

    A sku such as ``JEW-0012-MTO`` names its category before the first hyphen, a common convention
    of small shops; exports carry no category of their own.
    """
    return f"""coalesce(text_of({sku}), text_of({title})) AS product_key,
text_of({sku}) AS sku,
nullif(regexp_extract(text_of({sku}), '^([A-Za-z]{{2,12}})-', 1), '') AS category,
coalesce(ends_with(upper(text_of({sku})), '-MTO'), FALSE)
  OR coalesce(regexp_matches(lower({title}), 'made[ -]to[ -]order|custom'), FALSE)
  AS is_made_to_order"""
