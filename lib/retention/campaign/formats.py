"""Audience files for the tools that send, safe to open in a spreadsheet."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from retention.errors import ParameterError

DANGEROUS = ("=", "+", "-", "@", "\t", "\r")
"""First characters that a spreadsheet would take for a formula (OWASP, CSV injection)."""


@dataclass(frozen=True)
class AudienceFormat:
    """The columns that a tool imports, each with the column of ours that fills it.

    The address stands first: ``columns`` are those for e-mail; for text messages the number stands
    in its place, under the title ``phone_title``.
    """

    name: str
    columns: tuple[tuple[str, str], ...]
    phone_title: str = "Phone Number"

    def columns_for(self, channel: str) -> tuple[tuple[str, str], ...]:
        """Return the columns for a channel."""
        if channel != "sms":
            return self.columns
        return ((self.phone_title, "phone"), *self.columns[1:])


_OWN = (("Retention Journey", "journey"), ("Retention Detail", "detail"),
        ("Retention Arm", "arm"), ("Retention Hold-out", "is_hold_out"))  # fmt: skip

FORMATS: dict[str, AudienceFormat] = {
    f.name: f
    for f in (
        AudienceFormat("klaviyo", (("Email", "email"), ("First Name", "first_name"),
                                   ("Last Name", "last_name"), *_OWN)),
        AudienceFormat("mailchimp", (("Email Address", "email"), ("First Name", "first_name"),
                                     ("Last Name", "last_name"), ("Tags", "tags"))),
        AudienceFormat("hubspot", (("Email", "email"), ("First Name", "first_name"),
                                   ("Last Name", "last_name"), *_OWN)),
        AudienceFormat("generic", tuple((c, c) for c in (
            "email", "first_name", "last_name", "journey", "detail", "arm", "is_hold_out",
            "customer_key")), "phone"),
    )
}  # fmt: skip
"""Every format by name."""


def format_named(name: str) -> AudienceFormat:
    """Return the format of that name.

    Raises
    ------
    ParameterError
        If there is none.
    """
    if name not in FORMATS:
        raise ParameterError(
            f"There is no audience format {name!r}.", f"Choose one of: {', '.join(FORMATS)}.",
            column="format",
        )  # fmt: skip
    return FORMATS[name]


def rendered(people: pd.DataFrame, name: str, channel: str = "email") -> pd.DataFrame:
    """Return the people in the columns of a tool, every text made safe.

    Parameters
    ----------
    people
        ``customer_key``, ``email`` or ``phone``, ``journey, detail, arm, is_hold_out`` and, where
        known, the names.
    name
        The format.
    channel
        ``email`` or ``sms``. A telephone number keeps the plus sign that tools ask for: digits
        behind a plus sign are no formula, and nothing else may stand in it.
    """
    frame = people.copy()
    for column in ("first_name", "last_name"):
        frame[column] = frame.get(column, pd.Series("", index=frame.index)).fillna("")
    frame["is_hold_out"] = frame["is_hold_out"].map({True: "yes", False: "no"})
    frame["tags"] = _tags(frame)
    asked = format_named(name).columns_for(channel)
    columns = {
        title: _numbers(frame[source]) if source == "phone" else safe_cells(frame[source])
        for title, source in asked
    }
    return pd.DataFrame(columns).reset_index(drop=True)


def _numbers(values: pd.Series) -> pd.Series:
    """Return telephone numbers as they are; anything else is made safe as text."""
    text = values.astype("string").fillna("")
    return text.where(text.str.fullmatch(r"\+?[0-9]+"), safe_cells(text))


def safe_cells(values: pd.Series) -> pd.Series:
    """Prefix an apostrophe to text that a spreadsheet would take for a formula.

    Examples
    --------
    >>> safe_cells(pd.Series(["=1+1", "Ann"])).tolist()
    ["'=1+1", 'Ann']
    """
    text = values.astype("string").fillna("")
    return text.mask(text.str.startswith(DANGEROUS), "'" + text)


def _tags(frame: pd.DataFrame) -> pd.Series:
    """Return journey, arm, detail and hold-out as one list of tags."""
    tags = frame["journey"] + ", arm:" + frame["arm"]
    tags = tags.mask(frame["detail"] != "", tags + ", " + frame["detail"])
    return tags.mask(frame["is_hold_out"] == "yes", tags + ", hold-out")
