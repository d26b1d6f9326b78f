"""The three kinds of customer the shop has, and how each of them buys."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Persona:
    """How one kind of customer buys; rates are per year, shares are fractions.

    Parameters
    ----------
    share
        Share of all customers.
    rate_shape, rate_mean
        Gamma distribution of the purchase rate (purchases per year).
    dropout
        Beta distribution (a, b) of the chance to leave after a purchase.
    budget
        Mean standing on the price scale, in standard deviations.
    extra_lines
        Mean number of lines beyond the first.
    gift, discount
        Beta distributions of the share of gift orders and of orders with a code.
    occasions
        Height of each gift occasion above ordinary days.
    tastes
        Weight of each category, in the order of the vocabulary.
    sleeping_dog
        Share whom a discount offends: it makes them buy less.
    """

    name: str
    share: float
    rate_shape: float
    rate_mean: float
    dropout: tuple[float, float]
    budget: float
    extra_lines: float
    gift: tuple[float, float]
    discount: tuple[float, float]
    occasions: dict[str, float]
    tastes: tuple[float, ...]
    sleeping_dog: float


PERSONAS: tuple[Persona, ...] = (
    Persona(
        name="Discerning Collector", share=0.18, rate_shape=2.4, rate_mean=5.0, dropout=(1.0, 4.4),
        budget=1.2, extra_lines=0.5, gift=(0.6, 11.0), discount=(0.5, 18.0),
        occasions={"mothers_day": 0.2, "december": 0.6, "valentine": 0.1},
        tastes=(0.22, 0.36, 0.14, 0.22, 0.02, 0.04), sleeping_dog=0.7,
    ),
    Persona(
        name="Trendsetting Millennial", share=0.33, rate_shape=1.3, rate_mean=3.0,
        dropout=(0.9, 1.2), budget=-0.2, extra_lines=0.6, gift=(1.0, 9.0), discount=(3.6, 4.0),
        occasions={"mothers_day": 0.6, "december": 1.2, "valentine": 0.5},
        tastes=(0.36, 0.08, 0.28, 0.05, 0.06, 0.17), sleeping_dog=0.04,
    ),
    Persona(
        name="Gift-Giving Enthusiast", share=0.49, rate_shape=1.0, rate_mean=1.7,
        dropout=(1.0, 0.85), budget=-0.4, extra_lines=0.9, gift=(7.0, 2.6), discount=(1.2, 7.6),
        occasions={"mothers_day": 3.5, "december": 5.0, "valentine": 2.0},
        tastes=(0.18, 0.10, 0.13, 0.08, 0.23, 0.28), sleeping_dog=0.05,
    ),
)  # fmt: skip


def draw_by_persona(
    persona: NDArray[np.int8],
    first: NDArray[np.float64],
    second: NDArray[np.float64],
    kind: str,
    random: np.random.Generator,
) -> NDArray[np.float64]:
    """Draw a value per customer from its persona's gamma(shape, mean) or beta(a, b)."""
    if kind == "gamma":
        shape = first[persona]
        return random.gamma(shape, second[persona] / shape)
    return random.beta(first[persona], second[persona])
