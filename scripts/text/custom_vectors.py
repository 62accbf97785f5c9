"""Word vectors trained on the sentences themselves: `--embeddings custom`."""

import re

import numpy as np
from scipy.sparse import coo_array, csr_array
from sklearn.decomposition import TruncatedSVD

from scripts.files.errors import UserError
from scripts.files.paths import assets_path
from scripts.files.progress import progress_bar

WINDOW = 5  # words to either side that count as neighbours
SMOOTHING = 0.75  # exponent on the neighbours' frequencies: tempers the weight of rare ones
TYPICAL = 0.4  # root mean square of the values of GloVe's vectors, which learning rates are tuned to


def train_custom(x, s, words, dimensions, seed):
    """Train word vectors on sentences: positive pointwise mutual information, truncated SVD.

    With n(w, c) the count of word c near word w, each pair weighted by 1 / distance,

        PPMI(w, c) = max(0, log [ n(w, c) / n(w) · Σ n^α / n(c)^α ]),  α = 0.75  (Levy et al. 2015)

    and the vectors are U Σ^½ of its largest singular values, scaled to the size of GloVe's.

    Parameters
    ----------
    x : (tokens,) integers
        Word numbers of all sentences, one after the other.
    s : (N,) integers
        Sentence lengths.
    words : int
        Number of words; a UserError where it is below `dimensions`.
    dimensions, seed : int

    Returns
    -------
    index : (K,) integers
        Numbers of the words that have neighbours.
    vectors : (K, dimensions) float32
    """
    counts = _count_neighbours(x, s, words)
    index = np.flatnonzero(counts.sum(axis=0) > 0)
    if not 1 <= dimensions < len(index):
        raise UserError(
            f"--dimensions {dimensions} can't be had from {len(index)} words of the training sentences: give "
            f"1 to {len(index) - 1}"
            if len(index) > 1
            else "the training sentences are too few for custom vectors"
        )
    information = _positive_information(counts[index][:, index])
    svd = TruncatedSVD(n_components=dimensions, random_state=seed).fit(information)
    vectors = information @ svd.components_.T / np.sqrt(np.maximum(svd.singular_values_, 1e-12))
    vectors *= TYPICAL / np.sqrt(np.mean(vectors**2))
    return index, vectors.astype(np.float32)


def _count_neighbours(x, s, words):
    """Counts of neighbouring words: (words, words), symmetric, weighted by 1 / distance."""
    sentence = np.repeat(np.arange(len(s)), s)
    counts = csr_array((words, words), dtype=np.float32)
    for distance in progress_bar(range(1, WINDOW + 1), desc="neighbours", leave=False):
        near = sentence[:-distance] == sentence[distance:]
        word, neighbour = x[:-distance][near], x[distance:][near]
        weight = np.full(len(word), 1 / distance, np.float32)
        counts = counts + coo_array((weight, (word, neighbour)), shape=counts.shape).tocsr()
    return counts + counts.T.tocsr()


def _positive_information(counts):
    """Positive pointwise mutual information of a sparse matrix of counts, in place."""
    word = counts.sum(axis=1)
    context = counts.sum(axis=0) ** SMOOTHING
    counts.data /= np.repeat(word, np.diff(counts.indptr))
    counts.data *= (context.sum() / context)[counts.indices]
    counts.data = np.maximum(np.log(counts.data), 0)
    counts.eliminate_zeros()
    return counts


def custom_path(dataset, dimensions):
    """Return the path of a dataset's custom vectors."""
    return assets_path("embeddings", f"custom-{re.sub(r'[^A-Za-z0-9.-]+', '-', dataset)}-{dimensions}d.txt")
