"""The one page of a run that a stakeholder prints: what was found, what it is worth, what to do."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any

import pandas as pd

from retention.reports.display import WORDS
from retention.reports.formatting import interval_text, money, with_unit
from retention.reports.pages import render_page
from retention.reports.render import dated
from retention.reports.wording import worded, words
from retention.results import SKIPPED, Status
from retention.runs.catalogue import has_catalogue
from retention.runs.key_figures import key_figures
from retention.runs.plan import BY_NAME
from retention.runs.run import Run
from retention.runs.workspace import Workspace

ACCOUNTS = "campaign_accounts"
"""Table in which the campaign notebook publishes gain, cost and profit of each arm."""


@dataclass(frozen=True)
class _Projection:
    """What a metric that looks ahead is called, and the parameter that says how far it looks."""

    label: str
    notebook: str
    horizon: str
    since: str = "next"


PROJECTIONS: Mapping[str, _Projection] = {
    "lifetime_value_total": _Projection(
        "margin that the known customers will bring", "lifetime_value", "horizon_days"
    ),
    "customer_lifetime_value": _Projection(
        "the same for the average customer", "lifetime_value", "horizon_days"
    ),
    "expected_purchases": _Projection(
        "purchases that the known customers will make", "lifetime_value", "horizon_days"
    ),
    "retained": _Projection(
        "share of new customers still customers", "retention_curves", "mean_horizon_days", "after"
    ),
    "second_purchase": _Projection(
        "share of new customers who buy a second time", "retention_curves", "horizon_days", "within"
    ),
}
"""Metrics that look ahead."""

LONGEST_ANSWER = 240
"""Characters of a report's verdict on the page."""

MOST_ADVICE = 6
"""Recommendations on the page; the reports hold the rest."""


def write_summary(
    workspace: Workspace, folder: Path, profile: str, notebooks: list[str], facts: Mapping[str, Any]
) -> None:
    """Write the page of a run that is about to be published."""
    run = Run(profile, folder, workspace.store(profile))
    results = {name: run.result(name) for name in notebooks}
    now = _by_name(results)
    page = render_page(
        "summary.html.j2",
        profile=profile,
        key=facts["inputs_key"][:16],
        dated=_dated(results, facts["params"]),
        left_out=_left_out(results),
        has_catalogue=has_catalogue(run),
        verdicts=[_verdict(name, result) for name, result in results.items()],
        # Not how they moved since the run before: the same inputs give the same page.
        cards=key_figures([now]),
        accounts=_accounts(run),
        projections=_projections(now, facts["params"]),
        advice=_advice(results),
    )
    (folder / "summary.html").write_text(page, encoding="utf-8")


def _dated(results: Mapping[str, Mapping[str, Any]], params: Mapping[str, Any]) -> str:
    """Say as of which date the figures are: that of the orders known, where it is the earlier."""
    told = [result for result in results.values() if result.get("as_of")]
    if told:
        return dated(told[0]["as_of"], told[0]["known_until"])
    return dated(next(iter(params.values()))["resolved"]["as_of"], "")


def _left_out(results: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return how many parts of which reports the data did not suffice for."""
    counts = {name: len(result.get("left_out", [])) for name, result in results.items()}
    return [
        f"{count} {'part' if count == 1 else 'parts'} of “{BY_NAME[name].title}”"
        for name, count in counts.items()
        if count and results[name]["status"] != SKIPPED
    ]


def _by_name(results: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return all metrics by name; where two notebooks share one, the first counts."""
    found: dict[str, dict[str, Any]] = {}
    for result in results.values():
        for metric in result["metrics"]:
            found.setdefault(metric["name"], metric)
    return found


def _verdict(name: str, result: Mapping[str, Any]) -> dict[str, str]:
    """Return one notebook's question and answer."""
    return {
        "notebook": name,
        "title": BY_NAME[name].title,
        "status": result["status"],
        "word": WORDS[result["status"]],
        "headline": brief(worded(result["headline"])),
    }


def brief(text: str, most: int = LONGEST_ANSWER) -> str:
    """Return as many whole sentences as fit, at least the first; the report holds the rest.

    Examples
    --------
    >>> brief("It pays. By USD 1.50 each. But not for all.", 30)
    'It pays. By USD 1.50 each.'
    """
    sentences = re.split(r"(?<=[.!?]) (?=[A-Z0-9])", text)
    ends = accumulate(len(sentence) + 1 for sentence in sentences)
    fitting = sum(end - 1 <= most for end in ends)
    return " ".join(sentences[: max(fitting, 1)])


def _accounts(run: Run) -> list[dict[str, str]]:
    """Return each arm's return on investment with its calculation, in words of money."""
    if not run.publishes(ACCOUNTS):
        return []
    return [_account(row) for row in run.table(ACCOUNTS).to_dict("records")]


def _account(row: Mapping[Any, Any]) -> dict[str, str]:
    """Return one arm's account: (gain − cost) / cost, the numbers put in."""
    currency = str(row["currency"])
    gain, cost = money(row["gain"], currency), money(row["cost"], currency)
    share = row["return_on_investment"]
    known = share is not None and not pd.isna(share)
    return {
        "arm": words(str(row["arm"])),
        "revenue": money(row["incremental_revenue"], currency),
        "revenue_interval": interval_text(row["revenue_low"], row["revenue_high"], currency),
        "margin": with_unit(row["margin_share"], "share"),
        "gain": gain,
        "cost": cost,
        "profit": money(row["profit"], currency),
        "profit_interval": interval_text(row["profit_low"], row["profit_high"], currency),
        "calculation": f"({gain} − {cost}) / {cost} = {with_unit(share, 'ratio')}" if known else "",
        "interval": interval_text(row["return_low"], row["return_high"], "ratio") if known else "",
    }


def _projections(
    metrics: Mapping[str, Mapping[str, Any]], params: Mapping[str, Any]
) -> list[dict[str, str]]:
    """Return the figures that look ahead, with interval and horizon."""
    return [
        {
            "name": ahead.label,
            "value": with_unit(metrics[name]["value"], metrics[name]["unit"]),
            "interval": interval_text(
                metrics[name]["ci_low"], metrics[name]["ci_high"], metrics[name]["unit"]
            ),
            "horizon": _horizon(ahead, params),
        }
        for name, ahead in PROJECTIONS.items()
        if name in metrics
    ]


def _horizon(ahead: _Projection, params: Mapping[str, Any]) -> str:
    """Word how far a projection looks ahead, empty where the run's parameters do not say."""
    days = params.get(ahead.notebook, {}).get("resolved", {}).get(ahead.horizon)
    return f"{ahead.since} {days} days" if days else ""


def _advice(results: Mapping[str, Mapping[str, Any]]) -> list[dict[str, str]]:
    """Return what to do: failed checks first, then one piece of advice of each report in turn.

    The last reports come first, for they are the ones that decisions are taken from.
    """
    asked: dict[str, tuple[tuple[bool, int], dict[str, str]]] = {}
    for name, result in reversed(list(results.items())):
        for rank, check in enumerate(_open_checks(result)):
            order = (check["status"] != Status.FAIL, rank)
            asked.setdefault(check["action"], (order, _piece(name, check)))
    ranked = sorted(asked.values(), key=lambda pair: pair[0])
    return [piece for _, piece in ranked[:MOST_ADVICE]]


def _open_checks(result: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return the checks that ask for something, failed ones first."""
    found = [c for c in result["checks"] if c["status"] != Status.PASS and c["action"]]
    return sorted(found, key=lambda check: check["status"] != Status.FAIL)


def _piece(name: str, check: Mapping[str, str]) -> dict[str, str]:
    """Return one piece of advice with the finding that it rests on."""
    return {
        "notebook": name,
        "title": BY_NAME[name].title,
        "status": check["status"],
        "word": WORDS[check["status"]],
        "text": worded(check["action"]),
        "why": worded(check["detail"]),
    }
