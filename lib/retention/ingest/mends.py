"""What to do about each code: a reason why a row was refused, or an exclusion by rule."""

from __future__ import annotations

from retention.ingest.codes import Exclusion, Reason
from retention.sources.codes import MENDS as SOURCE_MENDS

MENDS: dict[str, str] = {
    **{str(code): text for code, text in SOURCE_MENDS.items()},
    Reason.MISSING: "Fill the column in the export, or export the record whole.",
    Reason.NOT_IN_SET: "Use one of the lawful values that the data dictionary lists.",
    Reason.BELOW_MINIMUM: "Correct the value: it may not be that small.",
    Reason.DUPLICATE_KEY: "Two different records carry one key, and the first holds. Ask the "
    "platform why, or give each shop a shop_id of its own.",
    Reason.ORPHAN: "Export the file that holds the order as well, for the same period.",
    Reason.ORDER_REFUSED: "Mend the order's own record; its lines then come in by themselves.",
    Reason.BAD_CURRENCY: "Write the currency as its ISO 4217 code, such as USD.",
    Reason.IN_FUTURE: "Correct the year, or name the order of day and month in the params.",
    Reason.BEFORE_ERA: "Correct the year: a date before 1990 is a default, not a day of sale.",
    Reason.MONEY_DISAGREES: "Correct the amounts so that net = gross - discount - refunded.",
    Reason.AMOUNT_ABSURD: "Correct the amount or its unit: more than a billion is no sale.",
    Reason.NO_IDENTITY: "Export e-mail, telephone or platform id with the record.",
    Exclusion.ERASED_PERSON: "Declared: this person asked to be forgotten.",
    Exclusion.PAST_RETENTION: "Declared: the record is older than the law lets it be kept.",
    Exclusion.EXACT_REPEAT: "Nothing to correct: the same record is counted once.",
    Exclusion.OLDER_COPY: "Nothing to correct: another copy in the file tells a later state.",
    Exclusion.OTHER_CURRENCY: "Declared: amounts of two currencies are not added. Give dated rates "
    "(source `fx_rates`: date, from, to, rate).",
    Exclusion.NOT_MAPPED: "Declared: the record has no place in the canonical tables.",
}
"""What to do about each code, in one sentence."""

FALLBACK = "Open the original record with the key (`retention access`) and mend it in the export."


def mend_of(reason: str) -> str:
    """Return what to do about a reason such as ``missing_value:order_key``.

    Examples
    --------
    >>> mend_of("record_broken:nul_byte")
    'Remove the NUL bytes; the file was damaged or is not a text file.'
    """
    code, _, place = reason.partition(":")
    return MENDS.get(place if code == Reason.RECORD_BROKEN else code, FALLBACK)
