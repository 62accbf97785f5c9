"""Parts of a gradient by distance: against truncated training, sentences alone, and cases by hand."""

import numpy as np
import pytest

from scripts.dynamics import truncation
from scripts.dynamics.interventions import Intervened
from scripts.dynamics.truncation import kappa, parts_by_distance, signal_by_distance
from tests.dynamics.test_interventions import packed

LENGTHS = [[1], [1, 1], [6], [5, 5, 5], [7, 4, 4, 1], np.random.default_rng(0).integers(1, 40, 30)]


def recurrent_gradient(model):
    """∂ℓ/∂[W_ih, W_hh, b], a copy, as the last backward pass left it."""
    names = "weight_ih_l0", "weight_hh_l0", "bias_ih_l0"
    return np.column_stack([model.gradients[name] for name in names])


# Parts ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lengths", LENGTHS)
def test_parts_add_up_to_the_plain_gradient(make_model, lengths):
    model = make_model()
    _, ids, sizes, dz = packed(lengths)
    model.forward(ids, sizes)
    parts = parts_by_distance(model, sizes, dz)
    assert len(parts) == max(lengths)
    model.backward(dz)
    plain = recurrent_gradient(model)
    assert np.linalg.norm(parts.sum(0) - plain) < 1e-12 * np.linalg.norm(plain)


@pytest.mark.parametrize("lengths", LENGTHS)
@pytest.mark.parametrize("K", [0, 1, 3, 500])
def test_the_first_parts_are_the_gradient_of_truncated_training(make_model, lengths, K):
    model = make_model()
    _, ids, sizes, dz = packed(lengths)
    model.forward(ids, sizes)
    near = parts_by_distance(model, sizes, dz)[: K + 1].sum(0)
    intervened = Intervened(model, f"truncate-{K}")
    intervened.forward(ids, sizes)
    intervened.backward(dz)
    truncated = recurrent_gradient(model)
    assert np.linalg.norm(near - truncated) < 1e-12 * np.linalg.norm(truncated)


def test_parts_of_a_batch_are_the_sums_of_those_of_its_sentences(make_model):
    model = make_model()
    sentences, ids, sizes, dz = packed([7, 4, 4, 1])
    model.forward(ids, sizes)
    parts, signal = (each(model, sizes, dz) for each in (parts_by_distance, signal_by_distance))
    sums, norms = np.zeros_like(parts), np.zeros(7)
    for words, slope in zip(sentences, dz, strict=True):
        T = len(words)
        model.forward(np.array(words), np.ones(T, int))
        for t, dh, *_ in model.through_time(np.array([slope])):
            norms[T - 1 - t] += np.linalg.norm(dh)
        for t in range(T):
            sums[T - 1 - t] += np.outer(model._dA[:, t], model._Z[t])
    np.testing.assert_allclose(parts, sums, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(signal, norms, rtol=1e-12)


def test_distances_are_those_of_each_sentence():
    assert truncation.distances(np.array([3, 2, 1])).tolist() == [2, 1, 0, 1, 0, 0]


# What follows from them -----------------------------------------------------------------------------------


def test_errors_and_cosines_of_a_case_by_hand():
    """g = (3, 4); g_0 = (3, 0) lacks 4 of 5, g_1 = (3, 2) lacks 2 of 5, g_2 = g."""
    parts = np.array([[3.0, 0], [0, 2], [0, 2]])
    np.testing.assert_allclose(truncation.relative_errors(parts), [0.8, 0.4, 0])
    np.testing.assert_allclose(truncation.cosines(parts), [3 / 5, 17 / (5 * np.sqrt(13)), 1])


def test_the_bound_of_a_case_by_hand():
    """Norms 8, 1, 1 and a decay of 1, 1/4, 1/8: M = 8, E = 3, 1, 0, and ‖g_K‖ = 8, 9, 10."""
    parts, decay = np.array([[8.0], [1], [1]]), np.array([1, 0.25, 0.125])
    np.testing.assert_allclose(truncation.decay_bounds(parts, decay), [3 / 5, 1 / 8, 0])
    np.testing.assert_allclose(truncation.decay_bounds(-parts, 2 * decay), [3 / 5, 1 / 8, 0])
    slow = truncation.decay_bounds(parts, np.ones(3))  # E = 16, 8, 0
    np.testing.assert_allclose(slow, [np.nan, 8, 0])


@pytest.mark.parametrize("seed", range(5))
def test_no_error_is_above_its_bound(make_model, seed):
    model = make_model(seed=seed)
    model.theta *= 0.3
    _, ids, sizes, dz = packed([12, 9, 9, 4], seed)
    model.forward(ids, sizes)
    parts, signal = (each(model, sizes, dz) for each in (parts_by_distance, signal_by_distance))
    errors, bounds = truncation.relative_errors(parts), truncation.decay_bounds(parts, signal / signal[0])
    said = np.isfinite(bounds)
    assert said.sum() > 1
    assert (errors <= bounds + 1e-12)[said].all()


def test_a_decay_that_is_0_where_a_part_is_not_bounds_nothing():
    assert np.isnan(truncation.decay_bounds(np.array([[8.0], [1]]), np.array([1.0, 0]))).all()


def test_a_gradient_of_0_has_no_error():
    """As ∂ℓ/∂W_hh of sentences of one word: h_0 = 0."""
    nothing = np.zeros((2, 3))
    for values in (
        truncation.relative_errors(nothing),
        truncation.cosines(nothing),
        truncation.decay_bounds(nothing, np.ones(2)),
    ):
        assert values.shape == (2,)
        assert np.isnan(values).all()
    assert kappa(truncation.relative_errors(nothing), 0.9) is None


def test_small_errors_are_exact():
    parts = 10.0 ** -np.arange(0, 40, 4)[:, None]
    errors = truncation.relative_errors(parts)
    np.testing.assert_allclose(errors[:-1], parts[1:, 0], rtol=2e-4)
    assert errors[-1] == 0


def test_kappa_is_the_first_K_with_a_smaller_error():
    errors = np.array([1.2, 0.5, 0.6, 0.4, 0])
    assert [kappa(errors, delta) for delta in (2, 0.9, 0.5, 0.4, 0.1)] == [0, 1, 3, 4, 4]
    assert kappa(errors, 0) is None
    assert kappa(np.array([np.nan, 0.3]), 0.5) == 1
