"""Fairness: whether segments or actions fall unevenly on people, and by which proxies."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from retention.engine import Engine
from retention.features import FEATURES, texts_in_arrow
from retention.results import Check, Status, percent
from retention.segments.codes import SegmentCode
from retention.segments.intervals import wilson
from retention.tables import TABLES

FOUR_FIFTHS = 0.8
"""A group reached at less than four fifths of another's rate calls for a look (EEOC 1978)."""

STRONG_PROXY = 0.06
"""Share of a feature's variance that groups explain: Cohen's (1988) medium effect and above."""

PROTECTED = tuple(column.name for column in TABLES["customers"] if column.protected)


@dataclass(frozen=True)
class Fairness:
    """How segments fall on protected groups.

    Parameters
    ----------
    rates
        One row per attribute, group and segment: ``attribute, group, segment, customers, inside,
        share, ci_low, ci_high``; groups below the minimum cell size are not in it.
    evenness
        One row per attribute and segment: ``attribute, segment, ratio, is_uneven``: lowest over
        highest share among the groups; uneven if below four fifths beyond chance.
    proxies
        One row per attribute and feature: ``attribute, feature, explained, stands_in``: the share
        of the variance of the feature's ranks that the groups explain, and whether it is strong.
    suppressed
        Groups left out because they are smaller than the minimum cell size.
    what
        What falls on people, in words: segments or actions.
    """

    rates: pd.DataFrame
    evenness: pd.DataFrame
    proxies: pd.DataFrame
    suppressed: int
    what: str = "segments"

    def to_frame(self) -> pd.DataFrame:
        """Return the shares by group."""
        return self.rates

    def checks(self) -> list[Check]:
        """Return unevenness and proxies, with what to do."""
        uneven = self.evenness[self.evenness["is_uneven"]] if len(self.evenness) else self.evenness
        strong = self.proxies[self.proxies["stands_in"].astype(bool)]
        names = "; ".join(f"{r.segment} by {r.attribute}" for r in uneven.itertuples())
        proxies = "; ".join(f"{r.feature} for {r.attribute}" for r in strong.itertuples())
        return [
            Check(
                SegmentCode.UNEVEN_ON_PROTECTED,
                Status.WARN if names else Status.PASS,
                f"Fall unevenly: {names.replace('_', ' ')}." if names else self.summary(),
                "Ask what the action gives or withholds before sending it." if names else "",
            ),
            Check(
                SegmentCode.PROXY_FOR_PROTECTED,
                Status.WARN if proxies else Status.PASS,
                f"Stand in for protected attributes: {proxies.replace('_', ' ')}."
                if proxies
                else self.proxies_summary(),
                "Leave these features out of decisions, or say why they are needed."
                if proxies
                else "",
            ),
        ]

    def summary(self) -> str:
        """Return the finding in words."""
        if self.rates.empty:
            return "The data holds no protected attribute with groups large enough to compare."
        uneven = int(self.evenness["is_uneven"].sum())
        attributes = ", ".join(sorted(set(self.rates["attribute"]))).replace("_", " ")
        return (
            f"Compared by {attributes}: {uneven} of {len(self.evenness)} {self.what} fall on one "
            "group at less than four fifths of the rate of another, beyond chance."
            f"{self._left_out()}"
        )

    def proxies_summary(self) -> str:
        """Return in words which features tell most of a protected attribute."""
        if self.proxies.empty:
            return "There is no feature that could stand in for a protected attribute."
        top = self.proxies.sort_values(["explained", "feature"], ascending=[False, True]).iloc[0]
        name, attribute = top["feature"], top["attribute"]
        strong = int(self.proxies["stands_in"].sum())
        told = f"{strong} features stand in" if strong else "No feature stands in"
        return (
            f"{told} for a protected attribute; most telling is {name} of {attribute}: its groups "
            f"explain {percent(float(top['explained']))} of the feature's variance "
            f"({percent(STRONG_PROXY, 0)} would be strong)."
        )

    def joined(self, other: Fairness, what: str) -> Fairness:
        """Return this audit and another one of the same people as one.

        Parameters
        ----------
        other
            Audit of something else that falls on them. Its proxies are not taken over.
        what
            What both are, in words. The column ``audit`` tells them apart.
        """
        rates, evenness = (
            pd.concat([mine.assign(audit=self.what), theirs.assign(audit=other.what)])
            for mine, theirs in ((self.rates, other.rates), (self.evenness, other.evenness))
        )
        return Fairness(
            rates.reset_index(drop=True), evenness.reset_index(drop=True), self.proxies,
            max(self.suppressed, other.suppressed), what,
        )  # fmt: skip

    def _left_out(self) -> str:
        """Return how many groups were too small, in words; nothing where none was."""
        if not self.suppressed:
            return ""
        return f" Groups too small to be shown, and left out: {self.suppressed}."


def protected_attributes(engine: Engine, customers: pd.Series) -> pd.DataFrame:
    """Return the protected attributes of customers, for this audit and nothing else.

    Parameters
    ----------
    engine
        Engine; without a table ``customers`` there is nothing to audit.
    customers
        Customer keys.

    Returns
    -------
    pandas.DataFrame
        ``customer_key`` and one label column per attribute on record; a year of birth becomes a
        decade.
    """
    frame = pd.DataFrame({"customer_key": customers})
    if not engine.has("customers"):
        return frame
    columns = ", ".join(PROTECTED)
    held = texts_in_arrow(engine.sql(f"SELECT customer_key, {columns} FROM customers"))
    held = frame.merge(held, "left", "customer_key")
    born = held.pop("birth_year")
    held["birth_decade"] = (born // 10 * 10).astype("Int64").astype("string") + "s"
    known = [name for name in held if held[name].notna().any()]
    return held[known]


def audit(
    segments: pd.DataFrame, protected: pd.DataFrame, features: pd.DataFrame,
    *, minimum_cell_size: int = 10, what: str = "segments",
) -> Fairness:  # fmt: skip
    """Compare how segments fall on protected groups, and name the features that stand in for them.

    Parameters
    ----------
    segments
        ``customer_key, segment`` (an action recommended is a segment, too).
    protected
        ``customer_key`` and label columns (`protected_attributes`).
    features
        The feature table that segments were drawn from.
    minimum_cell_size
        Groups with fewer customers are left out of every table.
    what
        What the summary calls them: segments or actions.
    """
    pair = segments[["customer_key", "segment"]].merge(protected, "inner", "customer_key")
    attributes = [str(name) for name in protected if name != "customer_key"]
    rates, evenness, proxies, suppressed = [], [], [], 0
    for attribute in attributes:
        sizes = pair[attribute].value_counts()
        large = sizes.index[sizes >= minimum_cell_size]
        suppressed += int((sizes < minimum_cell_size).sum())
        if len(large) < 2:
            continue
        known = pair[pair[attribute].isin(large)]
        rates.append(_rates(known, attribute))
        evenness.append(_evenness(rates[-1], attribute))
        proxies.append(_proxies(known[["customer_key", attribute]], features, attribute))
    return Fairness(
        _stacked(rates, ["attribute", "group", "segment", "customers", "inside", "share",
                         "ci_low", "ci_high"]),
        _stacked(evenness, ["attribute", "segment", "ratio", "is_uneven"]),
        _stacked(proxies, ["attribute", "feature", "explained", "stands_in"]),
        suppressed,
        what,
    )  # fmt: skip


def _rates(known: pd.DataFrame, attribute: str) -> pd.DataFrame:
    """Return the share of each group in each segment."""
    table = pd.crosstab(known[attribute], known["segment"])
    sizes = table.sum(axis=1)
    long = table.rename_axis("group").reset_index()
    long = long.melt("group", var_name="segment", value_name="inside")
    long["customers"] = long["group"].map(sizes)
    long["share"] = long["inside"] / long["customers"]
    long["ci_low"], long["ci_high"] = wilson(long["inside"], long["customers"])
    return long.assign(attribute=attribute)


def _evenness(rates: pd.DataFrame, attribute: str) -> pd.DataFrame:
    """Return the lowest share over the highest, and whether chance explains the gap."""
    grouped = rates.groupby("segment")
    low, high = rates.loc[grouped["share"].idxmin()], rates.loc[grouped["share"].idxmax()]
    ratio = low["share"].to_numpy() / np.maximum(high["share"].to_numpy(), 1e-12)
    apart = low["ci_high"].to_numpy() < FOUR_FIFTHS * high["ci_low"].to_numpy()
    return pd.DataFrame(
        {"attribute": attribute, "segment": low["segment"].to_numpy(), "ratio": ratio,
         "is_uneven": apart}
    )  # fmt: skip


def _proxies(known: pd.DataFrame, features: pd.DataFrame, attribute: str) -> pd.DataFrame:
    """Return the share of each feature's variance (of its ranks) that the groups explain."""
    groups = known.set_index("customer_key")[attribute]
    # Each feature is looked at alone: joined to the groups, all of them would be copied for it.
    places = pd.Index(features["customer_key"]).get_indexer(groups.index)
    codes, _ = pd.factorize(groups[places >= 0])
    rows = []
    for name in (f.name for f in FEATURES if f.name in features):
        if not pd.api.types.is_numeric_dtype(features[name]):
            continue
        values = features[name].to_numpy(np.float64, na_value=np.nan)[places[places >= 0]]
        explained = _explained(values, codes)
        if explained is not None:
            rows.append({"attribute": attribute, "feature": name, "explained": explained})
    table = pd.DataFrame(rows, columns=["attribute", "feature", "explained"])
    table["stands_in"] = table["explained"] >= STRONG_PROXY
    return table.sort_values(["explained", "feature"], ascending=[False, True])


def _explained(values: np.ndarray, groups: np.ndarray) -> float | None:
    """Return the share of the variance of the ranks of some values that their groups explain.

    Parameters
    ----------
    values
        Numbers; NaN counts nowhere.
    groups
        Each one's group, numbered from 0.

    Returns
    -------
    float or None
        Eta squared; None where all values are the same.
    """
    known = ~np.isnan(values)
    ranks, groups = rankdata(values[known]), groups[known]
    if not len(ranks) or ranks.min() == ranks.max():
        return None
    sizes = np.bincount(groups)
    means = np.bincount(groups, ranks) / np.maximum(sizes, 1)
    return float(means[groups].var() / ranks.var())


def _stacked(parts: list[pd.DataFrame], columns: list[str]) -> pd.DataFrame:
    """Stack the parts; a table with its columns and no row where there is none."""
    return pd.concat(parts, ignore_index=True)[columns] if parts else pd.DataFrame(columns=columns)
