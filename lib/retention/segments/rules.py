"""Segments declared as rules over features: a small language, read by a parser, never by eval.

A rule looks like ``champions: recency_score >= 4 and frequency_score >= 4``. Its grammar::

    rule       = name ":" either
    either     = both { "or" both }
    both       = factor { "and" factor }
    factor     = "not" factor | "(" either ")" | test
    test       = feature [ ("<" | "<=" | ">" | ">=" | "==" | "!=") literal
                         | "in" "(" literal { "," literal } ")"
                         | "is" ("missing" | "known") ]
    literal    = number | 'text' | true | false

A comparison with a missing value is false, whichever way it points; say ``is missing`` to ask.
"""

from __future__ import annotations

import difflib
import operator
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from retention.errors import ParameterError

Mask = NDArray[np.bool_]
Literal = float | str | bool

TOKEN = re.compile(
    r"\s*(?:(?P<number>-?\d+(?:\.\d+)?)|(?P<text>'[^']*')|(?P<word>[A-Za-z_]\w*)"
    r"|(?P<mark><=|>=|==|!=|<|>|\(|\)|,))"
)
COMPARISONS: dict[str, Callable[[Any, Any], Any]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
    "==": operator.eq, "!=": operator.ne,
}  # fmt: skip
KEYWORDS = frozenset({"and", "or", "not", "in", "is", "missing", "known", "true", "false"})


@dataclass(frozen=True)
class Rule:
    """A named segment and the condition that puts a customer into it.

    Parameters
    ----------
    name
        Name of the segment.
    text
        The condition as written.
    features
        Columns the condition reads.
    """

    name: str
    text: str
    features: tuple[str, ...]
    condition: Callable[[pd.DataFrame], Mask]

    def matches(self, frame: pd.DataFrame) -> Mask:
        """Return which rows meet the condition.

        Raises
        ------
        ParameterError
            If the frame lacks a feature that the rule reads; the message names the nearest one.
        """
        for name in self.features:
            if name not in frame.columns:
                near = difflib.get_close_matches(name, [str(c) for c in frame.columns], 1)
                hint = f"Did you mean {near[0]!r}?" if near else "Look into the data dictionary."
                raise ParameterError(
                    f"Rule {self.name!r} reads {name!r}, which is no feature here.", hint
                )
        return self.condition(frame)


def parse_rule(line: str) -> Rule:
    """Read one line ``name: condition``.

    Raises
    ------
    ParameterError
        If the line is no rule; the message says where reading stopped.

    Examples
    --------
    >>> rule = parse_rule("gift_buyers: gift_share >= 0.5 and order_count >= 2")
    >>> rule.features
    ('gift_share', 'order_count')
    >>> rule.matches(pd.DataFrame({"gift_share": [0.9, None], "order_count": [3, 9]})).tolist()
    [True, False]
    """
    name, colon, text = line.partition(":")
    if not colon or not re.fullmatch(r"\s*[A-Za-z][\w ]*", name):
        raise ParameterError(f"{line!r} is no rule.", "Write it as `name: condition`.")
    parser = _Parser(name.strip(), text.strip())
    condition = parser.read()
    return Rule(parser.name, parser.text, tuple(dict.fromkeys(parser.features)), condition)


def parse_rules(lines: Sequence[str]) -> tuple[Rule, ...]:
    """Read rules, refusing two of the same name.

    Raises
    ------
    ParameterError
        If a line is no rule or a name occurs twice.
    """
    rules = tuple(parse_rule(line) for line in lines)
    names = [rule.name for rule in rules]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ParameterError(f"Two rules are named {twice[0]!r}.", "Give each its own name.")
    return rules


class _Parser:
    """Reads one condition by recursive descent and composes its test."""

    def __init__(self, name: str, text: str) -> None:
        """Split the text into tokens."""
        self.name, self.text, self.features = name, text, list[str]()
        self.tokens = self._split()
        self.place = 0

    def read(self) -> Callable[[pd.DataFrame], Mask]:
        """Return the test of the whole condition."""
        test = self._either()
        if self.place < len(self.tokens):
            raise self._error(f"unexpected {self.tokens[self.place]!r}")
        return test

    def _split(self) -> list[str]:
        """Return the tokens in order."""
        tokens, position = [], 0
        while self.text[position:].strip():
            match = TOKEN.match(self.text, position)
            if match is None:
                raise self._error(f"cannot read {self.text[position:].strip()!r}")
            tokens.append(match.group().strip())
            position = match.end()
        return tokens

    def _either(self) -> Callable[[pd.DataFrame], Mask]:
        """Read conditions joined by ``or``."""
        tests = [self._both()]
        while self._take("or"):
            tests.append(self._both())
        return lambda frame: np.logical_or.reduce([test(frame) for test in tests])

    def _both(self) -> Callable[[pd.DataFrame], Mask]:
        """Read conditions joined by ``and``."""
        tests = [self._factor()]
        while self._take("and"):
            tests.append(self._factor())
        return lambda frame: np.logical_and.reduce([test(frame) for test in tests])

    def _factor(self) -> Callable[[pd.DataFrame], Mask]:
        """Read a negation, a bracket or a test."""
        if self._take("not"):
            negated = self._factor()
            return lambda frame: ~negated(frame)
        if self._take("("):
            inner = self._either()
            self._expect(")")
            return inner
        return self._test()

    def _test(self) -> Callable[[pd.DataFrame], Mask]:
        """Read what is asked of one feature."""
        feature = self._next("a feature")
        if not re.fullmatch(r"[A-Za-z_]\w*", feature) or feature in KEYWORDS:
            raise self._error(f"{feature!r} is no feature")
        self.features.append(feature)
        if self._take("is"):
            wanted = self._next("missing or known")
            if wanted not in ("missing", "known"):
                raise self._error(f"{wanted!r} instead of missing or known")
            return lambda frame: frame[feature].isna().to_numpy() == (wanted == "missing")
        if self._take("in"):
            return self._membership(feature)
        sign = self.tokens[self.place] if self.place < len(self.tokens) else ""
        if sign not in COMPARISONS:
            return lambda frame: _compared(frame[feature], "==", True)
        self.place += 1
        literal = self._literal()
        return lambda frame: _compared(frame[feature], sign, literal)

    def _membership(self, feature: str) -> Callable[[pd.DataFrame], Mask]:
        """Read the list of an ``in``."""
        self._expect("(")
        literals = [self._literal()]
        while self._take(","):
            literals.append(self._literal())
        self._expect(")")
        return lambda frame: frame[feature].isin(literals).to_numpy(dtype=bool)

    def _literal(self) -> Literal:
        """Read a number, a text or a truth value."""
        token = self._next("a value")
        if token in ("true", "false"):
            return token == "true"
        if token.startswith("'"):
            return token[1:-1]
        try:
            return float(token)
        except ValueError:
            raise self._error(f"{token!r} is no value; texts stand in single quotes") from None

    def _take(self, token: str) -> bool:
        """Pass over the token if it comes next."""
        if self.place < len(self.tokens) and self.tokens[self.place] == token:
            self.place += 1
            return True
        return False

    def _expect(self, token: str) -> None:
        """Pass over the token, which must come next."""
        if not self._take(token):
            raise self._error(f"{token!r} is missing")

    def _next(self, what: str) -> str:
        """Return the next token, of which there must be one."""
        if self.place >= len(self.tokens):
            raise self._error(f"{what} is missing at the end")
        self.place += 1
        return self.tokens[self.place - 1]

    def _error(self, problem: str) -> ParameterError:
        """Return the error that names the rule and what is wrong with it."""
        return ParameterError(
            f"Rule {self.name!r} cannot be read: {problem}.",
            f"It says: {self.text!r}; write it as `feature >= 3 and other == 'text'`.",
        )


def _compared(column: pd.Series, sign: str, literal: Literal) -> Mask:
    """Compare a column with a literal; what is missing never compares."""
    known = column.notna().to_numpy()
    answer = np.zeros(len(column), dtype=bool)
    values = column[known]
    if isinstance(literal, str) != (
        values.dtype == object or str(values.dtype) in ("str", "string")
    ):
        raise ParameterError(
            f"{column.name!r} cannot be compared with {literal!r}.",
            "Texts stand in single quotes, numbers do not.",
        )
    answer[known] = COMPARISONS[sign](values, literal).to_numpy(dtype=bool)
    return answer
