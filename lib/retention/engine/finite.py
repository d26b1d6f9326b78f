"""NaN and infinity are no numbers to analyse: they become NULL where rows enter the engine.

Arrow, Parquet and pandas' nullable types carry NaN beside NULL, and SQL takes NaN for the greatest
number: one 0/0 among a million values would make every sum NaN.
"""

from __future__ import annotations

from collections.abc import Iterable

import duckdb
import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from retention.errors import InputError

FLOATING = ("FLOAT", "DOUBLE")
"""Engine types that can hold NaN."""


def finite(rows: pd.DataFrame | pa.Table) -> pd.DataFrame | pa.Table:
    """Return a DataFrame or an Arrow table with NULL where it held NaN or infinity."""
    return finite_frame(rows) if isinstance(rows, pd.DataFrame) else finite_table(rows)


def finite_table(table: pa.Table) -> pa.Table:
    """Return an Arrow table whose floating columns hold NULL where they held NaN or infinity.

    Examples
    --------
    >>> finite_table(pa.table({"x": [1.0, float("nan"), None]}))["x"].null_count
    2
    """
    for place, field in enumerate(table.schema):
        if pa.types.is_floating(field.type):
            known = pc.is_finite(table.column(place))
            if not pc.all(known).as_py():
                column = pc.if_else(known, table.column(place), pa.scalar(None, field.type))
                table = table.set_column(place, field, column)
    return table


def finite_frame(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a DataFrame whose columns of numbers miss what is not finite; nothing is changed.

    Examples
    --------
    >>> bool(finite_frame(pd.DataFrame({"x": [1.0, float("inf")]}))["x"].isna()[1])
    True
    """
    bad = {}
    for place in range(frame.shape[1]):
        column = frame.iloc[:, place]
        if _may_be_infinite(column):
            lost = ~np.isfinite(numbers(column)) & ~column.isna().to_numpy(dtype=bool)
            if lost.any():
                bad[place] = lost
    if not bad:
        return frame
    columns = [
        frame.iloc[:, place].mask(bad[place]) if place in bad else frame.iloc[:, place]
        for place in range(frame.shape[1])
    ]
    return pd.concat(columns, axis=1)


def numbers(values: pd.Series) -> npt.NDArray[np.float64]:
    """Return a column as floats, NaN where it is missing in whatever way its type has.

    ``isna`` does not see a NaN within ``Float64`` or ``double[pyarrow]``; this does.

    Raises
    ------
    InputError
        If a value is no number.

    Examples
    --------
    >>> zero = pd.Series([0.0, 1.0], dtype="Float64")
    >>> int((zero / zero).isna().sum()), int(np.isnan(numbers(zero / zero)).sum())
    (0, 1)
    """
    try:
        return np.asarray(values.to_numpy(dtype=float, na_value=np.nan), dtype=np.float64)
    except (TypeError, ValueError):
        raise InputError(
            "Not every value is a number.", "Code labels as numbers.", column=str(values.name)
        ) from None


def require_finite(frame: pd.DataFrame, columns: Iterable[str]) -> None:
    """Refuse columns with missing or infinite numbers, naming the column and how many.

    Raises
    ------
    InputError
        For the first such column.
    """
    for column in columns:
        bad = ~np.isfinite(numbers(frame[column]))
        if bad.any():
            raise InputError(
                f"{int(bad.sum()):,} of {len(frame):,} values are missing or infinite.",
                "Fill them in, or leave those rows out.",
                line=int(np.argmax(bad)) + 1,
                column=column,
            )


def finite_columns(rows: duckdb.DuckDBPyRelation) -> str:
    """Return SQL, to stand after SELECT, of all columns with NaN and infinity made NULL.

    Examples
    --------
    >>> finite_columns(duckdb.sql("SELECT 'a' AS k, 0.5::DOUBLE AS x"))
    '* REPLACE (CASE WHEN isfinite("x") THEN "x" END AS "x")'
    """
    kinds = zip(rows.columns, rows.types, strict=True)
    quoted = ['"' + name.replace('"', '""') + '"' for name, kind in kinds if str(kind) in FLOATING]
    if not quoted:
        return "*"
    return (
        f"* REPLACE ({', '.join(f'CASE WHEN isfinite({q}) THEN {q} END AS {q}' for q in quoted)})"
    )


def _may_be_infinite(column: pd.Series) -> bool:
    """Return whether a column holds floating numbers, of whatever type."""
    if pd.api.types.is_float_dtype(column.dtype):
        return True
    if isinstance(column.dtype, pd.CategoricalDtype):
        return pd.api.types.is_float_dtype(column.dtype.categories.dtype)
    if column.dtype != object:
        return False
    return pd.api.types.infer_dtype(column, skipna=True) in ("floating", "mixed-integer-float")
