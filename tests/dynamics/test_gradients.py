"""Gradients by distance, against a second and plainer computation."""

import json

import numpy as np
import pytest

from lstm.model import LSTMClassifier
from scripts.dynamics import gradients
from scripts.dynamics.gradients import gradient_rows, measure, spectra, summarise, walk_back
from scripts.files.data import Split
from scripts.text.batches import sorted_batches
from scripts.training.checks import numeric_gradient
from tests.helpers import make_split
from tests.reference import textbook


def plain_norms(model, split, rows, dz=None):
    """Norm of ∂/∂state by row and distance: a sentence at a time, in float64, without rescaling."""
    starts = np.cumsum(split.s, dtype=int) - split.s
    norms = {state: {} for state in (*model.states, "x")}
    for row in rows:
        T = int(split.s[row])
        z = model.forward(split.x[starts[row] : starts[row] + T], np.ones(T, int))
        slope = np.ones(1) if dz is None else dz(z, split.y[row : row + 1])
        for t, *derivatives in model.through_time(slope):
            for state, derivative in zip(model.states, derivatives, strict=True):
                norms[state][row, T - t] = np.linalg.norm(derivative)
        for t, gradient in enumerate(model.input_gradients()):  # of one sentence: step after step
            norms["x"][row, T - t] = np.linalg.norm(gradient)
    return norms


@pytest.fixture
def split():
    return make_split(np.random.default_rng(7), 300)


@pytest.fixture(params=[7, 256])
def batch_size(request, monkeypatch):
    """Measure in many small batches, the last one smaller still, then in one."""
    monkeypatch.setattr(gradients, "BATCH_SIZE", request.param)


@pytest.mark.usefixtures("batch_size")
def test_log_equals_a_sentence_at_a_time(make_model, loss, split):
    model = make_model(V=30)
    rows = gradient_rows(split.s)
    recorded = measure(model, split, rows)["gradients"]
    assert recorded["sentences"] == len(rows)
    assert recorded["shortest"] == split.s[rows].min()
    assert recorded["longest"] == split.s[rows].max()
    logit = plain_norms(model, split, rows)
    raw = plain_norms(model, split, rows, dz=lambda z, y: loss(z, y)[1])
    for state in (*model.states, "x"):
        for k in range(1, recorded["longest"] + 1):
            here = [row for row in rows if split.s[row] >= k]
            values = {
                "logit": np.array([logit[state][row, k] for row in here]),
                "loss": np.array([raw[state][row, k] for row in here]),
                "decay": np.array([logit[state][row, k] / logit[state][row, 1] for row in here]),
            }
            for quantity, expected in values.items():
                at = {name: column[k - 1] for name, column in recorded[state][quantity].items()}
                assert k > 1 or quantity != "decay" or at["median"] == 1  # no Jacobian lies between
                assert at["distance"] == k - 1
                assert at["count"] == len(here)
                quantiles = np.quantile(expected, [0.25, 0.5, 0.75])
                np.testing.assert_allclose([at["q25"], at["median"], at["q75"]], quantiles, rtol=1e-6)
                middle = np.log10(np.sort(expected)[(len(expected) - 1) // 2])
                assert at["log10_median"] == pytest.approx(middle, abs=1e-5)
                assert at["vanished"] == pytest.approx(np.mean(expected < 1e-10), rel=1e-6)
                assert at["exploded"] == pytest.approx(np.mean(expected > 1e6), rel=1e-6)


def test_every_distance_up_to_the_shortest_length_counts_the_same_sentences(make_model, split):
    recorded = measure(make_model(V=30), split, gradient_rows(split.s))["gradients"]
    counts = recorded["h"]["logit"]["count"]
    assert counts[: recorded["shortest"]] == [recorded["sentences"]] * recorded["shortest"]
    assert counts[recorded["shortest"]] < recorded["sentences"]


def test_norms_do_not_underflow(kind):
    """float32 squares are 0 below 1e-22 and float64 numbers below 1e-308; log norms go on."""
    from scripts.training.experiment import CLASSIFIERS

    rng = np.random.default_rng(0)
    T = 400
    split = Split(rng.integers(0, 9, T).astype(np.uint8), np.array([T]), np.array([1]), np.array([0]))
    results = []
    for dtype in (np.float32, np.float64):
        model = CLASSIFIERS[kind](
            np.random.default_rng(1).standard_normal((9, 3)), 5, rng=np.random.default_rng(2), dtype=dtype
        )
        if kind == "rnn":
            model.parameters["weight_hh_l0"][:] *= 0.05
        else:
            model.parameters["weight_hh_l0"][:] *= 0.01
            model.parameters["bias_ih_l0"][5:10] = -6  # the forget gate closed
        walk = walk_back(model, sorted_batches(split, 1))
        assert walk.counts.tolist() == [1] * T
        results.append(walk.norms["h"])
    assert np.isfinite(results[0]).all()
    assert results[1][-1] < -320
    np.testing.assert_allclose(results[0], results[1], rtol=1e-4, atol=1e-3)


def test_sentences_with_a_saturated_cell_have_no_decay():
    """With every gate open, c_t = t and 1 - tanh² c_30 is 0 in float32: so is ‖∂z/∂c‖ of the longer two."""
    model = LSTMClassifier(np.zeros((2, 3)), 4, rng=np.random.default_rng(0))
    model.parameters["weight_hh_l0"][:] = 0
    model.parameters["bias_ih_l0"][:] = 20
    split = Split(np.ones(62, int), np.array([30, 2, 30]), np.array([1, 0, 1]), np.arange(3))
    with np.errstate(invalid="ignore"):  # as a run does
        recorded = measure(model, split, np.arange(3))
    json.dumps(recorded, allow_nan=False)
    c = recorded["gradients"]["c"]
    assert c["logit"]["count"] == [3, 3] + [2] * 28
    assert c["logit"]["median"] == [0] * 30
    assert c["logit"]["log10_median"] == [None] * 30
    assert c["logit"]["vanished"] == [0.6666667] * 2 + [1] * 28
    assert c["decay"]["count"] == [1, 1] + [0] * 28
    for name in ("median", "q25", "q75"):
        assert c["decay"][name] == [pytest.approx(1)] * 2 + [None] * 28
    assert c["decay"]["vanished"] == [0, 0] + [None] * 28
    h = recorded["gradients"]["h"]["decay"]
    assert h["count"] == [3, 3] + [2] * 28
    assert h["median"] == [1] + [0] * 29


def test_small_errors_of_a_confident_model_are_not_lost(make_model, split):
    """|p - y| is taken from the logit: 1 - σ(40) would be 0."""
    model = make_model(V=30)
    model.parameters["weight_out"][:] = 0
    model.parameters["bias_out"][:] = 100.0
    errors = walk_back(model, sorted_batches(split, 300)).errors
    lengths_first = sorted_batches(split, 300).rows[0]
    expected = np.where(split.y[lengths_first] == 1, -100 / np.log(10), 0)
    np.testing.assert_allclose(errors, expected, atol=1e-9)


def test_input_norms_equal_finite_differences(make_model, split):
    """‖∂z/∂x_t‖ of the longest sentence, by central differences of a textbook's forward pass."""
    model = make_model(V=30)
    row = int(np.argmax(split.s))
    T, start = int(split.s[row]), int(split.s[:row].sum(dtype=int))
    ids = split.x[start : start + T]
    found = 10 ** walk_back(model, sorted_batches(split, 256, np.array([row]))).norms["x"]
    model.embeddings = model.embeddings[ids]  # one row per token, so that each can be moved alone
    numeric = numeric_gradient(lambda: textbook.logit(model, range(T)), model.embeddings)
    np.testing.assert_allclose(found, np.linalg.norm(numeric, axis=1)[::-1], rtol=1e-5, atol=1e-9)
    assert found[0] > 1e-3


@pytest.mark.usefixtures("batch_size")
def test_recurrent_shares_are_norms_of_outer_products(make_model, split):
    """‖da_t h_{t-1}ᵀ‖ over the sum of all steps, a sentence at a time, as full matrices."""
    model = make_model(V=30)
    rows = gradient_rows(split.s)
    recorded = measure(model, split, rows)["gradients"]["recurrent_share"]
    starts = np.cumsum(split.s, dtype=int) - split.s
    shares = {}
    for row in rows:
        T = int(split.s[row])
        model.forward(split.x[starts[row] : starts[row] + T], np.ones(T, int))
        model.backward(np.ones(1))
        whole = model.gradients["weight_hh_l0"]
        parts = [np.outer(model._dA[:, t], model._Z[t, model.D : model.D + model.H]) for t in range(T)]
        np.testing.assert_allclose(sum(parts), whole, atol=1e-12)
        norms = np.array([np.linalg.norm(part) for part in parts])
        for t in range(T):
            shares.setdefault(T - t, []).append(norms[t] / norms.sum())
    for k, expected in shares.items():
        at = {name: column[k - 1] for name, column in recorded.items()}
        assert at["count"] == len(expected)
        assert at["mean"] == pytest.approx(np.mean(expected), rel=1e-6)
        assert at["median"] == pytest.approx(np.median(expected), rel=1e-6)
    assert recorded["mean"][0] > 0


@pytest.mark.usefixtures("batch_size")
def test_activations_are_means_quartiles_and_saturated_shares(make_model, split):
    model = make_model(V=30)
    rows = gradient_rows(split.s)
    recorded = measure(model, split, rows)["activations"]
    assert list(recorded) == (["i", "f", "o"] if len(model.states) == 2 else ["h"])
    starts = np.cumsum(split.s, dtype=int) - split.s
    values = {}
    for row in rows:
        T = int(split.s[row])
        model.forward(split.x[starts[row] : starts[row] + T], np.ones(T, int))
        for t in range(T):
            for name, activation in model.activations(t).items():
                values.setdefault((name, T - t), []).append(abs(activation[:, 0]))
    for (name, k), expected in values.items():
        at = {column: recorded[name][column][k - 1] for column in recorded[name]}
        expected = np.concatenate(expected)
        assert at["count"] * model.H == len(expected)
        assert at["mean"] == pytest.approx(expected.mean(), abs=1 / 400)
        quartiles = np.quantile(expected, [0.25, 0.5, 0.75], method="inverted_cdf")
        np.testing.assert_allclose([at["q25"], at["median"], at["q75"]], quartiles, atol=1 / 400 + 1e-9)
        low = np.mean(expected < 0.1) if name != "h" else 0
        assert at["saturated"] == pytest.approx(np.mean(expected >= 0.9) + low, rel=1e-6, abs=1e-9)


def test_spectra_of_the_recurrent_weights(make_model):
    model = make_model(H=5)
    recorded = spectra(model)
    blocks = model.parameters["weight_hh_l0"].reshape(-1, 5, 5)
    assert list(recorded) == (["i", "f", "g", "o"] if len(blocks) == 4 else ["h"])
    for W, (_, numbers) in zip(blocks, recorded.items(), strict=True):
        growth = np.linalg.norm(np.linalg.matrix_power(W / 3, 600), 2) ** (1 / 600) * 3  # Gelfand's formula
        assert numbers["spectral_radius"] == pytest.approx(growth, rel=0.02)
        assert numbers["largest_singular_value"] ** 2 == pytest.approx(
            np.linalg.eigvalsh(W @ W.T).max(), rel=1e-6
        )


def test_fixed_set_is_of_20_tokens_or_the_longest_quarter():
    lengths = np.array([5, 20, 19, 33] * 60)
    assert gradient_rows(lengths).tolist() == [k for k in range(240) if lengths[k] >= 20]
    few = np.array([3, 9, 1, 8, 2, 7, 4, 4], dtype=np.uint8)
    assert gradient_rows(few).tolist() == [1, 3]
    assert gradient_rows(np.array([1])).tolist() == [0]


@pytest.mark.parametrize(("long", "expected"), [(99, 200), (100, 100), (101, 101)])
def test_fewer_than_100_long_sentences_are_too_few(long, expected):
    lengths = np.array([20] * long + [5] * (800 - long))
    assert gradient_rows(lengths).tolist() == list(range(expected))


def test_summary_of_zeros_and_infinities():
    summary = summarise([np.array([-np.inf, -11.0, 0.0, 7.0])])
    assert summary["vanished"] == [0.5]
    assert summary["exploded"] == [0.25]
    assert summary["median"] == [pytest.approx((1e-11 + 1) / 2)]
