"""Fits: recovery of simulated truth, units, weights, plateaus, honest words."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retention.errors import EvidenceError, InputError, ParameterError
from retention.optimise import maximise
from retention.value import (
    MODELS,
    GeometricDropout,
    GeometricDropoutCovariates,
    ModelFamily,
    ParetoDropout,
    compress,
    fit_family,
    fit_purchases,
    fit_spend,
)
from retention.value.simulate import simulate_geometric, simulate_pareto, simulate_spend

TRUTH = np.array([0.6, 5.0, 0.8, 2.5])


def within(fit, truth, errors=3.5):
    distance = (fit.working[: len(truth)] - truth) / fit.working_errors[: len(truth)]
    return np.abs(distance).max() < errors


@pytest.mark.parametrize("coin", [False, True])
def test_geometric_fits_recover_the_truth_they_were_drawn_from(coin):
    frame = simulate_geometric(TRUTH, np.linspace(20, 90, 20_000), seed=4, coin_at_start=coin)
    fit = fit_purchases(GeometricDropout(coin), compress(frame))
    assert fit.converged
    assert fit.identified
    assert within(fit, np.log(TRUTH))


def test_pareto_fit_recovers_truth_and_the_effects_of_a_covariate():
    group = np.arange(6000) % 2
    truth = np.array([0.8, 8.0, 0.9, 12.0])
    drawn = (truth[0], truth[1] * np.exp(-0.7 * group), truth[2], truth[3] * np.exp(0.4 * group))
    frame = simulate_pareto(drawn, np.linspace(30, 90, 6000), seed=8).assign(group=group)
    fit = fit_purchases(ParetoDropout(), compress(frame.round(0), covariates=("group",)))
    assert fit.names[4:] == ("purchase.group", "dropout.group")
    assert fit.converged
    assert within(fit, np.concatenate([np.log(truth), [0.7, -0.4]]), errors=4.5)


def test_gamma_gamma_recovers_the_truth():
    random = np.random.default_rng(2)
    x = 1.0 + random.poisson(2.0, 8000)
    truth = np.array([6.25, 3.74, 15.44])
    spend = simulate_spend(truth, x, seed=3)
    fit = fit_spend(x, spend["monetary_value"].to_numpy())
    assert fit.converged
    distance = np.log(fit.parameters / truth) / np.sqrt(np.diag(fit.covariance))
    assert np.abs(distance).max() < 3.5
    # Shrinking each own mean brings it nearer to the truth than the own mean itself is.
    guess = fit.expected_value(x, spend["monetary_value"].to_numpy())
    own, shrunk = spend["monetary_value"] - spend["true_mean"], guess - spend["true_mean"]
    assert np.mean(shrunk**2) < np.mean(own**2)


@settings(max_examples=5, deadline=None)
@given(unit=st.floats(0.1, 100))
def test_the_unit_of_time_scales_the_estimates_and_nothing_else(unit):
    frame = simulate_geometric(TRUTH, np.linspace(20, 60, 800), seed=11)
    fit = fit_purchases(GeometricDropout(), compress(frame))
    scaled = frame.assign(recency=frame["recency"] / unit, tenure=frame["tenure"] / unit)
    other = fit_purchases(GeometricDropout(), compress(scaled, unit_days=unit))
    assert other.parameters * [1, unit, 1, 1] == pytest.approx(fit.parameters, rel=1e-5)
    gap = frame["frequency"].sum() * np.log(unit)
    assert other.log_likelihood - gap == pytest.approx(fit.log_likelihood, rel=1e-9)


@pytest.mark.parametrize("name", list(MODELS))
def test_weights_give_the_same_fit_as_repetitions(name, simulated):
    frame = simulated.head(400).round(0).assign(weight=np.arange(400) % 3 + 1)
    repeated = frame.loc[frame.index.repeat(frame["weight"])]
    weighted = fit_purchases(MODELS[name], compress(frame, weight="weight"))
    once = fit_purchases(MODELS[name], compress(repeated))
    assert weighted.parameters == pytest.approx(once.parameters, rel=1e-5)
    assert weighted.log_likelihood == pytest.approx(once.log_likelihood, rel=1e-10)
    assert weighted.customers == once.customers


def test_a_sampled_start_ends_at_the_same_optimum():
    frame = simulate_geometric(TRUTH, np.linspace(20, 90, 12_000), seed=6)
    summary = compress(frame)
    assert summary.rows > 8000  # so that the search begins on a sample
    objective = GeometricDropout().objective(summary)
    direct = maximise(objective, GeometricDropout().starts(summary))
    assert fit_purchases(GeometricDropout(), summary).working == pytest.approx(
        direct.point, abs=1e-5
    )


def test_where_nobody_leaves_the_plateau_is_reported_and_forecasts_still_hold():
    # Everyone who ever came back was last seen on the very last day.
    frequency = np.random.default_rng(9).poisson(2.0, 3000)
    recency = np.where(frequency > 0, 50.0, 0.0)
    frame = pd.DataFrame({"frequency": frequency, "recency": recency, "tenure": 50.0})
    fit = fit_purchases(ParetoDropout(), compress(frame))
    assert fit.converged
    assert not fit.identified
    assert "do not identify" in fit.summary()
    assert np.isnan(fit.to_frame()["standard_error"]).any()
    future = fit.expected_future(compress(frame), 50.0)
    total = compress(frame).weight @ future
    assert total == pytest.approx(frequency.sum(), rel=0.05)


def test_a_penalty_is_stated_and_shrinks(simulated):
    summary = compress(simulated)
    free = fit_purchases(GeometricDropout(), summary)
    held = fit_purchases(GeometricDropout(), summary, penalty=1.0)
    assert "without regularisation" in free.summary()
    assert "penalty of 1" in held.summary()
    assert held.log_likelihood < free.log_likelihood


def test_no_repeat_purchase_is_too_little_evidence():
    frame = pd.DataFrame({"frequency": [0, 0], "recency": [0, 0], "tenure": [9, 5]})
    with pytest.raises(EvidenceError, match="second time"):
        fit_purchases(GeometricDropout(), compress(frame))


def test_another_unit_than_the_fit_is_refused(simulated):
    fit = fit_purchases(GeometricDropout(), compress(simulated, unit_days=7))
    with pytest.raises(ParameterError, match="unit_days"):
        fit.expected_future(compress(simulated, unit_days=1), 90)


def test_an_unknown_model_is_named(simulated):
    with pytest.raises(ParameterError, match="bg_nbd"):
        fit_family(compress(simulated), ("nbd",))


def test_the_family_prefers_the_model_that_made_the_data():
    frame = simulate_geometric(TRUTH, np.linspace(20, 90, 15_000), seed=4, coin_at_start=True)
    family = fit_family(compress(frame.round(0)))
    scores = family.scores().set_index("model")["bic"]
    assert scores.idxmin() == "MBG/NBD"
    assert family.summary().startswith("MBG/NBD describes the past best")


@pytest.mark.parametrize(
    ("frame", "problem"),
    [
        ({"frequency": [1], "recency": [9], "tenure": [5]}, "after the as-of date"),
        ({"frequency": [0], "recency": [2], "tenure": [5]}, "without a repeat"),
        ({"frequency": [-1], "recency": [0], "tenure": [5]}, "negative"),
        ({"frequency": [np.nan], "recency": [0], "tenure": [5]}, "not finite"),
        ({"frequency": [], "recency": [], "tenure": []}, "no customers"),
        ({"frequency": [1], "recency": [1]}, "lacks a column"),
    ],
)
def test_impossible_histories_are_refused(frame, problem):
    with pytest.raises(InputError, match=problem):
        compress(pd.DataFrame(frame))


def test_compression_keeps_every_customer_and_finds_the_way_back(simulated):
    frame = simulated.round(0).sample(frac=1, random_state=1)
    summary = compress(frame)
    assert summary.rows < len(frame)
    assert summary.customers == len(frame)
    for column in ("frequency", "recency", "tenure"):
        assert (summary.expand(getattr(summary, column)) == frame[column].to_numpy()).all()
    order = np.lexsort([summary.tenure, summary.recency, summary.frequency])
    assert (order == np.arange(summary.rows)).all()


def test_covariates_compete_beside_the_plain_models_and_are_told_as_factors():
    tenure = np.full(3000, 400.0)
    group = np.arange(3000) % 2
    alpha = 60.0 * np.exp(-0.8 * group)
    frame = simulate_pareto([0.9, alpha, 0.8, 300.0], tenure, seed=5).round(0)
    frame["group"] = group - 0.5
    summary = compress(frame, covariates=("group",))
    family = fit_family(summary, ("pareto_nbd",))
    assert list(family.fits) == ["pareto_nbd", "pareto_nbd_covariates"]
    row = family.covariates().iloc[0]
    assert row["purchase_rate_times_ci_low"] < np.exp(0.8) < row["purchase_rate_times_ci_high"]
    assert row["model"] == "Pareto/NBD with covariates"
    assert "In Pareto/NBD the static covariates explain more than" in family.covariates_summary()
    plain = fit_family(compress(frame), ("pareto_nbd",))
    assert plain["pareto_nbd"].log_likelihood == pytest.approx(family["pareto_nbd"].log_likelihood)
    assert plain.covariates().empty
    forecasts = family.forecasts(summary, 90)
    with_effect = forecasts["Pareto/NBD with covariates"]
    assert with_effect[group == 1].mean() > 1.5 * with_effect[group == 0].mean()


@pytest.mark.parametrize("coin", [False, True])
def test_geometric_fit_recovers_truth_and_the_effects_of_a_covariate(coin):
    group = np.arange(20_000) % 2
    r, alpha, a, b = TRUTH
    drawn = (r, alpha * np.exp(-0.7 * group), a * np.exp(0.5 * group), b)
    frame = simulate_geometric(drawn, np.linspace(20, 90, 20_000), seed=8, coin_at_start=coin)
    summary = compress(frame.round(0).assign(group=group), covariates=("group",))
    fit = fit_purchases(GeometricDropoutCovariates(coin), summary)
    assert fit.names[4:] == ("purchase.group", "dropout.group")
    assert fit.converged
    assert within(fit, np.concatenate([np.log(TRUTH), [0.7, 0.5]]), errors=4.5)


@pytest.mark.parametrize("coin", [False, True])
def test_the_gradient_with_covariates_is_that_of_the_value_and_the_plain_model_is_a_case(coin):
    random = np.random.default_rng(3)
    frame = simulate_geometric(TRUTH, np.linspace(20, 90, 500), seed=2, coin_at_start=coin)
    frame = frame.round(0).assign(z=random.integers(0, 3, 500), w=random.integers(0, 2, 500))
    summary = compress(frame, covariates=("z", "w"))
    rich = GeometricDropoutCovariates(coin).objective(summary)
    point = np.array([-0.4, 1.2, -0.3, 0.7, 0.3, -0.2, 0.1, -0.4])
    step = 1e-6 * np.eye(8)
    numeric = [(rich(point + h)[0] - rich(point - h)[0]) / 2e-6 for h in step]
    assert rich(point)[1] == pytest.approx(numeric, abs=1e-7)
    plain = GeometricDropout(coin).objective(summary.without_covariates())
    flat = np.concatenate([point[:4], np.zeros(4)])
    assert rich(flat)[0] == pytest.approx(plain(point[:4])[0], abs=1e-12)
    assert rich(flat)[1][:4] == pytest.approx(plain(point[:4])[1], abs=1e-12)
    model = GeometricDropoutCovariates(coin)
    own = np.concatenate([np.exp(point[:4]), point[4:]])
    assert (model.probability_alive(own, summary) <= 1).all()
    assert model.names(summary)[4:] == ("purchase.z", "purchase.w", "dropout.z", "dropout.w")


class Forecasting:
    """A fit whose forecasts have a known error."""

    def __init__(self, name, off, converged=True, identified=True):
        self.model, self.off = MODELS[name], off
        self.converged, self.identified = converged, identified


def chosen_of(family: ModelFamily, later: ModelFamily) -> str:
    forecasts = {fit.model.name: np.full(1, fit.off) for fit in family.fits.values()}
    return family.choose("auto", later, np.zeros(1), forecasts)


@pytest.mark.parametrize(
    ("errors", "chosen"),
    [
        # Squared errors within half a per cent of the least are equal: MBG/NBD, then Pareto/NBD.
        ({"bg_nbd": 1.0, "mbg_nbd": 1.002, "pareto_nbd": 1.001}, "mbg_nbd"),
        ({"bg_nbd": 1.0, "mbg_nbd": 1.003, "pareto_nbd": 1.001}, "pareto_nbd"),
        ({"bg_nbd": 1.0, "mbg_nbd": 1.1}, "bg_nbd"),
        # Covariates have to pay, and then any model that has them may come first.
        ({"bg_nbd": 1.0, "bg_nbd_covariates": 0.998}, "bg_nbd"),
        ({"bg_nbd": 1.0, "bg_nbd_covariates": 0.99, "mbg_nbd_covariates": 0.991},
         "mbg_nbd_covariates"),
    ],
)  # fmt: skip
def test_auto_takes_the_simplest_model_within_half_a_per_cent_of_the_least_error(errors, chosen):
    family = ModelFamily({name: Forecasting(name, off) for name, off in errors.items()})
    assert chosen_of(family, family) == chosen
    best = min(errors, key=errors.get)
    later = ModelFamily(family.fits | {best: Forecasting(best, 1.0, converged=False)})
    assert chosen_of(family, later) != best


def test_auto_puts_what_the_whole_history_identifies_before_a_smaller_error():
    vague = {
        "mbg_nbd": Forecasting("mbg_nbd", 0.9, identified=False),
        "bg_nbd": Forecasting("bg_nbd", 1.0),
    }
    past = ModelFamily(
        {name: Forecasting(name, fit.off, identified=False) for name, fit in vague.items()}
    )
    assert chosen_of(past, ModelFamily(vague)) == "bg_nbd"
    assert chosen_of(past, past) == "mbg_nbd"


def test_a_likelihood_ratio_beyond_doubt_is_not_written_as_zero():
    group = np.arange(4000) % 2
    drawn = (0.8, 8.0 * np.exp(-0.9 * group), 0.9, 12.0)
    frame = simulate_pareto(drawn, np.linspace(30, 90, 4000), seed=8).assign(group=group)
    family = fit_family(compress(frame.round(0), covariates=("group",)), ("bg_nbd",))
    assert family.covariates_summary().endswith("on 2 degrees of freedom, p < 0.001.")


def test_returns_beyond_what_was_bought_make_no_future_a_loss():
    random = np.random.default_rng(1)
    spend = fit_spend(random.integers(1, 9, 500) * 1.0, random.gamma(2.0, 20.0, 500))
    purchases = np.array([1.0, 1.0, 3.0, 0.0])
    expected = spend.expected_value(purchases, np.array([-135.66, 0.0, -50.0, np.nan]))
    assert (expected > 0).all()
    assert expected[0] == expected[1] > expected[2]


def test_a_sample_of_the_histories_is_evenly_spaced_and_counts_each_of_its_customers(simulated):
    summary = compress(simulated)
    some = summary.of_at_most(101)
    assert some.customers == len(some.row) == 101
    taken = np.linspace(0, len(simulated) - 1, 101).astype(int)
    for name in ("frequency", "recency", "tenure"):
        expected = simulated[name].to_numpy()[taken]
        np.testing.assert_array_equal(some.expand(getattr(some, name)), expected)
    assert summary.of_at_most(len(simulated)) is summary


def test_a_model_fitted_to_a_sample_agrees_with_that_fitted_to_all_within_its_errors(simulated):
    summary = compress(simulated)
    whole = fit_purchases(GeometricDropout(), summary)
    part = fit_purchases(GeometricDropout(), summary.of_at_most(len(simulated) // 4))
    error = part.to_frame()["standard_error"].to_numpy()
    away = np.abs(np.log(part.parameters / whole.parameters))
    relative = error / part.parameters
    assert (away < 4 * relative).all()
    assert (error > whole.to_frame()["standard_error"].to_numpy()).all()
