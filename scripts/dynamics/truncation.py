"""Truncated gradients: the gradient of the recurrent layer, split by the distance of the words.

Going back through time, the words at distance k from the end of their sentence add the part G_k to
∂ℓ/∂[W_ih, W_hh, b]. Truncated after K steps, the gradient is

    g_K = Σ_{k ≤ K} G_k,    g = Σ_k G_k without truncation,

and training with backward="truncate-K" uses g_K (interventions.py). The output layer is left out. Parts of
several batches may be added before g_K and g are compared.
"""

from itertools import accumulate

import numpy as np


def parts_by_distance(model, batch_sizes, dz):
    """Return the parts G_0, G_1, … of the gradient of a packed batch, (T, R, D + H + 1).

    The model must have just read that batch; `dz` (B,) is ∂ℓ/∂z. The columns are those of W_ih, W_hh and b;
    there are R = H rows for the RNN, 4H for the LSTM.
    """
    model.backward(dz)
    distance = distances(batch_sizes)
    each = (distance == k for k in range(len(batch_sizes)))
    return np.array([model._dA[:, words] @ model._Z[words] for words in each])


def signal_by_distance(model, batch_sizes, dz):
    """Sum ‖∂ℓ/∂h_{T-k}‖ over the sentences of a packed batch that reach distance k, (T,), k = 0 … T-1."""
    norms = [np.linalg.norm(dh, axis=0) for _, dh, *_ in model.through_time(dz)]  # from the last step back
    return np.bincount(distances(batch_sizes), np.concatenate(norms[::-1]))


def distances(batch_sizes):
    """Return the distance from the end, (N,), of each word of a packed batch; 0 is the last word."""
    running = np.arange(batch_sizes[0]) < batch_sizes[:, None]  # (T, B)
    return (running.sum(0) - 1 - np.arange(len(batch_sizes))[:, None])[running]


def relative_errors(parts):
    """Return ‖g_K - g‖ / ‖g‖ for K = 0 … T-1, (T,), from parts (T, …); nan if g is 0."""
    missing = accumulate(parts[:0:-1])  # from the far end, so that small errors stay exact
    return _divide(np.append(_norms(missing)[::-1], 0), np.linalg.norm(parts.sum(0)))


def cosines(parts):
    """Return the cosine of the angle between g_K and g for K = 0 … T-1, (T,); nan where either is 0."""
    whole = parts.sum(0)
    products = np.array([np.vdot(near, whole) for near in accumulate(parts)])
    return _divide(products, _norms(accumulate(parts)) * np.linalg.norm(whole))


def decay_bounds(parts, decay):
    """Bound the relative errors by the decay of the signal alone: Aicher, Foti & Fox (2019).

    If ‖G_k‖ ≤ M φ_k for all k, ‖g_K - g‖ is at most E(K) = M Σ_{k > K} φ_k, and ‖g‖ at least ‖g_K‖ - E(K).
    So the relative error is at most δ(K) = E(K) / (‖g_K‖ - E(K)), if that is positive. M is the smallest such
    number, max_k ‖G_k‖ / φ_k. From G_k, (T, …), and φ_k, (T,), return δ(K) for K = 0 … T-1, (T,); nan where
    ‖g_K‖ ≤ E(K), so that there is no bound.
    """
    norms = _norms(parts)
    with np.errstate(divide="ignore", invalid="ignore"):  # no decay bounds a part where its φ is 0
        M = np.max(norms[norms > 0] / decay[norms > 0], initial=0)
        missing = M * np.append(np.cumsum(decay[:0:-1])[::-1], 0)
    return _divide(missing, _norms(accumulate(parts)) - missing)


def kappa(errors, delta):
    """Return the smallest K whose relative error is below delta, or None."""
    below = np.flatnonzero(errors < delta)
    return int(below[0]) if len(below) else None


def _norms(parts):
    return np.array([np.linalg.norm(part) for part in parts])


def _divide(numbers, others):
    """Divide (T,) by (T,) or by a number; nan where the divisor is not above 0."""
    return np.where(others > 0, numbers / np.where(others > 0, others, 1), np.nan)
