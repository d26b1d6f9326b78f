"""Recency, frequency, monetary value: scores from 1 to 5 and the groups marketers know by name."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from retention.errors import EvidenceError, ParameterError
from retention.results import Check, Status, percent
from retention.segments.codes import SegmentCode
from retention.segments.rules import Rule, parse_rules

SCORES = ("recency_score", "frequency_score", "monetary_score")
SCORED = ("recency_days", "order_count", "monetary_minor")
"""What the scores are made of, in their order."""

UNGROUPED = "others"
"""Segment of the customers whom no rule takes."""

LEAST_CUSTOMERS = 100
"""Below this, fifths hold fewer than 20 customers and say little."""


@dataclass(frozen=True)
class RFM:
    """Scores and named group of every customer.

    Parameters
    ----------
    customers
        One row per customer: ``customer_key, segment``, the three scores and the values scored.
    cuts
        Upper bounds of the lower scores: score name to its cut points, in the unit scored.
    method
        ``quantile`` or ``fixed``.
    rules
        The groups, in the order in which they take customers.
    """

    customers: pd.DataFrame
    cuts: dict[str, tuple[float, ...]]
    method: str
    rules: tuple[Rule, ...]

    def apply(self, features: pd.DataFrame) -> pd.Series:
        """Return the segment that these cut-offs and rules give to each row of other features."""
        return _scored(features, self.cuts, self.method, self.rules)["segment"]

    def labelled(self, features: pd.DataFrame) -> pd.DataFrame:
        """Return what scores and rules read of other features, with the ``segment`` of each row."""
        return features[_read(features, self.rules)].assign(segment=self.apply(features))

    def beside(self, features: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
        """Return some features of the customers with the ``segment`` that each is in."""
        own, read = self.customers[["customer_key", "segment"]], _with_key(features, names)
        if own["customer_key"].equals(features["customer_key"]):  # so are tables of one date
            return features[read].assign(segment=own["segment"].to_numpy())
        return features[read].merge(own, on="customer_key")

    def to_frame(self) -> pd.DataFrame:
        """Return one row per segment: customers, share, median values, share of the value."""
        grouped = self.customers.groupby("segment", sort=True)
        frame = grouped.agg(
            customers=("customer_key", "size"),
            median_recency_days=("recency_days", "median"),
            mean_orders=("order_count", "mean"),
            monetary_minor=("monetary_minor", "sum"),
        )
        frame["share_of_customers"] = frame["customers"] / len(self.customers)
        frame["share_of_value"] = frame["monetary_minor"] / frame["monetary_minor"].sum()
        return frame.sort_values("share_of_value", ascending=False, kind="stable").reset_index()

    def grid(self) -> pd.DataFrame:
        """Return customers by recency score (rows, best first) and frequency score (columns)."""
        counts = pd.crosstab(self.customers["recency_score"], self.customers["frequency_score"])
        rows = range(1 + len(self.cuts["recency_score"]), 0, -1)
        columns = range(1, 2 + len(self.cuts["frequency_score"]))
        return counts.reindex(index=rows, columns=columns, fill_value=0)

    def grid_cells(self) -> pd.DataFrame:
        """Return the grid in long form: ``recency_score, frequency_score, customers``."""
        long = self.grid().rename_axis(columns=None).reset_index().melt(
            "recency_score", var_name="frequency_score", value_name="customers"
        )  # fmt: skip
        return long.astype("int64")

    def checks(self) -> list[Check]:
        """Return whether there are enough customers and distinct values to score."""
        n = len(self.customers)
        enough = n >= LEAST_CUSTOMERS
        short = [s for s in SCORES if self.customers[s].nunique() < 1 + len(self.cuts[s])]
        names = ", ".join(name.replace("_", " ") for name in short)
        return [
            Check(
                SegmentCode.ENOUGH_CUSTOMERS,
                Status.PASS if enough else Status.WARN,
                f"{n:,} customers are scored.",
                "" if enough else "Read the groups as a list, not as a pattern.",
            ),
            Check(
                SegmentCode.FEW_DISTINCT_VALUES,
                Status.WARN if short else Status.PASS,
                f"Some levels stay empty: {names}." if short else "Every score uses all levels.",
                self._advice_on_levels() if short else "",
            ),
        ]

    def advice(self) -> str:
        """Return what to do: whom to keep first, because they hold most beyond their number."""
        frame = self.to_frame()
        times = frame["share_of_value"] / frame["share_of_customers"]
        top = frame.loc[frame["share_of_value"].idxmax()]
        name = str(top["segment"]).replace("_", " ")
        each = float(times[frame["share_of_value"].idxmax()])
        return (
            f"Spend on keeping {name} first: each of them holds {each:.1f} times what a customer "
            "holds on average."
        )

    def grid_summary(self) -> str:
        """Return in words where customers stand by recency and frequency, and what stays empty."""
        counts = self.grid()
        lately, often = (int(labels.max()) for labels in (counts.index, counts.columns))
        once = float((self.customers["order_count"] == 1).mean())
        best = int(counts.to_numpy()[counts.index == lately, counts.columns == often].sum())
        text = (
            f"{percent(best / len(self.customers))} of customers have the best score of both "
            f"recency and frequency; {percent(once)} have ordered once."
        )
        empty = [str(column) for column in counts if counts[column].sum() == 0]
        if not empty:
            return text
        named = f"scores {', '.join(empty)} hold" if len(empty) > 1 else f"score {empty[0]} holds"
        return f"{text} Frequency {named} nobody: equal numbers of orders share a score."

    def grid_advice(self, minimum: int = 1) -> str:
        """Return whom of the grid to win back: those who bought often, and not lately."""
        counts = self.grid()
        late = counts[counts.columns.max()][counts.index <= counts.index.max() / 2]
        people = int(late.sum())
        if people < max(minimum, 1):
            return "Keep those who buy often coming: hardly any of them has stayed away."
        return (
            f"Win back the {people:,} customers at the lower right, who have bought most often and "
            "not lately, before those who have bought once."
        )

    def _advice_on_levels(self) -> str:
        """Return what to do about levels that stay empty."""
        if self.method == "fixed":
            return "Drop the cut-offs that nobody reaches."
        return "Equal values stay together: ask for fewer levels, or set `rfm_method` to fixed."

    def summary(self) -> str:
        """Return the finding in words."""
        frame = self.to_frame()
        top = frame.iloc[0]
        return (
            f"{len(self.customers):,} customers fall into {len(frame)} groups; "
            f"{top.segment.replace('_', ' ')} are {percent(top.share_of_customers)} of them and "
            f"hold {percent(top.share_of_value)} of the value so far."
        )


def rfm(
    features: pd.DataFrame,
    rules: Sequence[str],
    *,
    method: str = "quantile",
    levels: int = 5,
    recency_cuts: Sequence[float] = (),
    frequency_cuts: Sequence[float] = (),
    monetary_cuts: Sequence[float] = (),
) -> RFM:
    """Score customers by recency, frequency and monetary value and name their groups.

    Parameters
    ----------
    features
        Feature table with ``customer_key, recency_days, order_count, monetary_minor``.
    rules
        Lines ``name: condition`` over scores and features; the first that holds takes the
        customer, nobody is taken twice, the rest are ``others``.
    method
        ``quantile``: equal shares of customers; ``fixed``: the cut-offs given.
    levels
        Number of scores for quantiles.
    recency_cuts, frequency_cuts, monetary_cuts
        Fixed cut-offs, rising: days, orders, minor units. A value on a cut-off has the better
        score: with 30 days among them, 30 days ago is as good as yesterday.

    Returns
    -------
    RFM
        Sorted by ``customer_key``. Equal values always have equal scores, whatever the order of
        the rows: with few distinct values some scores stay empty.

    Raises
    ------
    EvidenceError
        If there is no customer.
    ParameterError
        If the method is unknown, cut-offs are missing or do not rise, or a rule cannot be read.

    Notes
    -----
    Scores 1 to `levels`, 5 the best, after Hughes (1994), "Strategic Database Marketing".
    """
    if features.empty:
        raise EvidenceError("There is no customer to segment.", "Check the as-of date.")
    given = (recency_cuts, frequency_cuts, monetary_cuts)
    frame = _by_customer(features)
    cuts = _every_cut(frame, method, levels, given)
    parsed = parse_rules(rules)
    scored = _scored(frame, cuts, method, parsed)
    kept = ["customer_key", "segment", *SCORES, *SCORED]
    return RFM(scored[kept], cuts, method, parsed)


def features_read(rules: Sequence[str]) -> list[str]:
    """Return the features that scores and rules read, in the order of their names.

    Examples
    --------
    >>> features_read(["new: tenure_days <= 90 and order_count == 1"])
    ['monetary_minor', 'order_count', 'recency_days', 'tenure_days']
    """
    return sorted(_named(parse_rules(rules)).difference(SCORES))


def columns_read(features: pd.DataFrame, rules: Sequence[str]) -> list[str]:
    """Return the columns of a feature table that scores and rules read, its key first."""
    return _read(features, parse_rules(rules))


def redrawing(
    rules: Sequence[str],
    *,
    method: str = "quantile",
    levels: int = 5,
    recency_cuts: Sequence[float] = (),
    frequency_cuts: Sequence[float] = (),
    monetary_cuts: Sequence[float] = (),
) -> Callable[[pd.DataFrame, pd.DataFrame], pd.Series]:
    """Return what segments one table by the cut-offs of another, as `resampled_agreement` asks.

    It gives what ``rfm(source, ...).apply(target)`` does, without segmenting the source.
    Parameters are those of `rfm`.
    """
    given = (recency_cuts, frequency_cuts, monetary_cuts)
    parsed = parse_rules(rules)

    def draw(source: pd.DataFrame, target: pd.DataFrame) -> pd.Series:
        cuts = _every_cut(source, method, levels, given)
        return _scored(target, cuts, method, parsed)["segment"]

    return draw


def assign(frame: pd.DataFrame, rules: Sequence[Rule]) -> NDArray[np.object_]:
    """Return the name of the first rule that holds for each row, else ``others``."""
    places = np.full(len(frame), len(rules), dtype=np.intp)  # numbers: a text is dear to repeat
    free = np.ones(len(frame), dtype=bool)
    for place, rule in enumerate(rules):
        taken = rule.matches(frame) & free
        places[taken] = place
        free &= ~taken
    return np.array([*(rule.name for rule in rules), UNGROUPED], dtype=object)[places]


def _read(features: pd.DataFrame, rules: Sequence[Rule]) -> list[str]:
    """Return the key and the columns that scores and rules read."""
    return _with_key(features, _named(rules))


def _named(rules: Sequence[Rule]) -> set[str]:
    """Return what scores and rules read, the scores themselves among it."""
    return {name for rule in rules for name in rule.features}.union(SCORED)


def _with_key(features: pd.DataFrame, names: Collection[str]) -> list[str]:
    """Return the key and those of some columns that a feature table has, in its order."""
    return ["customer_key", *(name for name in map(str, features) if name in names)]


def _by_customer(features: pd.DataFrame) -> pd.DataFrame:
    """Return the rows in the order of their customers; most tables come in it."""
    ordered = features["customer_key"].is_monotonic_increasing
    frame = features if ordered else features.sort_values("customer_key", kind="stable")
    return frame.reset_index(drop=True)


def _every_cut(
    frame: pd.DataFrame, method: str, levels: int, given: tuple[Sequence[float], ...]
) -> dict[str, tuple[float, ...]]:
    """Return the cut-offs of each score, in the order of `SCORES`."""
    values = _values(frame)
    return {
        name: _cuts(name, values[name], method, levels, own)
        for name, own in zip(SCORES, given, strict=True)
    }


def _values(frame: pd.DataFrame) -> dict[str, pd.Series]:
    """Return what is scored, larger always better."""
    return {
        "recency_score": -frame["recency_days"],
        "frequency_score": frame["order_count"],
        "monetary_score": frame["monetary_minor"],
    }


def _scored(
    frame: pd.DataFrame,
    cuts: dict[str, tuple[float, ...]],
    method: str,
    rules: Sequence[Rule],
) -> pd.DataFrame:
    """Add scores and segment to a feature table."""
    values = _values(frame)
    scored = frame.assign(**{name: _score(values[name], cuts[name], method) for name in SCORES})
    scored["segment"] = assign(scored, rules)
    return scored


def _cuts(
    name: str, values: ArrayLike, method: str, levels: int, given: Sequence[float]
) -> tuple[float, ...]:
    """Return the upper bounds of the lower scores, rising in the direction of better."""
    if method == "quantile":
        shares = np.arange(1, levels) / levels
        found = np.quantile(np.asarray(values, dtype=float), shares, method="inverted_cdf")
        return tuple(float(cut) for cut in found)
    if method != "fixed":
        raise ParameterError(f"There is no method {method!r}.", "Use 'quantile' or 'fixed'.")
    if not given or list(given) != sorted(set(given)):
        raise ParameterError(
            f"Fixed cut-offs of the {name.replace('_', ' ')} are {list(given)}.",
            "Give at least one, each larger than the one before.",
        )
    if name != "recency_score":
        return tuple(float(cut) for cut in given)
    return tuple(-float(cut) for cut in reversed(given))


def _score(values: pd.Series, cuts: Sequence[float], method: str) -> NDArray[np.int64]:
    """Return 1 + the number of cuts that each value has passed: ties share their score.

    A quantile is passed by what lies above it, a fixed cut-off by what reaches it.
    """
    numbers = values.to_numpy(dtype=float)
    if method == "quantile":
        return 1 + np.searchsorted(np.asarray(cuts), numbers, side="left")
    return 1 + np.searchsorted(np.asarray(cuts), numbers, side="right")
