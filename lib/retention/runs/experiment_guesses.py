"""What an experiment's columns suggest: arms, control, planned shares, the kind of each metric."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from scipy import stats

from retention.errors import ParameterError
from retention.runs.experiment_facts import ColumnFacts

CONTROL_WORDS = (
    "control", "ctrl", "a", "none", "no", "baseline", "base", "original", "old", "placebo",
    "holdout", "hold_out", "hold-out", "default", "current", "0", "false", "off",
)  # fmt: skip
"""Labels that a control usually has, the surest first."""

STRAY_UNITS = 20
"""A label on fewer rows than this, and on under 5 % of the largest arm's, is no arm."""

NICE_SHARES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.25, 0.3, 1 / 3, 0.4, 0.6, 2 / 3, 0.7, 0.75, 0.8, 0.9,
               0.95)  # fmt: skip
"""Shares that people plan, beside equal ones."""

MONEY_WORDS = frozenset(
    (
        "revenue spend spent sales amount value gmv aov profit margin price income money paid net "
        "gross turnover usd eur gbp"
    ).split()
)

EQUAL = "planned in equal shares: a guess, write what was planned"
READ_OFF = "shares read off the file: write what was planned, or no check can find a fault"

CLOSE_TO_EQUAL, TOO_UNLIKELY = 0.03, 1e-3
"""Shares so near to equal ones were planned equal; others must fit by this p-value."""

SKEWED = 3.0
"""Skewness from which a few units carry much of a mean's variance."""


@dataclass(frozen=True)
class Arms:
    """The arms of a file: labels by arm, planned shares (control first), and what was left out."""

    control: str
    labels: dict[str, list[str]]
    planned: dict[str, float]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class MetricGuess:
    """A metric as it will be declared, and why."""

    name: str
    kind: str
    unit: str
    why: str
    blank_is_zero: bool = False
    is_skewed: bool = False
    missing: int = 0


def guess_arms(facts: ColumnFacts, control: str, planned: str) -> Arms:
    """Return the arms that a column's labels suggest.

    Parameters
    ----------
    facts
        The column.
    control
        Label of the control, empty to guess.
    planned
        Planned shares as ``50:50`` (control first, then by name) or ``A=50,B=50``; empty for equal
        ones.

    Raises
    ------
    ParameterError
        If there are fewer than two arms, or the control or the shares do not fit them.
    """
    spellings: dict[str, list[tuple[str, int]]] = {}
    for label, count in facts.labels:
        spellings.setdefault(label.casefold(), []).append((label, count))
    counts = {found[0][0]: sum(n for _, n in found) for found in spellings.values()}
    labels = {found[0][0]: [label for label, _ in found] for found in spellings.values()}
    largest = max(counts.values(), default=0)
    stray = {n: rows for n, rows in counts.items() if rows < min(STRAY_UNITS, 0.05 * largest)}
    kept = {name: n for name, n in counts.items() if name not in stray}
    if len(kept) < 2 or len(facts.labels) >= 100:
        raise ParameterError(
            f"Column {facts.name!r} names {len(kept):,} arms.",
            "Name with --arm the column that says which version each unit was given.",
            column=facts.name,
        )
    chosen, why = _control(kept, control, facts.name)
    ordered = [chosen, *sorted(name for name in kept if name != chosen)]
    shares, told = _planned({name: kept[name] for name in ordered}, planned)
    notes = [f"control is {chosen}: {why}", told]
    notes += [f"{n:,} row(s) labelled {name} are left out: too few for an arm"
              for name, n in stray.items()]  # fmt: skip
    notes += [f"{name} stands for {', '.join(found)}"
              for name, found in labels.items() if len(found) > 1]  # fmt: skip
    return Arms(chosen, {name: labels[name] for name in ordered}, shares, tuple(notes))


def _control(counts: Mapping[str, int], given: str, column: str) -> tuple[str, str]:
    """Return the control and why it is taken for one."""
    folded = {name.casefold(): name for name in counts}
    if given:
        if given.strip().casefold() not in folded:
            raise ParameterError(
                f"Column {column!r} has no arm {given!r}.",
                f"It has {', '.join(sorted(counts))}.", column="control",
            )  # fmt: skip
        return folded[given.strip().casefold()], "as you said"
    for word in CONTROL_WORDS:
        if word in folded:
            return folded[word], "by its name"
    for name in counts:
        if re.search(r"control|baseline|hold.?out|^no[ _-]", name, re.IGNORECASE):
            return name, "by its name"
    return max(counts, key=lambda name: (counts[name], name)), "the largest arm; correct it if not"


def _planned(counts: Mapping[str, int], given: str) -> tuple[dict[str, float], str]:
    """Return the planned shares and where they come from."""
    if given:
        return _given_shares(list(counts), given), "planned shares as you said"
    total, equal = sum(counts.values()), dict.fromkeys(counts, 1.0)
    if max(abs(n / total - 1 / len(counts)) for n in counts.values()) < CLOSE_TO_EQUAL:
        return equal, EQUAL
    near = {name: min(NICE_SHARES, key=lambda s: abs(s - n / total)) for name, n in counts.items()}
    shares = {name: share / sum(near.values()) for name, share in near.items()}
    expected = [share * total for share in shares.values()]
    if stats.chisquare(list(counts.values()), expected).pvalue < TOO_UNLIKELY:
        return equal, EQUAL
    return {name: round(share, 4) for name, share in shares.items()}, READ_OFF


def _given_shares(names: Sequence[str], given: str) -> dict[str, float]:
    """Read planned shares."""
    parts = [part.strip() for part in re.split(r"[:,;/ ]+", given) if part.strip()]
    pairs = [part.rpartition("=") for part in parts]
    try:
        values = [float(value) for _, _, value in pairs]
    except ValueError:
        values = []
    keys = [key for key, equals, _ in pairs if equals] or list(names)
    if len(values) != len(names) or set(keys) != set(names) or min(values) <= 0:
        raise ParameterError(
            f"{given!r} gives no share to each of {', '.join(names)}.",
            "Write 50:50 (control first, the others by name) or A=50,B=50.", column="planned",
        )  # fmt: skip
    found = dict(zip(keys, values, strict=True))
    return {name: found[name] for name in names}


def guess_metric(facts: ColumnFacts, rows: int, currency: str) -> MetricGuess:
    """Return the metric that a column of outcomes suggests.

    Parameters
    ----------
    facts
        The column.
    rows
        Rows of the file.
    currency
        ISO code of money.

    Raises
    ------
    ParameterError
        If the column holds words.
    """
    if not facts.numbers or (not facts.is_number and not facts.has_leading_zeros
                             and facts.numbers < 0.5 * facts.measured):  # fmt: skip
        raise ParameterError(
            f"Outcome {facts.name!r} holds no numbers.",
            "Name a column of numbers, or of yes and no.", column=facts.name,
        )  # fmt: skip
    missing = rows - facts.numbers
    if facts.is_flag:
        return MetricGuess(facts.name, "proportion", "share", "its values are 0 and 1",
                           missing=missing)  # fmt: skip
    words = set(re.findall(r"[a-z]+", facts.name.lower()))
    is_money = bool(words & MONEY_WORDS)
    blank_is_zero = missing > 0.2 * rows and facts.zeros == 0 and facts.lowest > 0
    skewed = facts.lowest >= 0 and (facts.skewness > SKEWED or blank_is_zero)
    unit, why = currency if is_money else facts.name, "a mean of amounts"
    if facts.is_whole and facts.lowest >= 0 and not is_money:
        why = "a mean of counts"
    return MetricGuess(facts.name, "mean", unit, why, blank_is_zero, skewed, missing)
