"""The feature table: one row per customer as of a date, in layers that may be absent."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from pathlib import Path

import pandas as pd

from retention.engine import Answer, Engine
from retention.errors import ParameterError
from retention.features.counted import counted_lines
from retention.features.dates import DAY_S, epoch_of, nobody_before
from retention.features.dictionary import FEATURES, Feature
from retention.features.kept import keep, to_be_made
from retention.features.purchases import (
    goods_costs,
    known_orders,
    minor_per_major,
    texts_in_arrow,
)
from retention.features.sample import units_alone

ARRIVAL_DAYS = 30
"""Age of an order from which it is known whether it arrived late."""

LAYERS = {
    "order_lines": "order_lines", "costs": "costs", "events": "events", "loyalty": "events",
    "touches": "touches", "tickets": "tickets", "surveys": "surveys",
}  # fmt: skip
"""Layer queries besides that of the orders (``features_<layer>.sql``) to the table they need."""

NUMBERED = ("order_lines", "costs")
"""Layers of the known orders: by the customer's number, which is shorter than the key."""

UNDATED = ("costs",)
"""Layers of what is known at the as-of date already."""


def customer_features(
    engine: Engine, as_of: str, *, experiment: str = "", only: Collection[str] | None = None
) -> pd.DataFrame:
    """Return what was known of each customer before the as-of date began.

    Parameters
    ----------
    engine
        Engine with ``orders`` and whichever of ``refunds``, ``order_lines``, ``events``,
        ``touches``, ``tickets``, ``surveys`` and ``costs`` the snapshot has.
    as_of
        ISO date.
    experiment
        Experiment (of the table ``assignments``) whose units alone are wanted; empty for all
        customers.
    only
        Features that are wanted: layers that bring none of them are not made, and a million
        customers take the room of these columns alone. None for all; other names are passed over.

    Returns
    -------
    pandas.DataFrame
        One row per customer with an order that counts, sorted by ``customer_key``; columns as in
        `retention.features.FEATURES`. A layer whose table is absent has no columns: it is
        unknown, not zero. Within a layer that is there, counts are zero and measures NULL for a
        customer without a row.

    Raises
    ------
    ParameterError
        If the as-of date is no ISO date.
    EvidenceError
        If the orders are in several currencies, or nobody had bought before the date.
    """
    frame = _known(engine, as_of, experiment, only)
    if frame.empty:
        raise nobody_before(engine, as_of)
    return _without_unknown(frame)


def _known(
    engine: Engine, as_of: str, experiment: str, only: Collection[str] | None
) -> pd.DataFrame:
    """Return the feature table, made now or taken from what a run shares."""
    layers = _layers(engine, only)
    if engine.shared is None:
        with _rows_of(engine, as_of, experiment, layers, only) as rows:
            return texts_in_arrow(rows)
    kept = engine.parquet(_kept(engine, engine.shared, as_of, experiment, layers))
    wanted = [] if only is None else ["customer_key", *(f.name for f in _features(layers, only))]
    text = f"SELECT {', '.join(wanted) or '*'} FROM {kept}"
    return texts_in_arrow(engine.sql(text))


def _kept(engine: Engine, folder: Path, as_of: str, experiment: str, layers: Sequence[str]) -> Path:
    """Return the file of a feature table that a run shares: the whole one, where it is there."""
    whose = hashlib.sha256(experiment.encode()).hexdigest()[:16] if experiment else "all"
    whole = folder / f"customer_features-{epoch_of(as_of)}-{whose}.parquet"
    kept = whole.with_stem("-".join([whole.stem, "orders", *layers]))
    if whole.is_file() or list(layers) == _layers(engine, None):
        kept = whole
    with to_be_made([kept]) as wanted:
        if wanted:
            with _rows_of(engine, as_of, experiment, layers) as rows:
                keep(engine, {kept: rows.text})
    return kept


@contextmanager
def _rows_of(
    engine: Engine, as_of: str, experiment: str, layers: Sequence[str],
    only: Collection[str] | None = None,
) -> Iterator[Answer]:  # fmt: skip
    """Prepare the feature table of everybody, or of the units of an experiment."""
    with ExitStack() as held:
        if experiment:
            held.enter_context(units_alone(engine, experiment))
        yield held.enter_context(_made_of(engine, as_of, layers, only))


@contextmanager
def feature_rows(engine: Engine, as_of: str) -> Iterator[Answer]:
    """Prepare the feature table without fetching it, for work that goes batch by batch.

    Features that the source brings no value of are columns of NULL here; `customer_features` leaves
    them out.

    Parameters
    ----------
    engine
        As for `customer_features`.
    as_of
        ISO date.

    Yields
    ------
    Answer
        The rows, valid until the block ends.
    """
    with _made_of(engine, as_of, _layers(engine, None)) as rows:
        yield rows


@contextmanager
def _made_of(
    engine: Engine, as_of: str, layers: Sequence[str], only: Collection[str] | None = None
) -> Iterator[Answer]:
    """Prepare the feature table of some layers beside that of the orders."""
    minor_per_major(engine)
    goods = goods_costs(engine, as_of) if "costs" in layers else nullcontext()
    lines = counted_lines(engine) if "order_lines" in layers else nullcontext()
    with known_orders(engine, as_of), lines, goods:
        engine.query(
            "features_orders", as_of_s=epoch_of(as_of), arrival_s=ARRIVAL_DAYS * DAY_S
        ).materialise("features_layer_orders")
        for layer in layers:
            _materialise_layer(engine, layer, as_of)
        try:
            yield engine.sql(_joined(layers, only))
        finally:
            engine.drop(*(f"features_layer_{layer}" for layer in ("orders", *layers)))


def _layers(engine: Engine, only: Collection[str] | None) -> list[str]:
    """Return the layers, besides that of the orders, that there are and that are wanted."""
    present = [layer for layer, table in LAYERS.items() if engine.has(table)]
    if "order_lines" not in present:
        present = [layer for layer in present if layer != "costs"]
    wanted = {f.source for f in FEATURES if only is None or f.name in only}
    return [layer for layer in present if layer in wanted]


def _features(layers: Sequence[str], only: Collection[str] | None) -> list[Feature]:
    """Return the features of some layers and of the orders, or those of them that are wanted."""
    there = [f for f in FEATURES if f.source == "orders" or f.source in layers]
    return [f for f in there if only is None or f.name in only]


def future_purchases(engine: Engine, as_of: str, horizon_days: int) -> pd.DataFrame:
    """Return what each customer known at the as-of date bought in the days that followed.

    Parameters
    ----------
    engine
        Engine with the table ``orders``.
    as_of
        ISO date at which the window opens.
    horizon_days
        Length of the window in days.

    Returns
    -------
    pandas.DataFrame
        One row per customer known at the as-of date, sorted by ``customer_key``: ``purchases``
        (orders), ``purchase_days`` (distinct days) and ``revenue_minor``, zero where nothing was
        bought. Whether the window is fully observed is for the caller to check
        (`retention.features.observed_until`).

    Raises
    ------
    ParameterError
        If the as-of date is no ISO date or the horizon is not positive.
    """
    if horizon_days <= 0:
        raise ParameterError(f"A horizon of {horizon_days} days is empty.", "Give 1 or more.")
    as_of_s = epoch_of(as_of)
    return engine.query(
        "features_future_purchases", as_of_s=as_of_s, until_s=as_of_s + horizon_days * DAY_S
    ).frame()


def _materialise_layer(engine: Engine, layer: str, as_of: str) -> None:
    """Keep one layer as a temporary table."""
    dated = {} if layer in UNDATED else {"as_of_s": epoch_of(as_of)}
    engine.query(f"features_{layer}", **dated).materialise(f"features_layer_{layer}")


def _joined(present: Sequence[str], only: Collection[str] | None) -> str:
    """Return the query that puts the layers side by side, counts filled with zero."""
    columns = [_expression(f.name, f.source, f.counts) for f in _features(present, only)]
    joins = [
        f"LEFT JOIN features_layer_{layer} ON features_layer_{layer}.{_key(layer)} "
        f"= features_layer_orders.{_key(layer)}"
        for layer in present
    ]
    return (
        f"SELECT {', '.join(['features_layer_orders.customer_key', *columns])} "
        f"FROM features_layer_orders {' '.join(joins)} "
        "ORDER BY features_layer_orders.customer_number"
    )


def _key(layer: str) -> str:
    """Return by what a layer knows the customer."""
    return "customer_number" if layer in NUMBERED else "customer_key"


def _expression(name: str, layer: str, counts: bool) -> str:
    """Return the SQL of one feature's column."""
    column = f"features_layer_{layer}.{name}"
    if not counts:
        return f"{column} AS {name}"
    empty = "FALSE" if name.startswith("is_") else "0"
    return f"coalesce({column}, {empty}) AS {name}"


def _without_unknown(frame: pd.DataFrame) -> pd.DataFrame:
    """Drop optional features of which the source brought not a single value."""
    unknown = [
        f.name for f in FEATURES if f.optional and f.name in frame and _is_unknown(frame[f.name])
    ]
    return frame.drop(columns=unknown)


def _is_unknown(column: pd.Series) -> bool:
    """Tell whether nothing is known: all NULL; categories, if most customers have none.

    Some sources name only what is no product (carriage, fees): that is no assortment.
    """
    if column.name == "category_count":
        return bool((column.fillna(0) > 0).mean() < 0.5)
    if column.name == "top_category":
        return bool(column.notna().mean() < 0.5)
    return bool(column.isna().all())
