"""Batches: their packing, their order, the weights of their sentences."""

import numpy as np
import pytest

from scripts.text.batches import length_weights, pack, shuffled_batches
from scripts.training.experiment import generator


def test_packing_lays_sentences_out_step_after_step():
    ids, batch_sizes = pack(np.array([7, 8, 9, 4, 5, 6]), np.array([0, 3, 5]), np.array([3, 2, 1]))
    assert ids.tolist() == [7, 4, 6, 8, 5, 9]
    assert batch_sizes.tolist() == [3, 2, 1]


@pytest.mark.parametrize("batch_size", [1, 7, 16, 1000])
def test_shuffled_batches_hold_every_sentence_once(data, batch_size):
    split = data.splits["train"]
    batches = shuffled_batches(split, batch_size, np.random.default_rng(0))
    rows = np.concatenate([batch.rows for batch in batches])
    assert sorted(rows) == list(range(len(split.s)))
    starts = np.cumsum(split.s, dtype=int) - split.s
    for batch in batches:
        assert len(batch.rows) <= batch_size
        assert (np.diff(split.s[batch.rows].astype(int)) <= 0).all()
        assert len(batch.batch_sizes) == split.s[batch.rows[0]]
        offsets = np.concatenate([[0], np.cumsum(batch.batch_sizes)])
        for column, row in enumerate(batch.rows):
            sentence = split.x[starts[row] : starts[row] + split.s[row]]
            np.testing.assert_array_equal(batch.ids[offsets[: split.s[row]] + column], sentence)
        np.testing.assert_array_equal(batch.y, split.y[batch.rows])


def test_length_weights_are_powers_of_the_lengths_with_a_mean_of_1(data):
    split = data.splits["train"]
    assert length_weights(split, 0) is None
    for power in (0.5, 2):
        weights = length_weights(split, power)
        assert weights.mean() == pytest.approx(1)
        for one, other in ((0, 5), (7, 30)):
            ratio = (int(split.s[one]) / int(split.s[other])) ** power
            assert weights[one] / weights[other] == pytest.approx(ratio)
        for batch in shuffled_batches(split, 16, np.random.default_rng(0), weights):
            np.testing.assert_array_equal(batch.weights, weights[batch.rows])
    assert {batch.weights for batch in shuffled_batches(split, 16, np.random.default_rng(0))} == {1}


def test_shuffling_differs_from_epoch_to_epoch_and_is_the_same_again(data):
    split = data.splits["train"]

    def order(epoch):
        return np.concatenate(
            [b.rows for b in shuffled_batches(split, 16, generator(0, "shuffling", epoch))]
        ).tolist()

    assert order(1) == order(1) != order(2)


def test_batches_of_similar_lengths_come_in_random_order(data):
    split = data.splits["train"]
    one, other = (
        [batch.rows for batch in shuffled_batches(split, 7, np.random.default_rng(seed))] for seed in (0, 1)
    )
    lengths = split.s.astype(int)
    assert np.mean([lengths[rows[0]] - lengths[rows[-1]] for rows in one]) < 2, "of 1 to 26 tokens"
    rises = np.diff([lengths[rows[0]] for rows in one])
    assert rises.min() < 0 < rises.max()
    again = {frozenset(rows) for rows in one} & {frozenset(rows) for rows in other}
    assert len(again) < len(one) / 2, "sentences of equal length change company"
