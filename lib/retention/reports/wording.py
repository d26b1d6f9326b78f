"""Names as a reader would write them: what code calls ``email_discount`` is two words on a page.

Only names that code, params or a campaign's arms brought in are turned; what customers and products
are called stays as it came, and so do check codes, files and sources, which readers look up.
"""

from __future__ import annotations

import re

NAME_COLUMNS = frozenset(
    """
    arm attribute candidate cause compared_by control covariate declared experiment feature group
    guardrail measure merged_segment metric model name outcome parameter policy ranking reason
    recommended_arm result segment sign study text variable weighting why column
    """.split()
)
"""Columns of tables whose cells hold such names."""

WINDOW = re.compile(r"_(\d+)d\b")
"""How a feature's name ends that counts the last so many days."""

ACRONYMS = re.compile(r"\b(auc|brier|ci|ece|nps|pr auc|psi)\b")
SPELLED = {"brier": "Brier"}

IDENTIFIER = re.compile(
    r"(?<![\w./`$\\-])(?<!\S:)[a-z][a-z0-9]*(?:_[a-z0-9]+)+(?![\w`(]|[./]\w|:\S)"
)
"""A name in prose: small letters joined by low lines, no part of a path, a code or a call."""


def words(name: object) -> str:
    """Return a name of the code's as words.

    Examples
    --------
    >>> words("email_discount"), words("opens_90d"), words("monetary_minor"), words("pr_auc")
    ('email discount', 'opens in 90 days', 'monetary (minor units)', 'PR AUC')
    """
    text = WINDOW.sub(r" in \1 days", str(name))
    text = re.sub(r"_minor\b", " (minor units)", text).replace("_", " ")
    return ACRONYMS.sub(lambda m: SPELLED.get(m[1], m[1].upper()), text)


def named(cell: str) -> str:
    """Return a table's cell of names as words.

    Examples
    --------
    >>> named("pr_auc"), named("ece"), named("email_gift to all"), named("gift_share >= 0.5")
    ('PR AUC', 'ECE', 'email gift to all', 'gift share >= 0.5')
    """
    return words(cell) if cell.isidentifier() and cell == cell.lower() else worded(cell)


def worded(text: str) -> str:
    """Return prose with every name in it as words; codes, paths and what is quoted as code stay.

    Examples
    --------
    >>> worded("email_gift pays; see `as_of`, uplift.policy_gain and orders_export.csv.")
    'email gift pays; see `as_of`, uplift.policy_gain and orders_export.csv.'
    """
    return IDENTIFIER.sub(lambda match: words(match[0]), text)
