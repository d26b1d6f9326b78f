"""What a new profile should say, told by the shop's own files."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from zoneinfo import ZoneInfo

from retention.errors import ParameterError
from retention.runs import dates
from retention.sources.file_facts import MIXED, UNCLEAR, FileFacts
from retention.sources.time_zones import zone_of

SALES = ("orders", "events", "outcomes")
"""Tables of which a shop needs one: without, no notebook has anything to say."""


@dataclass(frozen=True)
class Proposed:
    """A value to write, and why."""

    value: str
    why: str


@dataclass(frozen=True)
class Proposal:
    """What the files tell of a profile's parameters.

    Parameters
    ----------
    as_of, currency, time_zone
        The parameters of these names.
    read_options
        How files are to be read that do not show it themselves.
    questions
        What only a person can answer, each with the line to write.
    """

    as_of: Proposed
    currency: Proposed
    time_zone: Proposed
    read_options: tuple[Proposed, ...] = ()
    questions: tuple[str, ...] = ()


@dataclass(frozen=True)
class Given:
    """What the person says; empty texts where nothing is said."""

    as_of: str = ""
    currency: str = ""
    time_zone: str = ""

    def __post_init__(self) -> None:
        """Refuse what cannot be a date, a currency or a zone before a file is read."""
        if self.currency and not re.fullmatch(r"[A-Z]{3}", self.currency):
            raise ParameterError(
                f"{self.currency!r} is no currency.", "Write its ISO code, such as EUR.",
                column="currency",
            )  # fmt: skip
        if self.as_of and not dates.is_relative(self.as_of):
            try:
                date.fromisoformat(self.as_of)
            except ValueError:
                raise ParameterError(
                    f"{self.as_of!r} is no date.", "Write 2026-03-02, today or month_start.",
                    column="as_of",
                ) from None  # fmt: skip
        try:
            ZoneInfo(self.time_zone or "UTC")
        except (ValueError, OSError, KeyError):
            raise ParameterError(
                f"There is no time zone {self.time_zone!r}.", "Write one such as Europe/Berlin.",
                column="time_zone",
            ) from None  # fmt: skip


def propose(facts: Sequence[FileFacts], given: Given) -> Proposal:
    """Return the parameters that the files tell.

    Raises
    ------
    ParameterError
        If no file says its currency and nobody else does.
    """
    currency = _currency(facts, given.currency)
    zone, question = _time_zone(facts, given.time_zone, currency.value)
    options, questions = _read_options(facts)
    asked = (*questions, *([question] if question else []))
    settled = [f.read_as(_proven_order(f, facts)) for f in facts]
    return Proposal(_as_of(settled, given.as_of, zone.value), currency, zone, options, asked)


def _as_of(facts: Sequence[FileFacts], given: str, zone: str) -> Proposed:
    """Return the day after the last order, by the shop's clock and by UTC."""
    if given:
        return Proposed(given, "as given; only what happened before it is known")
    for table in SALES:
        last = max((p.last for f in facts if (p := f.tables.get(table)) and p.last), default=None)
        if last is not None:
            local = (last + (ZoneInfo(zone).utcoffset(last) or timedelta())).date()
            day = max(last.date(), local) + timedelta(days=1)
            what = {"orders": "order"}.get(table, "event")
            return Proposed(
                day.isoformat(),
                f"the day after the last {what} in the files; for a schedule write: today",
            )
    return Proposed(date.today().isoformat(), "today: the files have no orders")


def _currency(facts: Sequence[FileFacts], given: str) -> Proposed:
    """Return the currency with most value, or the given one where a file has it or none says."""
    values: dict[str, float] = {}
    for file in facts:
        for code, value in file.currencies.items():
            values[code] = values.get(code, 0.0) + value
    ranked = sorted(values, key=lambda code: (-values[code], code))
    told = ", ".join(f"{code} {values[code]:,.2f}" for code in ranked)
    if not ranked:
        if not given and any("orders" in file.tables for file in facts):
            raise ParameterError(
                "No file says in which currency its orders are.",
                "Add it to the command, for example `--currency EUR`.",
                column="currency",
            )
        return Proposed(given, "as given: no file names one" if given else "")
    if given in ranked:
        return Proposed(given, f"as given; the orders are worth {told}")
    if given:
        return Proposed(
            ranked[0], f"NOT {given} as given: no order is in it, they are worth {told}"
        )
    return Proposed(ranked[0], f"of the orders, which are worth {told}")


def _time_zone(facts: Sequence[FileFacts], given: str, currency: str) -> tuple[Proposed, str]:
    """Return the zone of the shop's clock, and what to ask where no file tells it."""
    if given:
        return Proposed(given, "as given"), ""
    seen = {pair for file in facts for pair in file.offsets}
    zone = zone_of(seen, currency)
    if zone == "UTC" and any(minutes for _, minutes in seen):
        largest = max(facts, key=lambda file: (bool(file.offsets), file.records))
        zone = zone_of(largest.offsets, currency)
    if seen:
        offsets = " and ".join(_offset_text(m) for m in sorted({m for _, m in seen}))
        return Proposed(zone, f"its clock has the offsets in the files: {offsets}"), ""
    question = (
        "No file tells its time zone: days are cut at midnight UTC. Write your shop's in "
        "ingest.yaml, for example `time_zone: Europe/Berlin`."
    )
    return Proposed("UTC", "NOT TOLD by any file: write your shop's, such as Europe/Berlin"), (
        question if any(file.is_local or "orders" in file.tables for file in facts) else ""
    )


def _offset_text(minutes: int) -> str:
    """Return an offset as exports write it."""
    sign = "-" if minutes < 0 else "+"
    return f"{sign}{abs(minutes) // 60:02d}{abs(minutes) % 60:02d}"


def _read_options(facts: Sequence[FileFacts]) -> tuple[tuple[Proposed, ...], tuple[str, ...]]:
    """Return the reading options that files need, and what cannot be told."""
    options: list[Proposed] = []
    questions: list[str] = []
    for name, files in _by(facts, lambda f: f.format.name).items():
        platform = [f for f in facts if _platform(f) == _platform(files[0])]
        options += _encodings(name, files)
        order, question = _settled(
            name, "date_order", [f.date_order for f in files], [f.date_order for f in platform],
            files[0].format.date_order,
        )  # fmt: skip
        options += order
        questions += question
        decimal, question = _settled(
            name, "decimal", [f.decimal for f in files], [f.decimal for f in platform], "auto"
        )
        options += decimal
        questions += question
    return tuple(options), tuple(questions)


def _by(facts: Iterable[FileFacts], key: object) -> dict[str, list[FileFacts]]:
    """Return the files grouped by a key, in their order."""
    groups: dict[str, list[FileFacts]] = {}
    for file in facts:
        groups.setdefault(key(file), []).append(file)  # type: ignore[operator]
    return groups


def _platform(file: FileFacts) -> str:
    """Return the system that a file comes from: the first word of its format's name."""
    return file.format.name.split("_")[0]


def _proven_order(file: FileFacts, facts: Sequence[FileFacts]) -> str:
    """Return the order of day and month that files of the same platform prove; empty if none."""
    proven = {f.date_order for f in facts if _platform(f) == _platform(file)}
    proven -= {"", UNCLEAR, MIXED}
    return proven.pop() if len(proven) == 1 else ""


def _encodings(name: str, files: Sequence[FileFacts]) -> list[Proposed]:
    """Return the encodings to declare, for the format where its files agree, else by file."""
    why = "the bytes are not UTF-8; look whether accents read right"
    declared = {f.options.encoding for f in files}
    if declared == {"auto"}:
        return []
    if len(declared) == 1:
        return [Proposed(f"{name}: encoding = {declared.pop()}", why)]
    return [
        Proposed(f"{f.path.name}: encoding = {f.options.encoding}", why)
        for f in files
        if f.options.encoding != "auto"
    ]


CHOICES = {
    "date_order": ("day from month", ("day_first", "month_first")),
    "decimal": ("thousands from decimals in its amounts", (",", ".")),
}


def _settled(
    name: str, option: str, own: Sequence[str], platform: Sequence[str], fixed: str
) -> tuple[list[Proposed], list[str]]:
    """Return the option that the platform's files settle for those that do not tell, or ask."""
    what, choices = CHOICES[option]
    proven = {value for value in platform if value in choices}
    unclear = any(value in (UNCLEAR, MIXED) for value in own)
    if len(proven) == 1 and any(own) and (unclear or fixed != "auto"):
        (value,) = proven
        if value != fixed:
            return [Proposed(f"{name}: {option} = {value}", "as rows of the files prove")], []
        return [], []
    if not unclear:
        return [], []
    lines = " or ".join(f'- "{name}: {option} = {choice}"' for choice in choices)
    return [], [f"No row of {name} tells {what}. Add to read_options in ingest.yaml: {lines}"]
