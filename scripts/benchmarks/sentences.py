"""The sentences that the benchmark trains on: made-up ones like those of SST-2, so that it needs no data/."""

import numpy as np

from scripts.files.data import Split
from scripts.files.errors import UserError
from scripts.text.batches import shuffled_batches

DIMENSIONS = 100  # D

# The training rows of SST-2: their number, the number of different words, and quantiles of their lengths.
SST2_SENTENCES, SST2_WORDS = 60_865, 14_345
SST2_QUANTILES = {0: 1, 0.1: 1, 0.25: 3, 0.5: 7, 0.75: 13, 0.9: 21, 0.95: 26, 0.99: 35, 0.999: 45, 1: 52}


def draw_split():
    """Draw random words, as frequent as 1 / rank, in sentences as long as SST-2's."""
    rng = np.random.default_rng(0)
    quantiles, lengths = zip(*SST2_QUANTILES.items(), strict=True)
    s = np.rint(np.interp(rng.random(SST2_SENTENCES), quantiles, lengths)).astype(np.int32)
    frequency = 1 / np.arange(1, SST2_WORDS - 1)
    x = 2 + rng.choice(SST2_WORDS - 2, s.sum(), p=frequency / frequency.sum())  # rows 0 and 1 are not words
    y = rng.integers(0, 2, len(s)).astype(np.uint8)
    return Split(x.astype(np.min_scalar_type(SST2_WORDS)), s, y, np.arange(len(s)))


def draw_embeddings():
    """Draw random word vectors (V, D), on whose values no speed depends."""
    return 0.4 * np.random.default_rng(0).standard_normal((SST2_WORDS, DIMENSIONS), np.float32)


def cut_batches(split, batch_size, count):
    """Return the first `count` full batches of a shuffled epoch, and how many batches the epoch has."""
    full, rest = divmod(len(split.s), batch_size)
    if not full:
        found = f"a batch of {batch_size} is larger than the {len(split.s)} sentences of an epoch"
        raise UserError(f"{found}: give smaller --sizes")
    split = split._replace(s=split.s[: full * batch_size])  # else some would hold a sentence less
    batches = shuffled_batches(split, batch_size, np.random.default_rng(0))
    batches.rows = batches.rows[:count]
    return list(batches), full + (rest > 0)
