"""Columns of an experiment's own file: what each is, and the view that reads them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from retention.errors import ParameterError
from retention.sources.base import ReadOptions, SourceFormat, TableMapping, column_pairs
from retention.sources.codes import ReasonCode
from retention.sources.fragments import (
    NO_EXCLUSION,
    NO_MONEY,
    NO_REASONS,
    column,
    condition,
    reasons,
)

ROWS = "experiment_rows"
ARM, REASONS = '"experiment arm"', '"experiment reasons"'
"""What the view adds to a file's own columns, whose names may be anything."""

REASON = f"{REASONS} AS reasons"
SOUND = f"coalesce(len({REASONS}), 0) = 0"

FLAG_OR_NUMBER = (
    "CASE lower(text_of({0})) WHEN 'true' THEN '1' WHEN 'yes' THEN '1' WHEN 'false' THEN '0' "
    "WHEN 'no' THEN '0' ELSE measured({0}) END"
)
"""A measurement, or whether something happened, which tools write in words, too."""

ID = "regexp_replace({0}, '^([0-9]+)[.]0+$', '\\1')"
"""An id that a tool has turned into a number, such as 17.0, is the id 17."""

NO_TIME = "CAST(NULL AS TIMESTAMP)"


@dataclass(frozen=True)
class ColumnMapping:
    """What the columns of a file are: by target, and by kind and name."""

    plain: dict[str, str]
    named: dict[str, dict[str, str]]
    arms: dict[str, list[str]] = field(default_factory=dict)
    blanks: dict[str, float] = field(default_factory=dict)

    @property
    def experiment(self) -> str:
        """The experiment's name as an SQL literal."""
        return literal(self.plain["experiment"].strip("'"))

    def headers(self, *kinds: str) -> list[str]:
        """Return the headers of the named columns of some kinds."""
        return [header for kind in kinds for header in self.named[kind].values()]

    def text(self, target: str) -> str:
        """Return the SQL of a column's text, NULL where the file has none."""
        header = self.plain.get(target)
        return f"text_of({column(header)})" if header else "CAST(NULL AS VARCHAR)"

    def time(self, target: str) -> str:
        """Return the SQL of a column's time, NULL where the file has none."""
        header = self.plain.get(target)
        return f"time_of({column(header)})" if header else NO_TIME


def read_mapping(
    options: ReadOptions, targets: tuple[str, ...], kinds: tuple[str, ...]
) -> ColumnMapping:
    """Return the column mapping, checked against what the format knows."""
    made = ColumnMapping({}, {kind: {} for kind in kinds})
    for target, header in column_pairs(options.columns):
        kind, _, name = target.partition(".")
        if kind == "arm" and name:
            made.arms.setdefault(name, []).append(header.strip("'"))
        elif kind == "blank" and name:
            made.blanks[name] = _constant(target, header)
        elif kind in kinds and name:
            made.named[kind][name] = header
        elif target in targets:
            made.plain[target] = header
        else:
            known = ", ".join([*targets, *(f"{k}.<name>" for k in kinds)])
            raise wrong_mapping(f"There is no target {target!r}.", f"Known are {known}.")
    return made


def _constant(target: str, text: str) -> float:
    """Return the number that a target is given."""
    try:
        return float(text.strip("'"))
    except ValueError:
        raise wrong_mapping(
            f"{target} is {text}, no number.", f"Write \"{target} = '0'\"."
        ) from None


def wrong_mapping(problem: str, action: str) -> ParameterError:
    """Return the error of a column mapping."""
    return ParameterError(problem, action, column="columns")


def rows_view(found: ColumnMapping, more: list[str], windows: str = "") -> str:
    """Return the view of a file's rows with arm and reasons, and what its windows add."""
    headers = found.headers(*(kind for kind in found.named if kind != "label"))
    replaced = [
        f"{FLAG_OR_NUMBER.format(column(h))} AS {column(h)}" for h in dict.fromkeys(headers)
    ]
    measured = f"REPLACE ({', '.join(replaced)})" if replaced else ""
    read = f"SELECT * {measured}, {_arm(found)} AS {ARM} FROM landed"
    listed = reasons(more=more).removesuffix("AS reasons") + f"AS {REASONS}"
    return f"SELECT *, {listed} FROM (SELECT *{windows} FROM ({read}))"


def reason_where(test: str, code: ReasonCode, header: str) -> str:
    """Return SQL that gives the reason ``code:header`` where the test holds."""
    return condition(test, code, header.replace("'", "''"))


def unreadable_times(headers: Iterable[str]) -> list[str]:
    """Return the reasons of times that cannot be read."""
    test = "time_of({0}) IS NULL AND text_of({0}) IS NOT NULL"
    return [reason_where(test.format(column(h)), ReasonCode.UNREADABLE_TIME, h) for h in headers]


def unreadable_numbers(headers: Iterable[str], *, missing: bool = False) -> list[str]:
    """Return the reasons of numbers that cannot be read, or are missing where none may be."""
    test = "number_of({0}) IS NULL" + ("" if missing else " AND {0} IS NOT NULL")
    return [reason_where(test.format(column(h)), ReasonCode.UNREADABLE_NUMBER, h) for h in headers]


def unknown_arm(found: ColumnMapping) -> list[str]:
    """Return the reasons of a label that names no arm, and of none."""
    header, label = found.plain.get("arm"), found.text("arm")
    if not header:
        return []
    strange = f"{ARM} IS NULL AND {label} IS NOT NULL"
    return [
        reason_where(strange, ReasonCode.UNKNOWN_LABEL, header),
        reason_where(f"{label} IS NULL", ReasonCode.MISSING_VALUE, header),
    ]


def unit_id(header: str) -> str:
    """Return the SQL of a unit's id."""
    return ID.format(f"text_of({column(header)})")


def _arm(found: ColumnMapping) -> str:
    """Return the SQL of the arm: its label with blanks folded, as the mapping names it."""
    label = f"nullif(regexp_replace({found.text('arm')}, '\\s+', ' ', 'g'), '')"
    if not found.arms:
        return label
    cases = " ".join(
        f"WHEN {literal(' '.join(text.split()).lower())} THEN {literal(name)}"
        for name, texts in found.arms.items()
        for text in texts
    )
    return f"CASE lower({label}) {cases} END"


def reserved(reason: str, people: str, moment: str = NO_TIME) -> str:
    """Return the reserved columns of a row that carries no money."""
    return (
        f"line_no, CAST(NULL AS VARCHAR) AS source_record_id, {reason}, {NO_EXCLUSION}, "
        f"{moment} AS occurred_at, {NO_MONEY}{people}"
    )


def outcomes_select(
    found: ColumnMapping, values: dict[str, str], key: str, people: str, *, accounts: bool = False
) -> str:
    """Return the SELECT of outcomes, one row per unit and name."""
    names = ", ".join(literal(name) for name in values)
    sound = "" if accounts else f"WHERE {SOUND}"
    reason = REASON if accounts else NO_REASONS
    return f"""
SELECT {found.experiment} AS experiment_key, {key}unnest([{names}]) AS metric,
  unnest([{", ".join(values.values())}]) AS value, {reserved(reason, people)}
FROM {ROWS} {sound}"""


def settled(
    base: SourceFormat, found: ColumnMapping, tables: list[TableMapping], times: tuple[str, ...]
) -> SourceFormat:
    """Return the format that a mapping describes."""
    headers = [h for target, h in found.plain.items() if target != "experiment"]
    headers += found.headers(*found.named)
    numbers = found.headers(*(kind for kind in found.named if kind != "label"))
    return SourceFormat(
        name=base.name,
        meaning=base.meaning,
        required=tuple(dict.fromkeys(headers)),
        optional=(),
        tables=tuple(tables),
        money=tuple(dict.fromkeys(numbers)),
        is_settled=True,
        dates=tuple(found.plain[target] for target in times if target in found.plain),
    )


def literal(text: str) -> str:
    """Return text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"
