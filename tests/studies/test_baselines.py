"""Baselines: classifiers that know no order, and rows divided without regard to their sources."""

import json

import numpy as np
import pytest

import main
from scripts.files import studies
from scripts.files.data import Data, Split, load_data, save_data
from scripts.files.errors import UserError
from scripts.files.runs import best_epoch, existing_runs
from scripts.studies import baselines
from scripts.training import experiment
from scripts.training.evaluation import correct_on_test

SMALL = {"epochs": 2, "hidden_size": 4}


def sentences(split):
    """Ids and label of every row."""
    ids = np.split(split.x, np.cumsum(split.s)[:-1])
    return [(tuple(map(int, row)), int(label)) for row, label in zip(ids, split.y, strict=True)]


def test_rows_divided_at_random_are_the_same_rows(data):
    splits = load_data().splits
    train, validation = baselines.divide_at_random(splits["train"], splits["validation"])
    assert (len(train.s), len(validation.s)) == (len(splits["train"].s), len(splits["validation"].s))
    before = sentences(splits["train"]) + sentences(splits["validation"])
    assert sorted(sentences(train) + sentences(validation)) == sorted(before)
    assert sentences(validation) != sentences(splits["validation"])
    moved = set(splits["train"].g.tolist()) & set(validation.g.tolist())
    assert len(moved) > 0.5 * len(validation.s)  # most of the new validation rows were training rows


def test_mean_vectors_are_means():
    rng = np.random.default_rng(0)
    embeddings = rng.standard_normal((6, 3))
    split = Split(np.array([2, 3, 3, 5]), np.array([3, 1]), np.array([0, 1]), np.arange(2))
    data = Data({"train": split}, list("abcdef"), embeddings, {})
    expected = [embeddings[[2, 3, 3]].mean(0), embeddings[5]]
    np.testing.assert_allclose(baselines.mean_vectors(split, data), expected, atol=1e-12)


def test_the_strength_is_chosen_on_validation_and_reported_on_test(data):
    from sklearn.linear_model import LogisticRegression

    loaded = load_data()
    found = baselines.logistic_regression(loaded, baselines.mean_vectors, "", False)
    X = {name: baselines.mean_vectors(split, loaded) for name, split in loaded.splits.items()}
    y = {name: split.y for name, split in loaded.splits.items()}
    fits = [LogisticRegression(C=C, max_iter=1000).fit(X["train"], y["train"]) for C in baselines.STRENGTHS]
    scores = [fit.score(X["validation"], y["validation"]) for fit in fits]
    best = int(np.argmax(scores))
    assert found == {
        "C": baselines.STRENGTHS[best],
        "validation": pytest.approx(scores[best]),
        "test": pytest.approx(fits[best].score(X["test"], y["test"])),
    }


@pytest.mark.parametrize("averaging", [0.0, 0.9])
def test_what_random_rows_give_is_what_a_run_on_them_gives(data, monkeypatch, averaging):
    small = SMALL | {
        "averaging": averaging,
        "epochs": 4,
        "lr": 0.3,
    }  # too fast: the selected epoch isn't the last
    monkeypatch.setattr(baselines, "BEST", {"lstm": small})
    loaded = load_data()
    found = baselines.train_on_random_rows("lstm", loaded, False)
    splits = loaded.splits
    train, validation = baselines.divide_at_random(splits["train"], splits["validation"])
    save_data(loaded._replace(splits=splits | {"train": train, "validation": validation}))
    run = experiment.run("lstm", "on-random-rows", progress=False, **small)
    best = best_epoch(run.history)
    assert found == {
        "epoch": best["epoch"],
        "validation": best["validation_accuracy"],
        "test": float(np.mean(correct_on_test("on-random-rows"))),
    }


def test_numbers_that_go_wrong_are_one_line(data, monkeypatch):
    monkeypatch.setattr(baselines, "BEST", {"rnn": SMALL | {"lr": 1e200}})
    with pytest.raises(UserError, match="the rnn on rows divided at random stopped") as error:
        baselines.train_on_random_rows("rnn", load_data(), False)
    assert "\n" not in str(error.value)


def test_the_study_is_written_and_printed(data, monkeypatch, capsys):
    monkeypatch.setattr(baselines, "BEST", {"rnn": SMALL, "lstm": SMALL})
    study = main.baselines()
    assert json.loads(studies.study_path("baselines", "default").read_text(encoding="utf-8")) == study
    splits = load_data().splits
    commoner = np.bincount(splits["train"].y).argmax()
    assert study["majority"] == np.mean(splits["test"].y == commoner)
    assert study["of_model"] == {"rnn": SMALL, "lstm": SMALL}
    printed = capsys.readouterr().out
    assert f"{100 * study['mean_vectors']['test']:.1f}" in printed
    assert "LSTM, rows divided at random" in printed
    assert not existing_runs()  # nothing goes on from these models


def test_word_counts_know_no_order(data):
    counts = baselines.word_counts(data.splits["test"], data).toarray()
    test = data.splits["test"]
    for row, words in enumerate(np.split(test.x, np.cumsum(test.s)[:-1])):
        np.testing.assert_array_equal(counts[row], np.bincount(words, minlength=len(data.vocabulary)))


def test_logistic_regression_that_does_not_converge_says_so_in_one_line(capfd, monkeypatch):
    X, y = np.random.default_rng(0).standard_normal((50, 4)), np.arange(50) % 2
    assert baselines.fit_logistic_regression(X, y).n_iter_ < 100
    assert capfd.readouterr() == ("", "")
    monkeypatch.setattr(baselines, "ITERATIONS", 1)
    baselines.fit_logistic_regression(X, y, C=0.1)
    said = "Logistic regression with C=0.1 stopped before it converged; its accuracy may be low.\n"
    assert capfd.readouterr() == (said, "")
