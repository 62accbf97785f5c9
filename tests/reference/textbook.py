"""The two models once more, as a textbook writes them: one sentence, one vector a step, nothing saved.

Slow and plain on purpose: the packages are held against it. A perturbation can be added to a state at one
step, so that a derivative with respect to that state can be measured.
"""

import numpy as np


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def step(model, k, h, c):
    """h_t and c_t from h_{t-1} and c_{t-1}, for the word of id k; the RNN passes c on."""
    p = model.parameters
    a = p["weight_ih_l0"] @ model.embeddings[k] + p["weight_hh_l0"] @ h + p["bias_ih_l0"]
    if "c" not in model.states:
        return np.tanh(a), c
    i, f, g, o = np.split(a, 4)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


def logit(model, ids, at=None, state=None, perturbation=0.0):
    """z of one sentence under the parameters of a model.

    Parameters
    ----------
    model : RNNClassifier or LSTMClassifier
    ids : list of int
        Token ids.
    at : int, optional
        0, 1, …: the step at which `perturbation` (H,) is added to `state`, "h" or "c". What is added to c
        moves h as well, by tanh(c) o: a total derivative is meant.
    """
    p = model.parameters
    h = c = np.zeros(model.H)
    for t, k in enumerate(ids):
        c_before = c
        h, c = step(model, k, h, c_before)
        if t == at and state == "h":
            h = h + perturbation
        if t == at and state == "c":
            o = h / np.tanh(c)
            c = c + perturbation
            h = o * np.tanh(c)
    return (p["weight_out"] @ h + p["bias_out"])[0]
