"""Fixed points of a step with constant input, and how slowly states return to them.

With the same input at every step, a state s, which is h, or (h, c) for the LSTM, follows s ← F(s). Near a
fixed point, F(s) = s, a deviation along an eigenvector of the Jacobian ∂F/∂s with eigenvalue λ decays with
the time constant τ = 1/|ln |λ||; τ ln 2 is its half-life or, where |λ| > 1 and it grows, its doubling time. A
line attractor is a line of fixed points: |λ| is 1 along it and smaller across it.

Sussillo & Barak (2013), Opening the black box. Maheswaranathan et al. (2019), Reverse engineering recurrent
networks for sentiment classification reveals line attractor dynamics.
"""

import numpy as np


def step_map(model, x):
    """Return F, which takes states (…, S) one step further with the input x (D,)."""

    def F(s):
        states = np.split(s.reshape(-1, s.shape[-1]), len(model.states), axis=-1)
        return np.concatenate(model.step(x[None], *states), axis=-1).reshape(s.shape)

    return F


def states_along(model, ids, batch_sizes):
    """Return the states (N, S) after each word of a packed batch, in its order."""
    states, visited = np.zeros((len(model.states), batch_sizes[0], model.H), model.dtype), []
    for words in np.split(ids, np.cumsum(batch_sizes)[:-1]):
        states = model.step(model.embeddings[words], *(state[: len(words)] for state in states))
        visited.append(np.concatenate(states, axis=-1))
    return np.concatenate(visited)


def logits_of(model, s):
    """Return the logits (…) of states (…, S), as if sentences ended there."""
    return s[..., : model.H] @ model.parameters["weight_out"][0] + model.parameters["bias_out"]


def jacobian(F, s):
    """Return ∂F/∂s (S, S) at a state (S,), exact to rounding: column n is Im F(s + iε e_n) / ε, ε = 1e-30."""
    return F(s + 1e-30j * np.eye(len(s))).imag.T / 1e-30


def find_fixed_points(F, starts, apart):
    """Search a fixed point of F from each of `starts`, states (S,), by Powell's hybrid of Newton and descent.

    A search succeeds if it ends with q(s) = ‖s - F(s)‖² / S < 1e-8, which also holds where states merely move
    slowly. Points that are no farther apart than `apart` are one. F must take complex states, too: see
    :func:`jacobian`. Returns a list of points (S,), each with the number of searches that ended there.
    """
    from scipy.optimize import root  # takes half a second to import

    found = []
    for start in starts:
        end = root(lambda s: F(s) - s, start, jac=lambda s: jacobian(F, s) - np.eye(len(s)))
        if np.mean(end.fun**2) < 1e-8:
            near = [k for k, (point, _) in enumerate(found) if np.linalg.norm(point - end.x) <= apart]
            point, count = found.pop(near[0]) if near else (end.x, 0)
            found.append((point, count + 1))
    return found


def half_lives(eigenvalues):
    """Return ln 2 / |ln |λ|| in steps, largest first; ∞ where |λ| is 1, 0 where λ is 0."""
    with np.errstate(divide="ignore"):
        return np.sort(np.log(2) / np.abs(np.log(np.abs(eigenvalues))))[::-1]
