"""Section "products" of the benchmark: what the matrix products of a training step take alone.

With G blocks of H rows in W (1 in an RNN, 4 in an LSTM), a step of B sentences needs

    forward     a = W [x_t; h_{t-1}; 1]         (GH, D+H+1) by (D+H+1, B)
    backward    ∂ℓ/∂h_{t-1} = W_hhᵀ ∂ℓ/∂a_t     (H, GH) by (GH, B), at all steps but the first
    weights     ∂ℓ/∂W += ∂ℓ/∂a_t [x_t; h_{t-1}; 1]ᵀ, here for all steps at once

No pass that makes these products, on one core and with this BLAS, takes less time than they do. The forward
one counts in the fastest of three layouts of W.
"""

import time
from statistics import median

import numpy as np
from threadpoolctl import threadpool_limits

from scripts.benchmarks.training import DIMENSIONS, draw_embeddings
from scripts.training.experiment import CLASSIFIERS, build_model
from scripts.training.settings import check_settings

STEPS, WORDS = 9, 1000  # of each sentence, as SST-2's have in the mean; of the vocabulary
SECONDS = 0.05  # that a measurement takes at least


def measure_products(point, repetitions, clock=time.perf_counter):
    """One entry of ``products`` of the JSON, less its point.

    Parameters
    ----------
    point : dict
        ``model``, ``hidden_size``, ``batch_size``.
    repetitions : int
    clock : callable

    Returns
    -------
    dict
    """
    acts = build_acts(point["model"], point["hidden_size"], point["batch_size"])
    seconds = {name: [] for name in acts}
    with threadpool_limits(1, user_api="blas"):
        for _ in range(repetitions):
            for name, act in acts.items():
                seconds[name].append(seconds_a_call(act, clock))
    medians = {name: median(of_act) for name, of_act in seconds.items()}
    passes, weights = (medians.pop(name) / STEPS for name in ("passes", "weights"))
    backward = medians.pop("backward") * (STEPS - 1) / STEPS
    products = {"forward": min(medians.values()), "backward": backward, "weights": weights}
    return {
        "step_seconds": passes,
        "products": products,
        "operations": count_operations(point["model"], point["hidden_size"], point["batch_size"]),
        "share": sum(products.values()) / passes,
    }


def build_acts(kind, H, B):
    """What is timed: both passes of the model, the products of all its steps, and those of one."""
    settings = check_settings(kind, {"hidden_size": H, "input_dropout": 0.0, "state_dropout": 0.0})
    model = build_model(kind, settings, draw_embeddings(WORDS))
    rng = np.random.default_rng(0)
    ids, batch_sizes, dz = rng.integers(0, WORDS, STEPS * B), np.full(STEPS, B), np.ones(B, np.float32)
    G, columns = len(model.recurrent_blocks), DIMENSIONS + H + 1

    def draw(*shape):
        return rng.standard_normal(shape, np.float32)

    W, W_hh, blocks = draw(G * H, columns), draw(G * H, H), draw(G, columns, H).transpose(0, 2, 1)
    by_columns = np.asfortranarray(W)
    Z, da, dA, dW = draw(STEPS * B, columns), draw(G * H, B), draw(G * H, STEPS * B), draw(G * H, columns)
    Z_t, a = Z[:B].T, draw(G * H, B)

    def passes():
        model.forward(ids, batch_sizes)
        model.backward(dz)

    return {
        "passes": passes,
        "forward": lambda: np.dot(W, Z_t, out=a),
        "forward by columns": lambda: np.dot(by_columns, Z_t, out=a),
        "forward in blocks": lambda: np.matmul(blocks, Z_t, out=a.reshape(G, H, B)),
        "backward": lambda: W_hh.T @ da,
        "weights": lambda: np.dot(dA, Z, out=dW),
    }


def count_operations(kind, H, B):
    """Multiplications and additions of the products of one step, in the mean."""
    rows, columns = len(CLASSIFIERS[kind].recurrent_blocks) * H, DIMENSIONS + H + 1
    return 2 * B * rows * (2 * columns + H * (STEPS - 1) / STEPS)


def seconds_a_call(act, clock):
    """Seconds that a call takes, the mean over `SECONDS` of them."""
    act()
    calls, started = 0, clock()
    while (elapsed := clock() - started) < SECONDS:
        act()
        calls += 1
    return elapsed / calls
