"""Which canonical columns are stored, and what a line's key may hold."""

from __future__ import annotations

import duckdb
import pytest

from retention.ingest.identity import collect_people
from retention.ingest.judge import judge
from retention.ingest.keying import (
    MAXIMUM_PLACE,
    ORDER_APART,
    columns_of,
    stored_column,
    stored_columns,
    told_columns,
)
from retention.ingest.keys import KeyRing
from retention.ingest.row_status import Judged
from retention.tables import get

LINES = get("order_lines")
GIVEN = {"order_line_key", "order_key", "line_place", "quantity", "source_record_id"}
ORIGIN = {"source": "some_shop", "batch_id": "abc"}


@pytest.fixture
def connection():
    """A connection with a key."""
    with duckdb.connect() as opened:
        KeyRing((b"k" * 32,)).install(opened)
        opened.execute("CREATE MACRO shop_clock(value) AS value")
        yield opened


def line_key(connection, order: str, place: str) -> str:
    """Return the key of a line that is given by its order and its place."""
    column = stored_column(LINES["order_line_key"], GIVEN, "", "order_line_key")
    return connection.execute(
        f"SELECT {column} FROM (SELECT {order} AS order_key, {place} AS line_place, "
        "'shop:1001:7' AS order_line_key, 'record' AS source_record_id) AS m"
    ).fetchall()[0][0]


def order_key(connection) -> str:
    """Return the pseudonym of the order of these lines."""
    return connection.execute("SELECT record_key('order', 'shop:1001')").fetchall()[0][0]


def test_a_lines_short_number_follows_its_orders_pseudonym(connection):
    assert line_key(connection, "'shop:1001'", "7") == f"{order_key(connection)}:7"


@pytest.mark.parametrize("place", ["NULL", "-1", str(MAXIMUM_PLACE + 1)])
def test_a_line_without_a_short_number_has_a_pseudonym_of_its_own(connection, place):
    key = line_key(connection, "'shop:1001'", place)
    expected = connection.execute("SELECT record_key('order_line', 'shop:1001:7')").fetchall()
    assert key == expected[0][0]


def test_a_line_of_no_order_has_a_pseudonym_of_its_own(connection):
    assert ":" not in line_key(connection, "NULL", "7")


def test_what_is_the_same_in_every_row_is_told_instead_of_stored():
    told = told_columns(LINES, GIVEN, "", ORIGIN)
    assert told["source"] == "CAST('some_shop' AS ENUM ('some_shop'))"
    assert told["is_made_to_order"] == "CAST(NULL AS BOOLEAN)"
    assert not {"order_line_key", "quantity"} & set(told)


@pytest.mark.parametrize(
    ("order", "place"),
    [("'shop:1001'", "7"), ("'shop:1001'", "NULL"), ("'shop:1001'", "-1"), ("NULL", "7")],
)
def test_the_order_of_a_line_is_told_whether_or_not_its_key_begins_with_it(
    connection, order, place
):
    told = told_columns(LINES, GIVEN, "", ORIGIN)
    stored = stored_columns(LINES, GIVEN, "", told)
    assert "order_key" not in stored
    named = ", ".join(stored[name] for name in ("order_line_key", ORDER_APART))
    found = connection.execute(
        f"SELECT {told['order_key']} FROM (SELECT {named} FROM (SELECT {order} AS order_key, "
        f"{place} AS line_place, 'shop:1001:7' AS order_line_key) AS m)"
    ).fetchall()[0][0]
    assert found == (None if order == "NULL" else order_key(connection))


def test_an_order_line_table_without_places_stores_its_orders():
    given = GIVEN - {"line_place"}
    told = told_columns(LINES, given, "", ORIGIN)
    assert {"order_key", "order_line_key"} <= set(stored_columns(LINES, given, "", told))


def test_seconds_follow_from_the_time_they_stand_for():
    told = told_columns(get("orders"), {"order_key", "ordered_at"}, "customer_key", ORIGIN)
    assert told["ordered_epoch_s"] == "CAST(epoch(shop_clock(ordered_at)) AS BIGINT)"
    assert "customer_key" not in told


def test_what_a_mapping_gives_alike_in_every_row_is_told_too():
    told = told_columns(LINES, GIVEN, "", ORIGIN, {"quantity": "CAST('1' AS BIGINT)"})
    assert told["quantity"] == "CAST('1' AS BIGINT)"


def test_a_record_without_an_id_of_its_own_has_its_rows_key_alone(connection):
    column = stored_column(LINES["source_record_id"], GIVEN, "", "order_line_key")
    row = "SELECT 'shop:1001:7' AS order_line_key, '1001:7' AS source_record_id"
    stored = connection.execute(f"SELECT {column} FROM ({row}) AS m").fetchall()[0][0]
    assert stored is None
    row = "SELECT 'shop:1001:7' AS order_line_key, 'gid/77' AS source_record_id"
    assert connection.execute(f"SELECT {column} FROM ({row}) AS m").fetchall()[0][0] is not None


def test_a_column_that_no_mapping_gives_is_judged_as_missing_whatever_others_are_called(connection):
    """``currency`` is told as NULL although ``value_currency`` is stored."""
    connection.execute("""CREATE TABLE mapped AS SELECT 'shop:1:1' AS order_line_key,
        'shop:1' AS order_key, 'p' AS product_key, 1 AS quantity, 100 AS unit_price_minor,
        0 AS line_discount_minor, 100 AS line_net_minor, 2 AS line_no,
        TIMESTAMP '2025-01-01' AS occurred_at, 100 AS value_minor, 'USD' AS value_currency,
        NULL AS exclusion, CAST([] AS VARCHAR[]) AS reasons, '1:1' AS source_record_id""")
    given = columns_of(connection, "mapped")
    made = Judged("judged", LINES, True, told_columns(LINES, given, "", ORIGIN))
    judge(connection, made, "mapped", given, "")
    reasons, fate = connection.execute("SELECT reasons, fate FROM judged").fetchall()[0]
    assert reasons == ["missing_value:currency"]
    assert fate == "quarantined"


def test_people_are_looked_up_in_stretches_too(connection):
    """Each stretch is made on a connection of its own, which sees no temporary table."""
    connection.execute("CREATE TABLE landed AS SELECT range + 2 AS line_no FROM range(9)")
    connection.execute("""CREATE TABLE mapped AS SELECT line_no, 'k' || line_no AS ticket_key,
        TIMESTAMP '2025-01-01' AS opened_at, TIMESTAMP '2025-01-01' AS occurred_at,
        0 AS value_minor, NULL AS value_currency, NULL AS exclusion, NULL::VARCHAR[] AS reasons,
        'u' || line_no || '@x.example' AS identity_email, NULL::VARCHAR AS identity_phone,
        NULL::VARCHAR AS identity_platform_id, NULL::VARCHAR AS identity_name,
        NULL::VARCHAR AS identity_postcode FROM landed""")
    connection.execute("SET threads = 2")
    collect_people(connection, KeyRing((b"k" * 32,)), ["mapped"], "helpdesk")
    given, table = columns_of(connection, "mapped"), get("tickets")
    found = []
    for name, in_stretches in (("at_once", False), ("stretched", True)):
        made = Judged(name, table, True, told_columns(table, given, "customer_key", ORIGIN))
        judge(connection, made, "mapped", given, "customer_key", in_stretches=in_stretches)
        query = f"SELECT ticket_key, customer_key FROM {name} ORDER BY line_no"
        found.append(connection.execute(query).fetchall())
    assert found[0] == found[1]
    assert len({customer for _, customer in found[1] if customer}) == 9
