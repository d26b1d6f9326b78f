"""An experiment as one table with a row per unit: arm, outcomes, covariates.

Each text of ``columns`` reads ``target = Header`` or ``target = 'constant'``. Targets are
``experiment = 'name'``, ``arm``, ``unit`` (an id) or ``email``, ``assigned_at``, ``exposed_at``,
``probability``, ``stratum``, ``cluster``, and by name ``outcome.<name>``, ``covariate.<name>``
(numbers) and ``label.<name>`` (words). ``blank.<name> = '0'`` says what an empty outcome means;
without, it is missing. ``arm.<name> = 'label'`` names the arms; rows with another label are
refused. A file without an arm brings outcomes or covariates of units that another file assigns.

>>> from retention.sources.base import ReadOptions
>>> made = UNITS.for_options(ReadOptions(columns=(
...     "experiment = 'offer'", "arm = version", "outcome.revenue = revenue")))
>>> made.required, [mapping.table for mapping in made.tables]
(('version', 'revenue'), ['assignments', 'outcomes'])
"""

from __future__ import annotations

from collections.abc import Iterable

from retention.sources.base import ReadOptions, SourceFormat, TableMapping
from retention.sources.codes import ReasonCode
from retention.sources.formats.experiment_columns import (
    ARM,
    REASON,
    ROWS,
    SOUND,
    ColumnMapping,
    literal,
    outcomes_select,
    read_mapping,
    reason_where,
    reserved,
    rows_view,
    settled,
    unit_id,
    unknown_arm,
    unreadable_numbers,
    unreadable_times,
    wrong_mapping,
)
from retention.sources.fragments import NO_REASONS, column, identities

UNIT_TARGETS = (
    "experiment",
    "arm",
    "unit",
    "email",
    "assigned_at",
    "exposed_at",
    "probability",
    "stratum",
    "cluster",
)
UNIT_NAMED = ("outcome", "covariate", "label")


def _expand_units(options: ReadOptions) -> SourceFormat:
    """Build the format of a file with one row per unit."""
    found = read_mapping(options, UNIT_TARGETS, UNIT_NAMED)
    has_arm = "arm" in found.plain
    if not {"experiment"} <= set(found.plain) or not (has_arm or any(found.named.values())):
        raise wrong_mapping(
            "The columns name no experiment, or neither an arm nor an outcome.",
            "Write for example \"experiment = 'offer'; arm = version; outcome.revenue = revenue\".",
        )
    has_unit = bool({"unit", "email"} & set(found.plain))
    if not (has_arm or has_unit):
        raise wrong_mapping("A file without arms must name its units.", "Add 'unit = Header'.")
    parts = list(_unit_parts(found, has_unit))
    tables = [
        TableMapping(
            table,
            select,
            accounts=number == 0,
            person="unit_key" if has_unit else "",
            adds_people=number == 0,
            views={ROWS: _unit_rows(found)} if number == 0 else {},
        )
        for number, (table, select) in enumerate(parts)
    ]
    return settled(UNITS, found, tables, ("assigned_at", "exposed_at"))


def _unit_rows(found: ColumnMapping) -> str:
    """Return the view with arm, unit and reasons of each row; numbers that are none are NULL."""
    times = [found.plain[t] for t in ("assigned_at", "exposed_at") if t in found.plain]
    more = [
        *unreadable_times(times),
        *unreadable_numbers(found.headers("outcome")),
        *unknown_arm(found),
    ]
    unit = found.plain.get("email") or found.plain.get("unit")
    if not (unit and "arm" in found.plain):
        return rows_view(found, more)
    named = f"lower(text_of({column(unit)}))" if "email" in found.plain else unit_id(unit)
    over = f"(PARTITION BY {named}"
    windows = (
        f', min({ARM}) OVER {over}) <> max({ARM}) OVER {over}) AS "two arms", '
        f'row_number() OVER {over}, {ARM} IS NULL ORDER BY line_no) AS "row of unit"'
    )
    known = f"{named} IS NOT NULL AND"
    more += [
        reason_where(f'{known} "two arms"', ReasonCode.CONTRADICTORY_ARM, "unit_key"),
        reason_where(
            f'{known} NOT coalesce("two arms", FALSE) AND "row of unit" > 1',
            ReasonCode.REPEATED_UNIT,
            "unit_key",
        ),
    ]
    return rows_view(found, more, windows)


def _unit_parts(found: ColumnMapping, has_unit: bool) -> Iterable[tuple[str, str]]:
    """Yield table and SELECT of each mapping; the first stands for the file's records."""
    key = _unit_columns(found, has_unit)
    has_arm = "arm" in found.plain
    if has_arm:
        yield "assignments", _assignments(found, *key)
    numbers = {n: _outcome(found, n, h) for n, h in found.named["outcome"].items()}
    first = dict(list(numbers.items())[:1]) if not has_arm else {}
    if first:
        yield "outcomes", outcomes_select(found, first, *key, accounts=True)
    rest = {n: sql for n, sql in numbers.items() if n not in first}
    if rest:
        yield "outcomes", outcomes_select(found, rest, *key)
    if found.named["covariate"] or found.named["label"]:
        yield from _covariates(found, *key, accounts=not (has_arm or numbers))


def _outcome(found: ColumnMapping, name: str, header: str) -> str:
    """Return the SQL of an outcome; what an empty one means may be said by ``blank.<name>``."""
    number = f"number_of({column(header)})"
    return f"coalesce({number}, {found.blanks[name]!r})" if name in found.blanks else number


def _unit_columns(found: ColumnMapping, has_unit: bool) -> tuple[str, str]:
    """Return the columns that name a unit: key (where rows are the units) and identities."""
    if has_unit:
        email = column(found.plain["email"]) if "email" in found.plain else "NULL"
        unit = unit_id(found.plain["unit"]) if "unit" in found.plain else "NULL"
        return "", ", " + identities(email=email, platform_id=unit)
    numbered = "printf('%08d', line_no - 1)"
    return f"{found.experiment} || ':' || {numbered} AS unit_key, ", ""


def _assignments(found: ColumnMapping, key: str, people: str) -> str:
    """Return the SELECT of who was given which arm."""
    chance = found.plain.get("probability")
    propensity = f"number_of({column(chance)})" if chance else "CAST(NULL AS DOUBLE)"
    moment = found.time("assigned_at")
    return f"""
SELECT {found.experiment} AS experiment_key, {key}{ARM} AS arm, {moment} AS assigned_at,
  {propensity} AS propensity, {found.text("stratum")} AS stratum,
  {found.time("exposed_at")} AS exposed_at, {found.text("cluster")} AS cluster_key,
  {reserved(REASON, people, moment)}
FROM {ROWS}"""


def _covariates(
    found: ColumnMapping, key: str, people: str, *, accounts: bool
) -> Iterable[tuple[str, str]]:
    """Yield the SELECT of covariates; where they stand for the records, the first has its own."""
    numbers, labels = found.named["covariate"], found.named["label"]
    entries = [(literal(n), f"number_of({column(h)})", "NULL") for n, h in numbers.items()]
    entries += [(literal(n), "NULL", f"text_of({column(h)})") for n, h in labels.items()]
    for part in [entries[:1], entries[1:]] if accounts else [entries]:
        if part:
            stands = accounts and part[0] is entries[0]
            yield "covariates", _covariate_rows(found, part, key, people, stands)


def _covariate_rows(
    found: ColumnMapping, part: list[tuple[str, str, str]], key: str, people: str, stands: bool
) -> str:
    """Return the SELECT of some covariates; a value that is missing has no row of its own."""
    names, numbers, texts = (", ".join(items) for items in zip(*part, strict=True))
    rows = f"""
SELECT {found.experiment} AS experiment_key, {key}unnest([{names}]) AS name,
  unnest(CAST([{numbers}] AS DOUBLE[])) AS value_number,
  unnest(CAST([{texts}] AS VARCHAR[])) AS value_text,
  {reserved(REASON if stands else NO_REASONS, people)}
FROM {ROWS}"""
    if stands:
        return rows
    return (
        f"SELECT * FROM ({rows} WHERE {SOUND}) "
        "WHERE value_number IS NOT NULL OR value_text IS NOT NULL"
    )


UNITS = SourceFormat(
    name="experiment_units",
    meaning="An experiment with one row per unit: arm, outcomes, covariates; see its columns.",
    required=(),
    optional=(),
    tables=(),
    expand=_expand_units,
)
