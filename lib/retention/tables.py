"""The vocabulary: every canonical table, its columns, types, keys and units.

This is the only place that says what a column is. Contracts, the data dictionary, snapshots and
the privacy fences are all generated from it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

REMOVED = "[removed]"
"""Stands in an open text column where a value could have named a person."""

UNITS_IN_CELL = "units in cell"
"""Outcome of an experiment's row that sums up many units: how many they are."""

SQUARES = "{} squared"
"""Outcome of such a row that holds the sum of the squares of the outcome named."""


class Kind(StrEnum):
    """Storage type of a column, by its DuckDB name (all of them exist in Spark too)."""

    TEXT = "VARCHAR"
    INTEGER = "BIGINT"
    NUMBER = "DOUBLE"
    FLAG = "BOOLEAN"
    TIME = "TIMESTAMP"  # UTC, whole seconds
    TEXTS = "VARCHAR[]"
    BYTES = "BLOB"


@dataclass(frozen=True)
class Column:
    """One column of a canonical table.

    Parameters
    ----------
    name
        Column name; money ends in ``_minor``, times in ``_at``, seconds since 1970 in ``_epoch_s``.
    kind
        Storage type.
    meaning
        One line for the data dictionary.
    unit
        Unit of measurement, empty where there is none.
    nullable
        Whether NULL is lawful.
    personal
        Pseudonymous personal data: may be published, never shown row by row in a report.
    protected
        Protected attribute: audits fairness, never enters a model.
    values
        The closed set of lawful values, empty where open.
    minimum
        Smallest lawful value, None where unbounded.
    free_text
        Words that a person wrote: NULL unless a parameter asks for them, and then scrubbed.
    """

    name: str
    kind: Kind
    meaning: str
    unit: str = ""
    nullable: bool = False
    personal: bool = False
    protected: bool = False
    values: tuple[str, ...] = ()
    minimum: int | float | None = None
    free_text: bool = False


@dataclass(frozen=True)
class Table:
    """One canonical table: its columns in order and the columns that identify a row."""

    name: str
    meaning: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]

    def __getitem__(self, name: str) -> Column:
        """Return the column of that name; raises KeyError where there is none."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(f"{self.name} has no column {name!r}")

    def __iter__(self) -> Iterator[Column]:
        """Iterate over the columns in their order."""
        return iter(self.columns)

    @property
    def names(self) -> tuple[str, ...]:
        """Column names in order."""
        return tuple(column.name for column in self.columns)


T, I, N, F, AT = Kind.TEXT, Kind.INTEGER, Kind.NUMBER, Kind.FLAG, Kind.TIME  # noqa: E741

ORIGIN = (
    Column("source", T, "export format the row came from"),
    Column(
        "source_record_id",
        T,
        "the row's own identifier in that export, empty where its key is made from it",
        nullable=True,
        personal=True,
    ),
    Column("batch_id", T, "the import that brought the row (see batches)"),
)


def _time(stem: str, meaning: str, *, nullable: bool = False) -> tuple[Column, Column]:
    """Return the pair of columns every instant is stored as."""
    return (
        Column(f"{stem}_at", AT, f"{meaning} (UTC, whole seconds)", nullable=nullable),
        Column(
            f"{stem}_epoch_s",
            I,
            f"{meaning}, as seconds since 1970 on the shop's clock",
            "s",
            nullable,
        ),
    )


def _money(stem: str, meaning: str, *, nullable: bool = False) -> Column:
    """Return a money column in minor units of the row's ``currency``."""
    return Column(f"{stem}_minor", I, meaning, "minor units of currency", nullable)


CUSTOMER = Column("customer_key", T, "pseudonym of the person", personal=True)
CUSTOMER_OR_NONE = Column(
    "customer_key", T, "pseudonym of the person, where known", nullable=True, personal=True
)
CURRENCY = Column("currency", T, "ISO 4217 code of the row's money")
PRECISION = Column(
    "time_precision", T, "what the source knows of the time", values=("second", "day")
)


def _table(name: str, meaning: str, key: str, *columns: Column | tuple[Column, ...]) -> Table:
    """Flatten column groups and append the origin columns that every table carries."""
    flat = [c for item in columns for c in (item if isinstance(item, tuple) else (item,))]
    return Table(name, meaning, tuple(key.split()), (*flat, *ORIGIN))


TABLES: dict[str, Table] = {
    table.name: table
    for table in (
        _table(
            "customers", "One row per person, pseudonymous.", "customer_key",
            CUSTOMER,
            _time("first_seen", "earliest trace of the person", nullable=True),
            Column("country", T, "country as the source names it", nullable=True, protected=True),
            Column("channel", T, "where the person was acquired", nullable=True),
            Column("is_guest", F, "bought without an account, or is known by a name alone"),
            Column("identity_confidence", T, "what the identity rests on",
                   values=("email", "phone", "platform_id", "name_only")),
            Column("birth_year", I, "year of birth, where lawfully held", "year", True, True, True),
            Column("gender", T, "gender, where lawfully held", "", True, True, True),
        ),
        _table(
            "orders", "One row per order.", "order_key",
            Column("order_key", T, "pseudonym of the order"),
            CUSTOMER_OR_NONE,
            Column("shop_id", T, "shop the order was placed in"),
            _time("ordered", "when the order was placed"),
            PRECISION,
            Column("shop_tz", T, "time zone the shop reports in"),
            Column("status", T, "state of the order",
                   values=("paid", "pending", "cancelled", "refunded")),
            CURRENCY,
            _money("gross", "list value of the lines, before discount, without tax and shipping"),
            _money("discount", "discounts and coupons, as a positive amount"),
            _money("shipping", "shipping charged"),
            _money("tax", "tax charged by the shop"),
            _money("marketplace_tax", "tax collected and remitted by the marketplace"),
            Column("tax_in_prices", F, "the export's prices contained the tax; it has been taken "
                   "out of gross, discount, refunded and net", nullable=True),
            _money("refunded", "refunds to date, as a positive amount"),
            _money("net", "gross - discount - refunded: what the shop keeps of the goods"),
            Column("is_gift", F, "marked as a gift", nullable=True),
            Column("delivered_late", F, "arrived after the promised date", nullable=True),
        ),
        _table(
            "order_lines", "One row per product line of an order.", "order_line_key",
            Column("order_line_key", T, "identifier of the line"),
            Column("order_key", T, "order the line belongs to"),
            Column("product_key", T, "identifier of the product"),
            Column("sku", T, "the shop's own stock code", nullable=True),
            Column("category", T, "product category", nullable=True),
            Column("quantity", I, "pieces; negative on returns", "pieces"),
            CURRENCY,
            _money("unit_price", "price of one piece"),
            _money("line_discount", "discount on the line, as a positive amount"),
            _money("line_net", "quantity x unit price - line discount"),
            Column("is_made_to_order", F, "made after it was ordered", nullable=True),
        ),
        _table(
            "refunds", "One row per refund.", "refund_key",
            Column("refund_key", T, "identifier of the refund"),
            Column("order_key", T, "order that was refunded"),
            _time("refunded", "when the money went back", nullable=True),
            CURRENCY,
            _money("amount", "amount paid back, positive, with the shipping and tax in it"),
            Column("dating", T, "whether the refund's date is known", values=("exact", "unknown")),
        ),
        _table(
            "events", "One row per web event.", "event_key",
            Column("event_key", T, "identifier of the event"),
            CUSTOMER_OR_NONE,
            Column("anon_key", T, "pseudonym of the browser", nullable=True, personal=True),
            Column("session_key", T, "pseudonym of the visit", nullable=True),
            Column("event_name", T, "what happened (view_item, add_to_cart, exit_intent ...)"),
            _time("event", "when it happened"),
            Column("product_key", T, "product concerned", nullable=True),
            Column("order_key", T, "order concerned", nullable=True),
            Column("value", N, "value the source attached", nullable=True),
        ),
        _table(
            "touches", "One row per message event: sent, opened, clicked ...", "touch_key",
            Column("touch_key", T, "identifier of the touch"),
            CUSTOMER,
            Column("campaign_key", T, "campaign or flow the message belongs to", nullable=True),
            Column("channel", T, "how it was sent", values=("email", "sms", "push", "post")),
            Column("kind", T, "what happened", values=(
                "sent", "delivered", "opened", "clicked", "bounced", "unsubscribed", "complained")),
            _time("touched", "when it happened"),
            Column("is_machine_open", F, "opened by a privacy proxy, not a person", nullable=True),
        ),
        _table(
            "assignments", "One row per unit and experiment: who was given which arm.",
            "experiment_key unit_key",
            Column("experiment_key", T, "the experiment"),
            Column("unit_key", T, "unit of randomisation, usually a customer_key", personal=True),
            Column("arm", T, "arm the unit was assigned to"),
            _time("assigned", "when the arm was drawn", nullable=True),
            Column("propensity", N, "probability of that arm by design", "share", True, minimum=0),
            Column("stratum", T, "stratum of the randomisation", nullable=True),
            _time("exposed", "when the unit first met the treatment", nullable=True),
            Column("cluster_key", T, "pseudonym of what was drawn as one (household, shop), where "
                   "units were not drawn one by one", nullable=True),
        ),
        _table(
            "outcomes", "One row per unit and metric, where the export brings outcomes itself.",
            "experiment_key unit_key metric",
            Column("experiment_key", T, "the experiment"),
            Column("unit_key", T, "unit of randomisation", personal=True),
            Column("metric", T, "name of the outcome (visit, conversion, spend ...)"),
            Column("value", N, "its value; money in major units", nullable=True),
        ),
        _table(
            "covariates", "One row per unit and pre-treatment attribute that the export brings.",
            "experiment_key unit_key name",
            Column("experiment_key", T, "the experiment"),
            Column("unit_key", T, "unit of randomisation", personal=True),
            Column("name", T, "name of the attribute"),
            Column("value_number", N, "its value, where it is a number", nullable=True),
            Column("value_text", T, "its value, where it is a label", nullable=True),
        ),
        _table(
            "surveys", "One row per survey answer.", "response_key",
            Column("response_key", T, "identifier of the answer"),
            CUSTOMER_OR_NONE,
            Column("instrument", T, "which survey (nps, post_purchase, exit_intent ...)"),
            Column("score", N, "score given, where the survey asks for one", nullable=True),
            Column("reason_code", T, "reason chosen from the list", nullable=True),
            _time("answered", "when it was answered"),
            Column("comment", T, "what the person wrote, scrubbed; only if asked for",
                   nullable=True, personal=True, free_text=True),
        ),
        _table(
            "tickets", "One row per help-desk ticket.", "ticket_key",
            Column("ticket_key", T, "identifier of the ticket"),
            CUSTOMER_OR_NONE,
            _time("opened", "when it was opened"),
            _time("first_response", "when it was first answered", nullable=True),
            _time("closed", "when it was closed", nullable=True),
            Column("reason_code", T, "reason as classified by the desk", nullable=True),
            Column("subject", T, "what the person wrote, scrubbed; only if asked for",
                   nullable=True, personal=True, free_text=True),
        ),
        _table(
            "consents", "One row per change of consent; the latest change holds.",
            "customer_key purpose changed_epoch_s state",
            CUSTOMER,
            Column("purpose", T, "what the consent is for",
                   values=("analytics", "marketing_email", "marketing_sms", "profiling")),
            Column("state", T, "what the person said", values=("granted", "withdrawn")),
            _time("changed", "when it was said"),
            Column("basis", T, "legal basis", values=(
                "consent", "contract", "legitimate_interest", "unknown")),
        ),
        _table(
            "costs", "One row per cost.", "cost_key",
            Column("cost_key", T, "identifier of the cost"),
            _time("incurred", "when it fell due"),
            Column("kind", T, "what for (advertising, goods, message, discount, tool ...)"),
            Column("scope_type", T, "what it belongs to",
                   values=("shop", "campaign", "channel", "product", "order")),
            Column("scope_key", T, "which one", nullable=True),
            CURRENCY,
            _money("amount", "amount, positive"),
        ),
        _table(
            "contracts", "One row per subscription or tier of a loyalty programme.", "contract_key",
            Column("contract_key", T, "identifier of the contract"),
            CUSTOMER,
            Column("kind", T, "what was agreed", values=("subscription", "loyalty_tier")),
            _time("started", "when it began"),
            _time("ended", "when it ended or was cancelled; empty while it runs", nullable=True),
        ),
        _table(
            "scores", "One row per score that another system gave a person.", "score_key",
            Column("score_key", T, "identifier of the score"),
            CUSTOMER,
            Column("model", T, "which system or model gave it (legacy_crm ...)"),
            Column("score", N, "the score on its own scale; higher means likelier to leave"),
            _time("scored", "when it was given"),
        ),
        _table(
            "declared_links", "One row per side of a statement that two identities are one person.",
            "link_key side",
            Column("link_key", T, "pseudonym of the statement"),
            Column("side", T, "which of the two identities the row is for",
                   values=("one", "other")),
            CUSTOMER,
            Column("identity_confidence", T, "what kind of identity was named",
                   values=("email", "phone", "platform_id", "name_only")),
            Column("state", T, "whether the two were joined or parted; the latest word holds",
                   values=("linked", "unlinked")),
            _time("declared", "when it was said"),
            Column("declared_by", T, "who said so, by role",
                   values=("customer", "help_desk", "shop", "system")),
        ),
        _table(
            "identity_links",
            "One row per weaker identity: whose it is, and by which rule. Reversible: it is made "
            "anew with every snapshot, from what was seen and declared.", "token",
            Column("token", T, "pseudonym of the identity", personal=True),
            CUSTOMER,
            Column("rule", T, "why the identity stands for that person", values=(
                "declared", "phone_seen_with_one_person", "platform_id_seen_with_one_person",
                "seen_with_several_people")),
            Column("candidates", I, "people that the identity was seen with", "people"),
            Column("declared_by", T, "who declared it, by role", nullable=True),
            _time("declared", "when it was declared", nullable=True),
        ),
        _table(
            "quarantine", "One row per refused row of an export, with every reason.",
            "quarantine_key",
            Column("quarantine_key", T, "import, line, table and count of the refused row"),
            Column("file", T, "file that the row stands in"),
            Column("line_no", I, "line in that file, the header being line 1", "line", True),
            Column("table_name", T, "canonical table that refused it; empty where the record could "
                   "not be split"),
            Column("reason", T, "first reason, as code:column"),
            Column("reasons", T, "every reason, separated by semicolons"),
            Column("mend", T, "what to do about the first reason"),
            Column("original_values", T, "the export's own values as JSON: dates, amounts and the "
                   "columns at fault; what could name a person is a pseudonym", nullable=True),
            Column("order_key", T, "pseudonym of the order concerned", nullable=True),
            CUSTOMER_OR_NONE,
            _time("occurred", "when the refused row says it happened", nullable=True),
            Column("currency", T, "ISO 4217 code of the refused row's money", nullable=True),
            Column("value_minor", N, "money that the refused row carries, exact to fractions",
                   "minor units of currency", True),
            Column("is_record", F, "whether the row stands for a record in the accounts"),
            Column("rule_version", T, "version of the contracts that refused it"),
        ),
        _table(
            "fx_rates", "One row per day and pair of currencies.", "rate_date currency to_currency",
            Column("rate_date", T, "day of the rate, ISO"),
            Column("currency", T, "ISO 4217 code of the currency that is converted"),
            Column("to_currency", T, "ISO 4217 code of the currency it is converted to"),
            Column("rate", N, "units of to_currency for one of currency", minimum=0),
        ),
    )
}  # fmt: skip
"""Every canonical table that a snapshot can hold, by name."""


def get(name: str) -> Table:
    """Return the table of that name.

    Raises
    ------
    KeyError
        If the vocabulary has no such table.

    Examples
    --------
    >>> get("orders").key
    ('order_key',)
    """
    return TABLES[name]
