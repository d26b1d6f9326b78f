"""Named codes of what can be wrong with a record or a value, each with its mend."""

from __future__ import annotations

from enum import StrEnum


class BrokenCode(StrEnum):
    """Why a record could not be split into columns."""

    COLUMN_COUNT = "column_count"
    STRAY_QUOTE = "stray_quote"
    UNTERMINATED_QUOTE = "unterminated_quote"
    NUL_BYTE = "nul_byte"
    STRAY_CARRIAGE_RETURN = "stray_carriage_return"
    UNREADABLE_TEXT = "unreadable_text"
    REPEATED_HEADER = "repeated_header"
    RECORD_TOO_LONG = "record_too_long"
    UNREADABLE_JSON = "unreadable_json"
    UNEVALUATED_FORMULA = "unevaluated_formula"


class ReasonCode(StrEnum):
    """Why a value or a row is unlawful in its source; written ``code:Column``."""

    UNREADABLE_TIME = "unreadable_time"
    UNREADABLE_MONEY = "unreadable_money"
    UNREADABLE_NUMBER = "unreadable_number"
    UNREADABLE_FLAG = "unreadable_flag"
    UNKNOWN_LABEL = "unknown_label"
    MISSING_VALUE = "missing_value"
    DUPLICATE_LINE = "duplicate_line"
    ZERO_PRICE = "zero_price"
    STOCK_ADJUSTMENT = "stock_adjustment"
    ORPHAN_LINE = "orphan_line"
    CONTRADICTORY_ARM = "contradictory_arm"
    REPEATED_UNIT = "repeated_unit"


class ExclusionCode(StrEnum):
    """Why a lawful row is left out by declaration."""

    TEST_ORDER = "test_order"
    AGGREGATE_ROW = "aggregate_row"
    OTHER_EVENT = "other_event"
    OTHER_RECORD = "other_record"
    REFUND_ROW = "refund_row"
    PAYMENT = "payment"


MENDS: dict[str, str] = {
    BrokenCode.COLUMN_COUNT: "Give the record as many columns as the header has.",
    BrokenCode.STRAY_QUOTE: "Double every quote inside a quoted field and quote the whole field.",
    BrokenCode.UNTERMINATED_QUOTE: "Close the quote, or double it if it belongs to the text.",
    BrokenCode.NUL_BYTE: "Remove the NUL bytes; the file was damaged or is not a text file.",
    BrokenCode.STRAY_CARRIAGE_RETURN: "Quote the field that holds the carriage return.",
    BrokenCode.UNREADABLE_TEXT: "Export again in UTF-8, or name the file's encoding in the params.",
    BrokenCode.REPEATED_HEADER: "Nothing to mend: a header inside the file is no record.",
    BrokenCode.RECORD_TOO_LONG: "Look for a quote that is never closed.",
    BrokenCode.UNREADABLE_JSON: "Write one JSON object per line.",
    BrokenCode.UNEVALUATED_FORMULA: "Open and save the workbook, so that formulas have values.",
    ReasonCode.UNREADABLE_TIME: "Write the time as 2024-05-31 10:00:00 +0200.",
    ReasonCode.UNREADABLE_MONEY: "Write the amount as 1234.56, without exponent or words.",
    ReasonCode.UNREADABLE_NUMBER: "Write a plain number.",
    ReasonCode.UNREADABLE_FLAG: "Write yes or no.",
    ReasonCode.UNKNOWN_LABEL: "Use one of the labels that the format knows.",
    ReasonCode.MISSING_VALUE: "Fill the column.",
    ReasonCode.DUPLICATE_LINE: "Nothing to mend: the same line is accepted once.",
    ReasonCode.ZERO_PRICE: "A line without a price is no sale; correct the price if it was one.",
    ReasonCode.STOCK_ADJUSTMENT: "Keep stock and debt bookings out of the export of sales.",
    ReasonCode.ORPHAN_LINE: "Export the whole order: the row that carries its totals is missing.",
    ReasonCode.CONTRADICTORY_ARM: "Find out how one unit got into two arms; it counts in neither.",
    ReasonCode.REPEATED_UNIT: "Give one row per unit: sum up its rows before the export.",
    ExclusionCode.TEST_ORDER: "Declared: test orders are no sales.",
    ExclusionCode.AGGREGATE_ROW: "Declared: totals are computed from the rows.",
    ExclusionCode.OTHER_EVENT: "Declared: events of this kind say nothing about retention.",
    ExclusionCode.OTHER_RECORD: "Declared: records of this kind are no sales.",
    ExclusionCode.REFUND_ROW: "Declared: the row tells of a refund, which is kept as one.",
    ExclusionCode.PAYMENT: "Declared: beside a source of orders, a payment is no second sale.",
}
"""What to do about each code, in one sentence."""
