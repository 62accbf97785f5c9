"""Figures of what hardly is: gradients of exactly 0, missing medians, words of any length, tiny data."""

import itertools
import warnings

import matplotlib
import numpy as np
import pytest

from scripts import plots
from scripts.figures import panels
from scripts.figures.style import open_figure
from scripts.files.runs import load_run, save_run, write_log
from scripts.studies.cell_memory import cell_memory_study
from scripts.studies.memory import memory_study
from scripts.studies.truncation import truncation_study
from scripts.training import evaluation, experiment
from tests.helpers import write_data

SENTENCE = "good antidisestablishmentarianism film"
SHORT = "× : 0, or below 1e-308"


@pytest.fixture
def pair(data):
    """An RNN whose median decay is 0 from distance 4 on at epoch 1, and nowhere known at epoch 2; an LSTM."""
    experiment.run("rnn", "rnn-run-1", epochs=2, hidden_size=4)
    experiment.run("lstm", "lstm-run-3", epochs=2, hidden_size=4)
    run = load_run("rnn-run-1")
    for epoch, spoil in ((1, lambda distance, value: value if distance < 4 else 0.0), (2, lambda *_: None)):
        decay = run.history[epoch]["gradients"]["h"]["decay"]
        for name in ("q25", "median", "q75"):
            decay[name] = [spoil(k, value) for k, value in enumerate(decay[name], 1)]
    run.history[1]["validation_loss"] = 0.01  # the selected epoch
    save_run("rnn-run-1", run)
    write_log("rnn-run-1", run)


def test_a_line_says_where_it_is_zero(pair):
    figure = plots.plot_gradients_rnn_vs_lstm.draw()
    decay = figure.axes[0]
    marks = [each for each in decay.collections if isinstance(each, matplotlib.collections.PathCollection)]
    (zeros,) = (each.get_offsets() for each in marks)
    reached = len(load_run("rnn-run-1").history[1]["gradients"]["h"]["decay"]["distance"])
    np.testing.assert_array_equal(zeros[:, 0], np.arange(3, reached))
    assert [text.get_text() for text in decay.texts] == [SHORT]
    assert not figure.axes[1].texts, "no gradient of the loss is 0"


def test_zeros_do_not_move_the_axes():
    distance = list(range(6))
    _, (one, two) = open_figure("", 4, ncols=2)
    for axes, median in ((one, [1, 0.1, 0.01, 0, 0, 0]), (two, [1, 0.1, 0.01, None, None, None])):
        axes.set_yscale("log", nonpositive="clip")
        values = {"distance": distance, "count": [30] * 6} | dict.fromkeys(("median", "q25", "q75"), median)
        panels.draw_medians(axes, [panels.Curve("", {"decay": values}, "black", "o")], "decay")
    assert one.get_ylim() == pytest.approx(two.get_ylim())
    assert [len(axes.texts) for axes in (one, two)] == [1, 0]
    matplotlib.pyplot.close("all")


def test_seeds_without_any_median_leave_an_empty_panel():
    _, row = open_figure("", 4, ncols=2)
    nothing = {"distance": [0, 1], "count": [30, 30]} | {
        name: [None] * 2 for name in ("median", "low", "high")
    }
    curve = panels.Curve("", {"before": nothing, "after": nothing}, "black", "o")
    panels.draw_before_and_after(row, [curve], 2, ("before", "after"), True)
    assert row[0].get_ylim() == pytest.approx((1 / 3, 3))
    matplotlib.pyplot.close("all")


@pytest.mark.filterwarnings("ignore:Glyph")  # of the drawing below; the saved figure must not warn
@pytest.mark.parametrize("words", ["a" * 200, "very_long-" * 5 + "x", "Wort" * 8, "电影", "$x_{$", "W" * 19])
def test_long_and_strange_words_do_not_overlap(data, words):
    experiment.run("rnn", "a-run", epochs=1, hidden_size=4, gradients=False)
    reading = evaluation.read_sentence("a-run", "good film bad " * 8)
    reading["words"][1] = reading["words"][5] = words
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert plots.plot_sentence([reading]).is_file()
    figure = plots.plot_sentence.draw([reading])
    figure.canvas.draw()
    texts = [text for text in figure.axes[0].texts if text.get_bbox_patch()]
    boxes = [text.get_window_extent() for text in texts]
    for left, right in itertools.pairwise(boxes):
        assert left.x1 < right.x0 or left.y0 > right.y1  # the next word, or the next line
    assert max(box.x1 for box in boxes) < figure.bbox.x1
    assert texts[1].get_text().removesuffix("?") == (words if len(words) < 19 else f"{words[:17]}…")
    matplotlib.pyplot.close("all")


@pytest.mark.parametrize("longest", [1, 2, 3])
def test_tiny_data_have_whole_counts_on_their_axes(study_root, longest):
    """No panel is empty, and no axis of words, distances or sentences shows a fraction."""
    write_data((6, 6, 6), longest=longest)
    experiment.run("rnn", "rnn-run-1", epochs=1, hidden_size=4)
    experiment.run("lstm", "lstm-run-3", epochs=1, hidden_size=4)
    memory_study(progress=False)
    cell_memory_study(progress=False)
    truncation_study(progress=False)
    plot = plots.plot_gradients_rnn_vs_lstm, plots.plot_activations, plots.plot_cell_memory
    for draw in (*plot, plots.plot_memory, plots.plot_truncation):
        figure = draw.draw()
        figure.canvas.draw()
        for axes in figure.axes:
            shown = [text.get_text() for text in axes.get_xticklabels() if text.get_text()]
            assert not [text for text in shown if "." in text], draw.__name__
            if axes.get_ylabel() in ("sentences", "sentences cut", "distance from the end, k (words)"):
                shown = [text.get_text() for text in axes.get_yticklabels() if text.get_text()]
                assert not [text for text in shown if "." in text], draw.__name__
            points = [line for line in axes.lines if len(line.get_xdata()) == 1]
            assert all(line.get_markevery() in (None, 3, (0, 4)) for line in points), "each has its marker"
        matplotlib.pyplot.close("all")
