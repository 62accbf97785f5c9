"""Figures of gates and of one sentence: what is drawn is what logs hold."""

import numpy as np
import pytest

from scripts import plots
from scripts.figures.activations import GATES
from scripts.figures.sentence import MOST_WORDS, QUANTITIES
from scripts.files import paths
from scripts.training import evaluation, experiment
from scripts.training.logs import read
from tests.figures.helpers import fails, rewrite


@pytest.fixture
def pair(data):
    """A small RNN and a small LSTM, trained for two epochs."""
    for model, run_id in (("rnn", "rnn-run-1"), ("lstm", "lstm-run-3")):
        experiment.run(model, run_id, progress=False, epochs=2, hidden_size=6, batch_size=16)
    return read("rnn-run-1"), read("lstm-run-3")


def test_activations_are_those_of_the_log(pair):
    figure = plots.plot_activations.draw()
    (lstm_values, rnn_values, lstm_saturated, rnn_saturated) = figure.axes[:4]
    for log, values_axes, saturated_axes in (
        (pair[1], lstm_values, lstm_saturated),
        (pair[0], rnn_values, rnn_saturated),
    ):
        lines = {line.get_label(): line for line in values_axes.lines}
        saturated = {line.get_label(): line for line in saturated_axes.lines}
        for name, values in log.best["activations"].items():
            label = f"{GATES[log.model, name][0]}, epoch {log.best['epoch']}"
            np.testing.assert_array_equal(lines[label].get_ydata(), values["mean"])
            np.testing.assert_allclose(saturated[label].get_ydata(), 100 * np.array(values["saturated"]))
        assert saturated_axes.get_legend()


def test_the_figure_is_written_titled_and_small(pair):
    path = plots.plot_activations()
    assert path.parent == paths.ROOT / "assets" / "figures"
    assert path.stat().st_size < 200_000
    figure = plots.plot_activations.draw()
    assert figure.get_suptitle()
    assert figure.axes[0].get_ylabel()
    assert "distance" in figure.axes[2].get_xlabel()
    assert "made-up" in figure.get_supxlabel()


def test_a_sentence_is_drawn_as_coloured_words_and_a_long_one_to_its_last(pair):
    for words in (4, 90):
        sentence = " ".join(["good", "word1"] * (words // 2))
        readings = [evaluation.read_sentence(log.run_id, sentence) for log in pair]
        figure = plots.plot_sentence.draw(readings)
        drawn = min(words, MOST_WORDS)
        *texts, logit = figure.axes
        for axes, reading in zip(texts, readings, strict=True):
            boxes = [text.get_bbox_patch() for text in axes.texts if text.get_bbox_patch()]
            shown = np.array([box.get_alpha() for box in boxes]).reshape(len(QUANTITIES), drawn)
            for row, quantity in zip(shown, QUANTITIES, strict=True):
                size = np.abs([each[quantity][-drawn:] for each in readings]).max()
                np.testing.assert_array_equal(row, np.round(np.abs(reading[quantity][-drawn:]) / size, 1))
        for line, reading in zip(logit.lines, readings, strict=False):
            np.testing.assert_array_equal(line.get_ydata(), reading["running"][-drawn:])
        assert (f"last {drawn} of 90" in figure.get_suptitle()) == (words == 90)


def test_runs_without_dynamics_and_damaged_logs_are_one_line(data):
    experiment.run("rnn", "rnn-run-1", progress=False, epochs=1, hidden_size=4, gradients=False)
    experiment.run("lstm", "lstm-run-3", progress=False, epochs=1, hidden_size=4)
    fails("'rnn-run-1' holds no gradients", plots.plot_activations)
    fails("'lstm-run-3' is of an LSTM", plots.plot_activations, "lstm-run-3")
    experiment.run("rnn", "other", progress=False, epochs=1, hidden_size=4)
    log = read("other")
    for epoch in log.epochs:
        del epoch["activations"]
    rewrite(log)
    fails("other.jsonl.* lacks 'activations': train it again", plots.plot_activations, "other")
