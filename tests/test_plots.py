"""All figures at once, and the script."""

import inspect
import subprocess
import sys

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest

from scripts import plots
from scripts.figures import style
from scripts.files.paths import log_path
from scripts.files.runs import existing_runs
from tests.figures.helpers import fails, make_run
from tests.figures.test_runs import make_data

matplotlib.use("Agg")
COMPARED = ("gradients", "activations")


@pytest.fixture(autouse=True)
def root(study_root):
    """A project root of its own for each test, and no figure left open."""
    yield study_root
    plt.close("all")


@pytest.fixture
def pair(root):
    """An RNN and an LSTM, as logs."""
    return make_run("rnn-run-1"), make_run("lstm-run-3", "lstm", hidden_size=48, epochs=4)


@pytest.mark.filterwarnings("error", "ignore::DeprecationWarning")
def test_without_a_run_id_everything_is_drawn(pair, root, capsys, full_size):
    make_run("rnn-16", hidden_size=16)
    make_run("rnn-16-seed-1", hidden_size=16)
    make_run("unrecorded", recorded=False)
    make_data()
    plots.plot_all()
    out, err = capsys.readouterr()
    expected = {
        "sentence-lengths.png",
        *(f"{kind}-rnn-run-1-vs-lstm-run-3.png" for kind in COMPARED),
        "gradients-rnn-16+rnn-run-1.png",
        *(f"training-{run_id}.png" for run_id in existing_runs()),
    }
    figures = list((root / "assets" / "figures").iterdir())
    assert {path.name for path in figures} == expected
    assert sorted(out.split()) == sorted(map(str, figures))
    assert "left out: the log of run 'unrecorded' holds no gradients" in err
    for path in figures:
        image = plt.imread(path)
        assert image.shape[1] == style.WIDTH * style.PIXELS_PER_INCH
        assert path.stat().st_size < 200_000
        if path.stem == "gradients-rnn-run-1-vs-lstm-run-3":
            for colour in (style.RNN_H, style.LSTM_H, style.LSTM_C):
                exact = (np.abs(image[:, :, :3] - matplotlib.colors.to_rgb(colour)) < 1e-3).all(2)
                assert exact.sum() > 500  # the smaller palette holds the colours of the lines
        assert (image[0, 0, :3] == 1).all()
    assert not plt.get_fignums()


def test_with_run_ids_these_runs_are_drawn_and_compared(pair, capsys):
    make_run("rnn-16", hidden_size=16)
    plots.plot_all("rnn-16", "lstm-run-3")
    names = [line.rsplit("/")[-1] for line in capsys.readouterr().out.split()]
    compared = [f"{kind}-rnn-16-vs-lstm-run-3.png" for kind in COMPARED]
    assert names == ["training-rnn-16.png", "training-lstm-run-3.png", *compared]


def test_functions_return_their_path_and_equal_logs_give_equal_bytes(pair, full_size):
    first = plots.plot_gradients_rnn_vs_lstm()
    bytes_of_first = first.read_bytes()
    assert plots.plot_gradients_rnn_vs_lstm() == first
    assert first.read_bytes() == bytes_of_first


def test_every_function_keeps_its_arguments_and_takes_show_last():
    functions = {name: function for name, function in vars(plots).items() if name.startswith("plot_")}
    assert len(functions) == 19
    for name, function in functions.items():
        assert list(inspect.signature(function).parameters)[-1] == "show", name
        assert function.__doc__, name
    assert str(inspect.signature(plots.plot_theory)) == "(rnn='rnn-run-1', show=False)"
    with pytest.raises(TypeError, match="unexpected keyword argument 'colour'"):
        plots.plot_theory(colour="red")


def test_with_a_screen_all_figures_are_shown_and_waited_for_once(pair, monkeypatch):
    calls = []
    monkeypatch.setattr(style, "has_screen", lambda: True)
    monkeypatch.setattr(plt, "show", lambda **options: calls.append((options, len(plt.get_fignums()))))
    plots.plot_all("rnn-run-1", "lstm-run-3")
    assert calls == [*(({"block": False}, count) for count in range(1, 5)), ({}, 4)]


def test_runs_from_any_directory_and_ends_with_one_line(tmp_path):
    command = [sys.executable, plots.__file__, "lstm-no-such-run"]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert ended.stderr.count("\n") == 1
    assert "train it with train_rnn or train_lstm of main.py" in ended.stderr


def test_nothing_to_draw_is_one_line():
    fails("nothing to draw.*preprocessing.py", plots.plot_all)


def test_a_damaged_log_does_not_keep_the_others_from_being_drawn(pair, capsys):
    log_path("broken").write_text("no json\n")
    names = {path.name for path in plots.plot_all()}
    assert "training-rnn-run-1.png" in names
    assert "broken" in capsys.readouterr().err
