"""An effect is written in the unit of its outcome."""

from __future__ import annotations

import pandas as pd

from retention.uplift import average_lift, trial_from_frame


def test_shares_differ_by_points_and_money_bears_its_currency():
    frame = pd.DataFrame(
        {
            "unit_key": [f"u{i}" for i in range(8)],
            "arm": ["control", "email_gift"] * 4,
            "purchased": [0, 1, 0, 1, 1, 1, 0, 0],
            "revenue": [0.0, 10.0, 0.0, 20.0, 5.0, 5.0, 0.0, 0.0],
            "orders": [0, 1, 0, 2, 1, 1, 0, 0],
        }
    )
    outcomes = ["purchased", "revenue", "orders"]
    trial = trial_from_frame(frame, control="control", outcomes=outcomes)
    lift = average_lift(trial, outcomes, currency="EUR")
    assert [metric.unit for metric in lift.metrics()] == ["share", "EUR", ""]
    table = lift.written()
    assert table["with it"].tolist() == ["75.00 %", "EUR 8.75", "1"]
    assert table["lift"].tolist() == ["+50.00 points", "EUR +7.50", "+0.75"]
    assert table["95 % interval"][0].endswith(" points")
    assert table["95 % interval"][1].count("EUR") == 1
    assert "EUR +7.50" in lift.summary()
