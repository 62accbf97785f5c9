"""Gradients through time: how much of ∂z/∂h_t and ∂ℓ/∂h_t is left, by the number of steps back.

Depth 1 is the last step of a sentence, depth k the k-th from its end. Norms are Euclidean, over the H units
of a state of one sentence, in a walk back that is rescaled as it goes, so that none underflows.
"""

import numpy as np

from scripts.dataset import sorted_batches

MINIMUM_LENGTH = 20  # tokens: up to this depth, every depth counts the same sentences
FEW = 100  # with fewer sentences of that length, the longest quarter of the split is taken
VANISHED, EXPLODED = 1e-10, 1e6
BATCH_SIZE = 256


def gradient_rows(lengths):
    """The fixed set of sentences on which gradients are measured.

    Parameters
    ----------
    lengths : (N,) integers
        Sentence lengths of the validation split.

    Returns
    -------
    (n,) integers
        Rows of the sentences of at least 20 tokens; where these are fewer than 100, of the longest quarter.
    """
    rows = np.flatnonzero(lengths >= MINIMUM_LENGTH)
    if len(rows) < FEW:
        longest_first = np.argsort(-lengths.astype(np.int64), kind="stable")
        rows = np.sort(longest_first[: max(1, len(lengths) // 4)])
    return rows


def gradients_by_depth(model, split, rows):
    """Quantiles of the gradients that reach each depth, for the log of a run.

    ∂ℓ/∂h_t = (p - y) ∂z/∂h_t, so one walk back from ∂z/∂z = 1 gives both.

    Parameters
    ----------
    model : RNNClassifier or LSTMClassifier
    split : scripts.artefacts.Split
    rows : (n,) integers
        The sentences, as :func:`gradient_rows` chooses them.

    Returns
    -------
    dict
        ``sentences``, ``shortest``, ``longest``, and for each state (``h``; ``c`` for the LSTM):
        ``logit`` ‖∂z/∂h_t‖, ``loss`` ‖∂ℓ/∂h_t‖ and ``decay`` ‖∂z/∂h_t‖ / ‖∂z/∂h_T‖, sentence by sentence, as
        :func:`summarise` gives them.
    """
    batches = sorted_batches(split, BATCH_SIZE, rows)
    norms, errors, counts = log_norms(model, batches)
    return {
        "sentences": len(rows),
        "shortest": int(np.searchsorted(-counts, -len(rows), side="right")),
        "longest": len(counts),
        **{
            state: {
                "logit": summarise(by_depth),
                "loss": summarise([block + errors[: len(block)] for block in by_depth]),
                "decay": summarise([block - by_depth[0][: len(block)] for block in by_depth]),
            }
            for state, by_depth in (
                (state, np.split(flat, np.cumsum(counts)[:-1])) for state, flat in norms.items()
            )
        },
    }


def log_norms(model, batches):
    """log₁₀ of ‖∂z/∂state‖ at every token, depth after depth, and of |p - y|.

    Parameters
    ----------
    model : RNNClassifier or LSTMClassifier
    batches : scripts.dataset.Batches
        Longest sentences first, as :func:`scripts.dataset.sorted_batches` gives them.

    Returns
    -------
    norms : dict of str to (tokens,) numpy.ndarray
        For each state: first depth 1 of all sentences, longest first, then depth 2 of those that have one, …
    errors : (n,) numpy.ndarray
        log₁₀ |p - y| of each sentence, longest first.
    counts : (longest,) integers
        How many sentences reach each depth.
    """
    lengths = np.concatenate([batches.split.s[rows] for rows in batches.rows]).astype(np.int64)
    counts = (lengths >= np.arange(1, lengths[0] + 1)[:, None]).sum(1)
    starts = np.cumsum(counts) - counts
    norms = {state: np.empty(lengths.sum()) for state in model.states}
    errors = np.empty(len(lengths))
    first = 0
    for batch in batches:
        B = len(batch.y)
        z = model.forward(batch.ids, batch.batch_sizes)
        with np.errstate(divide="ignore"):  # log₁₀ 0 is -∞: a gradient that is exactly 0
            errors[first : first + B] = log_error(z, batch.y)
            scale = np.zeros(B)  # log₁₀ of what has been taken out of each column so far
            for t, *derivatives in model.through_time(np.ones(B, model.dtype)):
                b = derivatives[0].shape[1]
                place = starts[lengths[first : first + b] - t - 1] + np.arange(first, first + b)
                for state, derivative in zip(model.states, derivatives, strict=True):
                    norms[state][place] = scale[:b] + np.log10(column_norms(derivative))
                largest = np.max([abs(derivative).max(0) for derivative in derivatives], axis=0)
                largest[largest == 0] = 1
                scale[:b] += np.log10(largest)
                for derivative in derivatives:
                    derivative /= largest
        first += B
    return norms, errors, counts


def column_norms(A):
    """Euclidean norm of each column, in float64."""
    A = A.astype(np.float64)
    return np.sqrt(np.einsum("hb,hb->b", A, A))


def log_error(z, y):
    """log₁₀ |p - y| for p = σ(z): the probability of the wrong label, which is not lost where p is near y."""
    wrong = np.where(y == 1, -z, z).astype(np.float64)
    return -np.logaddexp(0, -wrong) / np.log(10)


def summarise(by_depth):
    """Quantiles and shares at every depth.

    Parameters
    ----------
    by_depth : list of (count,) numpy.ndarray
        log₁₀ of the norms at depth 1, 2, …

    Returns
    -------
    dict of str to list
        ``depth``, ``count``, ``median``, ``q25``, ``q75`` (of the norms, linearly interpolated), ``vanished``
        (share below 1e-10), ``exploded`` (share above 1e6).
    """
    quantiles = [np.quantile(10.0**block, (0.25, 0.5, 0.75)) for block in by_depth]
    return {
        "depth": list(range(1, len(by_depth) + 1)),
        "count": [len(block) for block in by_depth],
        "median": [round_to_digits(q[1]) for q in quantiles],
        "q25": [round_to_digits(q[0]) for q in quantiles],
        "q75": [round_to_digits(q[2]) for q in quantiles],
        "vanished": [round_to_digits(np.mean(block < np.log10(VANISHED))) for block in by_depth],
        "exploded": [round_to_digits(np.mean(block > np.log10(EXPLODED))) for block in by_depth],
    }


def round_to_digits(value, digits=7):
    """`value` as a float of so many significant digits: a log needs no more, and stays small."""
    return float(f"{value:.{digits}g}")
