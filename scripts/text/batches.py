"""Cut preprocessed splits into packed batches, for training and everything that measures a model.

A batch is packed: its sentences are sorted by length, longest first, and their tokens laid out step by step
without padding. Three sentences ``a b c``, ``d e`` and ``f`` become ``a d f | b e | c`` with batch_sizes
(3, 2, 1): at step t, only the sentences still running are computed.
"""

from typing import NamedTuple

import numpy as np

POOL = 100  # batches whose sentences are sorted by length together while shuffling


class Batch(NamedTuple):
    """A packed batch of B sentences, N tokens, T steps."""

    ids: np.ndarray  # (N,) token ids, step after step
    batch_sizes: np.ndarray  # (T,) number of sentences still running at each step
    y: np.ndarray  # (B,) labels
    rows: np.ndarray  # (B,) places of the sentences in their split, longest first
    weights: np.ndarray | int = 1  # (B,) weight of each sentence in training


class Batches:
    """A sized iterable of packed batches, each cut from its split (which may be memory-mapped) when needed.

    `rows` has the sentences of each batch, (B,) integers, longest first; `weights`, (N,), are the weights of
    the split's sentences in training, by default all the same.
    """

    def __init__(self, split, rows, weights=None):
        self.split, self.rows, self.weights = split, rows, weights
        self.starts = find_starts(split)

    def __len__(self):
        return len(self.rows)

    def __iter__(self):
        x, s, y, _ = self.split
        for rows in self.rows:
            ids, batch_sizes = pack(x, self.starts[rows], s[rows])
            yield Batch(ids, batch_sizes, y[rows], rows, 1 if self.weights is None else self.weights[rows])


def find_starts(split):
    """Return the place in x where each sentence of a split begins, (N,) integers."""
    return np.cumsum(split.s, dtype=np.int64) - split.s


def longest_first(split, rows):
    """Sort rows of a split by length, longest first; rows of equal length keep their order."""
    lengths = split.s[rows]
    return rows[np.argsort(lengths.max() - lengths, kind="stable")]  # no minus sign: they may be unsigned


def pack(x, starts, lengths):
    """Lay sentences out step after step.

    Parameters
    ----------
    x : (tokens,) integers
        Token ids of all sentences, one after the other.
    starts, lengths : (B,) integers
        Where the sentences of the batch begin in `x`, and their lengths, longest first.

    Returns
    -------
    ids, batch_sizes : (N,) and (T,) integers

    Examples
    --------
    >>> ids, batch_sizes = pack(np.array([7, 8, 9, 4, 5, 6]), np.array([0, 3, 5]), np.array([3, 2, 1]))
    >>> ids.tolist(), batch_sizes.tolist()
    ([7, 4, 6, 8, 5, 9], [3, 2, 1])
    """
    t = np.arange(lengths[0])[:, None]
    running = t < lengths  # (T, B)
    return x[(starts + t)[running]], running.sum(1)


def sorted_batches(split, batch_size, rows=None):
    """Return batches of a split, or of some rows of it, longest sentences first, always in the same order."""
    rows = longest_first(split, np.arange(len(split.s)) if rows is None else rows)
    return Batches(split, np.split(rows, range(batch_size, len(rows), batch_size)))


def random_batches(split, batch_size, rng, most):
    """Return at most so many batches of the same size, of random sentences of a split, none of them twice."""
    order = rng.permutation(len(split.s))
    size = min(batch_size, len(order))
    count = min(most, len(order) // size)
    return Batches(split, [longest_first(split, rows) for rows in order[: count * size].reshape(count, size)])


def shuffled_batches(split, batch_size, rng, weights=None):
    """Return batches of a split in random order, each with sentences of about the same length.

    All sentences are shuffled; pools of 100 batches are sorted by length and cut; the batches of all pools
    are shuffled. So the sentences of a batch end at about the same step, and few steps are narrow. The sizes
    of batches differ by at most one, as a small last batch would count as much as any other.
    """
    order = rng.permutation(len(split.s))
    rows = np.array_split(order, -(-len(order) // batch_size))  # views
    starts = [0, *np.cumsum([len(batch) for batch in rows])]
    for first in range(0, len(rows), POOL):
        pool = order[starts[first] : starts[min(first + POOL, len(rows))]]
        pool[:] = longest_first(split, pool)
    return Batches(split, [rows[k] for k in rng.permutation(len(rows))], weights)


def distances(split):
    """Return the distance of each word of a split from the end of its sentence, (tokens,); 0 is the last."""
    return np.repeat(np.cumsum(split.s, dtype=np.int64), split.s) - np.arange(1, len(split.x) + 1)


def shuffle_words(split, rng, kept=0):
    """Return a split whose sentences have their words in random order, except the last ones of each.

    Parameters
    ----------
    split : scripts.files.data.Split
    rng : numpy.random.Generator
        One number per word is drawn: the same state gives the same order, whatever `kept` is.
    kept : int
        How many words at the end of each sentence stay where they are.
    """
    keys = rng.random(len(split.x))  # by which the words of a sentence are sorted
    near = distances(split) < kept
    keys[near] = 1 + np.flatnonzero(near)
    sentence = np.repeat(np.arange(len(split.s)), split.s)
    return split._replace(x=split.x[np.lexsort((keys, sentence))])


def length_weights(split, power):
    """Return a weight for each sentence, s**power divided by its mean, (N,); None if power is 0.

    Most training rows of SST-2 are phrases of a few words, but whole sentences are to be classified.
    """
    if power == 0:
        return None
    weights = split.s.astype(np.float64) ** power
    return (weights / weights.mean()).astype(np.float32)
