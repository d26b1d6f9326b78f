"""The YAML of an experiment and of the notebooks that read it, each guess in a comment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import yaml

from retention.runs.experiment_guesses import Arms, MetricGuess

CAP = 0.999
"""Pooled quantile at which a skewed amount is capped for the second reading."""


@dataclass(frozen=True)
class Page:
    """What the pages are written from.

    Parameters
    ----------
    name, file
        The experiment and the file with its arms.
    arms, metrics
        Arms and metrics; the first metric decides.
    starts, ends, is_dated
        First and last day, and whether the file tells them.
    covariates, group_by
        What was known before; empty where nothing was.
    is_clustered, is_summed_up
        Whether units were drawn in clusters, and whether a row sums up a day.
    currency
        ISO code.
    unused
        Columns of the file that are not read.
    """

    name: str
    file: str
    arms: Arms
    metrics: tuple[MetricGuess, ...]
    starts: str
    ends: str
    is_dated: bool
    covariates: tuple[str, ...]
    group_by: str
    is_clustered: bool
    is_summed_up: bool
    currency: str
    unused: tuple[str, ...]


def plan_page(page: Page) -> str:
    """Return ``experiments/<name>.yaml``.

    Parameters
    ----------
    page
        What was found.
    """
    treatments = [arm for arm in page.arms.planned if arm != page.arms.control]
    lines = [f"# The experiment of {page.file}, as its columns suggest. Correct what is guessed."]
    lines += [_line("name", page.name)]
    claim = f"{' or '.join(treatments)} changes {page.metrics[0].name}."
    lines += [_line("hypothesis", claim, "write what was expected, and why")]
    lines += [_line("owner", "nobody yet", "who answers for it")]
    lines += [_line("unit", "customer", "what a row of the file is")]
    lines += [f"# {note}" for note in page.arms.notes]
    lines += [_line("control", page.arms.control), _line("arms", page.arms.planned)]
    dated = "the file's own dates" if page.is_dated else "the file has no dates: write the test's"
    lines += [_line("starts", page.starts, dated), _line("ends", page.ends)]
    lines += ["horizon_days: 14                # not used: the file brings its outcomes"]
    lines += ["cluster: cluster_key            # pseudonyms of the file's clusters"
              for _ in range(page.is_clustered)]  # fmt: skip
    if page.is_summed_up:
        lines += ["# Rows sum up a day: means and shares are exact; caps, quantiles and covariates "
                  "cannot be read."]  # fmt: skip
    lines += ["metrics:"]
    for number, metric in enumerate(page.metrics):
        lines += _metric(metric, number == 0, page)
    lines += ["rule:", "  minimum_effect: 0.0           # least gain worth having, in the unit of "
              "the first metric", "alpha: 0.05", "correction: holm", "analysis: fixed"]  # fmt: skip
    return "\n".join(lines) + "\n"


def _metric(metric: MetricGuess, is_primary: bool, page: Page) -> list[str]:
    """Return a metric, and its capped reading where a few units carry much of it."""
    name = " ".join(metric.name.replace("=", " ").split())
    role = "primary" if is_primary else "secondary"
    fields = {"name": name, "column": name, "kind": metric.kind, "unit": metric.unit, "role": role,
              "nulls": "drop"}  # fmt: skip
    lines = [f"  # {name}: {metric.why}"]
    if metric.blank_is_zero:
        lines += ["  # no value is 0 and many are empty: an empty one counts as 0 (blank.… in "
                  "ingest.yaml)"]  # fmt: skip
    elif metric.missing and not page.is_summed_up:
        lines += [f"  # {metric.missing:,} values are missing: those units are left out of it"]
    lines += _item(fields)
    if metric.is_skewed and not page.is_summed_up:
        capped = {**fields, "name": f"{name}, capped", "kind": "winsorised", "winsorise_at": CAP,
                  "role": "secondary"}  # fmt: skip
        lines += ["  # a few units carry much of its variance: read it capped, too", *_item(capped)]
    return lines


def _item(fields: Mapping[str, object]) -> list[str]:
    """Return a mapping as an item of a list."""
    written = yaml.safe_dump(
        dict(fields), sort_keys=False, allow_unicode=True, width=10**6
    ).splitlines()
    return [f"  - {written[0]}", *(f"    {line}" for line in written[1:])]


def ab_test_page(page: Page) -> str:
    """Return ``ab_test.yaml``.

    Parameters
    ----------
    page
        What was found.
    """
    return (
        "# Did it work? The plan itself stands in experiments/<experiment>.yaml.\n"
        f"{_line('experiment', page.name)}\n"
    )


def lift_page(page: Page) -> str:
    """Return ``campaign_lift.yaml``.

    Parameters
    ----------
    page
        What was found.
    """
    money = next((m for m in page.metrics if m.unit == page.currency), page.metrics[0])
    known = ", ".join(page.covariates)
    left = ", ".join(page.unused) or "none"
    lines = [
        "# For whom did it work? Whom to target is learnt from what was known before the start"
        + (f": {known}." if known else "; the file names nothing, so the lift alone is read."),
        f"# Columns of the file that are not read: {left}. Add those known before the start to",
        "# `columns` in ingest.yaml, as covariate.<name> (numbers) or label.<name> (words).",
        _line("experiment_key", page.name),
        _line("control", page.arms.control),
        "randomised: true                # false: nobody drew lots; read as observational",
        _line("target_outcome", _plain(page.metrics[0].name), "what targeting is to increase"),
        _line("money_outcome", _plain(money.name), "what the account rests on"),
        "margin_share: 0.5               # assumed: write the margin left of revenue",
        "contact_cost: 0.0               # write what one contact costs",
        "fixed_cost: 0.0",
        _line("currency", page.currency),
        _line("group_by", page.group_by or "stratum", "known before the start"),
        "budget: 0.0",
    ]
    return "\n".join(lines) + "\n"


def _plain(name: str) -> str:
    """Return a name as the column mapping writes it."""
    return " ".join(name.replace("=", " ").split())


def _line(name: str, value: object, comment: str = "") -> str:
    """Return one field as YAML, with a comment."""
    flow = not isinstance(value, str)
    written = yaml.safe_dump({name: value}, allow_unicode=True, width=10**6, sort_keys=False,
                             default_flow_style=None if flow else False).rstrip("\n")  # fmt: skip
    return f"{written}  # {comment}" if comment else written
