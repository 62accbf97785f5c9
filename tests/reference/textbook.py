"""The two models once more, as a textbook writes them: one sentence, one vector a step, nothing saved.

Slow and plain on purpose: the packages are held against it. A perturbation can be added to a state at one
step, so that a derivative with respect to that state can be measured.
"""

import numpy as np


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def logit(model, ids, step=None, state=None, perturbation=0.0):
    """z of one sentence under the parameters of a model.

    Parameters
    ----------
    model : RNNClassifier or LSTMClassifier
    ids : list of int
        Token ids.
    step : int, optional
        0, 1, …: the step at which `perturbation` (H,) is added to `state`, "h" or "c".
    """
    p = model.parameters
    h = c = np.zeros(model.H)
    for t, k in enumerate(ids):
        a = p["weight_ih_l0"] @ model.embeddings[k] + p["weight_hh_l0"] @ h + p["bias_ih_l0"]
        if "c" in model.states:
            i, f, g, o = np.split(a, 4)
            c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
            if t == step and state == "c":
                c = c + perturbation
            h = sigmoid(o) * np.tanh(c)
        else:
            h = np.tanh(a)
        if t == step and state == "h":
            h = h + perturbation
    return (p["weight_out"] @ h + p["bias_out"])[0]
