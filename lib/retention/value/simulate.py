"""Histories drawn from the models themselves: to test recovery, and for the parametric bootstrap.

Customers are drawn together, purchase by purchase, so that cost follows the longest history and
not the number of customers.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def simulate_geometric(
    parameters: Floats, tenure: Floats, *, seed: int, coin_at_start: bool = False
) -> pd.DataFrame:
    """Draw histories from BG/NBD or, with a coin tossed at the start, MBG/NBD.

    Parameters
    ----------
    parameters
        r, alpha, a, b.
    tenure
        Time from each customer's first purchase to the as-of date.
    seed
        Seed of the draw.
    coin_at_start
        Whether a customer may drop out right after the first purchase.

    Returns
    -------
    pandas.DataFrame
        ``frequency``, ``recency``, ``tenure`` and the truth: ``rate``, ``dropout``, ``is_alive``.
    """
    random = np.random.default_rng(seed)
    r, alpha, a, b = parameters
    count = len(tenure)
    rate = random.gamma(r, 1 / alpha, count)
    dropout = random.beta(a, b, count)
    alive = random.random(count) >= dropout if coin_at_start else np.ones(count, dtype=bool)
    frequency, recency = np.zeros(count), np.zeros(count)
    active, clock = np.flatnonzero(alive), np.zeros(count)
    while len(active):
        with np.errstate(divide="ignore"):
            clock[active] += random.exponential(1.0, len(active)) / rate[active]
        active = active[clock[active] <= tenure[active]]
        frequency[active] += 1
        recency[active] = clock[active]
        lost = random.random(len(active)) < dropout[active]
        alive[active[lost]] = False
        active = active[~lost]
    return _histories(frequency, recency, tenure, rate, dropout, alive)


def simulate_pareto(parameters: Floats, tenure: Floats, *, seed: int) -> pd.DataFrame:
    """Draw histories from Pareto/NBD.

    Parameters
    ----------
    parameters
        r, alpha, s, beta; ``alpha`` and ``beta`` may be arrays (covariates), one per customer.
    tenure
        Time from each customer's first purchase to the as-of date.
    seed
        Seed of the draw.

    Returns
    -------
    pandas.DataFrame
        ``frequency``, ``recency``, ``tenure`` and the truth: ``rate``, ``dropout`` (per time
        unit), ``is_alive``.
    """
    random = np.random.default_rng(seed)
    r, alpha, s, beta = parameters
    count = len(tenure)
    rate = random.gamma(r, 1.0, count) / alpha
    dropout = random.gamma(s, 1.0, count) / beta
    with np.errstate(divide="ignore"):
        lifetime = random.exponential(1.0, count) / dropout
    observed = np.minimum(lifetime, tenure)
    frequency = random.poisson(rate * observed).astype(np.float64)
    # Given their number, purchase times are uniform: the latest of x is U**(1/x) of the span.
    latest = observed * random.random(count) ** (1 / np.maximum(frequency, 1))
    recency = np.where(frequency > 0, latest, 0.0)
    return _histories(frequency, recency, tenure, rate, dropout, lifetime > tenure)


def simulate_spend(parameters: Floats, purchases: Floats, *, seed: int) -> pd.DataFrame:
    """Draw mean purchase values from Gamma-Gamma.

    Parameters
    ----------
    parameters
        p, q, gamma.
    purchases
        Purchases that each mean rests on.
    seed
        Seed of the draw.

    Returns
    -------
    pandas.DataFrame
        ``monetary_value`` (NaN where there is no purchase) and the truth ``true_mean``.
    """
    random = np.random.default_rng(seed)
    p, q, gamma = parameters
    nu = random.gamma(q, 1 / gamma, len(purchases))
    shape = p * np.maximum(purchases, 1)
    mean = random.gamma(shape, 1 / nu) / np.maximum(purchases, 1)
    return pd.DataFrame(
        {"monetary_value": np.where(purchases > 0, mean, np.nan), "true_mean": p / nu}
    )


def _histories(
    frequency: Floats,
    recency: Floats,
    tenure: Floats,
    rate: Floats,
    dropout: Floats,
    alive: NDArray[np.bool_],
) -> pd.DataFrame:
    """Return one line per customer."""
    return pd.DataFrame(
        {
            "frequency": frequency,
            "recency": recency,
            "tenure": np.asarray(tenure, dtype=np.float64),
            "rate": rate,
            "dropout": dropout,
            "is_alive": alive,
        }
    )
