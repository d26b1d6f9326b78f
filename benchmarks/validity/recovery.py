"""One simulated shop, ingested from its exports: what the analyses recover of its truth."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
from scipy.stats import spearmanr
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import adjusted_rand_score, roc_auc_score
from sklearn.model_selection import cross_val_predict

from benchmarks.record import Entry, at_least, near
from benchmarks.shop import AS_OF, Shop, ingested
from retention import value
from retention.churn import backtest, default_candidates, labelled_dates, rolling_dates
from retention.demo.calendar import DAY_S, DAYS, START_S, season_clock
from retention.demo.personas import PERSONAS
from retention.features import customer_features, experiment_frame, purchase_summary
from retention.runs.params import SegmentsParams
from retention.segments import UNPLACED, discover
from retention.uplift.effects import average_lift
from retention.uplift.trial import trial_from_frame

SOURCE = "simulated shop, 20,000 customers, read from its exports"
PERSONA_FEATURES = SegmentsParams(profile="demo", as_of="2026-07-01").persona_features
"""Those of the report: each tells of how somebody buys, and together they lie far apart."""

KNOWN_FEATURES = [
    *PERSONA_FEATURES, "order_count", "season_share", "made_to_order_share", "median_gap_days",
    "category_count",
]  # fmt: skip
"""What the classifier that is told the labels may use: all that could speak of a persona."""

ENOUGH_ORDERS = 3
HORIZON_DAYS = 90
SEED = 20260701


def cases() -> Iterator[Entry]:
    """Yield what ingest, personas, lifetime value, churn risk and campaign lift recover."""
    shop = ingested()
    yield from _ingest(shop)
    yield from _personas(shop)
    yield from _lifetime_value(shop)
    yield from _churn(shop)
    yield from _campaigns(shop)


def _ingest(shop: Shop) -> Iterator[Entry]:
    """Count the dirt that was put into the exports and the dirt that was found."""
    put = shop.truth("dirt").set_index("kind")["rows"]
    found = shop.ingest.reasons.groupby("reason")["rows"].sum()
    for reason, kind in (
        ("duplicate_key:order_line_key", "duplicate_rows"),
        ("test_order", "test_rows"),
        ("unreadable_money:Lineitem price", "bad_price_rows"),
        ("unreadable_time:Created at", "bad_date_rows"),
        ("unreadable_number:Lineitem quantity", "bad_quantity_rows"),
    ):
        yield near(
            "ingest", f"rows refused or excluded for {reason}", int(put[kind]),
            int(found.get(reason, 0)), 0, int(put[kind]), f"{SOURCE}; {kind} as they were put in",
        )  # fmt: skip
    people = shop.engine.sql("SELECT count(DISTINCT customer_key) AS n FROM orders").frame()["n"][0]
    true = int((shop.truth("customers")["orders"] > 0).sum())
    yield near(
        "ingest", "people found among the orders, relative to the true number", 1.0, people / true,
        0.05, true, f"{SOURCE}; who buys on both channels under two accounts counts twice",
    )  # fmt: skip


def _personas(shop: Shop) -> Iterator[Entry]:
    """Compare discovered personas with the true ones, and with what supervision could reach."""
    features = customer_features(shop.engine, AS_OF)
    found = discover(features, PERSONA_FEATURES, min_orders=ENOUGH_ORDERS)
    true = shop.customers[["customer_key", "persona"]].rename(columns={"persona": "true_persona"})
    placed = found.customers.merge(true, on="customer_key")
    placed = placed[placed["persona"] != UNPLACED]
    seen = features[features["order_count"] >= ENOUGH_ORDERS].merge(true, on="customer_key")
    bound = cross_val_predict(
        HistGradientBoostingClassifier(max_iter=80, random_state=SEED), seen[KNOWN_FEATURES],
        seen["true_persona"].astype(str), cv=3,
    )  # fmt: skip
    best = adjusted_rand_score(seen["true_persona"].astype(str), bound)
    reached = adjusted_rand_score(placed["true_persona"].astype(str), placed["persona"])
    yield at_least(
        "segments", "discovered personas against the true ones: adjusted Rand index, as a share of "
        "what a classifier that knows the labels reaches", 0.7, reached / best, len(placed),
        f"{SOURCE}, those with {ENOUGH_ORDERS} or more orders; index {reached:.3f}, with known "
        f"labels {best:.3f}; {found.summary()}",
    )  # fmt: skip


def _lifetime_value(shop: Shop) -> Iterator[Entry]:
    """Compare expected purchases and value with what the true rates imply."""
    frame = purchase_summary(shop.engine, AS_OF, 1)
    summary = value.compress(frame, unit_days=1)
    family = value.fit_family(summary)
    spend = value.fit_spend(
        frame["frequency"].to_numpy(float), frame["monetary_value"].to_numpy(float)
    )
    terms = value.ValueTerms(365, 1.0, 0.0, value.reporting_currency(shop.engine))
    values = value.lifetime_values(frame, summary, family["mbg_nbd"], spend, terms)
    found = frame[["customer_key", "monetary_value"]].join(values.to_frame(), rsuffix="_again")
    truth = shop.customers.rename(columns={"expected_order_value": "true_order_value"})
    both = found.merge(truth, on="customer_key")
    true = both["expected_purchases_365d"] * both["true_order_value"]
    ranked = spearmanr(both["lifetime_value"], true).statistic
    spent = spearmanr(both["net"], true).statistic
    yield at_least(
        "value", "lifetime value, rank correlation with the true value of the next year", 0.4,
        ranked, len(both), f"{SOURCE}; money spent so far reaches {spent:.3f}",
    )  # fmt: skip
    total = both["expected_purchases"].sum() / both["expected_purchases_365d"].sum()
    yield near(
        "value", "expected purchases of the next year, total relative to the truth", 1.0, total,
        0.1, len(both), f"{SOURCE}; MBG/NBD, which knows neither personas nor seasons",
    )  # fmt: skip


def _churn(shop: Shop) -> Iterator[Entry]:
    """Compare the chosen risk model with the best scores that truth allows."""
    origins = rolling_dates(AS_OF, HORIZON_DAYS, dates=4, step_days=90)
    dates = labelled_dates(shop.engine, origins, HORIZON_DAYS, 365)
    result = backtest(dates, default_candidates(), test_dates=4, training_dates=2, seed=SEED)
    truth = shop.customers.drop(columns="orders")
    scored = result.predictions.merge(truth, on="customer_key")
    orders = shop.truth("orders")
    oracle, history = [], []
    for as_of, rows in scored.groupby("as_of", sort=True):
        silent_if_active = np.exp(-_ahead(rows, as_of))
        active = rows["left_at"].isna() | (rows["left_at"] >= pd.Timestamp(as_of))
        oracle.append(pd.Series(np.where(active, silent_if_active, 1.0), rows.index))
        alive = _probability_active(rows, orders, as_of)
        history.append(pd.Series(1 - alive * (1 - silent_if_active), rows.index))
    ours = _auc_by_date(scored, scored[result.chosen])
    knowing = _auc_by_date(scored, pd.concat(history))
    perfect = _auc_by_date(scored, pd.concat(oracle))
    recency = _auc_by_date(scored, scored["recency_rule"])
    yield at_least(
        "churn", "AUC of the chosen model beyond chance, as a share of that of a score which knows "
        "each customer's true rates and purchases", 0.85, (ours - 0.5) / (knowing - 0.5),
        len(scored),
        f"{SOURCE}, 4 dates, {HORIZON_DAYS} days; AUC {ours:.3f} ({result.chosen}), with true "
        f"rates {knowing:.3f}, knowing also who has left {perfect:.3f}, recency {recency:.3f}",
    )  # fmt: skip


def _auc_by_date(scored: pd.DataFrame, score: pd.Series) -> float:
    """Return the mean over the dates of the AUC of a score."""
    by_date = scored.assign(score=score).groupby("as_of")
    return float(np.mean([roc_auc_score(g["churned"], g["score"]) for _, g in by_date]))


def _clocked(rows: pd.DataFrame, days: np.ndarray) -> np.ndarray:
    """Return seasonal time at calendar days since the start of the history."""
    clocked = np.empty(len(rows))
    names = rows["persona"].astype(str).to_numpy()
    for persona in PERSONAS:
        mine = names == persona.name
        clocked[mine] = np.interp(days[mine], np.arange(DAYS + 1), season_clock(persona.occasions))
    return clocked


def _ahead(rows: pd.DataFrame, as_of: str) -> np.ndarray:
    """Return the true expected purchases within the horizon of those still buying."""
    start = (pd.Timestamp(as_of).timestamp() - START_S) / DAY_S
    at = np.full(len(rows), start)
    length = _clocked(rows, at + HORIZON_DAYS) - _clocked(rows, at)
    rate: np.ndarray = rows["rate_year"].to_numpy() / 365 * length
    return rate


def _probability_active(rows: pd.DataFrame, orders: pd.DataFrame, as_of: str) -> np.ndarray:
    """Return the chance of being still active, given true rates and the last purchase."""
    last = orders[orders["at"] < pd.Timestamp(as_of)].groupby("customer")["at"].max()
    start = (pd.Timestamp(as_of).timestamp() - START_S) / DAY_S
    # An order placed on the marketplace late in the evening is dated by its day alone, in the
    # shop's time: it may be known a few hours before it happened by the universal clock.
    yesterday = pd.Timestamp(as_of) - pd.Timedelta(days=1)
    seen = last.reindex(rows["customer"]).fillna(yesterday)
    quiet_days = (pd.Timestamp(as_of) - seen).dt.total_seconds() / DAY_S
    since = start - quiet_days.to_numpy()
    silence = _clocked(rows, np.full(len(rows), start)) - _clocked(rows, since)
    quiet = (1 - rows["dropout"]) * np.exp(-rows["rate_year"] / 365 * silence)
    chance: np.ndarray = (quiet / (rows["dropout"] + quiet)).to_numpy()
    return chance


def _campaigns(shop: Shop) -> Iterator[Entry]:
    """Compare the lift of every arm, read from the exports, with the truth."""
    truth = shop.truth("trials").groupby(["experiment", "arm"])["lift"].mean()
    for experiment in ("spring_discount", "winback_gift"):
        frame = experiment_frame(shop.engine, experiment, 28)
        trial = trial_from_frame(frame, control="control")
        for effect in average_lift(trial, ["purchased"]).effects:
            true = float(truth[experiment, effect.arm])
            yield near(
                "campaign", f"{experiment}, {effect.arm}: lift in purchases within 28 days", true,
                effect.difference, 3 * effect.standard_error, effect.n_arm + effect.n_control,
                f"{SOURCE}; 95 % interval {effect.ci_low:.4f} to {effect.ci_high:.4f}",
            )  # fmt: skip
