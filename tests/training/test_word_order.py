"""Training on shuffled words: what is shuffled, when, and that nothing else changes."""

import numpy as np
import pytest

from scripts.files.runs import load_run, save_run
from scripts.studies.arguments import seeds_by_model
from scripts.text.batches import shuffle_words
from scripts.training import experiment
from scripts.training.logs import Log, differences
from tests.helpers import write_data

SMALL = {"epochs": 2, "hidden_size": 5, "progress": False}


def batches_of(kind, data, settings, monkeypatch):
    """The batches (ids, batch_sizes, y) of epochs 0 to 2 of a run, and those that validate it."""
    seen = {}

    def loop(model, training, validation, optimizer, **options):
        for epoch in (0, 1, 2):
            seen[epoch] = [(b.ids.copy(), b.batch_sizes, b.y) for b in training(epoch)]
        seen["validation"] = [b.ids.copy() for b in validation]
        return iter(())

    monkeypatch.setitem(experiment.LOOPS, kind, loop)
    settings = experiment.check_settings(kind, settings)
    header = {"model": kind, "hyperparameters": settings}
    list(experiment.epochs_of(header, data, *experiment.start(kind, settings, data)))
    return seen


def sorted_words(ids, sizes):
    """The words of each sentence of a packed batch, sorted."""
    sentence = np.concatenate([np.arange(b) for b in sizes])
    return [sorted(ids[sentence == one].tolist()) for one in range(sizes[0])]


def test_each_epoch_shuffles_the_words_of_the_training_sentences_anew(kind, data, monkeypatch):
    orders = []
    plain = batches_of(kind, data, {}, monkeypatch)
    spy = lambda *given: orders.append(shuffle_words(*given)) or orders[-1]  # noqa: E731
    monkeypatch.setattr(experiment, "shuffle_words", spy)
    shuffled = batches_of(kind, data, {"word_order": "shuffled"}, monkeypatch)
    for epoch in (0, 1, 2):
        for (ids, sizes, y), (others, *same) in zip(plain[epoch], shuffled[epoch], strict=True):
            assert sorted_words(ids, sizes) == sorted_words(others, sizes)
            assert not np.array_equal(ids, others)
            np.testing.assert_array_equal(sizes, same[0])
            np.testing.assert_array_equal(y, same[1])
    for ids, others in zip(plain["validation"], shuffled["validation"], strict=True):
        np.testing.assert_array_equal(ids, others)
    assert len(orders) == 3
    assert not np.array_equal(orders[1].x, orders[2].x)


def test_of_one_word_there_is_one_order(kind, study_root):
    write_data(longest=1)
    plain = experiment.run(kind, "plain", **SMALL)
    shuffled = experiment.run(kind, "shuffled", word_order="shuffled", **SMALL)
    np.testing.assert_array_equal(plain.resume["theta"], shuffled.resume["theta"])


def test_an_interrupted_run_continues_to_the_same_bytes(kind, data):
    whole = experiment.run(kind, "whole", word_order="shuffled", **SMALL | {"epochs": 3})
    experiment.run(kind, "parts", word_order="shuffled", **SMALL | {"epochs": 1})
    continued = experiment.run(kind, "parts", word_order="shuffled", **SMALL | {"epochs": 3})
    np.testing.assert_array_equal(whole.resume["theta"], continued.resume["theta"])
    plain = experiment.run(kind, "plain", **SMALL | {"epochs": 3})
    assert not np.array_equal(whole.resume["theta"], plain.resume["theta"])


@pytest.mark.skipif(len(experiment.usable_cores()) < 2, reason="needs two cores")
def test_two_workers_read_the_same_words(data):
    options = SMALL | {"word_order": "shuffled", "input_dropout": 0, "state_dropout": 0}
    one, two = (experiment.run("lstm", f"run-{n}", workers=n, **options) for n in (1, 2))
    np.testing.assert_allclose(two.resume["theta"], one.resume["theta"], atol=1e-4)


def test_a_run_from_before_the_setting_is_one_of_its_default(data):
    for seed in (0, 1):
        experiment.run("rnn", f"run-{seed}", seed=seed, **SMALL)
    kept = load_run("run-0")
    del kept.settings["hyperparameters"]["word_order"]
    save_run("run-0", kept)
    runs = [load_run(f"run-{seed}") for seed in (0, 1)]
    assert seeds_by_model(runs) == [runs]
    for order in (runs, runs[::-1]):
        assert not differences([Log(run.settings["run_id"], run.settings, run.history) for run in order])
    assert len(experiment.run("rnn", "run-0", seed=0, **SMALL | {"epochs": 3}).history) == 4
