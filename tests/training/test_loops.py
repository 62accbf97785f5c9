"""The training loops of rnn/ and lstm/: steps, means, faults; and that the packages can be lifted out."""

import ast
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import lstm.train
import rnn.train
from scripts.text.batches import Batch, Batches, sorted_batches
from scripts.training import experiment
from scripts.training.optimizer import Adam
from scripts.training.settings import check_settings

PROJECT = Path(__file__).resolve().parents[2]
SMALL = {"hidden_size": 8, "input_dropout": 0, "state_dropout": 0}


def test_one_training_step_moves_every_parameter(kind, data):
    loop = experiment.LOOPS[kind]
    settings = check_settings(kind, SMALL)
    model = experiment.build_model(kind, settings, data.embeddings)
    model.theta += 0.01
    before = {name: view.copy() for name, view in model.parameters.items()}
    (batch,) = list(sorted_batches(data.splits["train"], 1000))
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
    sentences = sorted_batches(data.splits["train"], 1, np.arange(7))
    gradient = 0
    for one in sentences:
        z = model.forward(one.ids, one.batch_sizes)
        gradient = gradient + model.backward(loss(z, one.y)[1]) / 7
    norm = np.linalg.norm(gradient)
    lr = 0.5 / min(norm, clip_norm)
    expected = model.theta - lr * gradient * min(1, clip_norm / norm)
    (batch,) = sorted_batches(data.splits["train"], 7, np.arange(7))
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
        batches = [Batch(np.array(ids), count, np.array(ids) == 2, None, weights)]
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
    good, bad = (Batch(np.array([k]), np.ones(1, int), np.ones(1, int), None) for k in (2, -1))
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
    batches = sorted_batches(data.splits["train"], 16)
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
    uneven = Batches(split, [np.arange(1), *np.split(sorted_batches(split, 80).rows[0][:79], [2, 5])])
    whole = Batches(split, [rows[[k]] for rows in uneven.rows for k in range(len(rows))])
    assert evaluate(model, uneven) == pytest.approx(evaluate(model, whole), rel=1e-12)


def test_the_two_loops_are_twins():
    def normalised(name):
        source = (PROJECT / name / "train.py").read_text()
        return ast.dump(ast.parse(source.replace(name, "model").replace(name.upper(), "MODEL")))

    assert normalised("rnn") == normalised("lstm")


@pytest.mark.parametrize("name", ["rnn", "lstm"])
def test_packages_open_no_file_and_print_nothing(name):
    for path in (PROJECT / name).glob("*.py"):
        calls = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
        called = {call.func.id for call in calls if isinstance(call.func, ast.Name)}
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
