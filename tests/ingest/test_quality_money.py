"""Findings that show a file misread as a whole: refunds, tax, columns that never vary."""

from __future__ import annotations

import pandas as pd
import pytest

from retention.engine import Engine
from retention.ingest.quality_money import money_checks
from retention.results import Status


def orders(count=40, **columns):
    frame = pd.DataFrame({
        "order_key": [f"o{n}" for n in range(count)], "source": "shop_orders", "currency": "EUR",
        "status": "paid", "gross_minor": 5000, "discount_minor": 0, "refunded_minor": 0,
        "tax_minor": 0, "tax_in_prices": False,
    })  # fmt: skip
    frame = frame.assign(**columns)
    return frame.assign(net_minor=frame.gross_minor - frame.discount_minor - frame.refunded_minor)


def refunds(amounts):
    rows = [(f"o{n}", amount) for n, amount in enumerate(amounts)]
    return pd.DataFrame(rows, columns=["order_key", "amount_minor"])


@pytest.fixture
def found(request):
    def run(frame, listed=None):
        engine = Engine(threads=1)
        request.addfinalizer(engine.close)
        engine.register("orders", frame)
        if listed is not None:
            engine.register("refunds", listed)
        return {check.code: check for check in money_checks(engine)}

    return run


def test_a_sound_shop_gives_no_warning(found):
    some = [5000] * 3 + [0] * 37
    checks = found(orders(refunded_minor=some), refunds([6000] * 3))
    assert {check.status for check in checks.values()} == {Status.PASS}


@pytest.mark.parametrize(("columns", "words"), [
    ({"refunded_minor": 5000}, "every order of shop_orders has a refund"),
    ({"refunded_minor": [2500] * 39 + [0]}, "of the value of shop_orders was refunded"),
    ({"refunded_minor": [-100] + [0] * 39}, "net more than they cost"),
    ({"status": "pending"}, "no order of shop_orders is paid"),
])  # fmt: skip
def test_a_column_that_was_misread_is_suspected(found, columns, words):
    check = found(orders(**columns))["money_plausible"]
    assert check.status is Status.WARN
    assert words in check.detail


@pytest.mark.parametrize(("by_order", "by_list"), [(5000, 3000), (0, 5000)])
def test_orders_and_list_of_refunds_that_disagree_are_told_by_how_much(found, by_order, by_list):
    frame = orders(refunded_minor=[by_order] + [0] * 39)
    check = found(frame, refunds([by_list]))["refunds_agree"]
    assert check.status is Status.WARN
    assert f"EUR {by_order / 100:.2f} by the orders" in check.detail
    assert f"EUR {by_list / 100:.2f} by the list" in check.detail


def test_the_convention_of_prices_is_told_by_source(found):
    within = found(orders(tax_minor=500, tax_in_prices=True))["tax_convention"]
    assert within.status is Status.PASS
    assert "Prices of shop_orders contain tax" in within.detail
    mixed = found(orders(tax_minor=500, tax_in_prices=[True] * 10 + [False] * 30))
    assert mixed["tax_convention"].status is Status.WARN
    assert "are without tax (10 of 40" in mixed["tax_convention"].detail
