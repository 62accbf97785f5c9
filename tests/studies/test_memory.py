"""Test accuracy with far words left out or shuffled, measured a second way."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from scripts.files import paths
from scripts.files.data import load_data
from scripts.files.errors import UserError
from scripts.files.numbers import round_to_digits
from scripts.files.runs import Run, load_run, save_run
from scripts.studies import arguments
from scripts.studies.arguments import seeds_by_model
from scripts.studies.memory import (
    LEAD,
    TRAINED,
    memory_study,
    memory_table,
)
from scripts.studies.statistics import difference, error_over_sentences
from scripts.text.batches import shuffle_words
from scripts.training import evaluation, experiment
from tests.conftest import write_data
from tests.studies.helpers import assert_provenance, written


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Runs of both models over two seeds, trained in both orders, and one of another recipe."""
    small = {"epochs": 2, "hidden_size": 5, "input_dropout": 0.0, "state_dropout": 0.0, "progress": False}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(paths, "ROOT", tmp_path_factory.mktemp("trained"))
        write_data()
        for seed in (0, 1):
            experiment.run("rnn", f"rnn-{seed}", seed=seed, **small)
            experiment.run("lstm", f"lstm-{seed}", seed=seed, **small)
        experiment.run("rnn", "copy", seed=0, **small)
        for model in ("rnn", "lstm"):
            experiment.run(model, f"{model}-shuffled-0", word_order="shuffled", **small)
        kept = load_run("lstm-0")  # as if it had been trained on another dataset
        dataset = kept.settings["dataset"] | {"checksum": "0"}
        settings = kept.settings | {"dataset": dataset, "run_id": "elsewhere"}
        save_run("elsewhere", kept._replace(settings=settings))
        experiment.run("rnn", "uniform", seed=1, recurrent_init="uniform", **small)
        yield


@pytest.fixture(scope="module")
def study(trained):
    runs = [f"{model}-{seed}" for seed in ("shuffled-0", 0, 1) for model in ("rnn", "lstm")]
    return memory_study(runs, progress=False)


def sentences_of(split):
    return np.split(split.x, np.cumsum(split.s)[:-1])


def accuracy_of(run_id, sentences, y):
    model, _, _ = evaluation.load_model(run_id)
    z = [model.forward(words, np.ones(len(words), int))[0] for words in sentences]
    return np.mean((np.array(z) > 0) == y)


def test_what_a_study_holds(trained, study):
    assert written("memory") == study
    assert_provenance(study)
    assert study["sentences"] == {"count": 60, "longest": 26}
    assert study["k"] == [0, 2, 5, 10, 15, 20]
    assert study["shuffles"] == {"count": 10, "seed": 0}
    models = [(one["model"], one["word_order"], one["runs"]) for one in study["models"]]
    assert models == [
        ("rnn", "kept", ["rnn-0", "rnn-1"]),
        ("lstm", "kept", ["lstm-0", "lstm-1"]),
        ("rnn", "shuffled", ["rnn-shuffled-0"]),
        ("lstm", "shuffled", ["lstm-shuffled-0"]),
    ]
    assert study["baselines"]["whole"] > 0.8  # more "good" than "bad" is a question of counts


def test_models_read_the_last_k_words_and_shuffled_ones_before_them(study):
    test = load_data().splits["test"]
    words = sentences_of(test)
    for model, run_id in zip(study["models"][1:3], ("lstm-1", "rnn-shuffled-0"), strict=True):
        seed = model["runs"].index(run_id)
        assert model["whole"][seed] == accuracy_of(run_id, words, test.y)
        assert model["left_out"][seed][0] is None
        for k in (2, 5, 20):
            place = study["k"].index(k)
            ends = [ids[-k:] for ids in words]
            assert model["left_out"][seed][place] == accuracy_of(run_id, ends, test.y)
        for k in (0, 5):
            read = [sentences_of(shuffle_words(test, np.random.default_rng([0, n]), k)) for n in range(10)]
            expected = np.mean([accuracy_of(run_id, each, test.y) for each in read])
            assert model["shuffled"][seed][study["k"].index(k)] == pytest.approx(expected)


def test_what_ignores_order_loses_nothing(trained, monkeypatch):
    """A model that counts: its accuracy is the same however words are shuffled, and so are both models'."""

    def count(model, split):
        sentence = np.repeat(np.arange(len(split.s)), split.s)
        return np.bincount(sentence, split.x == 2) - np.bincount(sentence, split.x == 3)

    monkeypatch.setattr(evaluation, "logits", count)
    found = memory_study(["rnn-0", "rnn-1", "lstm-0", "lstm-1"], "counting", progress=False)
    for model in found["models"]:
        by_k = {accuracy for seed in model["shuffled"] for accuracy in seed}
        assert by_k == {round_to_digits(model["whole"][0])}
        assert model["left_out"][0][1] < model["whole"][0] > 0.7
    for one in found["differences"]:
        assert one["test_accuracy"]["mean"] == one["sentences_error"] == 0


def test_differences_are_over_runs_and_over_sentences(study):
    rnn, lstm, rnn_shuffled, lstm_shuffled = study["models"]
    place = study["k"].index(5)
    found = {one["label"]: one for one in study["differences"]}
    at_5 = {model["model"]: np.array([by_k[place] for by_k in model["shuffled"]]) for model in (rnn, lstm)}
    loss = {model["model"]: at_5[model["model"]] - model["whole"] for model in (rnn, lstm)}
    for model, name in (("rnn", "RNN"), ("lstm", "LSTM")):
        test = found[f"{name}, shuffled beyond 5 − in order"]["test_accuracy"]
        mean, half = loss[model].mean(), 12.706 * loss[model].std(ddof=1) / np.sqrt(2)
        np.testing.assert_allclose([test["low"], test["high"]], [mean - half, mean + half], atol=1e-4)
    for key, a, b in (
        ("LSTM − RNN, in order", lstm["whole"], rnn["whole"]),
        ("LSTM − RNN, shuffled beyond 5", at_5["lstm"], at_5["rnn"]),
        ("LSTM − RNN, shuffled beyond 5 − in order", loss["lstm"], loss["rnn"]),
        ("RNN, trained on shuffled words − in order", rnn_shuffled["whole"], rnn["whole"]),
        ("LSTM − RNN, trained on shuffled words", lstm_shuffled["whole"], rnn_shuffled["whole"]),
    ):
        expected = difference(a, b)
        for name in ("mean", "p"):
            assert found[key]["test_accuracy"][name] == pytest.approx(expected[name], abs=1e-6), key
    correct = {run_id: evaluation.correct_on_test(run_id) for run_id in (*rnn["runs"], *lstm["runs"])}
    error = error_over_sentences(*([correct[run_id] for run_id in of["runs"]] for of in (lstm, rnn)))
    assert found["LSTM − RNN, in order"]["sentences_error"] == error > 0
    assert len(found) == len(study["differences"]) == 2 * 6 + 2 + 1 + 6 + 1 + 6


def test_baselines_are_taken_from_the_training_split(trained, monkeypatch):
    """The label train has more of, and counts fitted on train: where test is unlike it, both do badly."""
    data = load_data()
    train, test = data.splits["train"], data.splits["test"]
    train = train._replace(y=np.arange(len(train.y)) % 10 == 0)
    test = test._replace(y=np.arange(len(test.y)) % 3 > 0)
    unlike = data._replace(splits=data.splits | {"train": train, "test": test})
    monkeypatch.setattr(arguments, "load_data", lambda name: unlike)
    baselines = memory_study("rnn-0", "unlike", progress=False)["baselines"]

    def counts(split, k=26):
        words = [ids[-k:] for ids in sentences_of(split)]
        return np.array([np.bincount(ids, minlength=len(data.vocabulary)) for ids in words])

    fitted = LogisticRegression(max_iter=300).fit(counts(train), train.y)
    assert baselines["whole"] == fitted.score(counts(test), test.y) < 0.5
    by_k = [fitted.score(counts(test, k), test.y) for k in (2, 5, 10, 15, 20)]
    assert baselines["counts"] == [None, *by_k]


def test_the_tables_hold_means_over_seeds_and_chosen_differences(study):
    accuracies, differences = memory_table(study).split("\n\n")
    heads, _, left_out, shuffled, *others, counts = accuracies.splitlines()
    assert heads.split("|")[-3].strip() == "k = 20"
    whole = f"{100 * np.mean(study['models'][0]['whole']):.1f}"
    for row, words in ((left_out, "left_out"), (shuffled, "shuffled")):
        assert "RNN, 2 seeds: " in row
        by_k = [*zip(*study["models"][0][words], strict=True)][1:]
        means = [f"{100 * np.mean(seeds):.1f}" for seeds in by_k]
        assert [cell.strip() for cell in row.split("|")[3:-1]] == [*means, whole]
    assert "RNN, 1 seed, trained on shuffled words: left out" in others[2]
    assert counts.split()[-2] == f"{100 * study['baselines']['whole']:.1f}"
    labels = [line.split("|")[1].strip() for line in differences.splitlines()[2:]]
    assert "RNN, shuffled beyond 2 − in order" not in labels
    assert {f"{LEAD}, shuffled beyond 5 − in order", f"{LEAD}, in order", f"{LEAD}, {TRAINED}"} < set(labels)


def test_one_model_or_one_order_is_enough(trained):
    one = memory_study("lstm-0", "one", progress=False)
    assert one["differences"][0]["label"] == "LSTM, shuffled − in order"
    assert one["differences"][0]["test_accuracy"]["low"] is None
    shuffled = memory_study(["rnn-shuffled-0", "lstm-shuffled-0"], "shuffled", progress=False)
    (found,) = shuffled["differences"]
    assert found["label"] == f"{LEAD}, {TRAINED}"
    memory_table(shuffled)


@pytest.mark.parametrize(
    ("runs", "message"),
    [
        (["uniform", "rnn-0"], "differ in more settings than their seeds: give runs of one recipe"),
        ([], r"\[\] names no run: give a run id"),
        (None, "None names no run"),
        (["rnn-0", "rnn-1", "rnn-0"], "holds 'rnn-0' more than once: name each run once"),
        (["rnn-0", "copy", "lstm-0"], "runs 'rnn-0' and 'copy' have one seed, 0: give each seed once"),
        (["rnn-0", "elsewhere"], "run 'elsewhere' was trained on|'elsewhere' on made-up"),
    ],
)
def test_runs_that_do_not_belong_together_are_one_line(trained, runs, message):
    with pytest.raises(UserError, match=message) as error:
        memory_study(runs, progress=False)
    assert "\n" not in str(error.value)


def test_runs_on_several_datasets_are_refused():
    def run(run_id, checksum):
        dataset = {"name": "texts", "embeddings": "vectors", "checksum": checksum}
        settings = {"run_id": run_id, "model": "rnn", "dataset": dataset, "hyperparameters": {"seed": run_id}}
        return Run(settings, [], [], {}, {})

    (seeds,) = seeds_by_model([run("a", "1"), run("b", "1")])
    assert len(seeds) == 2
    with pytest.raises(
        UserError,
        match=r"'a' on texts with vectors in data/ \(1\) and 'b' on texts with vectors in data/ \(2\)",
    ):
        seeds_by_model([run("a", "1"), run("a", "1"), run("b", "2")])


def test_memory_study_names_a_missing_run(data):
    with pytest.raises(UserError, match="no run 'nowhere'"):
        memory_study("nowhere", progress=False)
