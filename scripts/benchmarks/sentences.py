"""The sentences that the benchmark trains on: those of data/, or made-up ones like those of SST-2.

Used by scripts/benchmark.py and its sections; it reads data/ and writes nothing.
"""

import numpy as np

from scripts.files.data import PADDING, Split, load_data
from scripts.files.errors import UserError
from scripts.files.paths import data_path
from scripts.text.batches import shuffled_batches

DIMENSIONS = 100  # D

# The training rows of SST-2: their number, the number of different words, and quantiles of their lengths.
SST2_SENTENCES, SST2_WORDS = 60_865, 14_345
SST2_QUANTILES = {0: 1, 0.1: 1, 0.25: 3, 0.5: 7, 0.75: 13, 0.9: 21, 0.95: 26, 0.99: 35, 0.999: 45, 1: 52}


def load_or_draw():
    """Return name, training split and word vectors of the dataset in data/, or of a made-up one."""
    if data_path("dataset.json").exists():
        data = load_data()
        return data.manifest["dataset"]["name"], data.splits["train"], data.embeddings
    embeddings = 0.4 * np.random.default_rng(0).standard_normal((SST2_WORDS, DIMENSIONS), np.float32)
    embeddings[PADDING] = 0
    name = f"made-up sentences, as long as those of SST-2, {SST2_WORDS:,} words"
    return name, draw_split(SST2_SENTENCES), embeddings


def draw_split(sentences):
    """Draw random words, as frequent as 1 / rank, in sentences as long as SST-2's."""
    rng = np.random.default_rng(0)
    quantiles, lengths = zip(*SST2_QUANTILES.items(), strict=True)
    s = np.rint(np.interp(rng.random(sentences), quantiles, lengths)).astype(np.int32)
    frequency = 1 / np.arange(1, SST2_WORDS - 1)
    x = 2 + rng.choice(SST2_WORDS - 2, s.sum(), p=frequency / frequency.sum())  # rows 0 and 1 are not words
    y = rng.integers(0, 2, sentences).astype(np.uint8)
    return Split(x.astype(np.min_scalar_type(SST2_WORDS)), s, y, np.arange(sentences))


def cut_batches(split, batch_size, count):
    """Return the first `count` full batches of a shuffled epoch, and how many batches the epoch has."""
    full, rest = divmod(len(split.s), batch_size)
    if not full:
        found = f"data/ has {len(split.s)} training sentences, less than one batch of {batch_size}"
        raise UserError(f"{found}: preprocess a larger dataset, or empty data/ to time made-up sentences")
    split = split._replace(s=split.s[: full * batch_size])  # else some would hold a sentence less
    batches = shuffled_batches(split, batch_size, np.random.default_rng(0))
    batches.rows = batches.rows[:count]
    return list(batches), full + (rest > 0)
