"""Interventions against derivatives of what they mean: functions in which some states are held still.

A derivative by complex steps, Im z(θ + iε) / ε, is exact to rounding: no difference is taken.
"""

from types import SimpleNamespace

import numpy as np
import pytest

from scripts.dynamics.interventions import Intervened, norm_penalty, parse
from scripts.files.errors import UserError
from scripts.files.runs import load_run
from scripts.training import experiment
from scripts.training.settings import check_settings
from tests.reference import textbook

EPSILON = 1e-40
DETACHED = ["truncate-0", "truncate-1", "truncate-3", "truncate-500", "h-detach", "c-detach"]


def states_of(model, ids):
    """h and c before and after each step."""
    states = [(np.zeros(model.H), np.zeros(model.H))]
    for k in ids:
        states.append(textbook.step(model, k, *states[-1]))
    return states


def logit_with_detached(model, ids, name, still):
    """z of a sentence; what an intervention lets no gradient through is taken from `still`, fixed states."""
    kind, number = parse(name)
    h, c = still[0]
    for t, k in enumerate(ids):
        if kind == "truncate" and len(ids) - 1 - t == number:
            h, c = still[t]
        if kind == "h-detach":
            h = still[t][0]
        if kind == "c-detach":
            c = still[t][1]
        h, c = textbook.step(model, k, h, c)
    return (model.parameters["weight_out"] @ h + model.parameters["bias_out"])[0]


def expected_gradient(model, sentences, dz, name):
    """∂ℓ/∂θ (P,) of the sentences of a batch, by complex steps."""
    gradient = np.zeros(model.theta.size)
    for ids, factor in zip(sentences, dz, strict=True):
        still = states_of(model, ids)
        for place in range(model.theta.size):
            theta = model.theta.astype(complex)
            theta[place] += EPSILON * 1j
            moved = SimpleNamespace(
                parameters=model._views(theta), embeddings=model.embeddings, states=model.states
            )
            gradient[place] += factor * logit_with_detached(moved, ids, name, still).imag / EPSILON
    return gradient


def packed(lengths, seed=0, words=11):
    """Sentences of these lengths, and the batch that they make, longest first."""
    rng = np.random.default_rng(seed)
    lengths = np.sort(lengths)[::-1]
    sentences = [rng.integers(words, size=length).tolist() for length in lengths]
    sizes = np.array([(lengths > t).sum() for t in range(lengths[0])])
    ids = np.array([sentence[t] for t in range(lengths[0]) for sentence in sentences if len(sentence) > t])
    return sentences, ids, sizes, rng.standard_normal(len(lengths))


@pytest.mark.parametrize("lengths", [[1], [6], [5, 5, 5], [7, 4, 4, 1], [3, 8, 1, 2]])
@pytest.mark.parametrize("name", DETACHED)
def test_the_changed_gradient_is_that_of_states_held_still(kind, make_model, name, lengths):
    if parse(name, kind) is None:
        pytest.skip("of the LSTM alone")
    model = make_model()
    sentences, ids, sizes, dz = packed(lengths, seed=len(lengths))
    intervened = Intervened(model, name)
    intervened.forward(ids, sizes)
    expected = expected_gradient(model, sentences, dz, name)
    np.testing.assert_allclose(intervened.backward(dz), expected, rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("K", [0, 1, 2])
def test_truncate_recurrent_is_truncation_in_W_hh_alone(make_model, K):
    model = make_model()
    _, ids, sizes, dz = packed([7, 4, 4, 1])
    gradients = {}
    for name in ("full", f"truncate-{K}", f"truncate-recurrent-{K}"):
        intervened = Intervened(model, name)
        intervened.forward(ids, sizes)
        intervened.backward(dz)
        gradients[name] = {key: view.copy() for key, view in model.gradients.items()}
    plain, truncated, recurrent = gradients.values()
    for key in plain:
        other = truncated if key == "weight_hh_l0" else plain
        np.testing.assert_allclose(recurrent[key], other[key], rtol=1e-12, atol=1e-15)
    assert not np.allclose(plain["weight_hh_l0"], truncated["weight_hh_l0"], rtol=1e-6)


def test_preserve_norm_has_the_norm_that_it_promises(make_model):
    model = make_model()
    _, ids, sizes, dz = packed([9, 6, 6, 2])
    intervened = Intervened(model, "preserve-norm")
    intervened.forward(ids, sizes)
    norms = [np.sqrt(sum((d * d).sum(0) for d in signal)) for _, *signal in intervened.through_time(dz)]
    at_end = norms[-1].copy()
    for norm in norms:
        np.testing.assert_allclose(norm, at_end[: len(norm)], rtol=1e-12)
    plain = [np.sqrt(sum((d * d).sum(0) for d in signal)) for _, *signal in model.through_time(dz)]
    assert not np.allclose(plain[-1], at_end, rtol=0.1)


def test_preserve_norm_of_a_norm_that_stays_is_the_plain_gradient():
    """One unit, W_hh = 1, no input and no bias: h is 0, tanh' is 1, and nothing vanishes."""
    model = experiment.CLASSIFIERS["rnn"](np.zeros((3, 2)), 1, rng=np.random.default_rng(0), dtype=np.float64)
    model.parameters["weight_hh_l0"][:] = 1
    _, ids, sizes, dz = packed([6, 3], words=3)
    model.forward(ids, sizes)
    plain = model.backward(dz).copy()
    intervened = Intervened(model, "preserve-norm")
    intervened.forward(ids, sizes)
    np.testing.assert_allclose(intervened.backward(dz), plain, rtol=1e-12)


def test_h_detach_with_a_probability_draws_by_step_epoch_and_batch():
    model = experiment.CLASSIFIERS["lstm"](
        np.random.default_rng(1).standard_normal((11, 3)), 4, rng=np.random.default_rng(0), dtype=np.float64
    )
    _, ids, sizes, dz = packed([40, 40, 8])

    def gradient(name, now, seed=0):
        intervened = Intervened(model, name, seed=seed)
        intervened.now[:] = now
        intervened.forward(ids, sizes)
        return intervened.backward(dz).copy()

    half = gradient("h-detach-0.5", (1, 2))
    np.testing.assert_array_equal(half, gradient("h-detach-0.5", (1, 2)))
    for other in (gradient("h-detach-0.5", now) for now in ((1, 3), (2, 2))):
        assert not np.allclose(half, other)
    assert not np.allclose(half, gradient("h-detach-0.5", (1, 2), seed=1))
    np.testing.assert_array_equal(gradient("h-detach-1", (1, 2)), gradient("h-detach", (5, 6)))
    np.testing.assert_array_equal(gradient("h-detach-0", (1, 2)), gradient("full", (1, 2)))


# In a run -------------------------------------------------------------------------------------------------

SMALL = {"epochs": 2, "hidden_size": 5, "progress": False}


def test_full_and_a_truncation_beyond_every_sentence_give_the_plain_bytes(kind, data):
    plain = experiment.run(kind, "plain", **SMALL)
    for name in ("full", "truncate-500"):
        changed = experiment.run(kind, name, backward=name, **SMALL)
        for key, weights in plain.weights.items():
            np.testing.assert_array_equal(changed.weights[key], weights)


@pytest.mark.parametrize(
    "name", ["truncate-1", "truncate-recurrent-1", "preserve-norm", "h-detach-0.5", "c-detach"]
)
def test_an_interrupted_run_continues_to_the_same_bytes(data, name, monkeypatch):
    whole = experiment.run("lstm", "whole", backward=name, **SMALL | {"epochs": 3})
    experiment.run("lstm", "parts", backward=name, **SMALL | {"epochs": 1})
    continued = experiment.run("lstm", "parts", backward=name, **SMALL | {"epochs": 3})
    np.testing.assert_array_equal(whole.resume["theta"], continued.resume["theta"])
    plain = experiment.run("lstm", "plain", **SMALL | {"epochs": 3})
    assert not np.array_equal(whole.resume["theta"], plain.resume["theta"])


def test_measurements_take_the_plain_walk(data):
    """The gradients that an intervened run records are those of a plain model with its weights."""
    run = experiment.run("lstm", "run", backward="truncate-1", **SMALL)
    recorded = [record["gradients"] for record in run.history]
    settings = check_settings("lstm", {"hidden_size": 5, "backward": "truncate-1"})
    model = experiment.build_model("lstm", settings, data.embeddings)
    model.theta[:] = run.resume["theta"]
    from scripts.dynamics.gradients import gradient_rows, measure

    split = data.splits["validation"]
    assert measure(model, split, gradient_rows(split.s))["gradients"] == recorded[-1]
    assert recorded[-1]["h"]["decay"]["median"][3] > 0


@pytest.mark.skipif(len(experiment.usable_cores()) < 2, reason="needs two cores")
def test_workers_draw_alike(data):
    """Two processes with all steps detached give what one gives, to rounding; their draws are the same."""
    plain = experiment.run("lstm", "one", backward="h-detach-0.5", input_dropout=0, state_dropout=0, **SMALL)
    two = experiment.run(
        "lstm", "two", backward="h-detach-0.5", input_dropout=0, state_dropout=0, workers=2, **SMALL
    )
    np.testing.assert_allclose(two.resume["theta"], plain.resume["theta"], atol=1e-4)


@pytest.mark.parametrize("value", ["", "none", "truncate", "truncate--1", "h-detach-2", "full-1"])
def test_an_unknown_value_is_refused_with_the_list(value):
    with pytest.raises(UserError, match=r"truncate-K.*preserve-norm"):
        check_settings("lstm", {"backward": value})


@pytest.mark.parametrize("value", ["h-detach", "h-detach-0.5", "c-detach"])
def test_an_rnn_has_no_cell_to_detach(value):
    check_settings("lstm", {"backward": value})
    with pytest.raises(UserError, match="of the RNN: expected one of full, truncate-K"):
        check_settings("rnn", {"backward": value})


def test_gates_that_see_no_h_stay_blind(data):
    run = experiment.run("lstm", "blind", gate_inputs="x", weight_decay=0.1, **SMALL)
    W_hh, H = run.weights["weight_hh_l0"], 5
    assert np.abs(W_hh[2 * H : 3 * H]).min() > 0
    assert not W_hh[: 2 * H].any()
    assert not W_hh[3 * H :].any()
    assert load_run("blind").settings["hyperparameters"]["gate_inputs"] == "x"


def test_the_norm_penalty_has_the_gradient_of_its_term():
    """Against differences of Ω as its authors define it, with signals and states held still."""
    rng = np.random.default_rng(5)
    dA, h, W = rng.standard_normal((4, 7)), rng.uniform(-1, 1, (7, 4)), rng.standard_normal((4, 4))
    dA *= 10.0 ** -np.arange(7)  # whatever its size: the term is of ratios
    dA[:, 3] = 0  # and this one doesn't count

    def omega(W):
        ratios = [
            np.linalg.norm(W.T @ dA[:, n] * (1 - h[n] ** 2)) ** 2 / np.linalg.norm(dA[:, n]) ** 2
            for n in (0, 1, 2, 4, 5, 6)
        ]
        return np.mean((np.array(ratios) - 1) ** 2)

    penalty, gradient = norm_penalty(dA, h, W)
    assert penalty == pytest.approx(omega(W), rel=1e-12)
    for place in np.ndindex(W.shape):
        step = np.zeros_like(W)
        step[place] = 1e-6
        assert gradient[place] == pytest.approx((omega(W + step) - omega(W - step)) / 2e-6, rel=1e-6)
    tiny = norm_penalty((1e-30 * dA).astype(np.float32), h.astype(np.float32), W.astype(np.float32))[1]
    np.testing.assert_allclose(tiny, gradient, rtol=1e-4)
    assert norm_penalty(0 * dA, h, W) == (0, pytest.approx(np.zeros((4, 4))))


def test_the_norm_penalty_is_added_to_the_gradient_of_W_hh_alone():
    """Of a batch as of its steps one by one, those before the second word left out."""
    model = experiment.CLASSIFIERS["rnn"](
        np.random.default_rng(1).standard_normal((11, 3)), 4, rng=np.random.default_rng(0), dtype=np.float64
    )
    sentences, ids, sizes, dz = packed([7, 4, 4, 1])
    model.forward(ids, sizes)
    model.backward(dz)
    plain = {name: view.copy() for name, view in model.gradients.items()}
    steps = []  # (da_t, h_{t-1})
    for sentence, factor in zip(sentences, dz, strict=True):
        model.forward(np.array(sentence), np.ones(len(sentence), int))
        for t, dh in model.through_time(np.array([factor])):
            if t:
                steps.append((((1 - model._h[t] ** 2) * dh)[:, 0].copy(), model._h[t - 1][:, 0].copy()))
    dA, h = (np.array(part) for part in zip(*steps, strict=True))
    intervened = Intervened(model, "full", norm_penalty=0.5)
    intervened.forward(ids, sizes)
    intervened.backward(dz)
    plain["weight_hh_l0"] += 0.5 * norm_penalty(dA.T, h, model.parameters["weight_hh_l0"])[1]
    for name, gradient in plain.items():
        np.testing.assert_allclose(model.gradients[name], gradient, rtol=1e-10, atol=1e-14)
