"""Taking identities out of what people wrote.

What is known already finds more than any detector: the vault holds the shop's own customers, so
their names, addresses and postcodes are struck wherever they stand in a text. What the vault
cannot know is found by form: e-mail addresses, links, handles, street addresses, account numbers,
any long run of digits; and telephone numbers by ``phonenumbers``, the port of the library that
Android dials with: pure Python, Apache licence, released every other week, no model to fetch.

Looked at and left: *presidio* and *scrubadub* find names of strangers by language models that have
to be downloaded and depend on the language (scrubadub, besides, has not been released since 2023);
*commonregex* is a handful of patterns without a release in years. A stranger's name in a text may
therefore stay; that is why free text is off unless a parameter asks for it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise

_SUFFIXES = (
    "street|st|road|rd|avenue|ave|lane|ln|drive|dr|court|ct|square|sq|boulevard|blvd|terrace|place|"
    "close|crescent|parkway|highway|way"
)
_PATTERNS = (
    ("[e-mail]", r"[^\s@<>()\[\],;:\"]+\s?(?:@|\(at\)|\[at\])\s?[^\s@<>()\[\],;:\"]+"),
    ("[link]", r"(?i)\b(?:https?://|www\.)\S+"),
    ("[handle]", r"(?<!\w)@\w+"),
    ("[account]", r"\b[A-Z]{2}\d{2}(?:[ ]?[A-Z0-9]{2,4}){3,8}\b"),
    ("[address]", rf"(?i)\b\d{{1,5}}[a-z]?,?\s+(?:[\w'’.-]+\s+){{1,4}}(?:{_SUFFIXES})\b\.?"),
    ("[address]", r"(?i)\b\d{1,5}(?:\s?bis)?,?\s+(?:rue|avenue|boulevard|place|chemin|via|calle)"
                  r"(?:\s+[\w'’-]+){1,4}"),
    ("[address]", r"(?i)\b[\w-]+(?:straße|strasse|str\.|gasse|weg|allee|platz)\s+\d+\s?[a-z]?\b"),
    ("[number]", r"(?:\+|\b)\d(?:[ ()./-]{0,3}\d){6,}"),
)  # fmt: skip
_FORMS = tuple((mark, re.compile(pattern)) for mark, pattern in _PATTERNS)
_WORD = re.compile(r"\w[\w'’-]*")
_UNSPACED = re.compile(r"[\u0e00-\u0eff\u2e80-\uffff]")

_COMMON = frozenset(
    "amber angel art autumn bell best bill bishop black brook brown cherry christian chance cook "
    "daisy dale day dean dawn drew eve faith field forest frank gene gold grace grant gray green "
    "heath hill holly hope iris ivy jack jade jean joy june lane lily long love major mark may "
    "mike miles mill moon olive page park pat paul penny pearl pope price queen ray rich rob robin "
    "rose ruby rusty sandy skip sky small star stone sue summer sunny the tom van violet von wade "
    "ward white will wood young and for les del".split()
)
"""Words that are names, too: struck only where they begin with a capital letter."""

_MARK = "[name]"
_SHORTEST = 3


@dataclass(frozen=True)
class Scrubber:
    """Strikes identities out of texts.

    Parameters
    ----------
    known
        Words (folded) of known names, and known postcodes without blanks.
    unspaced
        Known names in scripts that part words by no blank.

    Examples
    --------
    >>> scrubber = Scrubber.knowing(["Ada Lovelace"])
    >>> scrubber.scrub("Lovely ring! Ada L. Lovelace, ada@shop.example, +44 20 7946 0000")
    'Lovely ring! [name] L. [name], [e-mail], [number]'
    """

    known: frozenset[str] = frozenset()
    unspaced: tuple[str, ...] = field(default=())

    @classmethod
    def knowing(cls, names: Iterable[str], postcodes: Iterable[str] = ()) -> Scrubber:
        """Make a scrubber that knows the given people's names and postcodes."""
        words: set[str] = set()
        unspaced: set[str] = set()
        for name in names:
            if _UNSPACED.search(name):
                unspaced.add(unicodedata.normalize("NFKC", name).strip())
            for word in _WORD.findall(name):
                words |= {form for form in _forms(word) if len(form) >= _SHORTEST}
        words |= {code for text in postcodes if len(code := _joined(text)) >= _SHORTEST}
        longest_first = sorted(unspaced, key=lambda text: (-len(text), text))
        return cls(frozenset(words), tuple(longest_first))

    def scrub(self, text: str) -> str:
        """Return a text without the identities that are found in it."""
        text = unicodedata.normalize("NFKC", text)
        for mark, pattern in _FORMS[:3]:
            text = pattern.sub(mark, text)
        text = _without_numbers(text)
        for mark, pattern in _FORMS[3:]:
            text = pattern.sub(mark, text)
        for name in self.unspaced:
            text = text.replace(name, _MARK)
        return self._without_names(text)

    def _without_names(self, text: str) -> str:
        """Strike known words; two neighbours that make a postcode together count as one."""
        words = list(_WORD.finditer(text))
        spans = [match.span() for match in words if self._is_known(match[0])]
        for one, other in pairwise(words):
            pair = _joined(one[0] + other[0])
            if pair in self.known and any(c.isdigit() for c in pair):
                spans.append((one.start(), other.end()))
        for start, end in sorted(_merged(spans), reverse=True):
            text = text[:start] + _MARK + text[end:]
        return text

    def _is_known(self, word: str) -> bool:
        """Tell whether a word is part of a known name."""
        if not any(form in self.known for form in _forms(word)):
            return False
        return word[0].isupper() or not any(form in _COMMON for form in _forms(word))


def _without_numbers(text: str) -> str:
    """Strike telephone numbers, those with a country code and those that are dialled as in the US.

    Other national forms are long runs of digits, which the patterns strike.
    """
    import phonenumbers

    for region in (None, "US"):
        found = phonenumbers.PhoneNumberMatcher(
            text, region, leniency=phonenumbers.Leniency.POSSIBLE
        )
        for match in sorted(found, key=lambda match: -match.start):
            text = text[: match.start] + "[number]" + text[match.end :]
    return text


def _forms(word: str) -> set[str]:
    """Return the forms under which a word is looked up: folded, without accents, without 's."""
    folded = unicodedata.normalize("NFKC", word).casefold()
    parts = unicodedata.normalize("NFKD", folded)
    plain = "".join(c for c in parts if not unicodedata.combining(c))
    every = {folded, plain}
    every |= {re.sub(r"['’]s$", "", form) for form in every}
    return every | {part for form in every for part in re.split(r"['’-]", form) if len(part) > 3}


def _joined(text: str) -> str:
    """Return a postcode in one folded piece."""
    return re.sub(r"[\s-]+", "", unicodedata.normalize("NFKC", text)).casefold()


def _merged(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return spans that do not overlap."""
    merged: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged
