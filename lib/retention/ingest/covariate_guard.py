"""No covariate carries an identity: codes, labels and measurements stay, names and numbers go.

What a covariate is called says nothing of a person, and most of its values are codes, labels or
measurements. A column that names people instead (by its header, because nearly every unit has a
value of its own, or because its values look like names or telephone numbers) is removed whole.
"""

from __future__ import annotations

import re

import duckdb

from retention.ingest.row_status import Judged
from retention.tables import REMOVED

PERSONAL = frozenset(
    (
        "name firstname lastname surname fullname username nickname login email mail phone mobile "
        "emailaddress cell telephone tel fax address street iban ip ssn passport birthday "
        "birthdate dob"
    ).split()
)
"""Words of a header that names a person, an address or a number to reach them by."""

BESIDE = frozenset(
    (
        "customer client user buyer recipient contact person member subscriber account billing "
        "shipping first last middle given family full maiden number no nr id the of hash line 1 2"
    ).split()
)
"""Words that may stand beside them; with any other word (``name_length``) the header is another."""

FEW_LABELS = 20
"""Labels up to which a column names groups, whatever they look like."""

MANY_LABELS = 50
"""Labels from which words that look like names are taken for names."""

_WORDS = r"\p{L}[\p{L}.''’-]+([ ,]+\p{L}[\p{L}.''’-]*){1,3}"
_PHONE = r"[(+]?[0-9][0-9 ()./-]{7,18}[0-9]"
_DATE = r"[0-9]{1,4}[-/.][0-9]{1,2}[-/.][0-9]{1,4}([ T].*)?"

_FIGURES = f"""
    SELECT name, count(value_text) AS texts, count(DISTINCT value_text) AS labels,
        count(DISTINCT CASE WHEN regexp_full_match(value_text, '{_WORDS}') THEN value_text END)
            AS names,
        count(DISTINCT CASE WHEN regexp_full_match(value_text, '{_PHONE}')
            AND NOT regexp_full_match(value_text, '{_DATE}') THEN value_text END) AS phones,
        count(value_number) AS numbers, count(DISTINCT value_number) AS distinct_numbers,
        count(CASE WHEN abs(value_number) >= 1e6 AND value_number = floor(value_number)
            THEN 1 END) AS long_numbers,
        count(CASE WHEN value_number % 100 = 0 THEN 1 END) AS round_numbers
    FROM $relation GROUP BY name ORDER BY name"""


def names_a_person(header: str) -> bool:
    """Tell whether a header names a person, an address or a number to reach somebody by.

    Examples
    --------
    >>> names_a_person("Customer E-Mail"), names_a_person("email_opens")
    (True, False)
    """
    text = re.sub(r"(?i)e-?mail", "email", header)
    text = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text)
    words = [word.lower() for word in re.findall(r"[^\W_]+", text)]
    return bool(PERSONAL & set(words)) and set(words) <= PERSONAL | BESIDE


def identifying_covariates(connection: duckdb.DuckDBPyConnection, relation: str) -> dict[str, str]:
    """Return the covariates that name people or units, each with why.

    Parameters
    ----------
    connection
        Connection to ask.
    relation
        SQL of a relation with ``name``, ``value_number`` and ``value_text``, a row per unit and
        covariate.
    """
    rows = connection.execute(_FIGURES.replace("$relation", relation)).fetchall()
    return {name: why for name, *figures in rows if (why := _why(name, *map(int, figures)))}


def _why(name: str, texts: int, labels: int, names: int, phones: int, *numbers: int) -> str:
    """Return why a covariate names people, empty where it does not."""
    if names_a_person(name):
        return "its header names a person"
    if labels > FEW_LABELS and labels >= texts / 2:
        return "nearly every unit has a value of its own"
    if labels > MANY_LABELS and names > labels / 2:
        return "its values look like names"
    if labels > FEW_LABELS and phones > labels / 5:
        return "its values look like telephone numbers"
    return _why_numbers(*numbers)


def _why_numbers(numbers: int, distinct: int, long: int, rounded: int) -> str:
    """Return why numbers are no measurements: long, whole, never round, each another."""
    identifies = distinct > FEW_LABELS and distinct >= numbers / 2
    if identifies and long >= 0.9 * numbers and rounded < 0.1 * numbers:
        return "its numbers are as long and as different as telephone numbers"
    return ""


def guard_covariates(connection: duckdb.DuckDBPyConnection, made: Judged) -> None:
    """Remove the values of covariates that name people from a judged table of covariates."""
    found = identifying_covariates(connection, made.name)
    if not found:
        return
    changes = [f"value_text = '{REMOVED}'"] if made.stores("value_text") else []
    changes += ["value_number = NULL"] if made.stores("value_number") else []
    names = ", ".join("'" + name.replace("'", "''") + "'" for name in found)
    connection.execute(
        f"UPDATE {made.stored} SET {', '.join(changes)} WHERE {made.sql('name')} IN ({names})"
    )
