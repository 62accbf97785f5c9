"""Words that tables and figures share."""

import pytest

from scripts.studies.words import EPOCHS, describe_failure, describe_gradient_there
from scripts.training.settings import Settings


def test_epochs_by_default_are_those_of_the_settings():
    assert Settings().epochs == EPOCHS


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


def test_gradient_where_a_model_fails_stands_beside_it():
    study = {"distances": [2, 3, 40]}
    gradient = {"h": {"before": {"median": [0, -0.5, -20.0]}, "after": {"median": [-0.1, -2.3, -3.5]}}}
    model = {"fails_at": [3, 3], "gradient": gradient}
    found = describe_gradient_there(study, model)
    assert found == "at d = 3, of ∂z/∂h 0.32 was left before training and 0.005 after"
    found = describe_gradient_there(study, model | {"fails_at": [None, 3]})
    assert found.count("at d = ") == 1
    gradient["h"]["before"]["median"][1] = None
    assert "∂z/∂h 0 was left before" in describe_gradient_there(study, model)
    found = describe_gradient_there(study, model | {"fails_at": [None, None]})
    assert found == "at d = 40, of ∂z/∂h 1e-20 was left before training and 3e-4 after"
