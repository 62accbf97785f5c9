"""Test accuracy from the last k words, measured a second way."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from scripts.files import paths
from scripts.files.data import load_data
from scripts.files.errors import UserError
from scripts.files.runs import Run, load_run, save_run
from scripts.studies import last_words
from scripts.studies.arguments import seeds_by_model
from scripts.studies.last_words import (
    describe_memory,
    fit_logistic_regression,
    memory_study,
    memory_table,
    word_counts,
)
from scripts.training import evaluation, experiment
from tests.conftest import write_data
from tests.studies.helpers import assert_provenance, written


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Runs of both models over two seeds, and one of another recipe."""
    small = {"epochs": 2, "hidden_size": 5, "input_dropout": 0.0, "state_dropout": 0.0, "progress": False}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(paths, "ROOT", tmp_path_factory.mktemp("trained"))
        write_data()
        for seed in (0, 1):
            experiment.run("rnn", f"rnn-{seed}", seed=seed, **small)
            experiment.run("lstm", f"lstm-{seed}", seed=seed, **small)
        experiment.run("rnn", "copy", seed=0, **small)
        kept = load_run("lstm-0")  # as if it had been trained on another dataset
        dataset = kept.settings["dataset"] | {"checksum": "0"}
        settings = kept.settings | {"dataset": dataset, "run_id": "elsewhere"}
        save_run("elsewhere", kept._replace(settings=settings))
        experiment.run("rnn", "uniform", seed=1, recurrent_init="uniform", **small)
        yield


def test_memory_reads_the_last_k_words_only(trained):
    runs = "rnn-0", "lstm-0"
    study = memory_study(*runs, progress=False)
    assert written("memory") == study
    assert_provenance(study)
    test = load_data().splits["test"]
    sentences = np.split(test.x, np.cumsum(test.s)[:-1])
    assert study["k"] == list(range(1, 27))
    assert study["longer"] == [sum(len(words) > k for words in sentences) for k in study["k"]]
    for described, run_id in zip(study["models"], runs, strict=True):
        model, _, _ = evaluation.load_model(run_id)
        for k in (1, 3, 26):
            z = [model.forward(words[-k:], np.ones(min(k, len(words)), int))[0] for words in sentences]
            assert described["accuracy"][0][k - 1] == np.mean((np.array(z) > 0) == test.y)
        assert described["accuracy"][0][-1] == evaluation.evaluate_run(run_id)["accuracy"]
        assert described["runs"] == [run_id]
    assert study["baselines"]["counts"][-1] > 0.8  # more "good" than "bad" is a question of counts


def test_baselines_are_taken_from_the_training_split(trained, monkeypatch):
    """The label train has more of, and counts fitted on train: where test is unlike it, both do badly."""
    load_model = last_words.load_model

    def load_unlike(run_id):
        model, data, run = load_model(run_id)
        train, test = data.splits["train"], data.splits["test"]
        splits = data.splits | {
            "train": train._replace(y=np.arange(len(train.y)) % 10 == 0),
            "test": test._replace(y=np.arange(len(test.y)) % 3 > 0),
        }
        return model, data._replace(splits=splits), run

    monkeypatch.setattr(last_words, "load_model", load_unlike)
    runs = "rnn-0", "lstm-0"
    baselines = memory_study(*runs, progress=False)["baselines"]
    data = load_unlike(runs[0])[1]
    assert baselines["majority"] == np.mean(data.splits["test"].y == 0) == pytest.approx(1 / 3)

    def counts(split):
        sentences = np.split(split.x, np.cumsum(split.s)[:-1])
        return np.array([np.bincount(words, minlength=len(data.vocabulary)) for words in sentences])

    train, test = data.splits["train"], data.splits["test"]
    fitted = LogisticRegression(max_iter=300).fit(counts(train), train.y)
    assert baselines["counts"][-1] == fitted.score(counts(test), test.y) < 0.5


def test_memory_takes_an_rnn_and_an_lstm(trained):
    rnn, lstm = "rnn-0", "lstm-0"
    for runs, message in (
        ((lstm, rnn), f"run '{lstm}' is one of the LSTM, expected the RNN"),
        ((rnn, rnn), f"run '{rnn}' is one of the RNN, expected the LSTM"),
        ((rnn, "uniform"), "run 'uniform' is one of the RNN"),
    ):
        with pytest.raises(UserError, match=message) as error:
            memory_study(*runs, progress=False)
        assert "\n" not in str(error.value)


def test_memory_takes_several_seeds_of_one_recipe(trained):
    seeds = [[f"{model}-{seed}" for seed in (0, 1)] for model in ("rnn", "lstm")]
    study = memory_study(*seeds, progress=False)
    alone = [memory_study(*pair, progress=False) for pair in zip(*seeds, strict=True)]
    for place, described in enumerate(study["models"]):
        assert described["runs"] == seeds[place]
        for seed in (0, 1):
            assert described["accuracy"][seed] == alone[seed]["models"][place]["accuracy"][0]
            assert described["best_epoch"][seed] == alone[seed]["models"][place]["best_epoch"][0]
    heads, _, rnn, _, counts = memory_table(study).splitlines()
    assert heads.split()[-4:] == ["20", "|", "26", "|"]
    assert "2 seeds" in rnn
    assert rnn.split()[-2] == f"{100 * np.mean([by_k[-1] for by_k in study['models'][0]['accuracy']]):.1f}"
    assert counts.split()[-2] == f"{100 * study['baselines']['counts'][-1]:.1f}"
    mixed = ["uniform", "rnn-1"]
    with pytest.raises(UserError, match="have other settings, expected the same but for the seed") as error:
        memory_study(mixed, seeds[1], progress=False)
    assert "\n" not in str(error.value)
    for runs, message in (
        ((seeds[0], []), r"\[\] names no run of the LSTM: give a run id"),
        ((None, seeds[1]), "None names no run of the RNN"),
        (
            (["rnn-0", "rnn-1", "rnn-0"], seeds[1]),
            "holds 'rnn-0' more than once: name each run of the RNN once",
        ),
        (("rnn-0", ["lstm-0", "lstm-0"]), "holds 'lstm-0' more than once"),
        ((["rnn-0", "copy"], "lstm-0"), "runs 'rnn-0' and 'copy' have one seed, 0: give each seed once"),
        (("rnn-0", "elsewhere"), "run 'elsewhere' was trained on made-up"),
    ):
        with pytest.raises(UserError, match=message) as error:
            memory_study(*runs, progress=False)
        assert "\n" not in str(error.value)


def test_runs_on_several_datasets_are_refused():
    def run(run_id, checksum):
        dataset = {"name": "texts", "embeddings": "vectors", "checksum": checksum}
        settings = {"run_id": run_id, "model": "rnn", "dataset": dataset, "hyperparameters": {"seed": run_id}}
        return Run(settings, [], [], {}, {})

    (seeds,) = seeds_by_model([run("a", "1"), run("b", "1")], "memory_study")
    assert len(seeds) == 2
    with pytest.raises(
        UserError,
        match=r"'a' on texts with vectors in data/ \(1\) and 'b' on texts with vectors in data/ \(2\)",
    ):
        seeds_by_model([run("a", "1"), run("a", "1"), run("b", "2")], "memory_study")


def test_enough_words_are_those_from_which_on_the_mean_is_within_a_standard_error():
    settings = {"model": "rnn", "hyperparameters": {"hidden_size": 5}}
    history = [{"epoch": 0, "validation_loss": 1.0}]
    runs = [Run(settings | {"run_id": run_id}, history, [], {}, {}) for run_id in "ab"]
    by_k = np.array([0.5, 0.8, 0.73, 0.77, 0.9, 0.8])
    described = describe_memory(runs, {"a": by_k + 0.1, "b": by_k - 0.1}, 100)
    assert described["standard_error"] == pytest.approx(0.04)
    assert described["enough"] == 4
    assert describe_memory(runs[:1], {"a": [0.8, 0.8]}, 100)["enough"] == 1


def test_word_counts_know_no_order(data):
    counts = word_counts(data.splits["test"], data).toarray()
    test = data.splits["test"]
    for row, words in enumerate(np.split(test.x, np.cumsum(test.s)[:-1])):
        np.testing.assert_array_equal(counts[row], np.bincount(words, minlength=len(data.vocabulary)))


def test_memory_study_names_a_missing_run(data):
    with pytest.raises(UserError, match="no run 'nowhere'"):
        memory_study("nowhere", progress=False)


def test_logistic_regression_that_does_not_converge_says_so_in_one_line(capfd, monkeypatch):
    X, y = np.random.default_rng(0).standard_normal((50, 4)), np.arange(50) % 2
    assert fit_logistic_regression(X, y).n_iter_ < 100
    assert capfd.readouterr() == ("", "")
    monkeypatch.setattr(last_words, "ITERATIONS", 1)
    fit_logistic_regression(X, y, C=0.1)
    said = "Logistic regression with C=0.1 stopped before it converged; its accuracy may be low.\n"
    assert capfd.readouterr() == (said, "")
