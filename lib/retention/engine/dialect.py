"""The same query for Spark: DuckDB's SQL, transpiled, with the differences that were measured.

What is made equal here is what a query cannot say in words that both engines understand alike;
the rest of the differences is avoided by the portable subset of DESIGN.md section 3.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import sqlglot
from sqlglot import exp

from retention.errors import RunError

_NAMED = {"hash": "xxhash64"}
"""Functions that bear another name on Spark and serve the same end; SQLGlot knows the others."""


def to_spark(text: str, parameters: Mapping[str, Any] | None = None) -> str:
    r"""Return a query of DuckDB's dialect in that of Spark, its parameters bound.

    Parameters
    ----------
    text
        One statement.
    parameters
        Values of its ``$name`` parameters; they become literals of their type, never text.

    Raises
    ------
    RunError
        If a parameter is missing or of a type that has no literal.

    Examples
    --------
    >>> to_spark("SELECT x // 86400 FROM t WHERE name = $name", {"name": "it's"})
    "SELECT x DIV 86400 FROM t WHERE name = 'it\\'s'"
    """
    return spark_sql(bound(parsed(text), parameters or {}))


def parsed(text: str) -> exp.Expr:
    """Return the syntax tree of one statement of DuckDB's dialect; the caller may change it."""
    return _parsed(text).copy()


@lru_cache(maxsize=512)
def _parsed(text: str) -> exp.Expr:
    """Parse once: queries are few and asked for often."""
    return sqlglot.parse_one(text, read="duckdb")


def bound(tree: exp.Expr, parameters: Mapping[str, Any]) -> exp.Expr:
    """Return the tree with every ``$name`` replaced by a typed literal."""

    def fill(node: exp.Expr) -> exp.Expr:
        if not isinstance(node, exp.Placeholder | exp.Parameter):
            return node
        name = node.name
        if name not in parameters:
            raise RunError(f"The query wants a parameter ${name}.", "Pass it by that name.")
        return literal(parameters[name])

    return tree.transform(fill)


def literal(value: Any) -> exp.Expr:
    """Return a value as a typed literal.

    Raises
    ------
    RunError
        If there is no literal of its type.
    """
    value = value.item() if hasattr(value, "item") else value
    if value is None or isinstance(value, bool):
        return exp.Null() if value is None else exp.Boolean(this=value)
    if isinstance(value, int):
        return exp.cast(exp.convert(value), "BIGINT")
    if isinstance(value, float) and math.isfinite(value):
        return exp.cast(exp.Literal.string(repr(value)), "DOUBLE")
    if isinstance(value, str):
        return exp.Literal.string(value)
    if isinstance(value, dt.datetime | dt.date):
        kind = "TIMESTAMP" if isinstance(value, dt.datetime) else "DATE"
        return exp.cast(exp.Literal.string(str(value)), kind)
    if isinstance(value, list | tuple) and all(isinstance(item, str) for item in value):
        return exp.cast(exp.Array(expressions=[literal(v) for v in value]), "VARCHAR[]")
    raise RunError(
        f"A parameter of type {type(value).__name__} cannot be bound.",
        "Pass a number, a text, a date or a list of texts.",
    )


def spark_sql(tree: exp.Expr) -> str:
    """Return a tree of DuckDB's dialect as text for Spark."""
    for change in _CHANGES:
        tree = tree.transform(change)
    return tree.sql(dialect="spark", comments=False)


def _doubles(node: exp.Expr) -> exp.Expr:
    """Read 86400.0 as a double: as a decimal it would round what is divided by it."""
    is_fraction = isinstance(node, exp.Literal) and not node.is_string and "." in node.name
    if is_fraction and not isinstance(node.parent, exp.Cast):
        return exp.cast(node.copy(), "DOUBLE")
    return node


def _extreme(node: exp.Expr) -> exp.Expr:
    """Let ``max_by`` pass over rows without a value, and compare tuples as structs."""
    if not isinstance(node, exp.ArgMax | exp.ArgMin) or isinstance(node.parent, exp.Filter):
        return node
    made = node.copy()
    if isinstance(made.expression, exp.Tuple):
        made.set("expression", exp.func("struct", *made.expression.expressions))
    there = exp.Not(this=exp.Is(this=made.this.copy(), expression=exp.Null()))
    return exp.Filter(this=made, expression=exp.Where(this=there))


def _numbered(node: exp.Expr) -> exp.Expr:
    """Let rows be numbered in the order in which they lie, where a query names none."""
    if isinstance(node, exp.Window) and isinstance(node.this, exp.RowNumber):
        order = node.args.get("order")
        if order is None:
            made = node.copy()
            rows = exp.Ordered(this=exp.func("monotonically_increasing_id"), nulls_first=True)
            made.set("order", exp.Order(expressions=[rows]))
            return made
    return node


def _replaced(node: exp.Expr) -> exp.Expr:
    """Say ``* REPLACE (x AS y)`` as all the other columns, and x AS y."""
    if not isinstance(node, exp.Select):
        return node
    added: list[exp.Expr] = []
    for item in node.expressions:
        star = item.this if isinstance(item, exp.Column) else item
        replaced = star.args.get("replace") if isinstance(star, exp.Star) else None
        if replaced:
            added += [part.copy() for part in replaced]
            star.set("replace", None)
            star.set("except_", [exp.to_identifier(part.alias) for part in replaced])
    return node.select(*added, copy=False) if added else node


def _typed(node: exp.Expr) -> exp.Expr:
    """Hold whole numbers of 128 bits as decimals, the widest that Spark has."""
    if isinstance(node, exp.DataType) and node.this in (exp.DataType.Type.INT128,
                                                        exp.DataType.Type.UINT128):  # fmt: skip
        return exp.DataType.build("DECIMAL(38, 0)")
    return node


def _renamed(node: exp.Expr) -> exp.Expr:
    """Give functions the names that they bear on Spark."""
    if isinstance(node, exp.PercentileCont):
        return exp.func("percentile", node.this.copy(), node.expression.copy())
    if isinstance(node, exp.RegexpFullMatch):
        pattern = exp.Literal.string(f"^(?:{node.expression.name})$")
        return exp.RegexpLike(this=node.this.copy(), expression=pattern)
    if isinstance(node, exp.DayOfWeek):
        return exp.paren(exp.Sub(this=node.copy(), expression=exp.Literal.number(1)))
    if not isinstance(node, exp.Anonymous):
        return node
    name = node.name.lower()
    arguments = [part.copy() for part in node.expressions]
    if name in _NAMED:
        return exp.Anonymous(this=_NAMED[name], expressions=arguments)
    return node


_CHANGES: tuple[Callable[[exp.Expr], exp.Expr], ...] = (
    _doubles, _extreme, _numbered, _replaced, _renamed, _typed,
)  # fmt: skip
