"""Contestants for the growth measurement: every stage of the way, on a shop of any size.

Each prepares (imports, opens the snapshot) and returns the work that is timed. ``folder`` is the
working folder of one size: ``exports/demo`` below it, ``store`` and ``private`` beside.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import yaml

from benchmarks.record import HERE
from benchmarks.shop import AS_OF, FIXED_KEY
from retention.engine import Engine

Work = Callable[[], dict[str, float]]
MEMORY_LIMIT = "4GB"
OWN_KEYS = {
    "customer_key", "unit_key", "order_key", "order_line_key", "refund_key", "event_key",
    "session_key", "anon_key", "touch_key", "ticket_key", "response_key", "score_key", "token",
}  # fmt: skip
"""Columns by which people and records are told apart."""


def shop(folder: str, customers: int, activity: float) -> Work:
    """Return the work of writing the shop's exports."""
    from retention.demo import write_shop

    target = Path(folder) / "exports" / "demo"

    def work() -> dict[str, float]:
        summary = write_shop(target, customers, activity=activity)
        return {"lines": summary.order_lines}

    return work


def ingest(folder: str) -> Work:
    """Return the work of turning the exports into a snapshot, from nothing."""
    import shutil

    from retention.ingest import run_ingest

    root = Path(folder)
    os.environ["RETENTION_KEY"] = FIXED_KEY
    params = yaml.safe_load((HERE.parent / "params/demo/ingest.yaml").read_text(encoding="utf-8"))
    for name in ("store", "private"):
        shutil.rmtree(root / name, ignore_errors=True)

    def work() -> dict[str, float]:
        result = run_ingest(
            params["sources"], root / "store", root / "private", root=root, as_of=AS_OF,
            currency=params["currency"], time_zone=params["time_zone"],
            read_options=params["read_options"], memory_limit=MEMORY_LIMIT,
        )  # fmt: skip
        return {"rows": float(result.total("rows_accepted"))}

    return work


def features(folder: str, copies: int = 1) -> Work:
    """Return the work of computing the feature table."""
    from retention.features import customer_features

    engine = _engine(folder, copies)
    return lambda: {"customers": len(customer_features(engine, AS_OF))}


def segments(folder: str, copies: int = 1) -> Work:
    """Return the work of scoring and grouping customers now and a quarter ago."""
    from retention.features import customer_features, shifted
    from retention.runs.params import SegmentsParams
    from retention.segments import columns_read, migration, rfm

    engine, before = _engine(folder, copies), shifted(AS_OF, -90)
    rules = SegmentsParams(profile="demo", as_of="2026-07-01").segment_rules

    def read(as_of: str) -> pd.DataFrame:
        known = customer_features(engine, as_of)
        return known[columns_read(known, rules)]  # of millions of customers memory counts

    now, then = read(AS_OF), read(before)

    def work() -> dict[str, float]:
        later, earlier = rfm(now, rules=rules), rfm(then, rules=rules)
        moves = migration(
            earlier.labelled(then), later.labelled(now), before, AS_OF,
            drawn_before=earlier.apply, drawn_now=later.apply,
        )  # fmt: skip
        return {"customers": len(later.customers), "moves": len(moves.to_frame())}

    return work


def lifetime_value(folder: str, copies: int = 1) -> Work:
    """Return the work of fitting the purchase models and valuing every customer."""
    from retention import value
    from retention.features import purchase_summary
    from retention.runs.params import LifetimeValueParams

    engine, most = (
        _engine(folder, copies),
        LifetimeValueParams.model_fields["fit_sample_customers"].default,
    )

    def work() -> dict[str, float]:
        frame = purchase_summary(engine, AS_OF, 1)
        summary = value.compress(frame, unit_days=1)
        family = value.fit_family(summary.of_at_most(most))
        spend = value.fit_spend(
            frame["frequency"].to_numpy(float), frame["monetary_value"].to_numpy(float)
        )
        terms = value.ValueTerms(365, 0.5, 0.1, value.reporting_currency(engine))
        values = value.lifetime_values(frame, summary, family["mbg_nbd"], spend, terms)
        return {"customers": len(values.to_frame())}

    return work


def retention_curves(folder: str, copies: int = 1) -> Work:
    """Return the work of the retention curves, by value of the first purchase."""
    from retention.survival import count_events, kaplan_meier, log_rank, retention_spells

    engine = _engine(folder, copies)

    def work() -> dict[str, float]:
        spells = retention_spells(engine, AS_OF, 180)
        grouped = count_events(spells, group="first_value_band")
        return {"rows": len(kaplan_meier(grouped).to_frame()), "p": log_rank(grouped).p_value}

    return work


def churn_risk(folder: str, copies: int = 1) -> Work:
    """Return the work of backtesting the candidates at two dates, as the notebook does."""
    from retention.churn import backtest, candidates_named, labelled_dates, rolling_dates
    from retention.runs.params import ChurnRiskParams

    engine, asked = _engine(folder, copies), ChurnRiskParams(profile="demo", as_of="2026-07-01")
    few = asked.fit_sample_customers

    def work() -> dict[str, float]:
        origins = rolling_dates(AS_OF, 90, dates=2, step_days=90)
        dates = labelled_dates(engine, origins, 90, 365, most_customers=asked.backtest_customers)
        models = candidates_named(list(asked.candidates), fit_sample_customers=few)
        result = backtest(dates, models, test_dates=2, training_dates=2, seed=1)
        return {"predictions": len(result.predictions)}

    return work


def campaign_lift(folder: str, copies: int = 1) -> Work:
    """Return the work of estimating a campaign's lift and choosing whom to target."""
    from retention.features import experiment_frame
    from retention.runs.params import CampaignLiftParams
    from retention.uplift import at_most
    from retention.uplift.candidates import named_candidates
    from retention.uplift.study import study_targeting
    from retention.uplift.trial import trial_from_frame

    engine, most = (
        _engine(folder, copies),
        CampaignLiftParams.model_fields["fit_sample_customers"].default,
    )

    def work() -> dict[str, float]:
        frame = experiment_frame(engine, "spring_discount", 28)
        trial = trial_from_frame(frame, control="control")
        study = study_targeting(
            at_most(trial, most), "purchased", candidates=named_candidates(["t_linear"], seed=1),
            seed=1,
        )  # fmt: skip
        return {"units": trial.units, "policies": len(study.to_frame())}

    return work


def _engine(folder: str, copies: int) -> Engine:
    """Open the snapshot of one size with bounded memory.

    With ``copies``, every person and record stands there so many times, under keys of its own: a
    shop of ten million without the exports of one.
    """
    from retention.ingest import Snapshot

    engine = Engine(memory_limit=MEMORY_LIMIT)
    snapshot = Snapshot.load(Path(folder) / "store")
    snapshot.register(engine)
    for name, paths in snapshot.tables.items() if copies > 1 else ():
        columns = engine.sql(f'SELECT * FROM "{name}" LIMIT 0').frame().columns if paths else ()
        own = ", ".join(f"{c} || '-' || copy AS {c}" for c in columns if c in OWN_KEYS)
        if own:
            engine.execute(
                f'CREATE OR REPLACE TEMP VIEW "{name}" AS SELECT * EXCLUDE (copy) REPLACE ({own}) '
                f"FROM {engine.parquet(paths)} CROSS JOIN range({copies}) AS copies(copy)"
            )
    return engine
