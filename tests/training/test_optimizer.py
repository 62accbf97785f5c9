"""Adam as its papers define it: updates, averages, clipping, schedules."""

import numpy as np
import pytest

from scripts.training.optimizer import Adam


@pytest.mark.parametrize("weight_decay", [0, 0.3])
def test_adam_is_the_papers_formula(weight_decay):
    rng = np.random.default_rng(0)
    theta = rng.standard_normal(50)
    expected, m, v = theta.copy(), 0.0, 0.0
    optimizer = Adam(theta, 0.1, schedule="linear", steps=10, weight_decay=weight_decay)
    for k in range(1, 6):
        g = rng.standard_normal(50)
        optimizer.update(theta, g)
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2
        lr = 0.1 * (1 - (k - 1) / 10)
        step = (m / (1 - 0.9**k)) / (np.sqrt(v / (1 - 0.999**k)) + 1e-8)
        expected = expected - lr * weight_decay * expected - lr * step
        np.testing.assert_allclose(theta, expected, rtol=1e-12)


def test_average_weighs_the_thetas_after_each_update_by_powers_of_its_factor():
    rng = np.random.default_rng(0)
    theta = rng.standard_normal(50)
    optimizer = Adam(theta, 0.1, averaging=0.8)
    with optimizer.averaged(theta):
        before = theta.copy()
    np.testing.assert_array_equal(before, theta)
    thetas = []
    for _ in range(6):
        optimizer.update(theta, rng.standard_normal(50))
        thetas.append(theta.copy())
        powers = 0.8 ** np.arange(len(thetas))[::-1]
        with optimizer.averaged(theta):
            np.testing.assert_allclose(theta, np.average(thetas, 0, powers), rtol=1e-12)
        np.testing.assert_array_equal(theta, thetas[-1])


def test_the_latest_weights_come_back_whatever_happens_while_they_are_averaged():
    theta = np.zeros(3)
    optimizer = Adam(theta, 0.1, averaging=0.8)
    optimizer.update(theta, np.ones(3))
    optimizer.update(theta, np.ones(3))
    latest = theta.copy()

    def interrupted():
        with optimizer.averaged(theta):
            assert (theta != latest).all()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    np.testing.assert_array_equal(theta, latest)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_clipping_scales_by_the_global_norm_and_reports_the_one_before(dtype):
    optimizer = Adam(np.zeros(2, dtype), 0.1, clip_norm=1.0)
    gradient = np.array([3, 4], dtype)
    assert optimizer.clip(gradient) == 5.0
    np.testing.assert_allclose(gradient, [0.6, 0.8], rtol=1e-6)
    gradient = np.array([0.3, 0.4], dtype)
    assert optimizer.clip(gradient) == pytest.approx(0.5)
    np.testing.assert_array_equal(gradient, np.array([0.3, 0.4], dtype))
    tiny = np.full(4, 1e-30, dtype)
    assert optimizer.clip(tiny) == pytest.approx(2e-30)


@pytest.mark.parametrize(
    ("schedule", "shares"),
    [("constant", [1, 1, 1]), ("linear", [1, 0.5, 0.1]), ("cosine", [1, 0.5, 0.0244717])],
)
def test_learning_rate_schedules(schedule, shares):
    theta = np.zeros(1)
    optimizer = Adam(theta, 2.0, schedule=schedule, steps=10)
    rates = []
    for _ in range(10):
        rates.append(optimizer.learning_rate)
        optimizer.update(theta, np.ones(1))
    np.testing.assert_allclose([rates[0], rates[5], rates[9]], np.multiply(2.0, shares), rtol=1e-5)
