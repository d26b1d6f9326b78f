"""Likelihoods and expectations against brute-force integration of the mixtures they come from."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.integrate import quad

from retention.value import GeometricDropout, ParetoDropout, compress

HISTORIES = [(0, 0.0, 12.0), (1, 3.0, 12.0), (4, 11.5, 12.0), (7, 2.0, 30.0)]
MODELS = [GeometricDropout(), GeometricDropout(coin_at_start=True), ParetoDropout()]
POINTS = [np.log([1.7, 6.0, 1.4, 3.1]), np.log([0.24, 4.4, 0.79, 2.43])]


def one(x, recency, tenure, **columns):
    frame = pd.DataFrame({"frequency": [x], "recency": [recency], "tenure": [tenure], **columns})
    return compress(frame, covariates=tuple(columns))


def geometric_mixture(x, recency, tenure, parameters, coin):
    """Integrate the individual likelihood over gamma-distributed rates and beta dropout."""
    r, alpha, a, b = parameters
    rate, drop = stats.gamma(r, scale=1 / alpha), stats.beta(a, b)

    def over_rate(time):
        return quad(lambda v: v**x * np.exp(-v * time) * rate.pdf(v), 0, np.inf, epsabs=1e-14)[0]

    def over_drop(function):
        return quad(lambda p: function(p) * drop.pdf(p), 0, 1, epsabs=1e-14)[0]

    survived = x + coin
    alive = over_drop(lambda p: (1 - p) ** survived) * over_rate(tenure)
    if survived == 0:
        return alive, 0.0
    lost = over_drop(lambda p: p * (1 - p) ** (survived - 1)) * over_rate(recency)
    return alive, lost


def pareto_mixture(x, recency, tenure, parameters):
    """Integrate the individual likelihood over gamma-distributed rates of buying and leaving.

    The trapezoidal rule in the logarithms of both rates: the integrand decays on every side.
    """
    r, alpha, s, beta = parameters
    logs, step = np.linspace(-18, 4, 1200, retstep=True)
    v, m = np.exp(logs)[:, None], np.exp(logs)[None, :]
    prior = stats.gamma.pdf(v, r, scale=1 / alpha) * stats.gamma.pdf(m, s, scale=1 / beta)
    measure = prior * v * m * step**2
    gone = np.exp(-(v + m) * recency) - np.exp(-(v + m) * tenure)
    alive = (v**x * np.exp(-(v + m) * tenure) * measure).sum()
    return alive, (v**x * m / (v + m) * gone * measure).sum()


@pytest.mark.parametrize("history", HISTORIES)
@pytest.mark.parametrize("coin", [0, 1])
def test_geometric_likelihood_is_the_integral_of_the_mixture(history, coin):
    model, parameters = GeometricDropout(bool(coin)), np.exp(POINTS[0])
    summary = one(*history)
    alive, lost = geometric_mixture(*history, parameters, coin)
    found = model.objective(summary)(POINTS[0])[0]
    assert found == pytest.approx(np.log(alive + lost), rel=1e-8)
    chance = model.probability_alive(parameters, summary)[0]
    assert chance == pytest.approx(alive / (alive + lost), rel=1e-8)


@pytest.mark.parametrize("history", HISTORIES)
def test_pareto_likelihood_is_the_integral_of_the_mixture(history):
    parameters = np.array([1.7, 6.0, 1.4, 9.0])
    summary = one(*history)
    alive, lost = pareto_mixture(*history, parameters)
    found = ParetoDropout().objective(summary)(np.log(parameters))[0]
    assert found == pytest.approx(np.log(alive + lost), rel=1e-8)
    chance = ParetoDropout().probability_alive(parameters, summary)[0]
    assert chance == pytest.approx(alive / (alive + lost), rel=1e-8)


@pytest.mark.parametrize("parameters", [(0.55, 10.6, 0.61, 11.7), (2.0, 3.0, 1.5, 40.0)])
@pytest.mark.parametrize("history", HISTORIES)
def test_pareto_quadrature_agrees_with_the_hypergeometric_form(history, parameters):
    # Fader and Hardie's two branches: which of alpha and beta is larger decides the argument.
    from scipy.special import gammaln, hyp2f1

    x, recency, tenure = history
    r, alpha, s, beta = parameters
    large, small = max(alpha, beta), min(alpha, beta)
    second = s + 1 if alpha >= beta else r + x

    def term(t):
        argument = (large - small) / (large + t)
        value = hyp2f1(r + s + x, second, r + s + x + 1, argument)
        return value / (large + t) ** (r + s + x)

    lost = s / (r + s + x) * (term(recency) - term(tenure))
    alive = (alpha + tenure) ** -(r + x) * (beta + tenure) ** -s
    front = gammaln(r + x) - gammaln(r) + r * np.log(alpha) + s * np.log(beta)
    found = ParetoDropout().objective(one(*history))(np.log(parameters))[0]
    assert found == pytest.approx(front + np.log(alive + lost), rel=1e-9)


@pytest.mark.parametrize("coin", [0, 1])
@pytest.mark.parametrize("history", HISTORIES)
def test_geometric_future_is_the_integral_over_the_posterior(history, coin):
    # A living buyer with rate v and dropout p makes (1 - exp(-v p H)) / p purchases in H.
    model, parameters, horizon = GeometricDropout(bool(coin)), np.exp(POINTS[0]), 20.0
    x, _, tenure = history
    r, alpha, a, b = parameters
    drop = stats.beta(a, b + x + coin)

    def purchases(p):
        # The gamma posterior integrates in closed form: E[exp(-v c)] = (A / (A + c)) ** R.
        shape, rate = r + x, alpha + tenure
        return (1 - (rate / (rate + p * horizon)) ** shape) / p * drop.pdf(p)

    expected = quad(purchases, 0, 1, epsabs=1e-13)[0]
    found = model.expected_if_alive(parameters, one(*history), horizon)[0]
    assert found == pytest.approx(expected, rel=1e-8)


def test_pareto_future_and_silence_match_a_simulation_of_the_posterior():
    # The living customer's posterior: independent gammas for buying and leaving.
    parameters, horizon = np.array([1.7, 6.0, 1.4, 9.0]), 20.0
    summary = one(4, 11.5, 12.0)
    random = np.random.default_rng(5)
    rate = random.gamma(1.7 + 4, 1 / (6.0 + 12), 400_000)
    span = random.exponential(1 / random.gamma(1.4, 1 / (9.0 + 12), 400_000))
    seen = np.minimum(span, horizon)
    future = ParetoDropout().expected_if_alive(parameters, summary, horizon)[0]
    error = np.std(rate * seen) / np.sqrt(len(rate))
    assert future == pytest.approx(np.mean(rate * seen), abs=4 * error)
    silence = np.exp(-rate * seen)
    found = ParetoDropout().silence_if_alive(parameters, summary, horizon)[0]
    assert found == pytest.approx(silence.mean(), abs=4 * silence.std() / np.sqrt(len(rate)))


def some_histories(seed, rows=60):
    random = np.random.default_rng(seed)
    tenure = random.uniform(1, 80, rows)
    frequency = random.poisson(2.0, rows)
    recency = np.where(frequency > 0, tenure * random.random(rows), 0.0)
    return pd.DataFrame(
        {"frequency": frequency, "recency": recency, "tenure": tenure,
         "z": random.normal(size=rows), "weight": random.integers(1, 5, rows)}
    )  # fmt: skip


@pytest.mark.parametrize("model", MODELS, ids=lambda m: m.name)
@pytest.mark.parametrize("point", POINTS)
def test_gradients_are_the_slopes_of_the_log_likelihood(model, point):
    covariates = ("z",) if isinstance(model, ParetoDropout) else ()
    summary = compress(some_histories(3), covariates=covariates)
    point = np.concatenate([point, [0.3, -0.2][: 2 * len(covariates)]])
    objective = model.objective(summary)
    numeric = [
        (objective(point + step)[0] - objective(point - step)[0]) / 2e-6
        for step in 1e-6 * np.eye(len(point))
    ]
    assert objective(point)[1] == pytest.approx(numeric, rel=1e-5, abs=1e-8)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 1000), which=st.integers(0, 2))
def test_a_weight_is_worth_as_many_repetitions(seed, which):
    frame = some_histories(seed, 20)
    repeated = frame.loc[frame.index.repeat(frame["weight"])]
    weighted = MODELS[which].objective(compress(frame, weight="weight"))(POINTS[1])
    once = MODELS[which].objective(compress(repeated))(POINTS[1])
    assert weighted[0] == pytest.approx(once[0], rel=1e-12)
    assert weighted[1] == pytest.approx(once[1], rel=1e-10, abs=1e-13)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 1000), which=st.integers(0, 2), unit=st.floats(0.1, 50))
def test_the_unit_of_time_does_not_change_probabilities(seed, which, unit):
    model, parameters = MODELS[which], np.exp(POINTS[0])
    summary = compress(some_histories(seed, 20))
    rescaled = parameters.copy()
    for name in model.scale_parameters:
        rescaled[model.parameter_names.index(name)] /= unit
    other = summary.in_units_of(unit)
    alive = model.probability_alive(parameters, summary)
    assert model.probability_alive(rescaled, other) == pytest.approx(alive, rel=1e-9)
    future = model.expected_if_alive(parameters, summary, 10.0)
    found = model.expected_if_alive(rescaled, other, 10.0 / unit)
    assert found == pytest.approx(future, rel=1e-9)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 1000), which=st.integers(0, 2), scale=st.floats(-3, 3))
def test_probabilities_are_probabilities_and_expectations_positive(seed, which, scale):
    model, parameters = MODELS[which], np.exp(POINTS[0] * np.exp(scale))
    summary = compress(some_histories(seed, 20))
    alive = model.probability_alive(parameters, summary)
    silent = model.silence_if_alive(parameters, summary, 15.0)
    future = model.expected_if_alive(parameters, summary, 15.0)
    assert ((alive >= 0) & (alive <= 1 + 1e-12)).all()
    assert ((silent >= 0) & (silent <= 1 + 1e-12)).all()
    # At least one purchase is at least as likely as it contributes to the expectation.
    assert (future >= 1 - silent - 1e-9).all()


def test_bgnbd_holds_a_customer_without_repeats_for_alive_and_mbgnbd_does_not():
    summary, parameters = one(0, 0.0, 400.0), np.exp(POINTS[0])
    assert MODELS[0].probability_alive(parameters, summary)[0] == 1.0
    assert MODELS[1].probability_alive(parameters, summary)[0] < 0.5
    assert MODELS[2].probability_alive(parameters, summary)[0] < 0.5
