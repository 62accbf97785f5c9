"""Figures from synthetic logs: what stands on the axes is what stands in the log."""

import subprocess
import sys

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest

from scripts import plots
from scripts.figures import runs as plots_runs
from scripts.figures import style as figure_style
from scripts.files.data import RESERVED, Data, Split, load_data, save_data
from scripts.files.errors import UserError
from scripts.files.paths import GLOVE_2024, log_path
from scripts.files.runs import RUN_VERSION, Run, existing_runs, save_run
from scripts.training import logs as figure_logs

matplotlib.use("Agg")
BEST = 2  # the epoch of the smallest validation loss in every synthetic run
RATES = {("rnn", "h"): 0.06, ("lstm", "h"): 0.04, ("lstm", "c"): 0.008}  # powers of ten lost a step


# Synthetic runs -------------------------------------------------------------------------------------------


def quartiles(depth, count, median, spread=2.0):
    """One quantity of a log by depth, as recorded: median and quartiles, shares, counts."""
    return {
        "depth": [int(d) for d in depth],
        "count": [int(n) for n in count],
        "median": [float(m) for m in median],
        "q25": [float(m / spread) for m in median],
        "q75": [float(m * spread) for m in median],
        "vanished": [float(m < 1e-10) * 0.5 for m in median],
        "exploded": [float(m > 1e6) * 0.25 for m in median],
    }


def gradients(rates, epoch, *, sentences=587, longest=49, scale=1.0):
    """The gradients of one epoch: an exponential decay by depth, steeper before training."""
    depth = np.arange(1, longest + 1)
    count = np.where(depth <= 20, sentences, sentences * np.exp(-(depth - 20) / 7)).astype(int) + 1
    states = {}
    for state, rate in rates.items():
        decay = 10 ** (
            -rate * (1 + 4 * (epoch == 0)) * (depth - 1) + 0.03 * np.sin(depth + epoch) * (depth > 1)
        )
        norms = {"logit": 0.8 * scale * decay, "loss": 0.1 * decay, "decay": decay}
        states[state] = {name: quartiles(depth, count, norm) for name, norm in norms.items()}
    return {"sentences": sentences, "shortest": 20, "longest": longest, **states}


def make_run(run_id, model="rnn", *, hidden_size=64, epochs=6, recorded=True, **shape):
    """Save a synthetic run whose validation loss is smallest at epoch BEST."""
    rates = {state: rate for (of, state), rate in RATES.items() if of == model}
    settings = {
        "format_version": RUN_VERSION,
        "run_id": run_id,
        "model": model,
        "hyperparameters": {"epochs": epochs, "lr": 0.002, "hidden_size": hidden_size, "seed": 0},
        "dataset": {
            "name": "stanfordnlp/sst2",
            "embeddings": GLOVE_2024,
            "dimensions": 100,
            "max_length": None,
            "checksum": "0123456789abcdef",
        },
    }
    history = [
        {
            "epoch": epoch,
            "train_loss": 0.7 * 0.8**epoch,
            "train_accuracy": 1 - 0.5 * 0.8**epoch,
            "validation_loss": 0.45 + 0.03 * (epoch - BEST) ** 2,
            "validation_accuracy": 0.8 - 0.01 * abs(epoch - BEST - 1),
            "gradients": gradients(rates, epoch, **shape) if recorded else None,
        }
        for epoch in range(epochs + 1)
    ]
    save_run(run_id, Run(settings, history, [{"seconds": 1.0}] * len(history), {}, {}))


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
    vocabulary = [*RESERVED, *"abcdefg"]
    save_data(Data(splits, vocabulary, np.zeros((9, 4), np.float32), manifest))


@pytest.fixture(autouse=True)
def root(study_root):
    """A project root of its own for each test, and no figure left open."""
    yield study_root
    plt.close("all")


@pytest.fixture
def pair():
    """An RNN and an LSTM, as logs."""
    make_run("rnn-run-1")
    make_run("lstm-run-3", "lstm", hidden_size=48, epochs=4)
    return figure_logs.read("rnn-run-1"), figure_logs.read("lstm-run-3")


def lines(axes):
    """The lines of an axes by their labels."""
    return {line.get_label(): line for line in axes.lines if not line.get_label().startswith("_")}


def words(figure):
    """All that is written in a figure."""
    return " ".join(text.get_text() for text in figure.findobj(matplotlib.text.Text)).replace("\n", " ")


def assert_complete(figure, *expected):
    """Title, footer, and a title and units for every axes; the expected words are there."""
    assert figure.get_suptitle()
    for axes in figure.axes:
        assert axes.get_ylabel()
        assert axes.get_xlabel() or axes is not figure.axes[-1]
    for word in (GLOVE_2024, "stanfordnlp/sst2", *expected):
        assert word in words(figure)


# Training -------------------------------------------------------------------------------------------------


def test_run_draws_loss_and_accuracy_of_the_log_and_marks_the_best_epoch(pair):
    for log in pair:
        figure = plots_runs.draw_run(log)
        for axes, quantity, scale in zip(figure.axes, ("loss", "accuracy"), (1, 100), strict=True):
            drawn = lines(axes)
            for label, split in (("training", "train"), ("validation", "validation")):
                expected = [scale * epoch[f"{split}_{quantity}"] for epoch in log.epochs]
                np.testing.assert_allclose(drawn[label].get_ydata(), expected)
                np.testing.assert_array_equal(drawn[label].get_xdata(), range(len(log.epochs)))
            star = drawn[f"best epoch: {BEST}"]
            assert list(star.get_xdata()) == [BEST]
            np.testing.assert_allclose(star.get_ydata(), [scale * log.epochs[BEST][f"validation_{quantity}"]])
        assert figure.axes[0].get_legend()
        assert_complete(figure, log.run_id, f"{log.hidden_size} units", f"best epoch {BEST} of")


# Gradients by depth ---------------------------------------------------------------------------------------


def expected_curves(rnn, lstm):
    """What the comparison must show: label, and the quantities in the log."""
    for log, state, name in ((rnn, "h", "RNN h"), (lstm, "h", "LSTM h"), (lstm, "c", "LSTM c")):
        yield f"{name}, epoch {BEST} (best)", log.epochs[BEST]["gradients"][state]
        yield f"{name}, epoch 0 (before training)", log.epochs[0]["gradients"][state]


@pytest.mark.parametrize(("panel", "quantity"), [(0, "decay"), (1, "loss")])
def test_comparison_draws_medians_and_quartiles_of_the_log(pair, panel, quantity):
    axes = plots_runs.draw_gradients_rnn_vs_lstm(*pair).axes[panel]
    drawn = lines(axes)
    assert axes.get_yscale() == "log"
    expected = dict(expected_curves(*pair))
    assert drawn.keys() == expected.keys()
    bands = [path.vertices for band in axes.collections for path in band.get_paths()]
    for (label, quantities), vertices in zip(expected.items(), bands, strict=True):
        values = quantities[quantity]
        np.testing.assert_array_equal(drawn[label].get_xdata(), values["depth"])
        np.testing.assert_array_equal(drawn[label].get_ydata(), values["median"])
        for name in ("q25", "q75"):
            edge = set(zip(values["depth"], values[name], strict=True))
            assert edge <= set(map(tuple, vertices))


def test_comparison_is_solid_at_the_best_epoch_and_dashed_at_epoch_0(pair):
    figure = plots_runs.draw_gradients_rnn_vs_lstm(*pair)
    drawn = lines(figure.axes[0])
    assert {label: line.get_linestyle() for label, line in drawn.items()} == {
        label: "-" if "best" in label else "--" for label in drawn
    }
    looks = {(line.get_color(), line.get_marker()) for line in drawn.values()}
    assert len(looks) == len({look[0] for look in looks}) == len({look[1] for look in looks}) == 3
    legend = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert legend == sorted(drawn, key=lambda label: "best" not in label)
    assert_complete(figure, "rnn-run-1", "lstm-run-3", "64 units", "48 units", "20 to 49 tokens", "587")


def test_comparison_draws_exploded_upwards_and_vanished_downwards(pair):
    axes = plots_runs.draw_gradients_rnn_vs_lstm(*pair).axes[2]
    vanished = pair[0].epochs[0]["gradients"]["h"]["logit"]["vanished"]
    assert max(vanished) == 0.5
    (line,) = lines(axes).values()  # no other vanishes in these logs
    np.testing.assert_array_equal(line.get_ydata(), -100 * np.array(vanished))
    low, high = axes.get_ylim()
    assert low < -50
    assert high > 0
    assert axes.yaxis.get_major_formatter()(-50) == "50"


def test_comparison_says_where_nothing_vanished():
    make_run("rnn-run-1", longest=22)
    make_run("lstm-run-3", "lstm", longest=22)
    figure = plots_runs.draw_gradients_rnn_vs_lstm(
        figure_logs.read("rnn-run-1"), figure_logs.read("lstm-run-3")
    )
    assert not lines(figure.axes[2])
    assert "no sentence's gradient vanished or exploded" in words(figure.axes[2])


def test_counts_stand_below_and_depths_with_few_sentences_are_pale(pair):
    figure = plots_runs.draw_gradients_rnn_vs_lstm(*pair)
    logged = pair[0].epochs[BEST]["gradients"]["h"]["decay"]
    (counts,) = lines(figure.axes[3]).values()
    np.testing.assert_array_equal(counts.get_ydata(), logged["count"])
    few = next(d for d, n in zip(logged["depth"], logged["count"], strict=True) if n < 20)
    assert 20 < few < 49
    for axes in figure.axes:
        assert axes.get_xlim() == (1, 49)
        (veil,) = axes.patches
        assert veil.get_x() == few - 0.5
        assert any(list(line.get_xdata()) == [20, 20] for line in axes.lines)  # all sentences up to here


def test_different_counts_are_two_lines():
    make_run("rnn-run-1")
    make_run("lstm-run-3", "lstm", sentences=300, longest=40)
    figure = plots_runs.draw_gradients_rnn_vs_lstm(
        figure_logs.read("rnn-run-1"), figure_logs.read("lstm-run-3")
    )
    assert len(lines(figure.axes[3])) == 2
    assert figure.axes[3].get_legend()


def test_a_panel_without_data_is_left_out(pair):
    for log in pair:
        for epoch in log.epochs:
            for state in "hc":
                epoch["gradients"].get(state, {}).pop("loss", None)
    figure = plots_runs.draw_gradients_rnn_vs_lstm(*pair)
    assert len(figure.axes) == 3
    assert "Raw gradient" not in words(figure)


def test_epoch_0_without_gradients_is_left_out(pair):
    pair[0].epochs[0]["gradients"] = None
    drawn = lines(plots_runs.draw_gradients_rnn_vs_lstm(*pair).axes[0])
    assert len(drawn) == 5


def test_norms_that_are_exactly_zero_leave_the_axis_and_the_footer_says_so(pair):
    median = pair[0].epochs[BEST]["gradients"]["h"]["decay"]["median"]
    assert "below 1e-308" not in words(plots_runs.draw_gradients_rnn_vs_lstm(*pair))
    median[30:] = [0.0] * len(median[30:])
    figure = plots_runs.draw_gradients_rnn_vs_lstm(*pair)
    figure_style.to_png(figure)
    assert "below 1e-308" in words(figure)


def test_rnns_take_any_runs_and_read_their_widths():
    for hidden_size in (16, 24, 32, 64):
        make_run(f"some-{hidden_size}", hidden_size=hidden_size)
    logs = [figure_logs.read(f"some-{hidden_size}") for hidden_size in (16, 24, 32, 64)]
    figure = plots_runs.draw_gradients_rnns(logs)
    drawn = lines(figure.axes[0])
    for log in logs:
        line = drawn[f"{log.hidden_size} units ({log.run_id}), epoch {BEST} (best)"]
        np.testing.assert_array_equal(line.get_ydata(), log.epochs[BEST]["gradients"]["h"]["decay"]["median"])
    assert len({line.get_color() for line in drawn.values()}) == len(logs)
    assert_complete(figure, *(log.run_id for log in logs))


# Data -----------------------------------------------------------------------------------------------------


def test_sentence_lengths_are_shares_of_each_split():
    make_data()
    data = load_data()
    figure = plots_runs.draw_sentence_lengths(data)
    (axes,) = figure.axes
    for split, outline in zip(data.splits.values(), axes.patches, strict=True):
        tops = dict(outline.get_xy()[1:-1:2].tolist())  # left edge of each bin: its height
        for length in range(1, 22):
            assert tops[length - 0.5] == pytest.approx(100 * np.mean(split.s == length))
    assert_complete(figure, "train: 3,000 rows", "test: 90 rows")


# Files and command line -----------------------------------------------------------------------------------


@pytest.mark.filterwarnings("error", "ignore::DeprecationWarning")
def test_without_a_run_id_everything_is_drawn(pair, root, capsys):
    make_run("rnn-16", hidden_size=16)
    make_run("rnn-16-seed-1", hidden_size=16)
    make_run("unrecorded", recorded=False)
    make_data()
    plots.plot_all()
    out, err = capsys.readouterr()
    expected = {
        "sentence-lengths.png",
        "gradients-rnn-run-1-vs-lstm-run-3.png",
        "gradients-rnn-16+rnn-run-1.png",
        *(f"{run_id}-training.png" for run_id in existing_runs()),
    }
    figures = list((root / "assets" / "figures").iterdir())
    assert {path.name for path in figures} == expected
    assert sorted(out.split()) == sorted(map(str, figures))
    assert "not compared: the log of run 'unrecorded' holds no gradients" in err
    for path in figures:
        image = plt.imread(path)
        assert image.shape[1] == figure_style.WIDTH * figure_style.PIXELS_PER_INCH
        assert path.stat().st_size < 200_000
        if path.stem == "gradients-rnn-run-1-vs-lstm-run-3":
            for colour in (figure_style.RNN_H, figure_style.LSTM_H, figure_style.LSTM_C):
                exact = (np.abs(image[:, :, :3] - matplotlib.colors.to_rgb(colour)) < 1e-3).all(2)
                assert exact.sum() > 500  # the smaller palette holds the house's colours
        assert (image[0, 0, :3] == 1).all()
    assert not plt.get_fignums()


def test_with_run_ids_these_runs_are_drawn_and_compared(pair, capsys):
    make_run("rnn-16", hidden_size=16)
    plots.plot_all("rnn-16", "lstm-run-3")
    names = [line.rsplit("/")[-1] for line in capsys.readouterr().out.split()]
    assert names == ["rnn-16-training.png", "lstm-run-3-training.png", "gradients-rnn-16-vs-lstm-run-3.png"]


def test_functions_return_their_path_and_equal_logs_give_equal_bytes(pair):
    first = plots.plot_gradients_rnn_vs_lstm()
    bytes_of_first = first.read_bytes()
    assert plots.plot_gradients_rnn_vs_lstm() == first
    assert first.read_bytes() == bytes_of_first


def test_with_a_screen_all_figures_are_shown_and_waited_for_once(pair, monkeypatch):
    calls = []
    monkeypatch.setattr(figure_style, "has_screen", lambda: True)
    monkeypatch.setattr(plt, "show", lambda **options: calls.append((options, len(plt.get_fignums()))))
    plots.plot_all("rnn-run-1", "lstm-run-3")
    assert calls == [({"block": False}, 1), ({"block": False}, 2), ({"block": False}, 3), ({}, 3)]


def test_runs_from_any_directory_and_ends_with_one_line(tmp_path):
    script = plots.__file__
    ended = subprocess.run(
        [sys.executable, script, "lstm-no-such-run"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 1
    assert ended.stderr.count("\n") == 1
    assert 'uncomment the block train_lstm(run_id="lstm-no-such-run") in main.py' in ended.stderr


# Bad input ------------------------------------------------------------------------------------------------


def fails(match, function, *arguments):
    """The call ends with a UserError of one line that says `match`."""
    with pytest.raises(UserError, match=match) as caught:
        function(*arguments)
    assert "\n" not in str(caught.value)


def test_a_missing_run_names_the_block_to_run(pair):
    fails(r'train_rnn\(run_id="rnn-16", hidden_size=16\) in main.py', plots.plot_gradients_rnns)
    fails(r'train_rnn\(run_id="other"\) in main.py', plots.plot_gradients_rnn_vs_lstm, "other")
    fails(r'train_lstm\(run_id="lstm-9"\) in main.py', plots.plot_run, "lstm-9")
    fails("there is no run 'other'.*main.py", plots.plot_run, "other")
    fails("can't be a file name", plots.plot_run, "../rnn-run-1")


def test_a_run_of_the_other_model_is_refused(pair):
    fails("'lstm-run-3' is of an LSTM, expected", plots.plot_gradients_rnn_vs_lstm, "lstm-run-3")
    fails("'rnn-run-1' is of an RNN, expected", plots.plot_gradients_rnn_vs_lstm, "rnn-run-1", "rnn-run-1")
    fails("'lstm-run-3' is of an LSTM, expected", plots.plot_gradients_rnns, ["rnn-run-1", "lstm-run-3"])


def test_a_log_without_gradients_is_refused_where_they_are_needed(pair, root):
    make_run("rnn-run-1", recorded=False)
    assert plots.plot_run("rnn-run-1").exists()
    fails("'rnn-run-1' holds no gradients", plots.plot_gradients_rnn_vs_lstm)
    assert not list((root / "assets" / "figures").glob("gradients*"))


def test_nothing_to_draw_is_one_line():
    fails("nothing to draw.*preprocessing.py", plots.plot_all)
    fails("dataset.json is missing", plots.plot_sentence_lengths)
    fails("expected several run ids", plots.plot_gradients_rnns, "rnn-16")
    fails("expected several run ids", plots.plot_gradients_rnns, [])


def test_a_damaged_log_does_not_keep_the_others_from_being_drawn(pair, root, capsys):
    log_path("broken").write_text("no json\n")
    names = {path.name for path in plots.plot_all()}
    assert "rnn-run-1-training.png" in names
    assert "broken" in capsys.readouterr().err
