"""The passes: against finite differences, PyTorch's numbers, a textbook's loop, and each other."""

import ast
from pathlib import Path

import numpy as np
import pytest

import lstm.model
import rnn.model
from scripts.text.batches import pack
from scripts.training.checks import gradient_errors, numeric_gradient, random_batch, relative_error
from tests.reference import pytorch, textbook


def longest_first(x, s):
    """Packed batch of sentences given in any order, and the order they stand in."""
    order = np.argsort(-s, kind="stable")
    return *pack(x, (np.cumsum(s) - s)[order], s[order]), order


def token_positions(s, order, batch_sizes):
    """Where each packed token stands among the tokens of the sentences as given."""
    starts = (np.cumsum(s) - s)[order]
    return np.concatenate([starts[:b] + t for t, b in enumerate(batch_sizes)])


# Backward passes ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(8))
def test_backward_pass_equals_finite_differences(make_model, loss, seed):
    rng = np.random.default_rng(seed)
    D, H, B = rng.integers(1, 6, 3)
    model = make_model(D=D, H=H, seed=seed)
    assert all(np.abs(model.parameters[name]).min() > 0 for name in ("bias_ih_l0", "bias_out"))
    errors = gradient_errors(model, loss, *random_batch(rng, 11, rng.integers(1, 8, B)))
    assert max(errors.values()) <= 1e-7, errors


def test_backward_pass_with_dropout_equals_finite_differences(make_model, loss):
    model = make_model(input_dropout=0.3, state_dropout=0.5)
    ids, batch_sizes, y = random_batch(np.random.default_rng(1), 11, [5, 3, 3])

    def mean_loss():  # the same masks at each call
        return loss(model.forward(ids, batch_sizes, np.random.default_rng(2)), y)[0].mean()

    mean_loss()
    z = model.forward(ids, batch_sizes, np.random.default_rng(2))
    analytic = model.backward(loss(z, y)[1] / len(y)).copy()
    assert relative_error(analytic, numeric_gradient(mean_loss, model.theta)) <= 1e-7


@pytest.mark.parametrize("seed", range(4))
def test_states_and_inputs_gradients_equal_finite_differences(make_model, seed):
    """∂z/∂h_t and ∂z/∂c_t as total derivatives, and ∂z/∂x_t, in a batch of several lengths."""
    rng = np.random.default_rng(seed)
    model = make_model(seed=seed)
    s = rng.integers(1, 7, 4)
    x = rng.integers(0, 11, s.sum())
    ids, batch_sizes, order = longest_first(x, s)
    model.forward(ids, batch_sizes)
    for t, *derivatives in model.through_time(np.ones(4)):
        for state, derivative in zip(model.states, derivatives, strict=True):
            for column, row in enumerate(order[: batch_sizes[t]]):
                sentence = x[s[:row].sum() :][: s[row]]
                u = np.zeros(model.H)
                numeric = numeric_gradient(lambda: textbook.logit(model, sentence, t, state, u), u)  # noqa: B023
                assert relative_error(derivative[:, column], numeric) <= 1e-7

    model.embeddings = model.embeddings[ids]  # a row a token, so that each can be moved alone
    ids = np.arange(len(ids))
    numeric = numeric_gradient(lambda: model.forward(ids, batch_sizes).sum(), model.embeddings)
    model.forward(ids, batch_sizes)
    model.backward(np.ones(4))
    assert relative_error(model.input_gradients(), numeric) <= 1e-7


@pytest.mark.parametrize("seed", range(3))
def test_step_jacobians_equal_finite_differences(make_model, seed):
    """In closed form against a textbook's step, at every step of sentences of several lengths."""
    rng = np.random.default_rng(seed)
    model = make_model(H=int(rng.integers(1, 6)), seed=seed)
    H, S = model.H, model.H * len(model.states)
    s = rng.integers(1, 6, 3)
    x = rng.integers(0, 11, s.sum())
    ids, batch_sizes, order = longest_first(x, s)
    model.forward(ids, batch_sizes)
    jacobians = [model.step_jacobians(t) for t in range(len(batch_sizes))]
    for column, row in enumerate(order):
        h = c = np.zeros(H)
        for t, k in enumerate(x[s[:row].sum() :][: s[row]]):
            before = np.concatenate([h, c])[:S]
            numeric = np.empty((S, S))
            for m in range(S):

                def unit():
                    return np.concatenate(textbook.step(model, k, before[:H], before[H:] if S > H else c))[m]  # noqa: B023

                numeric[m] = numeric_gradient(unit, before)
            np.testing.assert_allclose(jacobians[t][column], numeric, rtol=1e-8, atol=1e-10)
            h, c = textbook.step(model, k, h, c)


def test_walk_back_equals_the_product_of_step_jacobians(make_model):
    """Chain rule: J_{t+1}ᵀ … J_Tᵀ ∂z/∂(h_T, c_T) = the recorded derivatives, c's as total ones."""
    model = make_model(H=6)
    T = 12
    model.forward(np.random.default_rng(0).integers(0, 11, T), np.ones(T, int))
    jacobians = [model.step_jacobians(t)[0] for t in range(T)]
    walked = {t: [d[:, 0].copy() for d in derivatives] for t, *derivatives in model.through_time(np.ones(1))}
    w = model.parameters["weight_out"][0]
    partial = np.concatenate([w, np.zeros(6)])[: 6 * len(model.states)]  # with respect to (h_T, c_T)
    for t in range(T - 1, -1, -1):
        np.testing.assert_allclose(partial[:6], walked[t][0], rtol=1e-10, atol=1e-14)
        if len(model.states) == 2:  # (h, c) are independent coordinates: h_t's dependence on c_t is added
            o, tanh_c = model._gates[t][18:, 0], model._tanh_c[t][:, 0]
            total = partial[6:] + o * (1 - tanh_c**2) * partial[:6]
            np.testing.assert_allclose(total, walked[t][1], rtol=1e-10, atol=1e-14)
        partial = jacobians[t].T @ partial


def test_walk_back_is_linear_in_what_the_caller_rescales(make_model):
    model = make_model()
    ids, batch_sizes, _ = random_batch(np.random.default_rng(0), 11, [6, 6, 4, 1])
    model.forward(ids, batch_sizes)
    plain = [[d.copy() for d in derivatives] for _, *derivatives in model.through_time(np.ones(4))]
    scale = np.ones(4)
    for expected, (_, *derivatives) in zip(plain, model.through_time(np.ones(4)), strict=True):
        for derivative, value in zip(derivatives, expected, strict=True):
            b = derivative.shape[1]
            np.testing.assert_allclose(derivative * scale[:b], value, rtol=1e-12)
            derivative *= 1e-3
        scale[:b] *= 1e3


# Faster ways ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(4))
def test_inference_equals_the_forward_pass(make_model, seed):
    rng = np.random.default_rng(seed)
    model = make_model(seed=seed)
    ids, batch_sizes, _ = random_batch(rng, 11, rng.integers(1, 8, rng.integers(1, 6)))
    expected = model.forward(ids, batch_sizes)
    np.testing.assert_allclose(model.inference()(ids, batch_sizes), expected, rtol=1e-12, atol=1e-14)


def test_inference_sees_the_parameters_as_they_are_when_it_is_asked_for(make_model):
    model = make_model()
    ids, batch_sizes, _ = random_batch(np.random.default_rng(0), 11, [4, 2])
    model.inference()
    model.theta += 0.1
    np.testing.assert_allclose(
        model.inference()(ids, batch_sizes), model.forward(ids, batch_sizes), rtol=1e-12
    )


def test_inference_with_a_large_vocabulary_is_the_forward_pass(make_model, monkeypatch):
    model = make_model()
    monkeypatch.setitem(type(model).inference.__globals__, "LARGEST_PROJECTION", 10)
    assert model.inference() == model.forward


def test_lstm_product_gate_by_gate_equals_that_of_all_gates(monkeypatch):
    model = lstm.model.LSTMClassifier(np.eye(11), 4, rng=np.random.default_rng(0), dtype=np.float64)
    ids, batch_sizes, _ = random_batch(np.random.default_rng(0), 11, [4, 2, 2])
    assert len(model._in_parts(model._halved_weights(), 3)) == 4
    gate_by_gate = model.forward(ids, batch_sizes)
    monkeypatch.setattr(lstm.model, "SMALL_PRODUCT", 0)
    assert len(model._in_parts(model._halved_weights(), 3)) == 1
    np.testing.assert_allclose(model.forward(ids, batch_sizes), gate_by_gate, rtol=1e-12)


# References -----------------------------------------------------------------------------------------------


def assert_equals_reference(kind, make_model, loss, values):
    """Logits, loss and every gradient to 1e-10, relative to the largest entry."""
    V, D = values["embeddings"].shape
    model = make_model(D=D, H=values["weight_hh_l0"].shape[1], V=V)
    model.embeddings = values["embeddings"]
    for name, view in model.parameters.items():
        view[:] = values[name]
    ids, batch_sizes, order = longest_first(values["x"], values["s"])
    z = model.forward(ids, batch_sizes)
    losses, dz = loss(z, values["y"][order])
    model.backward(dz / len(z))

    def assert_equal(ours, theirs):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-10 * max(1, np.abs(theirs).max()))

    assert_equal(z, values["z"][order])
    assert_equal(losses.mean(), values["loss"])
    for name, view in model.gradients.items():
        assert_equal(view, values[f"grad/{name}"])
    assert_equal(
        model.input_gradients(), values["grad/inputs"][token_positions(values["s"], order, batch_sizes)]
    )


def test_equals_the_kept_pytorch_values(kind, make_model, loss):
    with np.load(pytorch.PATH, allow_pickle=False) as file:
        values = {
            name.removeprefix(f"{kind}/"): file[name] for name in file.files if name.startswith(f"{kind}/")
        }
    assert np.abs(values["bias_ih_l0"]).min() > 1e-3  # zero biases hide mistakes
    assert_equals_reference(kind, make_model, loss, values)


@pytest.mark.parametrize("seed", range(5))
def test_equals_pytorch_itself(kind, make_model, loss, seed):
    pytest.importorskip("torch", reason="PyTorch is not installed")
    rng = np.random.default_rng(seed)
    D, H, V, B = rng.integers(1, 20, 4).tolist()
    values = pytorch.reference(kind, seed + 1, D, H, V, rng.integers(1, 30, B).tolist())
    assert_equals_reference(kind, make_model, loss, values)


def test_logit_equals_the_textbook_loop(make_model):
    rng = np.random.default_rng(3)
    model = make_model(D=4, H=5)
    for length in (1, 2, 17):
        sentence = rng.integers(0, 11, length)
        z = model.forward(sentence, np.ones(length, int))
        assert z[0] == pytest.approx(textbook.logit(model, sentence), rel=1e-12)


# Batches --------------------------------------------------------------------------------------------------


def test_a_sentence_alone_and_among_longer_ones_gives_the_same(make_model):
    """No padded step exists, so company changes neither the logit nor any gradient."""
    model = make_model(D=6, H=5)
    rng = np.random.default_rng(4)
    s = np.array([3, 12, 7, 3, 9])
    x = rng.integers(0, 11, s.sum())
    ids, batch_sizes, order = longest_first(x, s)
    z = model.forward(ids, batch_sizes)
    gradient = model.backward(np.ones(len(s))).copy()
    reach = model.input_gradients()
    alone, total = np.empty(len(s)), 0
    for place, row in enumerate(order):
        sentence = x[s[:row].sum() :][: s[row]]
        alone[place] = model.forward(sentence, np.ones(len(sentence), int))[0]
        total = total + model.backward(np.ones(1))
        positions = np.concatenate([[0], np.cumsum(batch_sizes)[:-1]])[: s[row]] + place
        np.testing.assert_allclose(reach[positions], model.input_gradients(), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(z, alone, rtol=1e-12)
    np.testing.assert_allclose(gradient, total, rtol=1e-9, atol=1e-12)


def test_a_smaller_batch_after_a_larger_one_sees_nothing_of_it(make_model):
    """Workspaces are used again from batch to batch."""
    rng = np.random.default_rng(5)
    small, large = random_batch(rng, 11, [2, 1]), random_batch(rng, 11, [9, 9, 8, 3])
    fresh, used = make_model(), make_model()
    used.forward(*large[:2])
    used.backward(np.ones(4))
    for model in (fresh, used):
        model.forward(*small[:2])
        model.backward(np.ones(2))
    np.testing.assert_array_equal(fresh.gradient, used.gradient)


# Mistakes found in published implementations --------------------------------------------------------------


def test_loss_and_slope_stand_any_logit(loss):
    z = np.array([-1e4, -800.0, -1.0, 0.0, 1.0, 800.0, 1e4])
    for dtype in (np.float32, np.float64):
        for label in (0, 1):
            with np.errstate(all="raise", under="ignore"):
                losses, dz = loss(z.astype(dtype), np.full(7, label))
            assert losses.dtype == dz.dtype == dtype
            assert np.isfinite(losses).all()
            assert losses[3] == pytest.approx(np.log(2), rel=1e-6)
            assert losses[0 if label else -1] == pytest.approx(1e4, rel=1e-6)
            p = 1 / (1 + np.exp(-z[2:5]))
            np.testing.assert_allclose(dz[2:5], p - label, rtol=1e-5)


def test_forward_pass_stands_large_weights(make_model):
    model = make_model()
    model.theta *= 1e4
    ids, batch_sizes, _ = random_batch(np.random.default_rng(0), 11, [5, 5, 2])
    with np.errstate(over="raise", invalid="raise"):
        z = model.forward(ids, batch_sizes)
        assert np.isfinite(z).all()
        assert np.isfinite(model.backward(np.ones(3))).all()


def test_recurrent_input_is_not_ignored(make_model):
    model = make_model()
    sentence = np.array([1, 2, 3, 4])
    z = model.forward(sentence, np.ones(4, int))[0]
    assert model.forward(sentence[[1, 0, 2, 3]], np.ones(4, int))[0] != pytest.approx(z, rel=1e-6)
    model.parameters["weight_hh_l0"][:] += 0.1
    assert model.forward(sentence, np.ones(4, int))[0] != pytest.approx(z, rel=1e-6)


# Initialisation and dropout -------------------------------------------------------------------------------


def fresh_model(kind, H=24, D=10, seed=0, **options):
    from scripts.training.experiment import CLASSIFIERS

    rng = np.random.default_rng(seed)
    return CLASSIFIERS[kind](np.zeros((3, D)), H, rng=rng, dtype=np.float64, **options)


def test_each_gate_begins_orthogonal_and_differs_from_the_others(kind):
    model = fresh_model(kind)
    blocks = model.parameters["weight_hh_l0"].reshape(-1, 24, 24)
    inputs = model.parameters["weight_ih_l0"].reshape(-1, 24, 10)
    for block in blocks:
        np.testing.assert_allclose(block @ block.T, np.eye(24), atol=1e-12)
    for matrices in (blocks, inputs):  # an initialiser that reseeds would make all gates equal
        for one in range(len(matrices)):
            for other in range(one):
                assert np.abs(matrices[one] - matrices[other]).max() > 0.1


def test_input_weights_begin_as_glorot_says(kind):
    weights = fresh_model(kind, H=60, D=90).parameters["weight_ih_l0"]
    limit = np.sqrt(6 / (60 + 90))
    assert 0.99 * limit < np.abs(weights).max() <= limit
    assert weights.std() == pytest.approx(limit / np.sqrt(3), rel=0.03)


def test_uniform_initialisation_is_pytorchs_range(kind):
    model = fresh_model(kind, H=50, recurrent_init="uniform", input_init="uniform")
    for name in ("weight_ih_l0", "weight_hh_l0"):
        largest = np.abs(model.parameters[name]).max()
        assert 0.97 / np.sqrt(50) < largest <= 1 / np.sqrt(50)


def test_biases_begin_at_zero_but_for_the_forget_gate(kind):
    options = {"forget_bias": 2.5} if kind == "lstm" else {}
    bias = fresh_model(kind, H=4, **options).parameters["bias_ih_l0"]
    expected = [0] * 4 + [2.5] * 4 + [0] * 8 if kind == "lstm" else [0] * len(bias)
    assert bias.tolist() == expected


def test_chrono_initialisation_spreads_the_memories_of_the_forget_gates():
    """Tallec & Ollivier (2018): b_f = log U[1, T-1], b_i = -b_f, so f runs from 1/2 to 1 - 1/T."""
    model = fresh_model("lstm", H=2000, recurrent_init="identity", forget_bias="chrono", chrono_steps=30)
    bias = model.parameters["bias_ih_l0"]
    b_i, b_f, b_g, b_o = bias.reshape(4, -1)
    np.testing.assert_array_equal(b_i, -b_f)
    assert not b_g.any()
    assert not b_o.any()
    spread = np.exp(b_f)
    assert 1 <= spread.min() < 1.1
    assert 28.9 < spread.max() <= 29
    assert spread.mean() == pytest.approx(15, rel=0.05)
    f = 1 / (1 + np.exp(-b_f))
    assert f.max() <= 1 - 1 / 30


def test_identity_initialisation(kind):
    for block in fresh_model(kind, recurrent_init="identity").parameters["weight_hh_l0"].reshape(-1, 24, 24):
        np.testing.assert_array_equal(block, np.eye(24))


def test_dropout_drops_its_share_keeps_the_mean_and_is_off_when_measuring(make_model):
    model = make_model(D=50, H=40, input_dropout=0.25, state_dropout=0.5)
    ids, batch_sizes, _ = random_batch(np.random.default_rng(0), 11, [20] * 30)
    plain = model.forward(ids, batch_sizes)
    kept = model.embeddings[ids]
    model.forward(ids, batch_sizes, np.random.default_rng(1))
    ratio = model._Z[:, :50] / kept
    assert np.mean(ratio == 0) == pytest.approx(0.25, abs=0.01)
    np.testing.assert_allclose(ratio[ratio != 0], 1 / 0.75, rtol=1e-6)
    assert np.mean(model._mask == 0) == pytest.approx(0.5, abs=0.05)
    np.testing.assert_allclose(model._mask[model._mask != 0], 2)
    np.testing.assert_array_equal(model.forward(ids, batch_sizes), plain)


def test_parameters_are_views_into_one_vector(make_model):
    model = make_model()
    for names, flat in ((model.parameters, model.theta), (model.gradients, model.gradient)):
        assert sum(view.size for view in names.values()) == flat.size
        assert all(np.shares_memory(view, flat) for view in names.values())
    expected = {"weight_ih_l0": (4, 3), "weight_hh_l0": (4, 4), "bias_ih_l0": (4,)}
    gates = len(model.recurrent_blocks)
    for name, (rows, *rest) in expected.items():
        assert model.parameters[name].shape == (gates * rows, *rest)


# Twins ----------------------------------------------------------------------------------------------------


def test_the_two_models_are_twins_but_for_their_equations():
    """Every function and table of the one is the other's, an LSTM's 4 H rows being an RNN's H."""

    def definitions(name):
        source = (Path(rnn.model.__file__).parent.parent / name / "model.py").read_text()
        statements = ast.parse(source.replace("4 * ", "").replace("LSTM", "RNN")).body
        (model,) = (s for s in statements if isinstance(s, ast.ClassDef))
        found = {s.name: s for s in statements + model.body if isinstance(s, ast.FunctionDef)}
        found |= {s.targets[0].id: s for s in statements if isinstance(s, ast.Assign)}
        return {name: ast.dump(definition) for name, definition in found.items()}

    one, other = definitions("rnn"), definitions("lstm")
    own = {name for name in one | other if one.get(name) != other.get(name)}
    assert own == {
        "__init__",
        "forward",
        "_halved_weights",
        "_in_parts",
        "SMALL_PRODUCT",
        "_activate",
        "through_time",
        "_slopes",
        "inference",
        "step",
        "step_jacobians",
        "activations",
    }
