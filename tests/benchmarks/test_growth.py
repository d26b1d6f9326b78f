"""Growth is told as an exponent, and more than linear is called so."""

import math

import pytest
from benchmarks.growth import exponent, page


def rows(power: float) -> list[dict[str, object]]:
    return [
        {"stage": "features", "customers": n, "seconds": n**power, "processor_seconds": n**power,
         "peak_mb": 100, "answer": {}}
        for n in (1_000, 10_000, 100_000)
    ]  # fmt: skip


@pytest.mark.parametrize("power", [0.5, 1.0, 2.0])
def test_the_exponent_is_the_power_of_the_cost(power: float) -> None:
    assert exponent(rows(power), "processor_seconds") == pytest.approx(power)


def test_one_size_has_no_exponent() -> None:
    assert math.isnan(exponent(rows(1.0)[:1], "processor_seconds"))


def test_more_than_linear_growth_is_called_so() -> None:
    assert "| 2.00 | **no** |" in page(rows(2.0), {"cores": "2"})
    assert "| 1.00 | yes |" in page(rows(1.0), {"cores": "2"})
