r"""Customer lifetime value: expected purchases times expected spend times margin, discounted.

Over a horizon H with continuous discount rate :math:`\delta`, integrating by parts,

.. math:: CLV = margin\cdot E[M]\cdot\left(e^{-\delta H}E[X(H)]
   + \delta\int_0^H e^{-\delta t}E[X(t)]\,dt\right)

(Fader, Hardie and Lee 2005, "RFM and CLV", J. Marketing Research 42, for the decomposition). The
integral is taken by Gauss-Legendre quadrature: E[X(t)] is smooth, five nodes are plenty.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from retention.errors import EvidenceError, ParameterError
from retention.intervals import NORMAL_95
from retention.results import Check, Status, percent
from retention.value.codes import ValueCheck
from retention.value.models import PurchaseFit
from retention.value.spend import SpendFit, expected_spend
from retention.value.summary import PurchaseSummary

Floats = NDArray[np.float64]

_STEP = 1e-4
_NODES = 5


@dataclass(frozen=True)
class ValueTerms:
    """What counts as value.

    Parameters
    ----------
    horizon_days
        How far ahead purchases count, in days.
    margin
        Share of a purchase's value that is left after variable costs (0 to 1).
    annual_discount_rate
        Yearly rate by which later money counts less; 0.1 is 10 %.
    currency
        ISO 4217 code of the purchases' values.

    Examples
    --------
    >>> ValueTerms(horizon_days=365, margin=0.5, annual_discount_rate=0.1, currency="USD").daily
    0.000261...
    """

    horizon_days: float
    margin: float
    annual_discount_rate: float
    currency: str

    def __post_init__(self) -> None:
        """Refuse impossible terms."""
        if self.horizon_days <= 0 or not 0 < self.margin <= 1 or self.annual_discount_rate < 0:
            raise ParameterError(
                "A lifetime value needs a positive horizon, a margin above 0 and up to 1, and a "
                "discount rate of at least 0.",
                "Check horizon_days, margin and annual_discount_rate.",
            )

    def horizon_check(self, history_days: float) -> Check:
        """Return whether the horizon is no longer than what has been observed of any customer."""
        within = self.horizon_days <= history_days
        return Check(
            ValueCheck.HORIZON,
            Status.PASS if within else Status.WARN,
            f"The horizon is {self.horizon_days:,.0f} days; the oldest customer has been observed "
            f"for {history_days:,.0f}.",
            ""
            if within
            else "Beyond the observed time the model extrapolates: shorten "
            "horizon_days or read the value as an upper sketch.",
        )

    @property
    def daily(self) -> float:
        """Continuous discount rate per day."""
        return float(np.log1p(self.annual_discount_rate) / 365)


@dataclass(frozen=True)
class LifetimeValues:
    """Lifetime value of every customer, with what its uncertainty needs.

    Parameters
    ----------
    customers
        One line per customer, in the order given: ``customer_key`` (where the histories carry
        one), ``expected_purchases`` (in the horizon),
        ``probability_alive``, ``probability_of_purchase`` (at least one in the horizon),
        ``expected_order_value`` (money), ``lifetime_value`` (discounted margin, money).
    terms
        Horizon, margin, discount rate and currency.
    model
        Name of the purchase model.
    slopes
        Derivative of each customer's value by each working parameter (money).
    covariance
        Covariance of those parameters.
    """

    customers: pd.DataFrame
    terms: ValueTerms
    model: str
    slopes: Floats
    covariance: Floats

    @property
    def total(self) -> float:
        """Sum of the lifetime values, in money."""
        return float(self.customers["lifetime_value"].sum())

    def interval(self, members: NDArray[np.bool_] | None = None) -> tuple[float, float]:
        """Return the 95 % interval of the total value of some customers (delta method).

        It covers the uncertainty of the estimated parameters, not the luck of the customers' own
        purchases nor a change of the market.
        """
        chosen = slice(None) if members is None else members
        total = float(self.customers["lifetime_value"].to_numpy()[chosen].sum())
        return _log_interval(total, self.slopes[chosen].sum(axis=0), self.covariance)

    def to_frame(self) -> pd.DataFrame:
        """Return the customers' table."""
        return self.customers.copy()

    def summary(self) -> str:
        """Return in words what the customers are worth."""
        low, high = self.interval()
        count = len(self.customers)
        currency = self.terms.currency
        return (
            f"Over the next {self.terms.horizon_days:,.0f} days the {count:,} known customers are "
            f"expected to bring {currency} {self.total:,.0f} of margin (95 % interval of the "
            f"expectation {low:,.0f} to {high:,.0f}), {currency} {self.total / count:,.2f} each on "
            f"average; model {self.model}, margin {percent(self.terms.margin, 0)}, discount rate "
            f"{percent(self.terms.annual_discount_rate, 0)} a year."
        )


def lifetime_values(
    frame: pd.DataFrame,
    summary: PurchaseSummary,
    purchases: PurchaseFit,
    spend: SpendFit,
    terms: ValueTerms,
) -> LifetimeValues:
    """Return what each customer is expected to be worth.

    Parameters
    ----------
    frame
        One line per customer with ``frequency`` and ``monetary_value`` (mean value of a repeat
        purchase, money; missing where there is none), in the order that ``summary`` was made from.
    summary
        The same customers' compressed histories.
    purchases, spend
        Fitted models.
    terms
        Horizon, margin, discount rate, currency.

    Raises
    ------
    EvidenceError
        If the spend model has no mean (q <= 1), so that no value exists.
    """
    x = frame["frequency"].to_numpy(dtype=np.float64)
    z = frame["monetary_value"].to_numpy(dtype=np.float64, na_value=np.nan)
    values = spend.expected_value(x, z)
    if not np.isfinite(values).all():
        raise EvidenceError(
            "The spread of order values is so wide that their expected value does not exist "
            "(Gamma-Gamma with q <= 1).",
            "Look for wholesale orders or errors among the largest order values.",
        )
    discounted = summary.expand(
        discounted_purchases(purchases, purchases.parameters, summary, terms)
    )
    chances = _chances(summary, purchases, terms.horizon_days)
    keys = {name: frame[name] for name in ("customer_key",) if name in frame}
    worth = {"expected_order_value": values, "lifetime_value": terms.margin * values * discounted}
    by_purchase = _purchase_slopes(purchases, summary, terms)[summary.row]
    slopes = [values[:, None] * by_purchase, discounted[:, None] * _spend_slopes(spend, x, z)]
    return LifetimeValues(
        pd.DataFrame(keys | chances | worth, index=frame.index),
        terms,
        purchases.model.name,
        terms.margin * np.hstack(slopes),
        _joined(purchases.covariance, spend.covariance),
    )


def _chances(
    summary: PurchaseSummary, purchases: PurchaseFit, days: float
) -> dict[str, NDArray[np.float64]]:
    """Return what each customer is expected to do within the horizon."""
    return {
        "expected_purchases": summary.expand(purchases.expected_future(summary, days)),
        "probability_alive": summary.expand(purchases.probability_alive(summary)),
        "probability_of_purchase": 1 - summary.expand(purchases.probability_of_none(summary, days)),
    }


def follow_forecast(
    values: LifetimeValues, used: str, forecast: Floats, modelled: Floats
) -> LifetimeValues:
    """Return lifetime values whose level per customer follows another forecast.

    A naive forecast or a regression covers one period only. Where it has won the hold-out, it sets
    how much each customer buys; the purchase model still says how that is spread over time, so each
    customer's value is multiplied by forecast/modelled purchases of the period. Chances stay the
    model's, and the interval is the model's, too: it does not know the other forecast's error.
    Following the model itself changes nothing.

    Parameters
    ----------
    values
        Lifetime values by the purchase model.
    used
        Name of the forecast to follow.
    forecast, modelled
        Purchases of each customer in the same coming period, by the forecast and by the model.
    """
    if used == values.model:
        return values
    ratio = np.maximum(forecast, 0.0) / np.maximum(modelled, 1e-12)
    columns = ["expected_purchases", "lifetime_value"]
    table = values.customers.copy()
    table[columns] = table[columns].mul(ratio, axis=0)
    return replace(
        values,
        customers=table,
        slopes=values.slopes * ratio[:, None],
        model=f"{used}, carried over the horizon by {values.model}",
    )


def discounted_purchases(
    fit: PurchaseFit, parameters: Floats, summary: PurchaseSummary, terms: ValueTerms
) -> Floats:
    """Return the expected purchases within the horizon, each discounted to the as-of date."""
    living = summary.without_recency()
    alive = fit.model.probability_alive(parameters, summary)

    def expected(days: float) -> Floats:
        return fit.model.expected_if_alive(parameters, living, days / fit.unit_days)

    end = expected(terms.horizon_days)
    if terms.daily == 0:
        return alive * living.expand(end)
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    days = (nodes + 1) / 2 * terms.horizon_days
    inside = sum(
        weight / 2 * terms.horizon_days * np.exp(-terms.daily * day) * expected(float(day))
        for day, weight in zip(days, weights, strict=True)
    )
    discounted = np.exp(-terms.daily * terms.horizon_days) * end + terms.daily * inside
    return np.asarray(alive * living.expand(discounted), dtype=np.float64)


def _purchase_slopes(fit: PurchaseFit, summary: PurchaseSummary, terms: ValueTerms) -> Floats:
    """Return derivatives of discounted purchases by the working parameters, per unique row."""
    columns = []
    for axis in range(len(fit.parameters)):
        step = np.zeros(len(fit.parameters))
        step[axis] = _STEP
        up = discounted_purchases(fit, fit.at(fit.working + step), summary, terms)
        down = discounted_purchases(fit, fit.at(fit.working - step), summary, terms)
        columns.append((up - down) / (2 * _STEP))
    return np.column_stack(columns)


def _spend_slopes(spend: SpendFit, x: Floats, z: Floats) -> Floats:
    """Return derivatives of the expected order value by the logarithms of p, q, gamma."""
    columns = []
    for axis in range(3):
        step = np.zeros(3)
        step[axis] = _STEP
        up = expected_spend(spend.parameters * np.exp(step), x, z)
        down = expected_spend(spend.parameters * np.exp(-step), x, z)
        columns.append((up - down) / (2 * _STEP))
    return np.column_stack(columns)


def _joined(first: Floats, second: Floats) -> Floats:
    """Return the block-diagonal covariance of two independent fits."""
    size = len(first)
    joined = np.zeros((size + len(second),) * 2)
    joined[:size, :size], joined[size:, size:] = first, second
    return joined


def _log_interval(total: float, slope: Floats, covariance: Floats) -> tuple[float, float]:
    """Return a 95 % interval for a positive total, symmetric on the logarithmic scale."""
    if total <= 0:
        return 0.0, 0.0
    spread = math.sqrt(max(float(slope @ covariance @ slope), 0.0)) / total
    reach = float(np.exp(NORMAL_95 * spread))
    return total / reach, total * reach
