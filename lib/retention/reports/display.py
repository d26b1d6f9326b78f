"""What a notebook shows, and the only way it shows it: everything that came from data is escaped.

JupyterLab, papermill and the rendered report all take the same HTML. In JupyterLab the inline
styles carry the look; the report strips them and brings its own sheet.
"""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

import pandas as pd

from retention.reports.formatting import SUPPRESSED, aligned, number
from retention.reports.wording import NAME_COLUMNS, named, worded, words
from retention.results import FAILED, MISSING, SKIPPED, Check, Status, percent

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WORDS = {
    "pass": "Passed",
    "warn": "Look",
    "fail": "Failed",
    SKIPPED: "Not enough data",
    FAILED: "Did not run",
}
"""Status in a word, because colour alone does not reach every reader."""

COLOURS = {"pass": "#00664b", "warn": "#8a5a00", "fail": "#a63600"}

TO_DO = "What to do"
"""Begins the line that says what follows from a finding."""

NONE = "none"
"""Shown in place of the rows of a table without any."""

QUANTITY = re.compile(
    r"^(?P<before>[A-Z]{3}\s)?[+-]?(?P<currency>[A-Z]{3}\s)?"
    r"\d[\d,]*(?:\.\d+)?(?P<unit>\s?(?:%|[a-z]+))?(?:\s[▲▼])?$"
)
"""A number as text, with its sign, its currency or unit, and the mark of what is apart."""

RATIO_WORDS = {"times", "ratio"}
"""Words in the name of a column whose values multiply a rate, and are none."""

P_NAME = re.compile(r"p(?:[ _]|$)")
"""How the name of a column of p-values begins."""

SMALLEST_P = 0.0001
"""p-values below it are written as smaller than it, never as zero."""

WIDEST_RANGE = 1000
"""How many times its smallest value a column's largest may be to share one precision."""

CONTROL = dict.fromkeys([*range(0x20), 0x7F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)])
"""Control and direction-changing characters: they could make a name read as something else."""


DISGUISES = {k: v for k, v in CONTROL.items() if k not in (0x09, 0x0A, 0x0D)}
"""The same without what breaks lines: what is taken out of whole pages."""


def safe(value: Any) -> str:
    """Return data as text that a browser shows and never obeys.

    Examples
    --------
    >>> safe("<script>alert(1)</script>")
    '&lt;script&gt;alert(1)&lt;/script&gt;'
    """
    return escape(str(value).translate(CONTROL))


def show_verdict(text: str, status: str | Status = "pass") -> None:
    """Show the notebook's verdict: one sentence and its status in a word."""
    key, text = str(status), worded(text)
    _html(
        f'<div class="verdict {key}" style="border-left:6px solid {COLOURS[key]};padding:.6em 1em">'
        f'<p><strong class="status">{WORDS[key]}:</strong> {safe(text)}</p></div>',
        f"{WORDS[key]}: {text}",
    )


def show_finding(text: str, action: str = "") -> None:
    """Show the sentence that closes a section, computed from the data.

    Parameters
    ----------
    text
        What was found.
    action
        What to do about it, as the result's ``advice()`` words it; a line of its own.
    """
    text, action = worded(text), worded(action)
    told = f'<p class="action"><strong>{TO_DO}:</strong> {safe(action)}</p>' if action else ""
    _html(
        '<div class="finding" style="border-left:4px solid #0072B2;padding:.2em 1em">'
        f"<p>{safe(text)}</p>{told}</div>",
        f"{text}\n{TO_DO}: {action}" if action else text,
    )


def show_missing(reason: str) -> None:
    """Show why a figure is not there: what is missing, and what it would need."""
    text = worded(reason)
    _html(
        '<div class="missing" style="border-left:4px solid #767676;padding:.2em 1em">'
        f"<p><strong>Left out:</strong> {safe(text)}</p></div>",
        f"Left out: {text}",
    )


def show_checks(checks: Iterable[Check]) -> None:
    """Show trust checks: status, named code, what was found and what to do about it."""
    rows = [(WORDS[str(c.status)], str(c.code), worded(c.detail), worded(c.action)) for c in checks]
    frame = pd.DataFrame(rows, columns=["status", "check", "finding", "what to do"])
    # The report shows the checks of the result once, at its top; the codes tell it what this is.
    _html(*_table(frame, "Trust checks"), {"checks": [row[1] for row in rows]})


def show_table(
    frame: pd.DataFrame,
    caption: str = "",
    formats: Mapping[str, Callable[[Any], str]] | None = None,
    rows: int = 40,
) -> None:
    """Show a table with a caption; numbers are right-aligned and have one precision a column.

    Parameters
    ----------
    frame
        The table; its index is shown only where it has a name.
    caption
        What the table shows.
    formats
        Column name to a function that writes one value.
    rows
        Rows to show at most; the rest is counted in the caption.
    """
    _html(*_table(frame, caption, formats, rows))


def _table(
    frame: pd.DataFrame,
    caption: str = "",
    formats: Mapping[str, Callable[[Any], str]] | None = None,
    rows: int = 40,
) -> tuple[str, str]:
    """Return a table as HTML and as plain text."""
    table = frame.reset_index() if any(name is not None for name in frame.index.names) else frame
    shown = _readable(table.head(rows))
    left = len(table) - len(shown)
    note = f" ({left:,} more rows in the published table)" if left > 0 else ""
    cells = {column: _written(shown[column], (formats or {}).get(str(column))) for column in shown}
    numeric = {
        c: pd.api.types.is_numeric_dtype(shown[c]) or c in (formats or {}) or _is_written(shown[c])
        for c in shown
    }
    head = "".join(
        f'<th scope="col" class="{"number" if numeric[c] else "text"}">{safe(words(str(c)))}</th>'
        for c in shown
    )
    body = "".join(
        "<tr>" + "".join(_cell(cells[c][i], numeric[c]) for c in shown) + "</tr>"
        for i in range(len(shown))
    )
    if shown.empty:
        body = f'<tr><td class="text" colspan="{len(shown.columns)}">{NONE}</td></tr>'
    title = f"<caption>{safe(worded(caption) + note)}</caption>" if caption or note else ""
    html = (
        f'<div class="table" tabindex="0"><table>{title}<thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )
    return html, shown.to_string(index=False)


def show_figure(figure: Figure, alt: str, caption: str = "") -> None:
    """Show a figure as PNG with a text for those who cannot see it, and close it.

    Parameters
    ----------
    figure
        The drawn figure.
    alt
        What the figure shows, in a sentence.
    caption
        A line below the figure, empty for none.
    """
    import matplotlib.pyplot as plt
    from IPython.display import display

    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", bbox_inches="tight", metadata={"Software": None})
    plt.close(figure)
    display(
        {"image/png": base64.b64encode(buffer.getvalue()).decode(), "text/plain": f"Figure: {alt}"},
        raw=True,
        metadata={"image/png": {"alt": worded(alt).translate(CONTROL)}},
    )
    if caption:
        _html(f'<p class="caption">{safe(worded(caption))}</p>', caption)


def _written(column: pd.Series, write: Callable[[Any], str] | None) -> list[str]:
    """Return the column's values as text, of one precision where they are numbers."""
    is_number = write is not None or pd.api.types.is_numeric_dtype(column) or _is_written(column)
    if write is None and pd.api.types.is_float_dtype(column):
        write = percent if _is_share(column) else _precision(column)
        write = _p_value if P_NAME.match(str(column.name)) else write
    texts = [MISSING if _missing(value) else (write or number)(value) for value in column.tolist()]
    return [safe(text) for text in (_in_line(texts) if is_number else texts)]


def _readable(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table whose columns of names hold words instead."""
    turned = table.copy()
    for column in table:
        if str(column) in NAME_COLUMNS and not pd.api.types.is_numeric_dtype(table[column]):
            texts = [named(v) if isinstance(v, str) else v for v in table[column].tolist()]
            turned[column] = pd.Series(texts, index=table.index, dtype=object)
    return turned


def _is_written(column: pd.Series) -> bool:
    """Tell whether a column of texts holds numbers with their units, and nothing else."""
    if pd.api.types.is_numeric_dtype(column):
        return False
    texts = [str(value) for value in column.tolist() if not _missing(value) and str(value).strip()]
    found = [text for text in texts if text not in (MISSING, SUPPRESSED)]
    return bool(found) and all(QUANTITY.match(text) for text in found)


def _in_line(texts: Sequence[str]) -> list[str]:
    """Stand numbers in line on their points where they share a unit; else at the right alone."""
    found = [match for text in texts if (match := QUANTITY.match(text))]
    units = {(m["before"] or m["currency"] or "", m["unit"] or "") for m in found}
    return aligned(texts) if len(units) <= 1 else list(texts)


def _is_share(column: pd.Series) -> bool:
    """Tell from name and values whether a column holds shares of a whole."""
    parts = str(column.name).replace("_", " ").split()
    within = bool(column.dropna().between(-1, 1).all())
    return within and bool({"share", "rate"} & set(parts)) and not RATIO_WORDS & set(parts)


def _p_value(p: float) -> str:
    """Write a p-value."""
    return f"< {SMALLEST_P}" if p < SMALLEST_P else f"{p:.4f}"


def _missing(value: Any) -> bool:
    """Tell a missing value from a list or a text."""
    return value is None or value is pd.NA or value is pd.NaT or value != value


def _precision(column: pd.Series) -> Callable[[Any], str]:
    """Choose the digits so that the largest value shows four significant ones.

    A column of several magnitudes (0.05 beside 100) gets them value by value; the decimal points
    stand in line all the same.
    """
    sizes = column.abs()[column.notna() & (column != 0)].astype(float)
    if len(sizes) and sizes.max() > WIDEST_RANGE * sizes.min():
        return lambda value: f"{value:,.{_digits(abs(value))}f}"
    whole = bool((column.dropna() % 1 == 0).all())
    digits = 0 if whole else _digits(float(sizes.max()))
    return lambda value: f"{value:,.{digits}f}"


def _digits(size: float) -> int:
    """Return the decimals that show four significant digits of a number of this size."""
    return 0 if size >= 1000 else 1 if size >= 100 else 2 if size >= 10 else 4


def _cell(text: str, is_number: bool) -> str:
    """Return one table cell."""
    if is_number:
        return f'<td class="number" style="text-align:right">{text}</td>'
    return f'<td class="text" style="text-align:left">{text}</td>'


def _html(html: str, plain: str, about: Mapping[str, Any] | None = None) -> None:
    """Publish HTML that this module built, with a plain text beside it."""
    from IPython.display import display

    metadata = {"text/html": dict(about)} if about else {}
    display({"text/html": html, "text/plain": plain}, raw=True, metadata=metadata)
