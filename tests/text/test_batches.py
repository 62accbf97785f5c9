"""The batches of an epoch: the same ones as cut plainly, in a few bytes a sentence."""

import itertools
import math
import tracemalloc

import numpy as np
import pytest

from scripts.files.data import Split
from scripts.text import batches as dataset


def make_split(sentences, longest=50, dtype=np.uint8):
    """Sentences whose tokens say where they stand; only their lengths matter here."""
    s = np.random.default_rng(0).integers(1, longest + 1, sentences).astype(dtype)
    return Split(np.arange(s.sum()), s, np.zeros(sentences, np.uint8), np.arange(sentences))


def plainly_shuffled(split, batch_size, rng):
    """The rows of each batch as the documentation of `shuffled_batches` says it, step by step."""
    order = rng.permutation(len(split.s)).tolist()
    count = math.ceil(len(order) / batch_size)
    few, longer = divmod(len(order), count)  # the first `longer` batches hold one sentence more
    sizes = [few + 1] * longer + [few] * (count - longer)
    rows = []
    for first in range(0, count, dataset.POOL):
        of_pool = sizes[first : first + dataset.POOL]
        pool, order = order[: sum(of_pool)], order[sum(of_pool) :]
        pool = iter(sorted(pool, key=lambda row: -int(split.s[row])))
        rows += [list(itertools.islice(pool, size)) for size in of_pool]
    return [rows[k] for k in rng.permutation(len(rows))]


@pytest.mark.parametrize("dtype", [np.uint8, np.int32])
@pytest.mark.parametrize("batch_size", [1, 7, 64, 3000])
def test_equal_seeds_give_the_batches_of_the_plain_procedure(batch_size, dtype):
    split = make_split(2000, dtype=dtype)
    batches = dataset.shuffled_batches(split, batch_size, np.random.default_rng(3))
    expected = plainly_shuffled(split, batch_size, np.random.default_rng(3))
    assert [rows.tolist() for rows in batches.rows] == expected
    starts = np.cumsum(split.s, dtype=int) - split.s
    np.testing.assert_array_equal(batches.starts, starts)
    for batch, rows in zip(batches, expected, strict=True):
        assert batch.ids[: len(rows)].tolist() == starts[rows].tolist(), "a token's id is its place in x"


@pytest.mark.parametrize("sentences", [1, 63, 64, 65, 129, 1000])
def test_no_batch_is_small(sentences):
    batches = dataset.shuffled_batches(make_split(sentences), 64, np.random.default_rng(0))
    sizes = sorted(map(len, batches.rows))
    assert len(sizes) == math.ceil(sentences / 64), "as many updates as before"
    assert sizes[-1] - sizes[0] <= 1
    assert sorted(np.concatenate(batches.rows).tolist()) == list(range(sentences))


def test_sorted_batches_keep_the_order_of_equal_lengths():
    split = make_split(500, longest=5)
    rows = np.concatenate(dataset.sorted_batches(split, 64).rows)
    assert rows.tolist() == sorted(range(500), key=lambda row: -int(split.s[row]))


def test_an_epoch_holds_a_few_bytes_a_sentence():
    split, rng = make_split(200_000), np.random.default_rng(0)
    tracemalloc.start()  # which NumPy tells of every array
    try:
        batches = dataset.shuffled_batches(split, 64, rng)
        held, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(batches) == 3125
    assert held / 200_000 < 19, "8 for its place, 8 for its start, 2 for the arrays of 64 of them"
    assert peak / 200_000 < 29, "8 more while starts are counted"


def sentences_of(split):
    return [words.tolist() for words in np.split(split.x, np.cumsum(split.s, dtype=int)[:-1])]


def test_shuffled_sentences_hold_the_same_words_and_keep_the_last_ones():
    split = make_split(300, longest=9)
    as_they_are = sentences_of(split)
    for kept in (0, 1, 4, 8, 9):
        shuffled = dataset.shuffle_words(split, np.random.default_rng(5), kept)
        assert all(shuffled[column] is split[column] for column in (1, 2, 3))
        for words, before in zip(sentences_of(shuffled), as_they_are, strict=True):
            assert sorted(words) == sorted(before), "the bag of words is the same"
            assert words[len(words) - kept if kept < len(words) else 0 :] == before[-kept or len(before) :]
        moved = [a != b for a, b in zip(sentences_of(shuffled), as_they_are, strict=True)]
        assert not any(m for m, words in zip(moved, as_they_are, strict=True) if len(words) < kept + 2)
        assert any(moved) == (kept < 8), "two words at least have to be further back"


def test_every_order_is_equally_likely():
    split = Split(np.tile(np.arange(4), 6000), np.full(6000, 4), *np.zeros((2, 6000), int))
    for kept, orders in ((0, 24), (1, 6), (2, 2)):
        shuffled = dataset.shuffle_words(split, np.random.default_rng(0), kept)
        _, counts = np.unique(shuffled.x.reshape(-1, 4), axis=0, return_counts=True)
        assert len(counts) == orders
        expected = 6000 / orders
        assert ((counts - expected) ** 2 / expected).sum() < 2.5 * orders + 4


def test_the_same_state_gives_the_far_words_the_same_order_wherever_it_begins():
    split = Split(np.arange(40), np.array([40]), *np.zeros((2, 1), int))
    ranks = []
    for kept in (5, 20):
        far = dataset.shuffle_words(split, np.random.default_rng(1), kept).x[: 40 - kept]
        ranks.append([word for word in far.tolist() if word < 20])
    assert ranks[0] == ranks[1]
