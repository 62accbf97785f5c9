"""Leaving out each word of a text: the walk that drops what has become the same, against the plain way."""

import tracemalloc

import numpy as np
import pytest

from scripts.dynamics.fixed_points import logits_of, states_along
from scripts.dynamics.occlusion import effects_of_leaving_out
from scripts.training.experiment import CLASSIFIERS


def plainly(model, ids, every=1):
    """Read the whole text again for each word left out, or for some of them."""
    z = model.forward(ids, np.ones(len(ids), int))[0]
    v = model.parameters["bias_out"][0]
    shorter = [np.delete(ids, t) for t in range(0, len(ids), every)]
    return np.array([z - (model.forward(s, np.ones(len(s), int))[0] if len(s) else v) for s in shorter])


def trained_like(kind, scale=1.0, H=8, V=40, seed=0, dtype=np.float32, **options):
    """A model that forgets as trained ones do, faster where the scale of W_hh is smaller."""
    rng = np.random.default_rng(seed)
    model = CLASSIFIERS[kind](rng.standard_normal((V, 6)), H, rng=rng, dtype=dtype, **options)
    model.parameters["weight_hh_l0"][:] *= scale
    model.parameters["bias_out"][:] = 0.7
    return model


@pytest.fixture
def widths(monkeypatch):
    """How many readings each step followed, the whole text's included."""
    followed = []
    for model in CLASSIFIERS.values():

        def step(self, x, *states, original=model.step):
            followed.append(len(states[0]))
            return original(self, x, *states)

        monkeypatch.setattr(model, "step", step)
    return followed


@pytest.mark.parametrize("T", [1, 2, 3, 8, 9, 40])
def test_every_word_of_a_short_text(make_model, T):
    model = make_model()
    ids = np.random.default_rng(T).integers(11, size=T)
    np.testing.assert_allclose(effects_of_leaving_out(model, ids), plainly(model, ids), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("scale", [0.0, 0.5, 0.9])
def test_every_word_of_a_long_text(kind, scale, seed, widths):
    model = trained_like(kind, scale, seed=seed)
    ids = np.random.default_rng(seed).integers(40, size=400)
    effects = effects_of_leaving_out(model, ids)
    np.testing.assert_allclose(effects[::7], plainly(model, ids, every=7), atol=3e-6)
    assert max(widths) < 330, "readings that are the same again are no longer followed"


def test_a_change_that_fades_out_and_one_that_stays():
    """An RNN of one unit that halves its state, and one that keeps the sign of a loud word for ever."""
    model = trained_like("rnn", H=1, V=3)
    ids = np.array([1] + [0] * 60 + [2])
    model.embeddings[:] = np.array([0, 0.01, 0.01])[:, None]
    model.parameters["weight_ih_l0"][:] = 1 / 6
    model.parameters["weight_out"][:] = 1
    model.parameters["weight_hh_l0"][:] = 0.5
    effects = effects_of_leaving_out(model, ids)
    assert effects[0] == 0, "nothing is left of it, to rounding"
    assert effects[-1] == pytest.approx(0.01, rel=1e-3)
    model.embeddings[1] = 5
    model.parameters["weight_hh_l0"][:] = 1.5  # tanh(1.5 h) = h has two stable solutions, ±0.858
    effects = effects_of_leaving_out(model, ids)
    assert effects[0] == pytest.approx(plainly(model, ids)[0], rel=1e-5)
    assert effects[0] > 0.5


def test_an_lstm_that_never_forgets_is_followed_to_the_end(widths):
    model = trained_like("lstm", forget_bias=30.0)
    ids = np.random.default_rng(1).integers(40, size=120)
    np.testing.assert_allclose(effects_of_leaving_out(model, ids), plainly(model, ids), atol=1e-5)
    assert widths == list(range(1, 121))


def test_a_long_text_needs_little_memory(kind, widths):
    """The plain way would hold thousands of readings at once, of thousands of steps."""
    model = trained_like(kind, 0.5, H=64)
    ids = np.random.default_rng(0).integers(40, size=1000)
    tracemalloc.start()
    effects_of_leaving_out(model, ids)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5e6
    assert max(widths) < 300


def test_a_step_is_that_of_the_forward_pass(make_model):
    """Two words of three sentences, one after the other; and one word for all of them."""
    model = make_model()
    ids = np.array([[3, 4, 5], [6, 7, 8]])
    z = model.forward(ids.ravel(), np.array([3, 3]))
    states = [np.zeros((3, model.H)) for _ in model.states]
    for words in ids:
        states = model.step(model.embeddings[words], *states)
    w, v = model.parameters["weight_out"][0], model.parameters["bias_out"]
    np.testing.assert_allclose(states[0] @ w + v, z, rtol=1e-12)
    x = model.embeddings[ids[0, :1]]
    for one, each in zip(model.step(x, *states), model.step(np.repeat(x, 3, 0), *states), strict=True):
        np.testing.assert_allclose(one, each, rtol=1e-12)


@pytest.mark.parametrize("kind", CLASSIFIERS)
def test_the_running_logit_is_that_of_each_beginning_of_the_text(kind):
    model, ids = trained_like(kind, dtype=np.float64), np.arange(12)
    beginnings = [model.forward(ids[:n], np.ones(n, int))[0] for n in range(1, 13)]
    running = logits_of(model, states_along(model, ids, np.ones(len(ids), int)))
    np.testing.assert_allclose(running, beginnings, rtol=1e-12)
