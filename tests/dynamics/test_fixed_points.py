"""Fixed points and half-lives of maps whose own are known, and Jacobians of models in three ways."""

import numpy as np
import pytest

from scripts.dynamics.fixed_points import (
    find_fixed_points,
    half_lives,
    jacobian,
    logits_of,
    states_along,
    step_map,
)
from scripts.training.checks import numeric_gradient
from tests.dynamics.test_interventions import packed

RNG = np.random.default_rng(0)
STARTS = RNG.standard_normal((20, 2))


def search(F, starts, apart=1e-3):
    """Points (n, S) and counts [n]."""
    found = find_fixed_points(F, starts, apart)
    return np.array([point for point, _ in found]), [count for _, count in found]


def test_a_linear_map_has_one_point_and_the_half_lives_of_its_eigenvalues():
    basis, eigenvalues = RNG.standard_normal((4, 4)), np.array([0.99, -0.5, 0.1, 1.2])
    A, b = basis @ np.diag(eigenvalues) @ np.linalg.inv(basis), RNG.standard_normal(4)

    def F(s):
        return s @ A.T + b

    points, counts = search(F, RNG.standard_normal((9, 4)))
    np.testing.assert_allclose(points, [np.linalg.solve(np.eye(4) - A, b)], rtol=1e-6)
    assert counts == [9]
    np.testing.assert_allclose(jacobian(F, points[0]), A, rtol=1e-12)
    lives = half_lives(np.linalg.eigvals(A))
    np.testing.assert_allclose(lives[1:3], [np.log(2) / np.log(1.2), 1], rtol=1e-9)
    assert 0.99 ** lives[0] == pytest.approx(0.5)
    assert 0.1 ** lives[3] == pytest.approx(0.5)


def test_half_lives_of_a_line_and_of_what_is_forgotten_at_once():
    assert half_lives(np.array([0, 1, 0.5j])).tolist() == [np.inf, pytest.approx(1), 0]


def test_latching_rests_where_bengio_simard_and_frasconi_say():
    """h ← tanh(1.25 h): 0, which repels, and ±.7104, which attract with a slope of .6191."""

    def F(s):
        return np.tanh(1.25 * s)

    points, counts = search(F, np.linspace(-1, 1, 41)[:, None])
    assert sum(counts) == 41
    np.testing.assert_allclose(np.sort(points[:, 0]), [-0.7104, 0, 0.7104], atol=5e-5)
    slopes = sorted(jacobian(F, point)[0, 0] for point in points)
    np.testing.assert_allclose(slopes, [0.6191, 0.6191, 1.25], atol=5e-5)


def test_a_line_of_points_is_found_as_many_points_in_one_direction():
    points, counts = search(lambda s: s * np.array([1, 0.5]), STARTS)
    assert len(points) == sum(counts) == 20
    np.testing.assert_allclose(np.sort(points[:, 0]), np.sort(STARTS[:, 0]), atol=1e-6)
    np.testing.assert_allclose(points[:, 1], 0, atol=1e-6)


def test_a_slow_direction_alone_is_one_point():
    """Where q < 1e-8 along 2 of its length, |λ| = 0.9999: the search does not stop there."""
    points, counts = search(lambda s: s * np.array([0.9999, 0.5]), STARTS)
    assert counts == [20]
    np.testing.assert_allclose(points, [[0, 0]], atol=1e-4)


def test_a_map_without_a_fixed_point_has_none():
    assert find_fixed_points(lambda s: s + 1 + s * s, STARTS, apart=1e-3) == []


def test_points_are_joined_within_the_distance_given():
    starts = np.linspace(-1, 1, 9)[:, None]  # 1/4 apart, and all fixed
    assert search(lambda s: s, starts, apart=0.1)[1] == [1] * 9
    points, counts = search(lambda s: s, starts, apart=0.26)
    assert sorted(counts) == [1, 2, 2, 2, 2]
    assert sorted(points[:, 0]) == [-1, -0.5, 0, 0.5, 1]


# Of a model -----------------------------------------------------------------------------------------------


def test_states_are_those_of_the_forward_pass(make_model):
    model = make_model()
    _, ids, sizes, _ = packed([7, 4, 4, 1])
    z = model.forward(ids, sizes)
    states = states_along(model, ids, sizes)
    ends = np.cumsum(sizes)
    for t, end in enumerate(ends[:-1]):
        start, stop = model._spans[t + 1]
        h_before = model._Z[start:stop, model.D : model.D + model.H]
        begin = end - sizes[t]
        np.testing.assert_allclose(states[begin : begin + stop - start, : model.H], h_before, rtol=1e-12)
    last = [ends[length - 1] - sizes[length - 1] + row for row, length in enumerate((7, 4, 4, 1))]
    np.testing.assert_allclose(logits_of(model, states)[last], z, rtol=1e-12)


def test_jacobians_anywhere_are_those_along_a_sentence_and_of_finite_differences(make_model):
    model = make_model()
    ids = np.array([3, 7, 1, 1, 9])
    states = states_along(model, ids, np.ones(5, int))
    model.forward(ids, np.ones(5, int))
    for t in range(1, 5):
        F, s = step_map(model, model.embeddings[ids[t]]), states[t - 1]
        J = jacobian(F, s)
        np.testing.assert_allclose(F(s), states[t], rtol=1e-12)
        np.testing.assert_allclose(J, model.step_jacobians(t)[0], rtol=1e-12, atol=1e-15)
        for row in range(len(s)):
            moved = s.copy()
            slopes = numeric_gradient(lambda: F(moved)[row], moved)  # noqa: B023
            np.testing.assert_allclose(J[row], slopes, rtol=1e-6, atol=1e-8)


def test_points_of_a_model_stay_where_they_are(make_model):
    model = make_model()
    F = step_map(model, np.zeros(model.D))
    points, counts = search(F, RNG.standard_normal((30, len(model.states) * model.H)))
    assert sum(counts) > 0
    np.testing.assert_allclose(F(points), points, atol=1e-6)
