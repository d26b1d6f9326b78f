"""Closed sets of words: turned into their enum once, where they enter, or refused with the choices.

A word that stays a plain string compares equal to its enum's member (``"drop" == NullPolicy.DROP``)
but is not that member, so that code which asks by identity would take another branch.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TypeVar

from retention.errors import ParameterError

Word = TypeVar("Word", bound=StrEnum)


def choice(choices: type[Word], word: object, field: str, file: str | None = None) -> Word:
    """Return the member of an enum that a word names.

    Parameters
    ----------
    choices
        The enum.
    word
        A member, or its value as text.
    field, file
        Parameter (and file) that the word was given in, for the error.

    Raises
    ------
    ParameterError
        If the enum has no such word; the error lists those it has.

    Examples
    --------
    >>> class Size(StrEnum):
    ...     SMALL = "small"
    >>> choice(Size, "small", "size") is Size.SMALL
    True
    """
    if isinstance(word, str) and str(word) in {str(member) for member in choices}:
        return choices(str(word))
    raise ParameterError(
        f"{field} is {word!r}.", f"Choose one of {', '.join(choices)}.", file=file, column=field
    )


def coerce(item: object, **fields: type[StrEnum]) -> None:
    """Turn the named fields of a frozen dataclass into members of their enums.

    To be called first in ``__post_init__``.

    Raises
    ------
    ParameterError
        If a field holds an unknown word.
    """
    for name, choices in fields.items():
        object.__setattr__(item, name, choice(choices, getattr(item, name), name))
