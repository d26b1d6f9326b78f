"""What every analysis hands over: metrics with intervals, checks with actions, artifacts.

Index, diff, sign-off and alerts read nothing else, so the shapes are fixed here, once.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Literal

from retention.choices import coerce

MISSING = "–"
"""Written where there is no value."""


SKIPPED = "skipped"
"""Status of a result without an answer, for the data holds too little."""

FAILED = "failed"
"""Status of a notebook that stopped, or that reads from one that did."""


class Status(StrEnum):
    """How a check ended."""

    PASS = "pass"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True)
class Metric:
    """One figure with its unit, its interval and the number of units behind it.

    Examples
    --------
    >>> Metric("repeat_rate", 0.31, "share", 0.30, 0.32, 20_000).as_dict()["unit"]
    'share'
    """

    name: str
    value: float | int | str | None
    unit: str
    ci_low: float | None = None
    ci_high: float | None = None
    n: int | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return plain JSON values; a figure that is not finite becomes null."""
        return {key: _plain(value) for key, value in asdict(self).items()}


@dataclass(frozen=True)
class Check:
    """One trust check: its named code, how it ended, why, and what to do about it.

    ``code`` is a member of the package's own ``StrEnum`` of codes, never a loose string.
    """

    code: StrEnum
    status: Status
    detail: str
    action: str = ""

    def __post_init__(self) -> None:
        """Take the word of a status for the status."""
        coerce(self, status=Status)

    def as_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "code": str(self.code),
            "status": str(self.status),
            "detail": self.detail,
            "action": self.action,
        }


@dataclass(frozen=True)
class Artifact:
    """A file that a notebook wrote, with its row count and content hash."""

    name: str
    path: str
    rows: int | None
    sha256: str

    def as_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return asdict(self)


def worst(checks: list[Check]) -> Literal["pass", "warn", "fail"]:
    """Return the worst status among the checks; no checks at all is a pass."""
    order = [Status.FAIL, Status.WARN]
    return next((s.value for s in order if any(c.status is s for c in checks)), "pass")


def percent(share: float | None, digits: int = 1, *, signed: bool = False) -> str:
    """Write a share as percent, as every summary, table and report does.

    Examples
    --------
    >>> percent(0.1234), percent(0.5, 0), percent(0.05, 0, signed=True), percent(None)
    ('12.3 %', '50 %', '+5 %', '–')
    """
    if share is None or not math.isfinite(share):
        return MISSING
    return f"{100 * share:{'+' if signed else ''},.{digits}f} %"


def of_drawn(share: float, lead: str = " of a drawn ") -> str:
    """Say of whom a finding is told; nothing where all customers were looked at.

    Examples
    --------
    >>> of_drawn(0.2), of_drawn(0.2, ", a drawn "), of_drawn(1.0)
    (' of a drawn 20.0 % of the customers', ', a drawn 20.0 % of the customers', '')
    """
    return f"{lead}{percent(share)} of the customers" if share < 1 else ""


def points(difference: float | None, digits: int = 1, *, signed: bool = False) -> str:
    """Write a difference of two shares in points: a percentage of what would be another matter.

    Examples
    --------
    >>> points(0.02), points(-0.0345, signed=True), points(None)
    ('2.0 points', '-3.5 points', '–')
    """
    if difference is None or not math.isfinite(difference):
        return MISSING
    return f"{100 * difference:{'+' if signed else ''},.{digits}f} points"


def points_between(low: float | None, high: float | None, digits: int = 1) -> str:
    """Write the ends of the interval of a difference of two shares, the unit once.

    Examples
    --------
    >>> points_between(-0.012, 0.034), points_between(0.001, 0.0674, 2)
    ('-1.2 to +3.4 points', '+0.10 to +6.74 points')
    """
    first, second = (points(end, digits, signed=True) for end in (low, high))
    return f"{first.removesuffix(' points')} to {second}"


def p_text(p_value: float, digits: int = 3) -> str:
    """Write a p-value in prose; one too small for the digits is never zero.

    Examples
    --------
    >>> p_text(0.0214), p_text(0.0), p_text(0.75)
    ('p = 0.021', 'p < 0.001', 'p = 0.750')
    """
    if not math.isfinite(p_value):
        return f"p = {MISSING}"
    least = 10.0**-digits
    return f"p < {least:.{digits}f}" if p_value < least else f"p = {p_value:.{digits}f}"


def checks_summary(checks: Sequence[Check]) -> str:
    """Return in a sentence how many checks passed and which did not.

    Examples
    --------
    >>> checks_summary([Check("LEAK", Status.PASS, ""), Check("DRIFT", Status.WARN, "")])
    '1 of 2 checks passed; to look at: DRIFT.'
    """
    passed = sum(check.status is Status.PASS for check in checks)
    named = [
        f"; {word}: {', '.join(str(c.code) for c in checks if c.status is status)}"
        for status, word in ((Status.FAIL, "failed"), (Status.WARN, "to look at"))
        if any(c.status is status for c in checks)
    ]
    return f"{passed} of {len(checks)} checks passed{''.join(named)}."


def _plain(value: Any) -> Any:
    """Turn NumPy scalars into Python ones and what is not finite into None."""
    item = value.item() if hasattr(value, "item") else value
    return None if isinstance(item, float) and not math.isfinite(item) else item
