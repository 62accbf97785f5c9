"""Figures of the dynamics while learning, and of one sentence: what is drawn is what logs hold."""

import numpy as np
import pytest

from scripts import plots
from scripts.figures.learning import GATES, WEIGHTS, decay_colours
from scripts.figures.sentence import MOST_WORDS, QUANTITIES
from scripts.files import paths
from scripts.files.runs import NAMES
from scripts.training import evaluation, experiment
from scripts.training.logs import read
from tests.figures.helpers import fails, rewrite


@pytest.fixture
def pair(data):
    """A small RNN and a small LSTM, trained for two epochs."""
    for model, run_id in (("rnn", "rnn-run-1"), ("lstm", "lstm-run-3")):
        experiment.run(model, run_id, progress=False, epochs=2, hidden_size=6, batch_size=16)
    return read("rnn-run-1"), read("lstm-run-3")


def test_heat_map_holds_the_median_decay_of_every_epoch(pair):
    figure = plots.plot_decay_while_learning.draw()
    panels = [axes for axes in figure.axes if axes.get_title(loc="left")]
    assert [axes.get_title(loc="left") for axes in panels] == ["RNN h", "LSTM h", "LSTM c"]
    for axes, (log, state) in zip(panels, ((pair[0], "h"), (pair[1], "h"), (pair[1], "c")), strict=True):
        drawn = axes.collections[0].get_array()
        assert drawn.shape[1] == len(log.epochs) == 3
        for column, epoch in enumerate(log.epochs):
            medians = epoch["gradients"][state]["decay"]["median"][: drawn.shape[0]]
            np.testing.assert_allclose(10 ** drawn[:, column], medians, rtol=1e-9)
        counts = log.best["gradients"][state]["decay"]["count"]
        assert drawn.shape[0] == sum(n >= 20 for n in counts)
        assert axes.lines[0].get_xdata()[0] == log.best["epoch"]


def test_colours_tell_decayed_from_grown():
    colours, norm = decay_colours()
    red, _, blue, _ = colours(norm(-2.1))
    assert red > blue
    red, _, blue, _ = colours(norm(0.9))
    assert blue > red
    assert min(colours(norm(0.0))[:3]) > 0.95, "as large as at the last step is white"
    assert colours(norm(-9)) == colours(0)
    assert colours(norm(9)) == colours(colours.N - 1)


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


def test_shares_and_spectra_are_those_of_the_log(pair):
    figure = plots.plot_recurrent_weights.draw()
    share, summed, radius, largest = figure.axes[:4]
    for log in pair:
        distances = log.best["gradients"]["shortest"]
        label = f"{NAMES[log.model]}, epoch {log.best['epoch']}"
        expected = 100 * np.array(log.best["gradients"]["recurrent_share"]["mean"][:distances])
        (line,) = (line for line in share.lines if line.get_label() == label)
        np.testing.assert_allclose(line.get_ydata(), expected)
        (line,) = (line for line in summed.lines if line.get_label() == label)
        np.testing.assert_allclose(line.get_ydata(), np.cumsum(expected))
        for name in log.best["recurrent_weights"]:
            label = f"{NAMES[log.model]}: {WEIGHTS[log.model, name][0]}"
            for axes, column in ((radius, "spectral_radius"), (largest, "largest_singular_value")):
                (line,) = (line for line in axes.lines if line.get_label() == label)
                recorded = [epoch["recurrent_weights"][name][column] for epoch in log.epochs]
                np.testing.assert_allclose(line.get_ydata(), recorded)


@pytest.mark.parametrize("name", ["plot_decay_while_learning", "plot_activations", "plot_recurrent_weights"])
def test_each_figure_is_written_titled_and_small(pair, name):
    path = getattr(plots, name)()
    assert path.parent == paths.ROOT / "assets" / "figures"
    assert path.stat().st_size < 200_000
    figure = getattr(plots, name).draw()
    assert figure.get_suptitle()
    assert figure.axes[0].get_ylabel()
    assert any("epoch" in axes.get_xlabel() or "distance" in axes.get_xlabel() for axes in figure.axes)
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
        del epoch["gradients"]["recurrent_share"]
    rewrite(log)
    fails("other.jsonl.* lacks 'recurrent_share': train it again", plots.plot_recurrent_weights, "other")
