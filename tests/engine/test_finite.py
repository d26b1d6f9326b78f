"""NaN and infinity become NULL wherever rows enter the engine."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from retention.engine import Engine
from retention.engine.finite import finite_frame, numbers, require_finite
from retention.errors import InputError

VALUES = [1.0, float("nan"), float("inf"), -float("inf"), None, 2.0]


def zero_by_zero(kind):
    return (pd.Series([1.0, 0.0, 2.0]).astype(kind)) / (pd.Series([1.0, 0.0, 1.0]).astype(kind))


def counts(engine, column="x"):
    row = engine.sql(
        f"SELECT count(*) AS n, count({column}) AS known, sum({column}) AS total FROM t"
    )
    return tuple(row.frame().iloc[0])


@pytest.mark.parametrize(
    "table",
    [
        pa.table({"x": pa.array(VALUES, pa.float64())}),
        pa.table({"x": pa.array(VALUES, pa.float32())}),
        pa.table({"x": pa.chunked_array([VALUES[:3], VALUES[3:]], pa.float64())}),
        pd.DataFrame({"x": np.array(VALUES, dtype=float)}),
        pd.DataFrame({"x": np.array(VALUES, dtype="float32")}),
        pd.DataFrame({"x": pd.array(VALUES, dtype="Float64")}),
        pd.DataFrame({"x": pd.Series(VALUES, dtype=object)}),
        pd.DataFrame({"x": pd.Series(VALUES).astype("double[pyarrow]")}),
        pd.DataFrame({"x": pd.Categorical(VALUES)}),
        pd.DataFrame({"x": VALUES}, index=[7, 7, 7, 8, 8, 8]),
    ],
)
def test_frames_and_arrow_tables_enter_without_nan_or_infinity(table):
    engine = Engine()
    engine.register("t", table)
    assert counts(engine) == (6, 2, 3.0)


@pytest.mark.parametrize("kind", ["Float64", "double[pyarrow]"])
def test_zero_by_zero_in_nullable_types_is_null(kind):
    quotient = zero_by_zero(kind)
    assert quotient.isna().sum() == 0  # what makes it dangerous
    engine = Engine()
    engine.register("t", pd.DataFrame({"x": quotient}))
    assert counts(engine) == (3, 2, 3.0)


@pytest.mark.parametrize("kind", [pa.float64(), pa.float32()])
def test_parquet_files_enter_without_nan_or_infinity(tmp_path, kind):
    table = pa.table({"k": list("abcdef"), 'x "y"': pa.array(VALUES, kind)})
    for name in ("one", "two"):
        pq.write_table(table, tmp_path / f"{name}.parquet")
    engine = Engine()
    engine.register("t", [tmp_path / "one.parquet", tmp_path / "two.parquet"])
    assert counts(engine, '"x ""y"""') == (12, 4, 6.0)


def test_a_clean_frame_is_handed_on_as_it_is_and_a_spoilt_one_is_not_changed():
    clean = pd.DataFrame({"x": [1.0, None], "k": ["a", "b"]})
    assert finite_frame(clean) is clean
    spoilt = pd.DataFrame({"x": [1.0, np.inf], "k": ["a", "b"]})
    assert finite_frame(spoilt)["x"].isna().sum() == 1
    assert np.isinf(spoilt["x"][1])


@pytest.mark.parametrize("kind", ["float64", "Float64", "double[pyarrow]"])
def test_the_error_names_column_and_count(kind):
    frame = pd.DataFrame({"spend": zero_by_zero(kind)})
    assert np.isnan(numbers(frame["spend"])).tolist() == [False, True, False]
    with pytest.raises(
        InputError, match="'spend': 1 of 3 values are missing or infinite"
    ) as caught:
        require_finite(frame, ["spend"])
    assert caught.value.line == 2
