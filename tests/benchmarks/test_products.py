"""Section "products" of the benchmark: what is timed are the products of a step, and their operations."""

import itertools

import numpy as np
import pytest

from scripts.benchmarks import products as benchmark_products
from scripts.benchmarks.products import build_acts, count_operations, measure_products, seconds_a_call


@pytest.mark.parametrize(("H", "B"), [(5, 3), (8, 2)])
def test_operations_are_those_of_the_three_products(kind, H, B):
    rows, columns = (4 * H if kind == "lstm" else H), 100 + H + 1
    forward, backward, weights = 2 * rows * columns * B, 2 * H * rows * B, 2 * rows * B * columns
    steps = benchmark_products.STEPS  # at the first of them nothing is handed back
    expected = steps * (forward + weights) + (steps - 1) * backward
    assert steps * count_operations(kind, H, B) == pytest.approx(expected)


def test_products_have_the_shapes_of_the_models(kind):
    acts = build_acts(kind, 5, 3)
    G = {"rnn": 1, "lstm": 4}[kind]
    assert acts["forward"]().shape == acts["forward by columns"]().shape == (5 * G, 3)
    assert acts["forward in blocks"]().shape == (G, 5, 3)
    assert acts["backward"]().shape == (5, 3)
    assert acts["weights"]().shape == (5 * G, 106)


def test_medians_are_divided_by_steps_and_the_faster_forward_product_counts(kind, monkeypatch):
    steps = benchmark_products.STEPS
    seconds = {"passes": 24.0 * steps, "forward": 4.0, "forward by columns": 5.0, "forward in blocks": 3.0}
    seconds |= {"backward": 2.0 * steps / (steps - 1), "weights": 7.0 * steps}
    monkeypatch.setattr(benchmark_products, "build_acts", lambda *_: {name: name for name in seconds})
    wobble = itertools.cycle([0.0] * 6 + [1.0] * 6 + [0.0] * 6)  # the second of three repetitions is slower
    monkeypatch.setattr(benchmark_products, "seconds_a_call", lambda act, _: seconds[act] + next(wobble))
    entry = measure_products({"model": kind, "hidden_size": 5, "batch_size": 3}, 3)
    assert entry["step_seconds"] == 24
    assert entry["products"] == pytest.approx({"forward": 3, "backward": 2, "weights": 7})
    assert entry["share"] == pytest.approx(0.5)


def test_a_call_is_timed_after_a_first_one():
    calls, ticks = [], itertools.count(step=0.02)  # seconds, whenever the clock is read
    assert seconds_a_call(lambda: calls.append(1), lambda: next(ticks)) == pytest.approx(0.06 / 2)
    assert len(calls) == 1 + 2


def test_the_passes_leave_a_gradient(kind):
    entry = measure_products({"model": kind, "hidden_size": 4, "batch_size": 2}, 1)
    assert np.isfinite(list(entry["products"].values())).all()
    assert entry["share"] > 0
