"""Runs: their logs and weights, interruption, refusal; the loops, the optimizer, the batches."""

import ast
import gc
import json
import re
import shutil
import subprocess
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

import lstm.model
import lstm.train
import rnn.model
import rnn.train
from scripts.files.errors import UserError
from scripts.files.paths import log_path, weights_path
from scripts.files.runs import best_epoch, load_run, read_log, save_run
from scripts.studies import jacobians as analysis
from scripts.text import batches as dataset
from scripts.training import evaluation, experiment
from scripts.training.optimizer import Adam
from scripts.training.settings import check_settings
from tests.conftest import write_data

PROJECT = Path(__file__).resolve().parents[2]
SMALL = {"epochs": 3, "hidden_size": 8, "batch_size": 16, "lr": 0.01, "input_dropout": 0, "state_dropout": 0}
EPOCH_FIELDS = {
    "type",
    "epoch",
    "train_loss",
    "train_accuracy",
    "validation_loss",
    "validation_accuracy",
    "learning_rate",
    "gradient_norm",
    "clipped",
    "seconds",
    "sentences_per_second",
    "gradients",
}


MEASURED = ("train_loss", "train_accuracy", "validation_accuracy", *experiment.TIMINGS)


def run(kind, run_id="a-run", **settings):
    return experiment.run(kind, run_id, progress=False, **(SMALL | settings))


def log_without_timings(run_id):
    lines = [json.loads(line) for line in log_path(run_id).read_text().splitlines()]
    return [{key: value for key, value in line.items() if key not in experiment.TIMINGS} for line in lines]


def members(run_id):
    """Every array of a weights file but the timings, as bytes."""
    with np.load(weights_path(run_id), allow_pickle=False) as file:
        return {name: (file[name].dtype, file[name].tobytes()) for name in file.files if name != "timings"}


# The log and the weights ----------------------------------------------------------------------------------


def test_log_holds_the_settings_then_every_epoch_from_0(kind, data):
    run(kind)
    settings, epochs = read_log("a-run")
    assert settings["model"] == kind
    assert settings["hyperparameters"]["lr"] == 0.01
    assert settings["hyperparameters"]["seed"] == 0
    assert settings["dataset"]["name"] == "made-up"
    assert settings["threads"] == 1
    assert [record["epoch"] for record in epochs] == [0, 1, 2, 3]
    for record in epochs:
        assert record.keys() >= EPOCH_FIELDS
        assert record["gradients"].keys() >= ({"h", "c"} if kind == "lstm" else {"h"})
    assert epochs[0]["gradient_norm"] is None
    assert epochs[1]["gradient_norm"]["largest"] >= epochs[1]["gradient_norm"]["mean"] > 0
    assert 0 <= epochs[1]["clipped"] <= 1


def test_training_learns(kind, data):
    history = run(kind, epochs=15).history
    assert history[-1]["train_accuracy"] > 0.8 > history[0]["train_accuracy"]
    assert history[-1]["train_loss"] < 0.6 * history[0]["train_loss"]


@pytest.mark.parametrize("averaging", [0, 0.9])
def test_weights_are_those_of_the_best_validation_epoch(kind, data, averaging):
    history = run(kind, epochs=12, lr=0.05, averaging=averaging).history
    best = best_epoch(history)
    assert 0 < best["epoch"] < 12, "choose settings under which the best epoch is not the last"
    kept = load_run("a-run")
    model = experiment.build_model(kind, kept.settings["hyperparameters"], data.embeddings)
    for name, view in model.parameters.items():
        view[:] = kept.weights[name]
    batches = dataset.sorted_batches(data.splits["validation"], 7)
    assert rnn.train.evaluate(model, batches)[0] == pytest.approx(best["validation_loss"], rel=1e-5)
    model.theta[:] = kept.resume["average" if averaging else "theta"]
    last = history[-1]["validation_loss"]
    assert rnn.train.evaluate(model, batches)[0] == pytest.approx(last, rel=1e-5)


def test_of_equally_good_epochs_the_earliest_is_kept(data, monkeypatch):
    def loop(model, *arguments, **options):
        for epoch, loss in enumerate([0.7, 0.5, 0.5, 0.6]):
            model.theta[:] = epoch
            yield {"epoch": epoch, "validation_loss": loss} | dict.fromkeys(MEASURED, 1.0)

    monkeypatch.setitem(experiment.LOOPS, "rnn", loop)
    kept = run("rnn", gradients=False)
    assert best_epoch(kept.history)["epoch"] == 1
    assert kept.weights["bias_out"] == 1


def test_logged_learning_rate_is_the_one_an_epoch_begins_with(kind, data):
    """The linear schedule falls to 0 over all updates; epochs 0 and 1 begin before the first."""
    history = run(kind, schedule="linear", epochs=4, lr=0.02, gradients=False).history
    rates = [record["learning_rate"] for record in history]
    assert rates == pytest.approx([0.02, 0.02, 0.015, 0.01, 0.005])


def test_a_clip_norm_of_0_never_clips(kind, data):
    for run_id, clip_norm in (("zero", 0), ("huge", 1e9)):
        history = run(kind, run_id, clip_norm=clip_norm, gradients=False).history
        assert [record["clipped"] for record in history] == [None, 0, 0, 0]
        assert history[-1]["train_loss"] < history[0]["train_loss"]
    assert members("zero")["resume/theta"] == members("huge")["resume/theta"]


def test_every_epoch_and_seed_has_batches_and_dropout_masks_of_its_own(kind, data, monkeypatch):
    model = {"rnn": rnn.model, "lstm": lstm.model}[kind]
    shuffled_batches, dropout_mask = dataset.shuffled_batches, model.dropout_mask
    orders, masks = [], []

    def recorded_batches(*arguments):
        batches = shuffled_batches(*arguments)
        orders.append(np.concatenate(batches.rows).tobytes())
        return batches

    def recorded_mask(*arguments):
        mask = dropout_mask(*arguments)
        masks.append(mask.tobytes())
        return mask

    monkeypatch.setattr(experiment, "shuffled_batches", recorded_batches)
    monkeypatch.setattr(model, "dropout_mask", recorded_mask)
    for seed in (0, 1):
        run(kind, f"seed-{seed}", seed=seed, epochs=2, batch_size=20, state_dropout=0.5, gradients=False)
    assert len(set(orders)) == len(orders) == 2 * 3
    assert len(set(masks)) == len(masks) == 2 * 2 * 10


@pytest.mark.parametrize("asked", [1, 2])
def test_a_run_keeps_to_its_threads(data, monkeypatch, asked):
    def threads():
        return {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}

    seen, told = [], []
    measure = experiment.measure

    def watched(model, *given):
        seen.append(threads())
        told.append(model.threads)
        return measure(model, *given)

    monkeypatch.setattr(experiment, "measure", watched)
    monkeypatch.setattr(experiment, "cpu_count", lambda: 2)
    with threadpool_limits(3):
        if threads() != {3}:
            pytest.skip("the number of threads of this BLAS can't be chosen")
        run("lstm", epochs=1, threads=asked)
        assert threads() == {3}
    assert seen == [{asked}, {asked}]
    assert told == [asked, asked]
    assert read_log("a-run")[0]["threads"] == asked


def test_workers_have_one_thread_each(data):
    with pytest.raises(UserError, match=r"workers=2 with threads=3: .*leave one of the two at 1"):
        run("rnn", workers=2, threads=3)


@pytest.mark.parametrize(
    ("cores", "blas", "complaint"),
    [
        (1, "openblas", r"threads=2, more than the cores that this process may use \(1\): give 1"),
        (2, "unknown", "leave threads=1"),
    ],
)
def test_threads_that_are_not_to_be_had_are_refused(data, monkeypatch, cores, blas, complaint):
    monkeypatch.setattr(experiment, "cpu_count", lambda: cores)
    monkeypatch.setattr(experiment, "blas", lambda: blas)
    with pytest.raises(UserError, match=complaint):
        run("rnn", epochs=1, threads=2)
    run("rnn", epochs=1)


def test_a_file_from_before_a_setting_is_as_good_as_a_new_one(data):
    """Its run can be tested, continued and studied, whatever settings are younger than it."""
    run("lstm", epochs=1)
    kept = load_run("a-run")
    old = {**kept.settings["hyperparameters"]}
    del old["threads"], old["workers"]
    save_run("a-run", kept._replace(settings=kept.settings | {"hyperparameters": old}))
    assert evaluation.evaluate_run("a-run")["sentences"]
    options = {"depths": (2, 4), "exponents": 2, "steps": 4, "burn_in": 1, "progress": False}
    assert analysis.jacobian_study("a-run", 2, **options)["at"]
    assert run("lstm", epochs=2).settings["hyperparameters"]["threads"] == 1


def test_equal_seeds_give_equal_files_and_others_do_not(kind, data):
    options = {"input_dropout": 0.2, "state_dropout": 0.3}
    run(kind, "one", **options)
    first_log, first_members = log_without_timings("one"), members("one")
    run(kind, "one", overwrite=True, **options)
    assert log_without_timings("one") == first_log
    assert members("one") == first_members
    run(kind, "one", overwrite=True, seed=1, **options)
    assert members("one")["weight_hh_l0"] != first_members["weight_hh_l0"]


def test_timings_are_all_that_the_weights_file_keeps_apart(data):
    run("rnn")
    kept = load_run("a-run")
    assert set(kept.timings[0]) == set(experiment.TIMINGS)
    assert not set(kept.history[0]) & set(experiment.TIMINGS)


def test_memory_does_not_grow_with_the_number_of_epochs(study_root, monkeypatch):
    """5 epochs more: as Python's lists the record of one takes some 30 kB."""
    write_data(sizes=(20, 20, 20))
    held, measure = [], experiment.measure

    def measured(*arguments):
        gc.collect()
        held.append(tracemalloc.get_traced_memory()[0])
        return measure(*arguments)

    monkeypatch.setattr(experiment, "measure", measured)
    tracemalloc.start()
    try:
        run("rnn", epochs=8, hidden_size=4)
    finally:
        tracemalloc.stop()
    assert held[8] - held[3] < 50_000


def test_random_streams_are_apart(kind, data):
    """Neither shuffling nor dropout changes the initial weights, and no global random state is touched."""
    before = np.random.get_state()[1].tobytes()  # noqa: NPY002
    plain = run(kind, "plain", epochs=1)
    dropped = run(kind, "dropped", epochs=1, state_dropout=0.5, batch_size=5)
    assert plain.history[0]["validation_loss"] == dropped.history[0]["validation_loss"]
    assert np.random.get_state()[1].tobytes() == before  # noqa: NPY002
    draws = [experiment.generator(0, stream, 1).random() for stream in experiment.STREAMS]
    assert len(set(draws)) == len(draws)


# Interruption and refusal ---------------------------------------------------------------------------------


@pytest.mark.parametrize("stopped_at", [0, 1, 3])
def test_interrupted_run_continues_as_if_it_had_not_been(kind, data, monkeypatch, stopped_at):
    options = {"epochs": 4, "schedule": "cosine", "state_dropout": 0.3}
    options |= {"averaging": 0.9, "weight_decay": 0.1, "length_weight": 0.5}
    run(kind, **options)
    expected_log, expected_members = log_without_timings("a-run"), members("a-run")

    measure, calls = experiment.measure, []

    def interrupted(*arguments):
        calls.append(1)
        if len(calls) > stopped_at:
            raise KeyboardInterrupt
        return measure(*arguments)

    monkeypatch.setattr(experiment, "measure", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(kind, overwrite=True, **options)
    if stopped_at == 0:  # nothing of the new run was written yet, and the old one was left alone
        assert members("a-run") == expected_members
        return
    assert len(load_run("a-run").history) == stopped_at
    monkeypatch.setattr(experiment, "measure", measure)
    run(kind, **options)
    assert log_without_timings("a-run") == expected_log
    assert members("a-run") == expected_members


def test_more_epochs_continue(kind, data):
    run(kind, "straight", epochs=4)
    run(kind, "halves", epochs=2)
    run(kind, "halves", epochs=4)
    assert members("halves")["resume/theta"] == members("straight")["resume/theta"]
    assert log_without_timings("halves")[1:] == log_without_timings("straight")[1:]


def test_run_from_before_there_was_a_setting_continues_with_it_off(data):
    run("rnn", epochs=2)
    kept = load_run("a-run")
    del kept.settings["hyperparameters"]["averaging"]
    save_run("a-run", kept)
    with pytest.raises(UserError, match=r"averaging=0.0 \(now 0.9\)"):
        run("rnn", averaging=0.9)
    assert [record["epoch"] for record in run("rnn", epochs=3).history] == [0, 1, 2, 3]


def test_finished_run_is_left_alone_and_its_log_restored(data, capsys):
    run("rnn")
    before = weights_path("a-run").read_bytes()
    log = log_path("a-run").read_bytes()
    log_path("a-run").unlink()
    run("rnn")
    assert "nothing to do" in capsys.readouterr().out
    assert weights_path("a-run").read_bytes() == before
    assert log_path("a-run").read_bytes() == log


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"lr": 0.02}, "lr=0.01 (now 0.02)"),
        ({"hidden_size": 9}, "hidden_size=8 (now 9)"),
        ({"epochs": 2}, "epochs=3"),
        ({"gradients": False}, "gradients=True"),
    ],
)
def test_other_settings_under_a_taken_run_id_are_refused(data, change, words):
    run("rnn")
    before = weights_path("a-run").read_bytes()
    with pytest.raises(UserError) as error:
        run("rnn", **change)
    assert words in str(error.value)
    assert "overwrite=True" in str(error.value)
    assert weights_path("a-run").read_bytes() == before
    run("rnn", overwrite=True, **change)
    assert weights_path("a-run").read_bytes() != before


def test_other_model_or_data_under_a_taken_run_id_is_refused(data):
    run("rnn")
    with pytest.raises(UserError, match="is an RNN's"):
        run("lstm")
    write_data(seed=1)
    with pytest.raises(UserError, match="other data"):
        run("rnn")


def test_falling_learning_rate_is_not_stretched(data):
    run("rnn", schedule="linear")
    with pytest.raises(UserError, match="fall to 0 over 3 epochs"):
        run("rnn", schedule="linear", epochs=5)


def test_log_without_weights_is_not_overwritten(data):
    run("rnn")
    weights_path("a-run").unlink()
    log = log_path("a-run").read_bytes()
    with pytest.raises(UserError, match="no weights"):
        run("rnn")
    assert log_path("a-run").read_bytes() == log


@pytest.mark.parametrize(
    "setting",
    [
        {"epochs": 0},
        {"epochs": 2.5},
        {"epochs": True},
        {"lr": 0},
        {"lr": -0.1},
        {"lr": float("nan")},
        {"lr": float("inf")},
        {"lr": "fast"},
        {"hidden_size": 0},
        {"batch_size": 0},
        {"threads": 0},
        {"threads": 65},
        {"threads": True},
        {"clip_norm": -1},
        {"weight_decay": -0.01},
        {"averaging": 1.0},
        {"length_weight": 11},
        {"schedule": "step"},
        {"input_dropout": 1.0},
        {"state_dropout": -0.1},
        {"recurrent_init": "zeros"},
        {"input_init": None},
        {"seed": -1},
        {"gradients": 1},
        {"learning_rate": 0.1},
    ],
)
def test_settings_out_of_range_are_refused_by_name(data, setting):
    with pytest.raises(UserError) as error:
        run("rnn", **setting)
    (name,) = setting
    assert name in str(error.value)
    assert "\n" not in str(error.value)
    assert not log_path("a-run").exists()


def test_forget_bias_is_the_lstms_alone(data):
    with pytest.raises(UserError, match="forget_bias"):
        run("rnn", forget_bias=1.0)
    for bias in (float("nan"), "high", None):
        with pytest.raises(UserError, match="forget_bias"):
            run("lstm", forget_bias=bias)
    run("lstm", "two", forget_bias=2)
    run("lstm", "chrono", forget_bias="chrono", chrono_steps=20)


@pytest.mark.parametrize("run_id", ["../up", "a/b", "..", ".hidden", "", "a b", "ü", "x" * 101, None, "a\n"])
def test_run_ids_that_are_no_file_names_are_refused(data, run_id):
    with pytest.raises(UserError, match="run id"):
        run("rnn", run_id)


def test_loss_that_is_not_finite_stops_the_run_and_keeps_what_was_written(kind, data, recwarn):
    run(kind, "good", epochs=1)
    kept = weights_path("good").read_bytes()
    with pytest.raises(UserError) as error:
        run(kind, "bad", lr=1e38)
    message = str(error.value)
    assert "'bad'" in message
    assert "epoch 1, batch" in message
    assert "learning rate 1e+38" in message
    assert "\n" not in message
    assert not recwarn.list, "one line, and no warnings around it"
    assert "gradient norm before clipping" in message
    assert weights_path("good").read_bytes() == kept
    assert len(load_run("bad").history) == 1  # epoch 0 was written before, and stays


def test_log_says_why_a_run_ended_and_the_run_is_not_tried_again(kind, data):
    with pytest.raises(UserError) as first:
        run(kind, lr=1e38)
    last = json.loads(log_path("a-run").read_text().splitlines()[-1])
    assert last["type"] == "end"
    assert last["reason"] in str(first.value)
    assert read_log("a-run")[1] == [load_run("a-run").history[0] | last_timings()]
    before = weights_path("a-run").read_bytes()
    with pytest.raises(UserError, match=re.escape(last["reason"])) as again:
        run(kind, lr=1e38)
    assert "would again" in str(again.value)
    assert "overwrite=True" in str(again.value)
    assert weights_path("a-run").read_bytes() == before
    run(kind, overwrite=True)
    assert "end" not in [line["type"] for line in log_without_timings("a-run")]


def last_timings():
    return load_run("a-run").timings[-1]


@pytest.mark.parametrize("spoilt", ["theta", "record", "epoch 0"])
def test_nothing_that_is_not_finite_is_written(data, monkeypatch, spoilt):
    run("rnn")
    before = weights_path("a-run").read_bytes()

    def loop(model, *arguments, **options):
        for epoch in range(4):
            if epoch == 2 and spoilt == "theta":
                model.theta[3] = np.inf
            bad = (epoch == 2 and spoilt == "record") or spoilt == "epoch 0"
            yield dict.fromkeys(MEASURED, np.nan if bad else 1.0) | {
                "epoch": epoch,
                "validation_loss": 1.0 - epoch / 10,
                "gradient_norm": {"largest": 2.5},
            }

    monkeypatch.setitem(experiment.LOOPS, "rnn", loop)
    with pytest.raises(UserError, match="no longer finite") as error:
        run("rnn", overwrite=True, gradients=False)
    assert ("weights so far stay" in str(error.value)) == (spoilt != "epoch 0")
    if spoilt == "epoch 0":  # nothing of the new run was written, and the old one was left alone
        assert weights_path("a-run").read_bytes() == before
        return
    kept = load_run("a-run")
    assert [record["epoch"] for record in kept.history] == [0, 1]
    assert np.isfinite(kept.resume["theta"]).all()
    assert "not finite" in kept.ended or "epoch 2, after its last batch: theta" in kept.ended


def test_weights_of_another_size_are_not_continued(data):
    run("rnn", epochs=1)
    kept = load_run("a-run")
    weights = kept.weights | {"weight_out": np.zeros((1, 9), np.float32)}
    resume = kept.resume | {name: np.append(kept.resume[name], np.float32(0)) for name in ("theta", "m", "v")}
    save_run("a-run", kept._replace(weights=weights, resume=resume))
    with pytest.raises(UserError, match="parameters in its weights file, expected"):
        run("rnn", epochs=2)


# The loops ------------------------------------------------------------------------------------------------


def test_one_training_step_moves_every_parameter(kind, data):
    loop = experiment.LOOPS[kind]
    settings = check_settings(kind, SMALL)
    model = experiment.build_model(kind, settings, data.embeddings)
    model.theta += 0.01
    before = {name: view.copy() for name, view in model.parameters.items()}
    (batch,) = list(dataset.sorted_batches(data.splits["train"], 1000))
    records = loop(
        model,
        lambda epoch: [batch],
        [batch],
        Adam(model.theta, 1e-3),
        epochs=1,
        first_epoch=1,
        progress=False,
    )
    next(records)
    for name, view in model.parameters.items():
        assert (view != before[name]).all(), name


class Descent(Adam):
    """Plain gradient descent: unlike Adam's, its steps are as long as the gradient."""

    def update(self, theta, gradient):
        theta -= self.learning_rate * gradient


@pytest.mark.parametrize(("clip_norm", "clipped"), [(1e-9, 1.0), (1e9, 0.0)])
def test_one_step_follows_the_clipped_gradient_of_the_mean_loss(kind, data, loss, clip_norm, clipped):
    """Against the gradients of 7 sentences, one after the other; the step is as long as clip_norm, or ½."""
    settings = check_settings(kind, SMALL)
    model = experiment.build_model(kind, settings, data.embeddings, np.float64)
    model.theta += 0.01
    sentences = dataset.sorted_batches(data.splits["train"], 1, np.arange(7))
    gradient = 0
    for one in sentences:
        z = model.forward(one.ids, one.batch_sizes)
        gradient = gradient + model.backward(loss(z, one.y)[1]) / 7
    norm = np.linalg.norm(gradient)
    lr = 0.5 / min(norm, clip_norm)
    expected = model.theta - lr * gradient * min(1, clip_norm / norm)
    (batch,) = dataset.sorted_batches(data.splits["train"], 7, np.arange(7))
    record = next(
        experiment.LOOPS[kind](
            model,
            lambda epoch: [batch],
            [batch],
            Descent(model.theta, lr, clip_norm=clip_norm),
            epochs=1,
            first_epoch=1,
            progress=False,
        )
    )
    np.testing.assert_allclose(model.theta, expected, rtol=1e-9, atol=1e-12)
    assert record["gradient_norm"] == pytest.approx({"mean": norm, "largest": norm})
    assert record["clipped"] == clipped


def test_a_sentence_of_weight_2_counts_twice(kind, data):
    """Steps along the sum over a batch, not its mean: with the sentence given twice, and with weight 2."""
    settings = check_settings(kind, SMALL)

    def step(ids, weights):
        model = experiment.build_model(kind, settings, data.embeddings, np.float64)
        model.theta += 0.01
        before, count = model.theta.copy(), np.array([len(ids)])
        batches = [dataset.Batch(np.array(ids), count, np.array(ids) == 2, None, weights)]
        options = {"epochs": 1, "first_epoch": 1, "progress": False}
        optimizer = Descent(model.theta, len(ids))
        next(experiment.LOOPS[kind](model, lambda epoch: batches, batches, optimizer, **options))
        return model.theta - before

    twice = step([2, 2, 3], weights=1)
    assert np.abs(twice).max() > 0.01
    np.testing.assert_allclose(step([2, 3], weights=np.array([2.0, 1.0])), twice, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    ("where", "words"),
    [("training", "epoch 1, batch 0: loss nan"), ("validation", "validation after batch 0: loss nan")],
)
def test_loss_that_is_not_a_number_stops_the_loop(kind, data, where, words):
    """Before the step, if it is met in training: θ stays finite."""
    settings = check_settings(kind, SMALL)
    model = experiment.build_model(kind, settings, data.embeddings)
    model.embeddings = np.vstack([model.embeddings, np.full(model.D, np.nan, np.float32)])
    good, bad = (dataset.Batch(np.array([k]), np.ones(1, int), np.ones(1, int), None) for k in (2, -1))
    loop = experiment.LOOPS[kind](
        model,
        lambda epoch: [bad if where == "training" else good],
        [bad if where == "validation" else good],
        Adam(model.theta, 0.1),
        epochs=1,
        first_epoch=1,
        progress=False,
    )
    with pytest.raises(FloatingPointError, match=words), np.errstate(invalid="ignore"):
        next(loop)
    assert np.isfinite(model.theta).all()


def test_epoch_0_trains_nothing(kind, data):
    settings = check_settings(kind, SMALL | {"input_dropout": 0.5, "state_dropout": 0.5})
    model = experiment.build_model(kind, settings, data.embeddings)
    before = model.theta.copy()
    batches = dataset.sorted_batches(data.splits["train"], 16)
    loop = experiment.LOOPS[kind](
        model,
        lambda epoch: batches,
        batches,
        Adam(model.theta, 1.0),
        epochs=1,
        dropout_rng=np.random.default_rng,
        progress=False,
    )
    record = next(loop)
    np.testing.assert_array_equal(model.theta, before)
    assert record["train_loss"] == pytest.approx(record["validation_loss"], rel=1e-6)


def test_losses_are_means_over_sentences_not_over_batches(kind, data):
    settings = check_settings(kind, SMALL)
    model = experiment.build_model(kind, settings, data.embeddings, np.float64)
    evaluate = {"rnn": rnn.train.evaluate, "lstm": lstm.train.evaluate}[kind]
    split = data.splits["validation"]
    uneven = dataset.Batches(
        split, [np.arange(1), *np.split(dataset.sorted_batches(split, 80).rows[0][:79], [2, 5])]
    )
    whole = dataset.Batches(split, [rows[[k]] for rows in uneven.rows for k in range(len(rows))])
    assert evaluate(model, uneven) == pytest.approx(evaluate(model, whole), rel=1e-12)


def test_the_two_loops_are_twins():
    def normalised(name):
        source = (PROJECT / name / "train.py").read_text()
        return ast.dump(ast.parse(source.replace(name, "model").replace(name.upper(), "MODEL")))

    assert normalised("rnn") == normalised("lstm")


@pytest.mark.parametrize("name", ["rnn", "lstm"])
def test_packages_import_numpy_and_tqdm_only_and_open_no_file(name):
    for path in (PROJECT / name).glob("*.py"):
        tree = ast.parse(path.read_text())
        imported = {
            a.name.split(".")[0] for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names
        }
        imported |= {n.module.split(".")[0] for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)}
        assert imported <= {"numpy", "tqdm", "math", "time", name}, path
        called = {
            n.func.id for n in ast.walk(tree) if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)
        }
        assert not called & {"open", "print", "exec", "eval"}, path


@pytest.mark.parametrize("name", ["rnn", "lstm"])
def test_packages_can_be_lifted_out_whole(name, tmp_path):
    """Alone in an empty directory, each still trains a model."""
    shutil.copytree(PROJECT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "use.py").write_text(
        f"""
from types import SimpleNamespace
from contextlib import nullcontext
import numpy as np
from {name}.model import {name.upper()}Classifier
from {name}.train import evaluate, train

class Descent:
    learning_rate, clip_norm = 0.5, np.inf
    def clip(self, gradient):
        return np.linalg.norm(gradient)
    def update(self, theta, gradient):
        theta -= self.learning_rate * gradient
    def averaged(self, theta):
        return nullcontext()

rng = np.random.default_rng(0)
model = {name.upper()}Classifier(rng.standard_normal((5, 3)), 4, rng=rng)
ids, batch_sizes, y = np.array([1, 2, 3, 4]), np.array([2, 2]), np.array([0, 1])
batch = SimpleNamespace(ids=ids, batch_sizes=batch_sizes, y=y, weights=1)
records = list(train(model, lambda epoch: [batch], [batch], Descent(), epochs=20, progress=False))
assert evaluate(model, [batch])[0] == records[-1]["validation_loss"] < 0.5 * records[0]["validation_loss"]
"""
    )
    command = "import sys; sys.path.insert(0, '.'); import use"
    done = subprocess.run(  # -I: neither this project nor PYTHONPATH is on the path
        [sys.executable, "-I", "-c", command], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


# The optimizer --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("weight_decay", [0, 0.3])
def test_adam_is_the_papers_formula(weight_decay):
    rng = np.random.default_rng(0)
    theta = rng.standard_normal(50)
    expected, m, v = theta.copy(), 0.0, 0.0
    optimizer = Adam(theta, 0.1, schedule="linear", steps=10, weight_decay=weight_decay)
    for k in range(1, 6):
        g = rng.standard_normal(50)
        optimizer.update(theta, g)
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2
        lr = 0.1 * (1 - (k - 1) / 10)
        step = (m / (1 - 0.9**k)) / (np.sqrt(v / (1 - 0.999**k)) + 1e-8)
        expected = expected - lr * weight_decay * expected - lr * step
        np.testing.assert_allclose(theta, expected, rtol=1e-12)


def test_average_weighs_the_thetas_after_each_update_by_powers_of_its_factor():
    rng = np.random.default_rng(0)
    theta = rng.standard_normal(50)
    optimizer = Adam(theta, 0.1, averaging=0.8)
    with optimizer.averaged(theta):
        before = theta.copy()
    np.testing.assert_array_equal(before, theta)
    thetas = []
    for _ in range(6):
        optimizer.update(theta, rng.standard_normal(50))
        thetas.append(theta.copy())
        powers = 0.8 ** np.arange(len(thetas))[::-1]
        with optimizer.averaged(theta):
            np.testing.assert_allclose(theta, np.average(thetas, 0, powers), rtol=1e-12)
        np.testing.assert_array_equal(theta, thetas[-1])


def test_the_latest_weights_come_back_whatever_happens_while_they_are_averaged():
    theta = np.zeros(3)
    optimizer = Adam(theta, 0.1, averaging=0.8)
    optimizer.update(theta, np.ones(3))
    optimizer.update(theta, np.ones(3))
    latest = theta.copy()

    def interrupted():
        with optimizer.averaged(theta):
            assert (theta != latest).all()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    np.testing.assert_array_equal(theta, latest)


def test_averaging_changes_no_update(data):
    run("rnn", "latest", state_dropout=0.2, gradients=False)
    run("rnn", "averaged", state_dropout=0.2, gradients=False, averaging=0.99)
    assert members("latest")["resume/theta"] == members("averaged")["resume/theta"]
    assert members("latest")["weight_hh_l0"] != members("averaged")["weight_hh_l0"]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_clipping_scales_by_the_global_norm_and_reports_the_one_before(dtype):
    optimizer = Adam(np.zeros(2, dtype), 0.1, clip_norm=1.0)
    gradient = np.array([3, 4], dtype)
    assert optimizer.clip(gradient) == 5.0
    np.testing.assert_allclose(gradient, [0.6, 0.8], rtol=1e-6)
    gradient = np.array([0.3, 0.4], dtype)
    assert optimizer.clip(gradient) == pytest.approx(0.5)
    np.testing.assert_array_equal(gradient, np.array([0.3, 0.4], dtype))
    tiny = np.full(4, 1e-30, dtype)
    assert optimizer.clip(tiny) == pytest.approx(2e-30)


@pytest.mark.parametrize(
    ("schedule", "shares"),
    [("constant", [1, 1, 1]), ("linear", [1, 0.5, 0.1]), ("cosine", [1, 0.5, 0.0244717])],
)
def test_learning_rate_schedules(schedule, shares):
    theta = np.zeros(1)
    optimizer = Adam(theta, 2.0, schedule=schedule, steps=10)
    rates = []
    for _ in range(10):
        rates.append(optimizer.learning_rate)
        optimizer.update(theta, np.ones(1))
    np.testing.assert_allclose([rates[0], rates[5], rates[9]], np.multiply(2.0, shares), rtol=1e-5)


# Batches --------------------------------------------------------------------------------------------------


def test_packing_lays_sentences_out_step_after_step():
    ids, batch_sizes = dataset.pack(np.array([7, 8, 9, 4, 5, 6]), np.array([0, 3, 5]), np.array([3, 2, 1]))
    assert ids.tolist() == [7, 4, 6, 8, 5, 9]
    assert batch_sizes.tolist() == [3, 2, 1]


@pytest.mark.parametrize("batch_size", [1, 7, 16, 1000])
def test_shuffled_batches_hold_every_sentence_once(data, batch_size):
    split = data.splits["train"]
    batches = dataset.shuffled_batches(split, batch_size, np.random.default_rng(0))
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
    assert dataset.length_weights(split, 0) is None
    for power in (0.5, 2):
        weights = dataset.length_weights(split, power)
        assert weights.mean() == pytest.approx(1)
        for one, other in ((0, 5), (7, 30)):
            ratio = (int(split.s[one]) / int(split.s[other])) ** power
            assert weights[one] / weights[other] == pytest.approx(ratio)
        for batch in dataset.shuffled_batches(split, 16, np.random.default_rng(0), weights):
            np.testing.assert_array_equal(batch.weights, weights[batch.rows])
    assert {batch.weights for batch in dataset.shuffled_batches(split, 16, np.random.default_rng(0))} == {1}


def test_length_weights_move_what_is_learned(kind, data):
    plain, weighted = (run(kind, f"p-{p}", length_weight=p, gradients=False) for p in (0, 1))
    assert plain.history[0] == weighted.history[0]
    assert plain.history[1]["train_loss"] != weighted.history[1]["train_loss"]


def test_weight_decay_makes_smaller_weights(kind, data):
    free, decayed = (run(kind, f"wd-{wd}", weight_decay=wd, gradients=False) for wd in (0, 1))
    assert np.linalg.norm(decayed.resume["theta"]) < 0.9 * np.linalg.norm(free.resume["theta"])


def test_shuffling_differs_from_epoch_to_epoch_and_is_the_same_again(data):
    split = data.splits["train"]

    def order(epoch):
        return np.concatenate(
            [b.rows for b in dataset.shuffled_batches(split, 16, experiment.generator(0, "shuffling", epoch))]
        ).tolist()

    assert order(1) == order(1) != order(2)


def test_batches_of_similar_lengths_come_in_random_order(data):
    split = data.splits["train"]
    one, other = (
        [batch.rows for batch in dataset.shuffled_batches(split, 7, np.random.default_rng(seed))]
        for seed in (0, 1)
    )
    lengths = split.s.astype(int)
    assert np.mean([lengths[rows[0]] - lengths[rows[-1]] for rows in one]) < 2, "of 1 to 26 tokens"
    rises = np.diff([lengths[rows[0]] for rows in one])
    assert rises.min() < 0 < rises.max()
    again = {frozenset(rows) for rows in one} & {frozenset(rows) for rows in other}
    assert len(again) < len(one) / 2, "sentences of equal length change company"


def test_epoch_line_of_a_saturated_model(data):
    """Of no sentence's decay is there a median: the line says so with a dash."""
    record = run("lstm", epochs=1).history[-1]
    record |= {"seconds": 1.0, "gradients_seconds": 0.1}
    assert "c –" not in experiment.epoch_line(record, 1)
    medians = record["gradients"]["c"]["decay"]["median"]
    medians[:] = [None] * len(medians)
    assert "c –" in experiment.epoch_line(record, 1)
