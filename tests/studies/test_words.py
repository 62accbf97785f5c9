"""Words that tables and figures share."""

import pytest

from scripts.studies.words import describe_failure


@pytest.mark.parametrize(
    ("fails", "accuracy", "words"),
    [
        ([None, None], [[0.9] * 3] * 2, "does not fail up to d = 40"),
        ([3, 3], [[0.9, 0.7, 0.6]] * 2, "fails from d = 3 on"),
        ([3, 3], [[0.9, 0.7, 0.6], [0.9, 0.7, 0.8]], "first fails at d = 3"),
        ([3, None], [[0.9, 0.7, 0.6], [0.9] * 3], "first fails at d = 3, none (seed by seed)"),
    ],
)
def test_failure_in_words(fails, accuracy, words):
    study = {"distances": [2, 3, 40], "longest": 40, "failing": 0.75}
    assert describe_failure(study, {"fails_at": fails, "accuracy": accuracy}) == words
