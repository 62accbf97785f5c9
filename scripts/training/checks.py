"""Checks of a model's arithmetic, called by main.py and the tests: numeric gradients, memorised sentences."""

import numpy as np
from threadpoolctl import threadpool_limits

from scripts.files.data import load_data
from scripts.files.numbers import table, whole_number
from scripts.text.batches import pack, sorted_batches
from scripts.training.experiment import CLASSIFIERS, LOOPS, LOSSES, build_model
from scripts.training.optimizer import Adam
from scripts.training.settings import check_settings


def random_batch(rng, vocabulary_size, lengths):
    """Draw a packed batch of sentences of these lengths, longest first: ids, batch_sizes, labels."""
    lengths = np.sort(np.asarray(lengths))[::-1]
    x = rng.integers(0, vocabulary_size, lengths.sum())
    return *pack(x, np.cumsum(lengths) - lengths, lengths), rng.integers(0, 2, len(lengths))


def numeric_gradient(function, theta, step=1e-3):
    """Differentiate a scalar function by central differences of fourth order.

        f'(θ) ≈ (8 f(θ+s) - 8 f(θ-s) - f(θ+2s) + f(θ-2s)) / 12s,   error O(s⁴)

    The function takes no arguments and reads `theta` (float64), which is changed in place and restored.
    """
    gradient = np.empty(theta.shape)
    for index in np.ndindex(theta.shape):
        kept, values = theta[index], []
        for k in (1, -1, 2, -2):
            theta[index] = kept + k * step
            values.append(function())
        theta[index] = kept
        gradient[index] = (8 * (values[0] - values[1]) - values[2] + values[3]) / (12 * step)
    return gradient


def relative_error(a, b):
    """Return ‖a - b‖ / (‖a‖ + ‖b‖) of two arrays of one shape; 0 where both are zero."""
    scale = np.linalg.norm(a) + np.linalg.norm(b)
    return float(np.linalg.norm(np.asarray(a) - b) / scale) if scale else 0.0


def gradient_errors(model, loss, ids, batch_sizes, y):
    """Return the relative error of ∂ℓ/∂θ by parameter, for a float64 model and one packed batch."""

    def mean_loss():
        return loss(model.forward(ids, batch_sizes), y)[0].mean()

    dz = loss(model.forward(ids, batch_sizes), y)[1] / len(y)
    model.backward(dz)
    analytic = {name: view.copy() for name, view in model.gradients.items()}
    return {
        name: relative_error(analytic[name], numeric_gradient(mean_loss, view))
        for name, view in model.parameters.items()
    }


def check_model(kind, seed=0):
    """Return :func:`gradient_errors` of a small random model, none of whose parameters is zero."""
    rng = np.random.default_rng(seed)
    model = CLASSIFIERS[kind](rng.standard_normal((20, 5)), 7, rng=rng, dtype=np.float64)
    model.theta[:] = 0.5 * rng.standard_normal(model.theta.size)
    return gradient_errors(model, LOSSES[kind], *random_batch(rng, 20, rng.integers(1, 10, 6)))


def check_gradients():
    """Compare analytic with numeric gradients: every model, every parameter, in float64.

    Returns
    -------
    dict of dict
        For each model, the relative error of each parameter's gradient; also printed.
    """
    found = {model: check_model(model) for model in LOSSES}
    rows = [
        [f"{model}, {name}", f"{error:.1e}"]
        for model, by_parameter in found.items()
        for name, error in by_parameter.items()
    ]
    print(table(rows, ["gradient", "relative error, analytic against numeric"]))
    return found


def test_overfit(sentences=64, steps=300, data=None):
    """Let the LSTM learn a few sentences by heart: if it can't, something in its backward pass is wrong.

    The sentences are drawn from the training split, of the dataset in data/<data>/, by default that in data/;
    each of the `steps` is an update with all of them.

    Returns
    -------
    dict
        ``loss`` and ``accuracy`` on these ``sentences`` at the end, and ``first_loss``; also printed.
    """
    sentences, steps = whole_number("sentences", sentences), whole_number("steps", steps, most=10**6)
    data = load_data(data)
    split = data.splits["train"]
    rows = np.random.default_rng(0).permutation(len(split.s))[:sentences]
    (batch,) = sorted_batches(split, sentences, rows)
    model = build_model("lstm", check_settings("lstm", {}), data.embeddings)
    optimizer, batches = Adam(model.theta, lr=0.01, clip_norm=1.0), ([batch], [batch] * steps)
    with threadpool_limits(1):  # epoch 0 only measures
        epochs = LOOPS["lstm"](model, batches.__getitem__, [batch], optimizer, epochs=1, progress=False)
        before, after = epochs
    first, loss = before["validation_loss"], after["validation_loss"]
    accuracy, count = float(after["validation_accuracy"]), len(rows)
    print(f"{count} sentences, {steps} updates: loss {first:.4f} -> {loss:.6f}, accuracy {accuracy:.1%}")
    return {"sentences": count, "first_loss": first, "loss": loss, "accuracy": accuracy}
