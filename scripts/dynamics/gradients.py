"""Measure a model with fixed weights: gradients by distance from the end, activations, spectra of W_hh.

The index of every list is the distance from the end, k = T - t: k = 0 is the last word, and k the number of
Jacobians between it and h_T. Norms are Euclidean, over the H units of a state (x: the D entries of a word's
vector) of one sentence. They are kept as log₁₀, and the walk back is rescaled, so that none underflows.
"""

from typing import NamedTuple

import numpy as np

from scripts.files.numbers import round_to_digits
from scripts.text.batches import sorted_batches

MINIMUM_LENGTH = 20  # tokens: all distances below it are measured on the same sentences
FEW = 100  # with fewer sentences of that length, the longest quarter of the split is measured
VANISHED, EXPLODED = 1e-10, 1e6
LARGEST = 308  # log₁₀ of the largest norm that a log can hold
BATCH_SIZE = 256
BINS = 200  # of the histograms of activations between 0 and 1


def gradient_rows(lengths):
    """Return the rows (n,) of sentences of 20 tokens or more; if they are few, of the longest quarter."""
    rows = np.flatnonzero(lengths >= MINIMUM_LENGTH)
    if len(rows) < FEW:
        longest_first = np.argsort(-lengths.astype(np.int64), kind="stable")
        rows = np.sort(longest_first[: max(1, len(lengths) // 4)])
    return rows


def measure(model, split, rows):
    """Measure the dynamics of one epoch, as a log records them, without dropout.

    ∂ℓ/∂h_t = (p - y) ∂z/∂h_t, so one walk back from ∂z/∂z = 1 gives both. `rows` (n,) of `split` are the
    sentences, as :func:`gradient_rows` chooses them.

    Returns
    -------
    dict
        ``gradients``: ``sentences``, ``shortest``, ``longest``; for each state (``h``; ``c`` for the LSTM)
        and the input ``x``: ``logit`` ‖∂z/∂h_t‖, ``loss`` ‖∂ℓ/∂h_t‖ and ``decay`` ‖∂z/∂h_t‖ / ‖∂z/∂h_T‖,
        summarised by :func:`summarise`; and ``recurrent_share``, the part of each word in ∂ℓ/∂W_hh:
        ``distance``, ``count``, ``mean``, ``median``, ``q25``, ``q75`` over the sentences that reach it.
        ``activations``: of the gates i, f, o of an LSTM, or of |h| of an RNN, over sentences and units: the
        same lists and ``saturated``, the share above 0.9 or, for gates, below 0.1, as in Karpathy, Johnson &
        Li (2016). ``recurrent_weights``: see :func:`spectra`.
    """
    walk = walk_back(model, sorted_batches(split, BATCH_SIZE, rows))
    counts = walk.counts
    return {
        "gradients": {
            "sentences": len(rows),
            "shortest": int(np.searchsorted(-counts, -len(rows), side="right")),
            "longest": len(counts),
            **{
                state: _summarise_state(_by_distance(flat, counts), walk.errors)
                for state, flat in walk.norms.items()
            },
            "recurrent_share": _summarise_shares(_by_distance(walk.contributions, counts)),
        },
        "activations": _summarise_activations(walk.histograms, counts),
        "recurrent_weights": spectra(model),
    }


class Walk(NamedTuple):
    """Norms and activations along a walk back over n sentences: all tokens at k = 0, then at k = 1, …"""

    norms: dict  # (tokens,) log₁₀ ‖∂z/∂state‖, by state; x, the input of each step, is one of them
    contributions: np.ndarray  # (tokens,) log₁₀ of the norm of each step's part in ∂z/∂W_hh
    errors: np.ndarray  # (n,) log₁₀ |p - y|
    histograms: dict  # (longest, BINS) numbers of units by distance and value, by activation
    counts: np.ndarray  # (longest,) numbers of sentences that reach each distance

    def decay(self, state, k, sentence):
        """Return log₁₀ of ‖∂z/∂state‖ at distance k of a sentence, relative to k = 0; both may be arrays."""
        starts = np.cumsum(self.counts) - self.counts
        return self.norms[state][starts[k] + sentence] - self.norms[state][sentence]


def walk_back(model, batches):
    """Walk back from ∂z/∂z = 1 along sentences in sorted batches, longest first; return a :class:`Walk`."""
    lengths = np.concatenate([batches.split.s[rows] for rows in batches.rows]).astype(np.int64)
    counts = (lengths >= np.arange(1, lengths[0] + 1)[:, None]).sum(1)
    starts = np.cumsum(counts) - counts
    norms = {state: np.empty(lengths.sum()) for state in (*model.states, "x")}
    contributions, errors = np.empty(lengths.sum()), np.empty(len(lengths))
    histograms = {}
    first = 0
    for batch in batches:
        B = len(batch.y)
        z = model.forward(batch.ids, batch.batch_sizes)
        errors[first : first + B] = _log_error(z, batch.y)
        scale = np.zeros(B)  # log₁₀ of the factor taken out of each column so far
        places, scales = [], []  # of the tokens, step after step
        with np.errstate(divide="ignore"):  # log₁₀ 0 is -∞: a gradient that is exactly 0
            for t, *derivatives in model.through_time(np.ones(B, model.dtype)):
                b = derivatives[0].shape[1]
                k = lengths[first : first + b] - 1 - t  # distance from the end: 0 is the last word
                place = starts[k] + np.arange(first, first + b)
                for state, derivative in zip(model.states, derivatives, strict=True):
                    norms[state][place] = scale[:b] + np.log10(_column_norms(derivative))
                _rescale(derivatives, scale)
                places.append(place)
                scales.append(scale[:b].copy())
                for name, values in model.activations(t).items():
                    histogram = histograms.setdefault(name, np.zeros((len(counts), BINS), np.int64))
                    bins = k * BINS + np.minimum((abs(values) * BINS).astype(np.int64), BINS - 1)
                    histogram += np.bincount(bins.ravel(), minlength=histogram.size).reshape(histogram.shape)
            place, scale = np.concatenate(places[::-1]), np.concatenate(scales[::-1])  # in packed order
            contributions[place] = scale + np.log10(model.recurrent_contributions())
            norms["x"][place] = scale + np.log10(_column_norms(model.input_gradients().T))
        first += B
    return Walk(norms, contributions, errors, histograms, counts)


def _rescale(derivatives, scale):
    """Divide each column by its largest entry over all states, in place; add log₁₀ of that to `scale`."""
    largest = np.max([abs(derivative).max(0) for derivative in derivatives], axis=0)
    largest[largest == 0] = 1
    scale[: len(largest)] += np.log10(largest)
    for derivative in derivatives:
        derivative /= largest


def _by_distance(flat, counts):
    """Split values by distance from the end; the longest sentence comes first."""
    return np.split(flat, np.cumsum(counts)[:-1])


def _column_norms(A):
    """Return the Euclidean norm of each column, in float64."""
    A = A.astype(np.float64)
    return np.sqrt(np.einsum("hb,hb->b", A, A))


def _log_error(z, y):
    """Return log₁₀ |p - y| for p = σ(z), the probability of the wrong label, even where p rounds to y."""
    wrong = np.where(y == 1, -z, z).astype(np.float64)
    return -np.logaddexp(0, -wrong) / np.log(10)


def _summarise_state(blocks, errors):
    """Summarise one state, from log₁₀ ‖∂z/∂state‖ by distance and log₁₀ |p - y|."""
    # A gradient that is exactly 0 at the last step, which float32 makes of a saturated cell's, has no decay.
    alive = [np.isfinite(blocks[0][: len(block)]) for block in blocks]
    decays = [block[a] - blocks[0][: len(block)][a] for block, a in zip(blocks, alive, strict=True)]
    return {
        "logit": summarise(blocks),
        "loss": summarise([block + errors[: len(block)] for block in blocks]),
        "decay": summarise(decays),
    }


def summarise(blocks):
    """Summarise log₁₀ of norms at distance 0, 1, …, (count,) each; return a dict of lists.

    They are ``distance``, ``count``, ``median``, ``q25``, ``q75`` (of the norms; 0 below 1e-308, the limit of
    float64), ``log10_median`` (without that limit), ``vanished`` (share below 1e-10), ``exploded`` (share
    above 1e6). Without a sentence they are null.
    """
    return {
        **_quantiles([10.0 ** np.minimum(block, LARGEST) for block in blocks]),
        "log10_median": [_middle(block) for block in blocks],
        "vanished": [_share(block < np.log10(VANISHED)) for block in blocks],
        "exploded": [_share(block > np.log10(EXPLODED)) for block in blocks],
    }


def _middle(block):
    """Return the (lower) median, or None if it is not finite."""
    value = np.quantile(block, 0.5, method="inverted_cdf") if len(block) else -np.inf
    return round_to_digits(value) if np.isfinite(value) else None


def _share(chosen):
    return round_to_digits(np.mean(chosen)) if len(chosen) else None


def _quantiles(blocks):
    """Return ``distance``, ``count`` and quantiles of the values at distance 0, 1, …; None for no value."""
    table = [
        round_to_digits(np.quantile(block, (0.25, 0.5, 0.75))) if len(block) else [None] * 3
        for block in blocks
    ]
    return {
        "distance": list(range(len(blocks))),
        "count": [len(block) for block in blocks],
        **{name: [row[k] for row in table] for k, name in enumerate(("q25", "median", "q75"))},
    }


def _summarise_shares(blocks):
    """Summarise each word's share in the sum of the norms of all parts of ∂ℓ/∂W_hh, from log₁₀ of these."""
    # The factor p - y is the same at all steps and cancels. The sum of the norms is larger than the norm of
    # the sum, as the parts point in different directions.
    logs = [np.log(10) * block for block in blocks]
    total = np.full(len(logs[0]), -np.inf)  # log of the sum
    for log in logs:
        np.logaddexp(total[: len(log)], log, out=total[: len(log)])
    total[np.isneginf(total)] = 0  # a sentence of one word: h_0 = 0 adds nothing
    shares = [np.exp(log - total[: len(log)]) for log in logs]
    return {**_quantiles(shares), "mean": [round_to_digits(share.mean()) for share in shares]}


def _summarise_activations(histograms, counts):
    """Summarise gates or |h| by distance; quantiles are exact to half a bin of 1/200."""
    centres = (np.arange(BINS) + 0.5) / BINS
    summary = {}
    for name, histogram in histograms.items():
        total = histogram.sum(1, keepdims=True)
        share, cumulative = histogram / total, histogram.cumsum(1)
        saturated = share[:, centres > 0.9].sum(1) + (share[:, centres < 0.1].sum(1) if name != "h" else 0)
        median, q25, q75 = (centres[(cumulative < q * total).sum(1)] for q in (0.5, 0.25, 0.75))
        columns = {"mean": share @ centres, "median": median, "q25": q25, "q75": q75, "saturated": saturated}
        summary[name] = {
            "distance": list(range(len(counts))),
            "count": counts.tolist(),
            **{column: round_to_digits(values) for column, values in columns.items()},
        }
    return summary


def spectra(model):
    """Return spectral radius and largest singular value of W_hh: ``h``, or gate by gate ``i``, ``f``, …"""
    blocks = model.parameters["weight_hh_l0"].astype(np.float64).reshape(-1, model.H, model.H)
    return {
        name: {
            "spectral_radius": round_to_digits(abs(np.linalg.eigvals(block)).max()),
            "largest_singular_value": round_to_digits(np.linalg.norm(block, 2)),
        }
        for name, block in zip(model.recurrent_blocks, blocks, strict=True)
    }
