"""Words by which shop tools name the state of an order, and time zones."""

from __future__ import annotations

_STATES = {
    "paid": """paid, completed, complete, processing, shipped, delivered, dispatched, fulfilled,
        partially fulfilled, unfulfilled, partially shipped, sent, succeeded, success, successful,
        captured, settled, closed, open, unshipped, in transit, picked up, ready for pickup,
        ready to ship, awaiting fulfillment, awaiting shipment, awaiting pickup, partially refunded,
        partially_refunded, partial refund, partial_refund, payment accepted, payment received,
        processing in progress, paid out, approved, bezahlt, abgeschlossen, versandt, payé, pagado,
        pagato""",
    "pending": """pending, pending payment, awaiting payment, payment pending, unpaid, on hold,
        on-hold, holded, authorized, authorised, partially paid, partially_paid, not paid, not_paid,
        incomplete, draft, checkout-draft, created, new, payment review, payment_review, in process,
        pending_payment, manual verification required, requires payment method, uncaptured, offen,
        en attente""",
    "cancelled": """cancelled, canceled, cancelled by customer, voided, void, failed, declined,
        denied, rejected, expired, payment error, suspected fraud, fraud, trash, reversed, removed,
        storniert, annulé, cancelado, annullato""",
    "refunded": """refunded, fully refunded, full refund, returned, chargeback, charged back,
        erstattet, remboursé, reembolsado, rimborsato""",
}

ORDER_STATUS = {
    " ".join(word.split()): state for state, words in _STATES.items() for word in words.split(",")
}
"""A tool's word for the state of an order, in small letters → the canonical one."""

LABELS: dict[tuple[str, str], dict[str, str]] = {("orders", "status"): ORDER_STATUS}
"""Labels that are known of a column whatever a declaration lists itself."""

_NAMED = """Pacific Time (US & Canada) = America/Los_Angeles
    Mountain Time (US & Canada) = America/Denver
    Central Time (US & Canada) = America/Chicago
    Eastern Time (US & Canada) = America/New_York
    Atlantic Time (Canada) = America/Halifax
    Arizona = America/Phoenix
    Hawaii = Pacific/Honolulu
    Alaska = America/Anchorage
    London = Europe/London
    Dublin = Europe/Dublin
    Paris = Europe/Paris
    Madrid = Europe/Madrid
    Berlin = Europe/Berlin
    Tokyo = Asia/Tokyo
    Sydney = Australia/Sydney
    Melbourne = Australia/Melbourne
    Brisbane = Australia/Brisbane
    Adelaide = Australia/Adelaide
    Perth = Australia/Perth
    Hobart = Australia/Hobart"""

ZONES = {
    name.strip().lower(): zone.strip()
    for name, _, zone in (line.partition("=") for line in _NAMED.splitlines())
}
"""A tool's name for the zone of a local time, in small letters → its IANA name."""

_HOURS = """pst -8, pdt -7, mst -7, mdt -6, cst -6, cdt -5, est -5, edt -4, gmt 0, utc 0, bst 1,
    wet 0, west 1, cet 1, cest 2, mez 1, mesz 2, eet 2, eest 3, jst 9, aest 10, aedt 11, awst 8,
    nzst 12, nzdt 13"""

OFFSETS = {name: int(hours) for name, hours in (pair.split() for pair in _HOURS.split(","))}
"""A zone's abbreviation, in small letters → its hours from UTC."""
