"""Every figure of a ranking gives ties their average and knows no order of rows."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retention.churn import score_probabilities
from retention.churn.metrics import auc_of, auc_with_error, average_precision
from retention.survival import concordance

rows = st.lists(st.tuples(st.booleans(), st.integers(1, 6)), min_size=12, max_size=60)


def figures(y, p):
    time, event = np.where(y == 1, 3.0, 5.0), y
    return {
        "auc_of": auc_of(y, p),
        "auc_with_error": auc_with_error(y, p)[0],
        "average_precision": average_precision(y, p),
        "concordance": concordance(p, time, event),
        **{
            f"{row.metric} {end}": getattr(row, end)
            for row in score_probabilities(y, p, draws=10).frame.itertuples()
            for end in ("value", "ci_low", "ci_high")
        },
    }


@settings(max_examples=40, deadline=None)
@given(rows, st.randoms(use_true_random=False))
def test_no_figure_depends_on_the_order_of_the_rows(pairs, random):
    pairs = [*pairs, (True, 1), (False, 1)]

    def of(chosen):
        y, level = (np.array(column) for column in zip(*chosen, strict=True))
        return figures(y.astype(float), level / 10)

    first = of(pairs)
    random.shuffle(pairs)
    second = of(pairs)
    for name, value in first.items():
        assert second[name] == pytest.approx(value, rel=1e-6, abs=1e-9), name


@settings(max_examples=40, deadline=None)
@given(rows)
def test_a_tie_counts_as_the_average_over_the_orders_it_could_be_in(pairs):
    y, level = (np.array(column) for column in zip(*[*pairs, (True, 1), (False, 1)], strict=True))
    y, p = y.astype(float), level / 10
    lift = score_probabilities(y, p, draws=2)["lift_top_decile"]
    random, top = np.random.default_rng(0), max(len(y) // 10, 1)
    drawn = [y[np.lexsort((random.random(len(y)), -p))[:top]].mean() / y.mean() for _ in range(400)]
    error = np.std(drawn) / 20
    assert lift == pytest.approx(np.mean(drawn), abs=4 * error + 1e-9)


def test_a_score_that_says_nothing_has_no_lift():
    y = np.r_[np.ones(100), np.zeros(900)]
    row = (
        score_probabilities(y, np.full(1000, 0.1)).frame.set_index("metric").loc["lift_top_decile"]
    )
    assert row["value"] == pytest.approx(1.0)
    assert row["ci_low"] < 1 < row["ci_high"]


def test_three_scores_have_the_lift_of_the_highest():
    random = np.random.default_rng(1)
    leaf = random.choice(3, 5000, p=[0.4, 0.35, 0.25])
    p = np.array([0.1, 0.3, 0.6])[leaf]
    y = (random.random(5000) < p).astype(float)
    right = y[leaf == 2].mean() / y.mean()
    for order in (np.argsort(-y, kind="stable"), np.argsort(y, kind="stable")):
        assert score_probabilities(y[order], p[order], draws=2)["lift_top_decile"] == pytest.approx(
            right
        )


def test_movers_between_two_scores_do_not_depend_on_the_order_of_the_rows():
    from retention.churn.shadow import _movers

    keys, old, new = (
        np.array(list("abcdef")),
        np.full(6, 0.5),
        np.array([0.1, 0.2, 0.2, 0.2, 0.3, 0.1]),
    )
    back = np.arange(6)[::-1]
    pd.testing.assert_frame_equal(
        _movers(keys, old, new, None, 0.5), _movers(keys[back], old[back], new[back], None, 0.5)
    )
