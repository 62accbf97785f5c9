"""The best settings found, as a reader trains with them."""

import pytest

import main
from scripts.files.runs import load_run
from scripts.training.settings import check_settings


@pytest.mark.parametrize("kind", ["rnn", "lstm"])
def test_a_recipe_trains_with_all_that_it_says(kind, data):
    train, recipe = {"rnn": (main.train_rnn, main.BEST_RNN), "lstm": (main.train_lstm, main.BEST_LSTM)}[kind]
    small = recipe | {"epochs": 1, "hidden_size": 4}
    train("best", **small, seed=3)
    settings = load_run("best").settings
    assert settings["model"] == kind
    assert settings["hyperparameters"] == check_settings(kind, small | {"seed": 3})
