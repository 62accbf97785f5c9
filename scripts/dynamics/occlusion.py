"""Leave out each word of a text in turn: how much does the logit z change?"""

import numpy as np

from scripts.files.progress import progress_bar

ROUNDING = 8  # units in the last place: states that are closer than this are the same
EVERY = 8  # steps between two comparisons with the state of the whole text


def effects_of_leaving_out(model, ids, progress=False):
    """Return z minus the z of the text without its first word, without its second, …: (T,).

    Without word t, the model reads on from the whole text's state at t - 1. All these readings advance side
    by side, each only until its state, and so its z, is the whole text's again to rounding. The time grows
    with T, not with T², unless a model never forgets. `ids` (T,) are token ids.
    """
    nearest = ROUNDING * np.finfo(model.dtype).eps
    states = [np.zeros((1, model.H), model.dtype) for _ in model.states]  # row 0 is the whole text
    left_out = np.zeros(1, int)  # the word that each row lacks; row 0 lacks none
    for t in progress_bar(range(len(ids)), "words left out", delay=1, leave=False, progress=progress):
        read = model.step(model.embeddings[ids[t : t + 1]], *states)
        states = [np.concatenate([after, before[:1]]) for after, before in zip(read, states, strict=True)]
        left_out = np.append(left_out, t)
        if t % EVERY == 0:
            differs = np.zeros(len(left_out), bool)
            for state in states:
                differs |= (abs(state - state[0]) > nearest * np.maximum(1, abs(state[0]))).any(1)
            differs[0] = True
            states, left_out = [state[differs] for state in states], left_out[differs]
    z = states[0] @ model.parameters["weight_out"][0]
    effects = np.zeros(len(ids))
    effects[left_out[1:]] = z[0] - z[1:]
    return effects
