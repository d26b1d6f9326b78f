"""What each notebook will be able to say, and what it will leave out, told before it runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from retention.runs.settings import Settings
from retention.runs.trial import Holdings
from retention.segments.personas.discovery import LEAST_CUSTOMERS

LEAST_REPEAT_BUYERS = 10
"""Fewer customers who came again tell nothing of what an order is worth (`value.spend`)."""


@dataclass(frozen=True)
class Need:
    """What one section of a notebook cannot do without.

    Parameters
    ----------
    section
        The section, as a reader would name it.
    unit
        What is counted.
    least
        How many are needed.
    there
        How many there are.
    is_subject
        Whether the whole notebook is about it.
    """

    section: str
    unit: str
    least: int
    there: int
    is_subject: bool = False

    @property
    def is_met(self) -> bool:
        """Whether there is enough."""
        return self.there >= self.least

    def sentence(self) -> str:
        """Say what is missing."""
        if self.there == 0:
            return f"{self.section} (there are no {self.unit})"
        return f"{self.section} (needs {self.least:,} {self.unit}; there are {self.there:,})"


@dataclass(frozen=True)
class Forecast:
    """What a notebook will have and lack.

    Parameters
    ----------
    notebook
        Its name.
    lacks
        What it will leave out.
    nothing
        Why it will have nothing to say; empty where it will.
    """

    notebook: str
    lacks: tuple[Need, ...] = ()
    nothing: str = ""

    def sentence(self) -> str:
        """Return the forecast in a line."""
        if self.nothing:
            return f"{self.notebook}: nothing yet. {self.nothing}"
        if not self.lacks:
            return f"{self.notebook}: complete"
        return f"{self.notebook}: without {'; '.join(need.sentence() for need in self.lacks)}"


def forecast(
    settings: Sequence[Settings], holdings: Holdings, declared: Sequence[str]
) -> list[Forecast]:
    """Return what each notebook will have and lack.

    Parameters
    ----------
    settings
        The notebooks with their parameters.
    holdings
        What there is.
    declared
        Names of the experiments that the profile declares.
    """
    found = []
    for setting in settings:
        name, given = setting.notebook.name, setting.resolved
        if name in _EXPERIMENTS:
            found.append(Forecast(name, nothing=_EXPERIMENTS[name](given, holdings, declared)))
            continue
        needs = _NEEDS[name](given, holdings) if name in _NEEDS else []
        missing = tuple(need for need in needs if not need.is_met)
        subject = next((need for need in missing if need.is_subject), None)
        found.append(Forecast(name, missing, subject.sentence() + "." if subject else ""))
    return found


def _customers(holdings: Holdings) -> Need:
    """Return what most notebooks are about."""
    return Need("customers", "customers with an order", 1, holdings.customers(), is_subject=True)


def _history(section: str, days: int, holdings: Holdings) -> Need:
    """Return the need of a section for days of history."""
    return Need(section, "days of orders", days + 1, holdings.history_days)


def _segments(given: Mapping[str, Any], holdings: Holdings) -> list[Need]:
    """Return what the segments notebook needs."""
    orders = int(given["persona_min_orders"])
    return [
        _customers(holdings),
        _history("what changed since the earlier date", int(given["compare_days"]), holdings),
        _history("monthly cohorts", 59, holdings),
        Need("personas", f"customers with {orders} orders", LEAST_CUSTOMERS,
             holdings.customers(orders)),
        Need("products bought together", "order lines", 1, holdings.rows.get("order_lines", 0)),
        Need("what visitors do on the site", "web events", 1, holdings.rows.get("events", 0)),
        Need("e-mail engagement", "messages", 1, holdings.rows.get("touches", 0)),
        Need("net promoter score", "survey answers", 1, holdings.rows.get("surveys", 0)),
    ]  # fmt: skip


def _lifetime_value(given: Mapping[str, Any], holdings: Holdings) -> list[Need]:
    """Return what the lifetime-value notebook needs."""
    return [
        _customers(holdings),
        Need("forecast of purchases", "customers with 2 orders", 1, holdings.customers(2)),
        Need("forecast of their value", "customers with 2 orders", LEAST_REPEAT_BUYERS,
             holdings.customers(2)),
        _history("test of the forecast on the past", int(given["holdout_days"]), holdings),
    ]  # fmt: skip


def _retention_curves(given: Mapping[str, Any], holdings: Holdings) -> list[Need]:
    """Return what the retention-curves notebook needs."""
    return [
        _customers(holdings),
        Need("silence that counts as leaving", "customers with 2 orders", 1, holdings.customers(2)),
        _history("retention by period", int(given["period_days"]), holdings),
        _history("curves by segment", int(given["landmark_days"]), holdings),
    ]


def _churn_risk(given: Mapping[str, Any], holdings: Holdings) -> list[Need]:
    """Return what the churn-risk notebook needs."""
    return [
        _customers(holdings),
        _history("models and their test on the past", 2 * int(given["horizon_days"]), holdings),
        Need("reasons in tickets", "tickets", 1, holdings.rows.get("tickets", 0)),
    ]


def _design(given: Mapping[str, Any], holdings: Holdings) -> list[Need]:
    """Return what the design notebook needs."""
    return [
        _customers(holdings),
        _history("size of the next test", int(given["horizon_days"]), holdings),
    ]


def _ab_test(given: Mapping[str, Any], holdings: Holdings, declared: Sequence[str]) -> str:
    """Return why the A/B-test notebook would have nothing to judge; empty where it would."""
    name = str(given["experiment"])
    if name and name in declared and holdings.experiments:
        return ""
    if not holdings.experiments:
        return "No export says who was given which version (format `assignments`)."
    return (
        f"Experiment {name!r} is not declared: write experiments/{name or 'NAME'}.yaml beside the "
        "parameters (docs/experiments.md)."
    )


def _campaign_lift(given: Mapping[str, Any], holdings: Holdings, _: Sequence[str]) -> str:
    """Return why the campaign-lift notebook would have nothing to measure; empty where it would."""
    key = str(given["experiment_key"])
    if key in holdings.experiments:
        return ""
    if not holdings.experiments:
        return "No export says who was given which version (format `assignments`)."
    largest = max(holdings.experiments, key=lambda k: sum(holdings.experiments[k].values()))
    return f"Write `experiment_key: {largest}` in campaign_lift.yaml: there is none called {key!r}."


_NEEDS: dict[str, Callable[[Mapping[str, Any], Holdings], list[Need]]] = {
    "segments": _segments,
    "lifetime_value": _lifetime_value,
    "retention_curves": _retention_curves,
    "churn_risk": _churn_risk,
    "design": _design,
}
_EXPERIMENTS: dict[str, Callable[[Mapping[str, Any], Holdings, Sequence[str]], str]] = {
    "ab_test": _ab_test,
    "campaign_lift": _campaign_lift,
}
