"""Word vectors trained on the sentences."""

import numpy as np
import pytest

from scripts.files.errors import UserError
from scripts.text.embeddings import _count_neighbours, _positive_information, train_custom


def test_neighbours_are_counted_within_sentences_by_distance():
    x, s = np.array([0, 1, 2, 1, 0]), np.array([3, 2])
    expected = np.zeros((4, 4))
    for a, b, weight in [(0, 1, 1), (1, 2, 1), (0, 2, 1 / 2), (1, 0, 1)]:
        expected[a, b] += weight
        expected[b, a] += weight
    np.testing.assert_allclose(_count_neighbours(x, s, 4).toarray(), expected)


def test_positive_information_is_its_definition():
    rng = np.random.default_rng(0)
    x = rng.integers(0, 6, 200)
    counts = _count_neighbours(x, np.full(20, 10), 6)
    n = counts.toarray().astype(float)
    context = n.sum(axis=0) ** 0.75
    with np.errstate(divide="ignore"):
        expected = np.maximum(np.log(n / n.sum(axis=1, keepdims=True) / (context / context.sum())), 0)
    np.testing.assert_allclose(_positive_information(counts).toarray(), expected, rtol=1e-4, atol=1e-5)


def test_words_of_like_company_get_like_vectors():
    rng = np.random.default_rng(0)
    topics = [["dog", "cat", "barks", "purrs", "paw"], ["piano", "flute", "plays", "sings", "tune"]]
    words = topics[0] + topics[1]
    x = np.concatenate([[words.index(word) for word in rng.choice(topics[i % 2], 6)] for i in range(400)])
    index, vectors = train_custom(x, np.full(400, 6), len(words), 3, seed=0)
    again = train_custom(x, np.full(400, 6), len(words), 3, seed=0)[1]
    assert vectors.tobytes() == again.tobytes()
    assert index.tolist() == list(range(10))
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    likeness = unit @ unit.T
    assert likeness[:5, :5].min() > likeness[:5, 5:].max()


@pytest.mark.parametrize("dimensions", [0, 5, 100])
def test_more_dimensions_than_words_are_refused(dimensions):
    with pytest.raises(UserError, match=f"--dimensions {dimensions}, but only 5 words"):
        train_custom(np.array([0, 1, 2, 3, 4]), np.array([5]), 6, dimensions, seed=0)
