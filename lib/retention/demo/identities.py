"""Names, addresses and identifiers of the customers, as each platform spells them."""

from __future__ import annotations

import unicodedata

import duckdb
import numpy as np
import pyarrow as pa

from retention.demo.people import ON_ETSY, ON_SHOPIFY, People
from retention.demo.vocabulary import (
    FIRST_NAMES,
    LAST_NAMES,
    MAIL_DOMAINS,
    PLACES,
    STREET_KINDS,
    STREETS,
)

IDENTITIES_SQL = """
SELECT
    i AS customer,
    first_name, last_name, first_name || ' ' || last_name AS full_name,
    CASE WHEN has_email THEN first_plain || '.' || last_plain || i || '@' || domain END AS email,
    '+1' || (200 + i % 799) ||
        '555' || lpad(CAST(100 + (i // 799) % 100 AS VARCHAR), 4, '0') AS phone,
    house || ' ' || street || ' ' || street_kind AS address,
    city, nullif(province_code, '') AS province_code, nullif(province, '') AS province,
    country,
    CASE WHEN country = 'US' THEN substr(zip, 1, 3) || lpad(CAST(i * 37 % 100 AS VARCHAR), 2, '0')
        ELSE CAST(zip AS VARCHAR) END AS zip,
    CASE WHEN on_shopify THEN CAST(6100000000000 + i * 7919 AS VARCHAR) END AS shopify_id,
    CASE WHEN on_etsy AND NOT is_guest
        THEN first_plain || last_plain || (i * 7 + 13) END AS etsy_user,
    CASE WHEN has_email
        THEN '01K' || upper(lpad(to_base(i * 1000003 + 17, 32), 13, '0')) END AS klaviyo_id
FROM drawn
"""


def identities(people: People, connection: duckdb.DuckDBPyConnection) -> pa.Table:
    """Return one row of text columns per customer, in the customers' order."""
    connection.register("drawn", _drawn(people))
    answer = connection.sql(IDENTITIES_SQL).to_arrow_table()
    connection.unregister("drawn")
    return answer


def _drawn(people: People) -> pa.Table:
    """Return what was drawn for each customer, as words."""
    places = list(zip(*PLACES, strict=True))
    return pa.table(
        {
            "i": np.arange(len(people)),
            "first_name": _words(FIRST_NAMES, people.first_name),
            "last_name": _words(LAST_NAMES, people.last_name),
            "first_plain": _words([_plain(name) for name in FIRST_NAMES], people.first_name),
            "last_plain": _words([_plain(name) for name in LAST_NAMES], people.last_name),
            "domain": _words(MAIL_DOMAINS, people.domain),
            "house": people.house,
            "street": _words(STREETS, people.street),
            "street_kind": _words(STREET_KINDS, people.street_kind),
            "city": _words(places[0], people.place),
            "province_code": _words(places[1], people.place),
            "province": _words(places[2], people.place),
            "country": _words(places[3], people.place),
            "zip": _words(places[4], people.place),
            "has_email": people.has_email,
            "is_guest": people.is_guest,
            "on_shopify": people.channel != ON_ETSY,
            "on_etsy": people.channel != ON_SHOPIFY,
        }
    )


def _words(words: list[str] | tuple[str, ...], index: np.ndarray) -> pa.Array:
    """Return words by position, stored once each."""
    return pa.DictionaryArray.from_arrays(pa.array(index.astype(np.int32)), pa.array(list(words)))


def _plain(name: str) -> str:
    """Return a name as it stands in an address: lower case, no accents, letters only."""
    spelt = unicodedata.normalize("NFKD", name.replace("ß", "ss").replace("ø", "o"))
    return "".join(letter for letter in spelt if letter.isascii() and letter.isalpha()).lower()
