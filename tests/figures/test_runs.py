"""Figures of runs from made-up logs: what is drawn is what the log holds."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from scripts import plots
from scripts.figures import style
from scripts.files.data import RESERVED, Data, Split, save_data
from scripts.files.paths import GLOVE_2024
from tests.figures.helpers import BEST, assert_band, assert_complete, fails, lines, make_run, rewrite, words


@pytest.fixture
def pair(root):
    """An RNN and an LSTM, as logs."""
    return make_run("rnn-run-1"), make_run("lstm-run-3", "lstm", hidden_size=48, epochs=4)


def make_data():
    """Save a small preprocessed dataset."""
    rng = np.random.default_rng(0)
    splits = {}
    for name, rows in (("train", 3000), ("validation", 400), ("test", 90)):
        s = rng.integers(1, 12, rows) + (name == "test") * 10
        x, y = rng.integers(2, 9, s.sum()).astype(np.uint8), rng.integers(0, 2, rows)
        splits[name] = Split(x, s, y, np.arange(rows))
    embeddings = {"name": GLOVE_2024, "dimensions": 4}
    manifest = {"dataset": {"name": "stanfordnlp/sst2"}, "embeddings": embeddings, "max_length": None}
    save_data(Data(splits, [*RESERVED, *"abcdefg"], np.zeros((9, 4), np.float32), manifest))
    return splits


# Training -------------------------------------------------------------------------------------------------


def test_run_draws_loss_and_accuracy_of_the_log_and_marks_the_best_epoch(pair):
    for log in pair:
        figure = plots.plot_run.draw(log.run_id)
        for axes, quantity, scale in zip(figure.axes, ("loss", "accuracy"), (1, 100), strict=True):
            drawn = lines(axes)
            for label, split in (("training", "train"), ("validation", "validation")):
                expected = [scale * epoch[f"{split}_{quantity}"] for epoch in log.epochs]
                np.testing.assert_allclose(drawn[label].get_ydata(), expected)
                np.testing.assert_array_equal(drawn[label].get_xdata(), range(len(log.epochs)))
            star = drawn[f"selected epoch: {BEST}"]
            assert list(star.get_xdata()) == [BEST]
            np.testing.assert_allclose(star.get_ydata(), [scale * log.epochs[BEST][f"validation_{quantity}"]])
        assert figure.axes[0].get_legend()
        assert_complete(figure, log.run_id, f"{log.hidden_size} units", f"epoch {BEST} of")


# Gradients by distance ------------------------------------------------------------------------------------


def draw():
    return plots.plot_gradients_rnn_vs_lstm.draw()


def expected_curves(rnn, lstm):
    """Labels of the comparison, and the quantities in the log."""
    for log, state, name in ((rnn, "h", "RNN h"), (lstm, "h", "LSTM h"), (lstm, "c", "LSTM c")):
        yield f"{name}, epoch {BEST} (selected)", log.epochs[BEST]["gradients"][state]
        yield f"{name}, epoch 0 (before training)", log.epochs[0]["gradients"][state]


def test_comparison_draws_medians_and_quartiles_of_the_log(pair):
    axes = draw().axes[0]
    drawn = lines(axes)
    assert axes.get_yscale() == "log"
    expected = dict(expected_curves(*pair))
    assert drawn.keys() == expected.keys()
    for (label, quantities), band in zip(expected.items(), axes.collections, strict=True):
        values = quantities["decay"]
        np.testing.assert_array_equal(drawn[label].get_xdata(), values["distance"])
        np.testing.assert_array_equal(drawn[label].get_ydata(), values["median"])
        assert_band(band, values["distance"], values["q25"], values["q75"])


def test_comparison_is_solid_at_the_best_epoch_and_dashed_at_epoch_0(pair):
    figure = draw()
    drawn = lines(figure.axes[0])
    assert {label: line.get_linestyle() for label, line in drawn.items()} == {
        label: "-" if "selected" in label else "--" for label in drawn
    }
    looks = {(line.get_color(), line.get_marker()) for line in drawn.values()}
    assert len(looks) == len({look[0] for look in looks}) == len({look[1] for look in looks}) == 3
    legend = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert legend == sorted(drawn, key=lambda label: "selected" not in label)
    assert_complete(figure, "rnn-run-1", "lstm-run-3", "64 units", "48 units", "20 to 49 tokens", "587")


def test_counts_are_below_and_the_axis_ends_where_few_sentences_remain(pair):
    figure = draw()
    logged = pair[0].epochs[BEST]["gradients"]["h"]["decay"]
    (counts,) = lines(figure.axes[1]).values()
    np.testing.assert_array_equal(counts.get_ydata(), logged["count"])
    few = next(d for d, n in zip(logged["distance"], logged["count"], strict=True) if n < 20)
    assert 20 < few < 49
    for axes in figure.axes:
        assert axes.get_xlim() == (0, few - 1)
        assert any(list(line.get_xdata()) == [19, 19] for line in axes.lines)  # all sentences up to here


def test_different_counts_are_two_lines(root):
    make_run("rnn-run-1")
    make_run("lstm-run-3", "lstm", sentences=300, longest=40)
    axes = draw().axes[1]
    assert len(lines(axes)) == 2
    assert axes.get_legend()


def test_logs_that_lack_a_part_are_refused(pair):
    for epoch in pair[0].epochs:
        del epoch["gradients"]["h"]
    rewrite(pair[0])
    fails("rnn-run-1.jsonl is damaged", plots.plot_gradients_rnn_vs_lstm)
    log = make_run("rnn-run-1")
    del log.best["gradients"]["h"]["decay"]
    rewrite(log)
    fails("rnn-run-1.jsonl.* lacks 'decay': train it again", plots.plot_gradients_rnn_vs_lstm)


@pytest.mark.filterwarnings("error", "ignore::DeprecationWarning")
def test_norms_that_are_exactly_zero_leave_the_axis(pair):
    median = pair[0].epochs[BEST]["gradients"]["h"]["decay"]["median"]
    median[30:] = [0.0] * len(median[30:])
    rewrite(*pair)
    figure = draw()
    style.to_png(figure)
    drawn = lines(figure.axes[0])[f"RNN h, epoch {BEST} (selected)"]
    np.testing.assert_array_equal(drawn.get_ydata(), median)


def test_rnns_take_any_runs_and_read_their_widths(root):
    logs = [make_run(f"some-{hidden_size}", hidden_size=hidden_size) for hidden_size in (16, 24, 32, 64)]
    figure = plots.plot_gradients_rnns.draw([log.run_id for log in logs])
    drawn = lines(figure.axes[0])
    for log in logs:
        line = drawn[f"{log.hidden_size} units ({log.run_id}), epoch {BEST} (selected)"]
        np.testing.assert_array_equal(line.get_ydata(), log.epochs[BEST]["gradients"]["h"]["decay"]["median"])
    assert len({line.get_color() for line in drawn.values()}) == len(logs)
    assert_complete(figure, *(log.run_id for log in logs))


# Data -----------------------------------------------------------------------------------------------------


def test_sentence_lengths_are_shares_of_each_split(root):
    splits = make_data()
    figure = plots.plot_sentence_lengths.draw()
    (axes,) = figure.axes
    for split, outline in zip(splits.values(), axes.patches, strict=True):
        tops = dict(outline.get_xy()[1:-1:2].tolist())  # left edge of each bin: its height
        for length in range(1, 22):
            assert tops[length - 0.5] == pytest.approx(100 * np.mean(split.s == length))
    assert_complete(figure, "train: 3,000 rows", "test: 90 rows")


# Runs that differ ---------------------------------------------------------------------------------------


def change(log, dataset=None, **settings):
    """Let a made-up run have another dataset and other settings."""
    log.settings["dataset"] = log.settings["dataset"] | (dataset or {})
    log.settings["hyperparameters"] |= settings
    rewrite(log)


@pytest.mark.parametrize(
    ("dataset", "expected"),
    [
        ({"name": "imdb", "checksum": "f"}, "imdb, GloVe 2024 (100d)"),
        ({"embeddings": "own.txt", "checksum": "f"}, "stanfordnlp/sst2, own (100d)"),
        ({"max_length": 9, "checksum": "f"}, "stanfordnlp/sst2 (texts cut to 9 tokens), GloVe 2024 (100d)"),
        ({"checksum": "f"}, "stanfordnlp/sst2, GloVe 2024 (100d) [f]"),
    ],
)
def test_of_runs_on_two_datasets_the_caption_says_which_is_which(pair, dataset, expected):
    change(pair[1], dataset)
    first = "stanfordnlp/sst2, GloVe 2024 (100d)" + (" [0123456789abcdef]" if len(dataset) == 1 else "")
    for plot in (plots.plot_gradients_rnn_vs_lstm, plots.plot_activations):
        said = words(plot.draw())
        assert f"rnn-run-1 (epoch 2 of 6) on {first}" in said
        assert f"lstm-run-3 (epoch 2 of {pair[1].epochs[-1]['epoch']}) on {expected}" in said


def test_of_runs_on_three_datasets_the_caption_says_which_is_which(pair):
    for run_id, dataset in (("rnn-16", {"name": "imdb", "checksum": "e"}), ("rnn-32", {"checksum": "f"})):
        change(make_run(run_id), dataset)
    said = words(plots.plot_gradients_rnns.draw())
    assert "rnn-16 (epoch 2 of 6) on imdb, GloVe 2024 (100d) [e]" in said
    assert "rnn-32 (epoch 2 of 6) on stanfordnlp/sst2, GloVe 2024 (100d) [f]" in said
    assert "rnn-run-1 (epoch 2 of 6) on stanfordnlp/sst2, GloVe 2024 (100d) [0123456789abcdef]" in said


def test_of_runs_on_one_dataset_the_caption_names_it_once(pair):
    said = words(plots.plot_gradients_rnn_vs_lstm.draw())
    assert said.count("stanfordnlp/sst2") == 1
    assert " on stanfordnlp" not in said


def test_rnns_that_differ_in_more_than_their_width_are_not_called_so(pair):
    wide = make_run("rnn-32", hidden_size=32)
    said = words(plots.plot_gradients_rnns.draw(["rnn-32", "rnn-run-1"]))
    assert "that differ" not in said
    change(wide, seed=4)
    assert "that differ" not in words(plots.plot_gradients_rnns.draw(["rnn-32", "rnn-run-1"]))
    change(wide, lr=0.1, recurrent_init="identity")
    said = words(plots.plot_gradients_rnns.draw(["rnn-32", "rnn-run-1"]))
    assert "RNNs of several widths that differ in lr, recurrent_init" in said
    assert "32 units (rnn-32, lr=0.1, recurrent_init='identity')" in said
    assert "64 units (rnn-run-1, lr=0.002, " in said
    change(make_run("rnn-8", hidden_size=8), {"checksum": "f"})
    said = words(plots.plot_gradients_rnns.draw(["rnn-8", "rnn-run-1"]))
    assert "RNNs of several widths that differ in dataset" in said
    assert "8 units (rnn-8), epoch" in said


def test_rnns_of_one_width_are_not_called_several(pair):
    assert "several widths" in words(
        plots.plot_gradients_rnns.draw([make_run("a", hidden_size=8).run_id, "rnn-run-1"])
    )
    for seed, options in enumerate(({}, {"lr": 0.1})):
        change(make_run("b"), seed=seed, **options)
        said = words(plots.plot_gradients_rnns.draw(["b", "rnn-run-1"]))
        assert "several widths" not in said
        assert ("RNNs that differ in lr" in said) == bool(options)


def test_plot_compares_widths_of_one_recipe(pair):
    names = [path.name for path in plots.plot_all(show=False)]
    assert not [name for name in names if "+" in name]
    change(make_run("rnn-best", hidden_size=128), lr=0.1)
    make_run("rnn-8", hidden_size=8)
    change(make_run("rnn-4", hidden_size=4), {"checksum": "f"})
    names = [path.name for path in plots.plot_all(show=False)]
    assert [name for name in names if "+" in name] == ["gradients-rnn-8+rnn-run-1.png"]


# Bad input ------------------------------------------------------------------------------------------------


def test_a_missing_run_names_the_block_to_run(pair):
    fails(r'block train_rnn\("rnn-16", hidden_size=16\) in main.py', plots.plot_gradients_rnns)
    fails(r'block train_lstm\("lstm-plain", input_dropout=0, state_drop', plots.plot_run, "lstm-plain")
    fails(r"train it with train_rnn or train_lstm of main.py", plots.plot_gradients_rnn_vs_lstm, "other")
    fails("there is no run 'lstm-9'.*main.py", plots.plot_run, "lstm-9")
    fails(r'block compare\(seeds=5, name="best", of_', plots.plot_run, "comparison-best-rnn-s3")
    fails(r'block compare\("rnn", name="best-wide", ', plots.plot_run, "comparison-best-wide-rnn-s3")
    fails("can't be a file name", plots.plot_run, "../rnn-run-1")


def test_a_run_of_the_other_model_is_refused(pair):
    fails("'lstm-run-3' is of an LSTM, expected", plots.plot_gradients_rnn_vs_lstm, "lstm-run-3")
    fails("'rnn-run-1' is of an RNN, expected", plots.plot_gradients_rnn_vs_lstm, "rnn-run-1", "rnn-run-1")
    fails("'lstm-run-3' is of an LSTM, expected", plots.plot_gradients_rnns, ["rnn-run-1", "lstm-run-3"])


def test_a_log_without_gradients_is_refused_where_they_are_needed(pair):
    make_run("rnn-run-1", recorded=False)
    assert plots.plot_run("rnn-run-1").exists()
    fails("'rnn-run-1' holds no gradients", plots.plot_gradients_rnn_vs_lstm)


def test_nothing_to_draw_is_one_line(root):
    fails("dataset.json is missing", plots.plot_sentence_lengths)
    for run_ids in ("rnn-16", [], ["rnn-16", "rnn-32", "rnn-16"]):
        fails("expected several, each once", plots.plot_gradients_rnns, run_ids)
    assert not plt.get_fignums()
