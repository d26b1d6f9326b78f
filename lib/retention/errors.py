"""Errors a user can mend: each names the place and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class RetentionError(Exception):
    """Something the user can mend, told in one paragraph and without a traceback.

    Parameters
    ----------
    problem
        What is wrong, in one sentence.
    mend
        What to do about it, in one sentence.
    file
        The file at fault, as the user named it.
    line
        Line (or row) of that file, counted from 1.
    column
        Column or parameter at fault.

    Examples
    --------
    >>> print(RetentionError("No column 'Email'.", "Export it.", file="orders.csv", line=1))
    orders.csv, line 1: No column 'Email'. Export it.
    """

    problem: str
    mend: str
    file: str | None = None
    line: int | None = None
    column: str | None = None

    def __str__(self) -> str:
        """Return place, problem and mend as one paragraph."""
        place = [
            self.file,
            f"line {self.line}" if self.line is not None else None,
            f"column {self.column!r}" if self.column is not None else None,
        ]
        where = ", ".join(part for part in place if part)
        text = f"{self.problem} {self.mend}"
        return f"{where}: {text}" if where else text


class InputError(RetentionError):
    """An export or another input file cannot be used as it is."""


class ParameterError(RetentionError):
    """A parameter is unknown, of the wrong type, or impossible."""


class EvidenceError(RetentionError):
    """The data cannot answer the question (no events, one arm, zero variance ...)."""


class RunError(RetentionError):
    """A run could not start, finish or be published."""
