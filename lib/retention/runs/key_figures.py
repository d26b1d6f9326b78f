"""The shop's key figures as readers see them over the runs: value, interval, change, course."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from retention.reports.formatting import with_unit
from retention.reports.pages import sparkline
from retention.reports.render import metric_row
from retention.runs.diff import compare_metric
from retention.runs.run import Run

CARD_METRICS: Mapping[str, tuple[str, ...]] = {
    "new customers": ("new_customers",),
    "active customers": ("active_customers",),
    "retention rate": ("retention_rate",),
    "repeat purchase rate": ("repeat_purchase_rate",),
    "purchase frequency": ("purchase_frequency",),
    "average order value": ("average_order_value",),
    "customer lifetime value": ("customer_lifetime_value", "lifetime_value_mean"),
    "churn rate": ("churn_rate",),
    "conversion rate": ("conversion_rate",),
    "cart abandonment": ("cart_abandonment_rate",),
    "e-mail engagement": ("email_engagement_rate",),
    "e-mail opens": ("email_open_rate",),
    "e-mail clicks": ("email_click_rate",),
    "net promoter score": ("net_promoter_score",),
    "customer acquisition cost": ("customer_acquisition_cost", "acquisition_cost"),
}
"""Label of a key figure and the names a run may publish it under, the better one first."""

CAMPAIGN_METRICS: Mapping[str, str] = {
    "campaign ROI": "return_on_investment.",
    "campaign ROMI": "return_on_marketing_investment.",
}
"""Label of a figure that there is one of for each arm of a campaign, and how its names begin. ROI
sets all that was laid out, goods included, against the sales; ROMI what marketing spent."""


def metrics_of(run: Run) -> dict[str, dict[str, Any]]:
    """Return all metrics of a run by name; where two notebooks share one, the first counts."""
    found: dict[str, dict[str, Any]] = {}
    for name in run.manifest["notebooks"]:
        for metric in run.result(name)["metrics"]:
            found.setdefault(metric["name"], metric)
    return found


def key_figures(history: Sequence[Mapping[str, Mapping[str, Any]]]) -> list[dict[str, str]]:
    """Return the key figures of the newest run with their course over the runs before it.

    Parameters
    ----------
    history
        Metrics by name of each run, oldest first, as :func:`metrics_of` gives them.
    """
    return [_card(label, name, history) for label, name in _present(history[-1])]


def missing_figures(metrics: Mapping[str, Any]) -> list[str]:
    """Return the labels of key figures that a run does not have."""
    present = {label for label, _ in _present(metrics)}
    labels = [*CARD_METRICS, *CAMPAIGN_METRICS]
    return [label for label in labels if not any(found.startswith(label) for found in present)]


def _present(metrics: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return label and name of every key figure that a run has."""
    found = [
        (label, next(name for name in names if name in metrics))
        for label, names in CARD_METRICS.items()
        if any(name in metrics for name in names)
    ]
    for label, start in CAMPAIGN_METRICS.items():
        arms = [name for name in metrics if name.startswith(start)]
        found += [(f"{label}, {name.removeprefix(start).replace('_', ' ')}", name) for name in arms]
    return found


def _card(
    label: str, name: str, history: Sequence[Mapping[str, Mapping[str, Any]]]
) -> dict[str, str]:  # fmt: skip
    """Return one key figure: value, interval, what became of it, and its line over the runs."""
    metric = history[-1][name]
    row = metric_row(metric)
    course = [past[name]["value"] if name in past else None for past in history]
    return {
        "label": label,
        "value": row["value"],
        "interval": row["interval"],
        "change": _change(name, history, metric),
        "sparkline": sparkline(course, label),
    }


def _change(
    name: str, history: Sequence[Mapping[str, Mapping[str, Any]]], metric: Mapping[str, Any]
) -> str:
    """Say what the figure was in the run before and whether the change is more than noise."""
    before = history[-2].get(name) if len(history) > 1 else None
    if before is None:
        return ""
    reading = compare_metric("", name, before, metric).reading
    was = with_unit(before["value"], metric["unit"])
    return "unchanged" if reading == "same" else f"was {was}: {reading}"
