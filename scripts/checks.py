"""Analytic gradients against numeric ones, and learning by heart: is a model's arithmetic right?"""

import numpy as np

from scripts.dataset import pack


def random_batch(rng, vocabulary_size, lengths):
    """A packed batch of random sentences, longest first, with random labels.

    Parameters
    ----------
    rng : numpy.random.Generator
    vocabulary_size : int
    lengths : list of int
        Sentence lengths, in any order.

    Returns
    -------
    ids, batch_sizes, y : numpy.ndarray
        See :func:`scripts.dataset.pack`; labels 0 or 1.
    """
    lengths = np.sort(np.asarray(lengths))[::-1]
    x = rng.integers(0, vocabulary_size, lengths.sum())
    return *pack(x, np.cumsum(lengths) - lengths, lengths), rng.integers(0, 2, len(lengths))


def numeric_gradient(function, theta, step=1e-3):
    """Gradient of a scalar function by central differences of fourth order.

        f'(θ) ≈ (8 f(θ+s) - 8 f(θ-s) - f(θ+2s) + f(θ-2s)) / 12s,   error O(s⁴)

    Parameters
    ----------
    function : callable
        No arguments; reads `theta`.
    theta : numpy.ndarray, float64
        Changed in place while measuring, and restored.
    step : float
        s.

    Returns
    -------
    numpy.ndarray
        Of the shape of `theta`.
    """
    gradient = np.empty(theta.shape)
    for index in np.ndindex(theta.shape):
        kept = theta[index]
        values = []
        for k in (1, -1, 2, -2):
            theta[index] = kept + k * step
            values.append(function())
        theta[index] = kept
        gradient[index] = (8 * (values[0] - values[1]) - values[2] + values[3]) / (12 * step)
    return gradient


def relative_error(a, b):
    """‖a - b‖ / (‖a‖ + ‖b‖) of two vectors of any shape; 0 where both are zero."""
    scale = np.linalg.norm(a) + np.linalg.norm(b)
    return float(np.linalg.norm(np.asarray(a) - b) / scale) if scale else 0.0


def gradient_errors(model, loss, ids, batch_sizes, y):
    """Relative error of ∂ℓ/∂θ, a parameter at a time, for the mean loss of one batch.

    Parameters
    ----------
    model : RNNClassifier or LSTMClassifier
        In float64.
    loss : callable
        The ``binary_cross_entropy`` of the model's package.
    ids, batch_sizes, y : numpy.ndarray
        A packed batch.

    Returns
    -------
    dict of str to float
    """

    def mean_loss():
        return loss(model.forward(ids, batch_sizes), y)[0].mean()

    dz = loss(model.forward(ids, batch_sizes), y)[1] / len(y)
    model.backward(dz)
    analytic = {name: view.copy() for name, view in model.gradients.items()}
    return {
        name: relative_error(analytic[name], numeric_gradient(mean_loss, view))
        for name, view in model.parameters.items()
    }
