"""Claims of the literature about gradients through time, tested with this project's own code.

Each test names its source and its claim. A claim about all weights, sentences or distances is tried on many
random ones.
"""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rnn.model
from lstm.model import LSTMClassifier
from rnn.model import RNNClassifier
from scripts.dynamics import jacobians
from scripts.dynamics.gradients import spectra
from scripts.training import experiment
from scripts.training.optimizer import Adam
from tests.reference import textbook

seeds = st.integers(0, 2**32 - 1)
universal = settings(max_examples=100, deadline=None, derandomize=True)


def random_model(kind, rng, scale=1.0, longest=40):
    """A float64 model of random sizes and weights, and a random sentence."""
    H, D, V = rng.integers(1, 12), rng.integers(1, 6), 15
    model = kind(rng.standard_normal((V, D)), int(H), rng=rng, dtype=np.float64)
    model.theta[:] = scale * rng.standard_normal(model.theta.size) / np.sqrt(H)
    return model, rng.integers(0, V, rng.integers(2, longest))


def autonomous(W, kick=None):
    """The map h ← tanh(W h) as an RNN: word 0 is nothing, word 1 sets h going."""
    n = len(W)
    model = RNNClassifier(np.array([[0.0], [1.0]]), n, rng=np.random.default_rng(0), dtype=np.float64)
    model.parameters["weight_hh_l0"][:] = W
    model.parameters["weight_ih_l0"][:, 0] = 1.0 if kick is None else kick
    return model


def measured_decay(model, ids, state="h"):
    """log₁₀ of ‖∂z/∂state_t‖ relative to the last step, by distance."""
    model.forward(ids, np.ones(len(ids), int))
    place = 1 + model.states.index(state)
    norms = np.array([np.linalg.norm(step[place]) for step in model.through_time(np.ones(1))])
    with np.errstate(divide="ignore"):
        return np.log10(norms / norms[0])


# The RNN: bounds, latching, spectra -----------------------------------------------------------------------


def test_latching_needs_contraction():
    """Bengio, Simard & Frasconi 1994: h ← tanh(1.25 h) rests at .7104 with slope .6191; ∂z decays so."""
    model = autonomous(np.array([[1.25]]))
    ids = np.array([1] + [0] * 200)
    *_, last = jacobians.stream(model, ids)
    h = (model.forward(ids, np.ones(len(ids), int)) - model.parameters["bias_out"])[0]
    h /= model.parameters["weight_out"][0, 0]
    assert h == pytest.approx(0.7104, abs=1e-3)
    assert last[0, 0] == pytest.approx(0.6191, abs=1e-3)
    decay = measured_decay(model, ids)
    np.testing.assert_allclose(10 ** np.diff(decay[:100]), 0.6191, atol=1e-3)


@universal
@given(seeds)
def test_gradients_stay_below_the_bounds(seed):
    """Pascanu, Mikolov & Bengio 2013: decay ≤ ‖∏ J_s‖₂ ≤ ∏ ‖J_s‖₂ ≤ (σ₁ γ)ᵏ, γ = 1, at every distance."""
    rng = np.random.default_rng(seed)
    model, ids = random_model(RNNClassifier, rng, scale=10 ** rng.uniform(-1, 1))
    theory, _ = jacobians.along_sentence(model, ids)
    rising = [measured_decay(model, ids), theory["product"], theory["norms"], theory["pascanu"]]
    for lower, upper in pairwise(rising):
        assert (lower <= upper + 1e-9).all()
    sigma_1 = np.linalg.svd(model.parameters["weight_hh_l0"])[1][0]
    np.testing.assert_allclose(theory["pascanu"], np.arange(len(ids)) * np.log10(sigma_1), atol=1e-9)


@universal
@given(seeds)
def test_explosion_needs_a_singular_value_above_1(seed):
    """Pascanu, Mikolov & Bengio 2013: with σ₁ ≤ 1 no gradient grows, whatever weights and sentence."""
    rng = np.random.default_rng(seed)
    model, ids = random_model(RNNClassifier, rng, scale=3)
    model.parameters["weight_hh_l0"][:] /= np.linalg.norm(model.parameters["weight_hh_l0"], 2)
    theory, _ = jacobians.along_sentence(model, ids)
    assert (theory["product"] <= 1e-9).all()
    assert (measured_decay(model, ids) <= 1e-9).all()


def test_a_singular_value_above_1_is_not_enough_to_explode():
    """Pascanu et al. 2013: Gaussian W (n=64) with σ₁ = 1.3 vanishes; 1.3 × orthogonal at h = 0 explodes."""
    rng = np.random.default_rng(0)
    ids = np.zeros(51, int)  # no input: h stays 0
    W = rng.standard_normal((64, 64))
    vanishing, _ = jacobians.along_sentence(autonomous(1.3 * W / np.linalg.norm(W, 2)), ids, 1)
    exploding, _ = jacobians.along_sentence(autonomous(1.3 * rnn.model.orthogonal(rng, 64)), ids, 1)
    assert vanishing["pascanu"][50] == pytest.approx(50 * np.log10(1.3))
    assert vanishing["product"][50] < -3
    assert exploding["product"][50] == pytest.approx(50 * np.log10(1.3))


@pytest.mark.parametrize(("n", "tolerance"), [(256, 0.15), (512, 0.05)])
def test_circular_law(n, tolerance):
    """Circular law: N(0, 1/n) has spectral radius 1 and σ₁ = 2; PyTorch's U(±1/√n) .577 and 1.155."""
    rng = np.random.default_rng(1)
    uniform = RNNClassifier(np.zeros((2, 1)), n, rng=rng, recurrent_init="uniform", dtype=np.float64)
    gaussian = autonomous(rng.standard_normal((n, n)) / np.sqrt(n))
    for model, radius, sigma_1 in ((gaussian, 1, 2), (uniform, 1 / np.sqrt(3), 2 / np.sqrt(3))):
        found = spectra(model)["h"]
        assert found["spectral_radius"] == pytest.approx(radius, rel=tolerance)
        assert found["largest_singular_value"] == pytest.approx(sigma_1, rel=0.05)


def test_products_of_orthogonal_and_gaussian_matrices():
    """Saxe, McClelland & Ganguli 2014: 50 orthogonal 100×100 matrices, multiplied, have singular values 1.

    Of Gaussian ones the largest stays near 10, and the smallest falls below 1e-60.
    """
    rng = np.random.default_rng(0)
    orthogonal = [rnn.model.orthogonal(rng, 100) for _ in range(50)]
    gaussian = [rng.standard_normal((100, 100)) / 10 for _ in range(50)]
    np.testing.assert_allclose(jacobians.product_norms(orthogonal), 0, atol=1e-12)
    np.testing.assert_allclose(50 * jacobians.lyapunov_exponents(orthogonal)[0], 0, atol=1e-12)
    assert 3 < 10 ** jacobians.product_norms(gaussian)[-1] < 30
    log10 = 50 * jacobians.lyapunov_exponents(gaussian)[0] / np.log(10)
    assert log10.min() < -60


# The LSTM: direct path ------------------------------------------------------------------------------------


@universal
@given(seeds)
def test_constant_error_carousel(seed):
    """Hochreiter & Schmidhuber 1997, Gers 2000: W_hh = 0 and a forget gate of 1 give ∂c_T/∂c_0 = 1."""
    rng = np.random.default_rng(seed)
    model, ids = random_model(LSTMClassifier, rng)
    H, p = model.H, model.parameters
    p["weight_hh_l0"][:] = 0
    p["bias_ih_l0"][H : 2 * H] = 40 + np.abs(model.embeddings @ p["weight_ih_l0"][H : 2 * H].T).max()
    product = np.eye(2 * H)
    for J in jacobians.stream(model, ids):
        product = J @ product
    np.testing.assert_array_equal(product[H:, H:], np.eye(H))
    theory, _ = jacobians.along_sentence(model, ids)
    np.testing.assert_allclose(theory["direct_mean"], 0, atol=1e-15)
    np.testing.assert_array_equal(theory["direct_max"], 0)
    np.testing.assert_array_equal(measured_decay(model, ids, "c"), 0)


@pytest.mark.parametrize(
    ("forget_bias", "left", "half_life"), [(0, 9.5e-7, 1.0), (1, 1.9e-3, 2.2), (2, 0.079, 5.5)]
)
def test_forget_bias_sets_the_half_life(forget_bias, left, half_life):
    """Gers 2000, Jozefowicz et al. 2015: f = σ(b_f); f^20 and half-lives at initialisation, zero input."""
    options = {"forget_bias": forget_bias, "rng": np.random.default_rng(0), "dtype": np.float64}
    theory, _ = jacobians.along_sentence(LSTMClassifier(np.zeros((1, 4)), 8, **options), np.zeros(21, int))
    for name in ("direct_mean", "direct_max", "direct_gradient"):
        assert 10 ** theory[name][20] == pytest.approx(left, rel=0.02)
        assert np.log10(0.5) / theory[name][1] == pytest.approx(half_life, abs=0.05)


@pytest.mark.parametrize("T", [2, 5, 50, 400])
def test_chrono_initialisation(T):
    """Tallec & Ollivier 2018: b_f = log U[1, T-1], b_i = -b_f; at log(T-1), ∏ f = (1 - 1/T)^T."""
    options = {"rng": np.random.default_rng(T), "dtype": np.float64, "forget_bias": "chrono"}
    model = LSTMClassifier(np.zeros((1, 4)), 30, chrono_steps=T, **options)
    b_i, b_f, b_g, b_o = model.parameters["bias_ih_l0"].reshape(4, 30)
    assert ((b_f >= 0) & (b_f <= np.log(T - 1))).all()
    assert np.exp(b_f).mean() == pytest.approx(T / 2, rel=0.25)
    np.testing.assert_array_equal(b_i, -b_f)
    assert not b_g.any()
    assert not b_o.any()
    b_f[:] = np.log(T - 1)
    theory, _ = jacobians.along_sentence(model, np.zeros(T + 1, int), 1)
    assert theory["direct_max"][1] == pytest.approx(np.log10(1 - 1 / T), rel=1e-12)
    assert theory["direct_mean"][T] == pytest.approx(T * np.log10(1 - 1 / T), rel=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_both_quantities_of_the_lstm_decay_at_the_usual_initialisation(seed):
    """Users' question, "why does my LSTM's gradient vanish?": ∏ f_t and the Jacobian both decay."""
    rng = np.random.default_rng(seed)
    model = LSTMClassifier(0.4 * rng.standard_normal((50, 30)), 32, rng=rng, dtype=np.float64)
    theories = [jacobians.along_sentence(model, rng.integers(0, 50, 25), 1)[0] for _ in range(10)]
    rates = {
        name: jacobians.slope([theory[name] for theory in theories], 10, 20)[0]
        for name in ("direct_mean", "direct_max", "product")
    }
    assert max(rates.values()) < -0.02
    assert rates["direct_mean"] < rates["product"] - 0.02


# Lyapunov exponents ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(3))
def test_exponents_of_a_linear_map(seed):
    """Engelken et al. 2020, Vogt et al. 2020: for a linear map Σλ = log|det W| and λ_i = log|eig_i|."""
    W = np.random.default_rng(seed).standard_normal((6, 6))
    exponents, _ = jacobians.lyapunov_exponents((W for _ in range(10_500)), burn_in=500)
    assert exponents.sum() == pytest.approx(np.log(abs(np.linalg.det(W))), abs=1e-10)
    magnitudes = np.sort(np.log(np.abs(np.linalg.eigvals(W))))[::-1]
    np.testing.assert_allclose(exponents, magnitudes, atol=1e-3)


@pytest.mark.parametrize("kind", [RNNClassifier, LSTMClassifier])
def test_largest_exponent_is_the_growth_of_a_perturbation(kind):
    """Second check of the same: two trajectories that begin a millionth apart, along one long drive."""
    rng = np.random.default_rng(0)
    model = kind(rng.standard_normal((20, 5)), 10, rng=rng, dtype=np.float64)
    model.parameters["weight_hh_l0"][:] *= 1.5
    ids, burn_in = rng.integers(0, 20, 5500), 500
    (exponent,), _ = jacobians.lyapunov_exponents(jacobians.stream(model, ids), 1, burn_in)

    size, growth = 1e-6, []
    near = far = np.zeros((2, 10))
    apart = rng.standard_normal((2, 10)) * np.array([[1.0], [len(model.states) - 1]])  # the RNN has no c
    for k in ids:
        far = near + size * apart / np.linalg.norm(apart)
        near, far = (np.array(textbook.step(model, k, *state)) for state in (near, far))
        apart = (far - near) * np.array([[1.0], [len(model.states) - 1]])
        growth.append(np.log(np.linalg.norm(apart) / size))
    assert np.mean(growth[burn_in:]) == pytest.approx(exponent, abs=1e-2)


@pytest.mark.parametrize("forget_bias", [0.0, 1.0])
def test_short_sentences_tell_the_exponent_once_directions_have_turned(forget_bias):
    """Benettin et al. 1980: random directions first turn into place; these steps make λ₁ too small."""
    rng = np.random.default_rng(0)
    model = LSTMClassifier(
        rng.standard_normal((50, 20)), 32, rng=rng, forget_bias=forget_bias, dtype=np.float64
    )
    drive = jacobians.stream(model, rng.integers(0, 50, 3000))
    (long,), _ = jacobians.lyapunov_exponents(drive, 1, burn_in=500)
    sentences = [rng.integers(0, 50, 25) for _ in range(40)]
    every, later = (
        np.mean([jacobians.along_sentence(model, ids, 1, k, burn_in)[1] for k, ids in enumerate(sentences)])
        for burn_in in (0, 10)
    )
    assert every < later < long + 0.005
    assert long - later < 0.5 * (long - every)


@pytest.mark.parametrize(("g", "exponent"), [(0.5, -0.66), (0.9, -0.07), (1.5, 0.054), (2.0, 0.15)])
def test_chaos_begins_where_the_gain_exceeds_1(g, exponent):
    """After Sompolinsky, Crisanti & Sommers 1988: λ₁ of h ← tanh(g W h), W Gaussian, n = 300."""
    rng = np.random.default_rng(0)
    model = autonomous(g * rng.standard_normal((300, 300)) / np.sqrt(300), rng.standard_normal(300))
    ids = np.array([1] + [0] * 3000)
    (found,), _ = jacobians.lyapunov_exponents(jacobians.stream(model, ids), 1, burn_in=500)
    assert found == pytest.approx(exponent, abs=0.05)


# Gradients ------------------------------------------------------------------------------------------------


@universal
@given(seeds, st.sampled_from([RNNClassifier, LSTMClassifier]))
def test_recorded_gradients_are_the_products_of_the_jacobians(seed, kind):
    """Chain rule: (∏ J_s)ᵀ ∂z/∂(state T) = the recorded derivatives, ∂z/∂c_t as the total one."""
    model, ids = random_model(kind, np.random.default_rng(seed), longest=12)
    H = model.H
    J = list(jacobians.stream(model, ids))
    vector = np.zeros(H * len(model.states))  # ∂z/∂(h_t, c_t), h and c taken as independent
    vector[:H] = model.parameters["weight_out"][0]
    for t, *recorded in model.through_time(np.ones(1)):
        expected = [vector[:H]]
        if len(model.states) == 2:  # h_t = o ⊙ tanh(c_t) moves with c_t: o tanh′(c_t) f over f
            through_h = np.diagonal(J[t][:H, H:]) / np.diagonal(J[t][H:, H:])
            expected.append(vector[H:] + through_h * vector[:H])
        for ours, theirs in zip(recorded, expected, strict=True):
            np.testing.assert_allclose(ours[:, 0], theirs, rtol=1e-10, atol=1e-10 * abs(theirs).max())
        vector = J[t].T @ vector


@universal
@given(seeds)
def test_clipping_multiplies_by_one_factor(seed):
    """Pascanu, Mikolov & Bengio 2013: clipping to norm c multiplies by min(1, c/‖g‖)."""
    rng = np.random.default_rng(seed)
    g = rng.standard_normal(rng.integers(1, 50)) * 10 ** rng.uniform(-3, 3)
    c = 10 ** rng.uniform(-2, 2)
    clipped = g.copy()
    norm = Adam(g, 0.1, clip_norm=c).clip(clipped)
    assert norm == pytest.approx(np.linalg.norm(g), rel=1e-14)
    np.testing.assert_array_equal(clipped, g * min(1.0, c / norm))


@pytest.mark.parametrize(("clip_norm", "share"), [(1e-6, 1.0), (1e6, 0.0), (0.0, 0.0)])
def test_the_log_says_how_often_clipping_fires(data, clip_norm, share):
    """Pascanu et al. 2013: the log holds the norm before clipping and the share of clipped steps."""
    options = {"epochs": 1, "hidden_size": 4, "clip_norm": clip_norm, "gradients": False, "progress": False}
    record = experiment.run("rnn", "a-run", **options).history[1]
    assert record["clipped"] == share
    assert record["gradient_norm"]["largest"] >= record["gradient_norm"]["mean"] > 1e-3
