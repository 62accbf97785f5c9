"""The figure of the cell's memory: what is drawn is what the JSON holds."""

import numpy as np
import pytest

from scripts import plots
from scripts.files.studies import STUDY_VERSION
from tests.figures.helpers import DATASET, assert_band, assert_complete, fails, lines, save, words


def measured(rate, shift):
    """One run at one moment: a share that falls with k, and units of which the slow ones are sensitive."""
    diagonal = np.exp(-rate * np.arange(40)) + shift
    return {
        "diagonal": diagonal.tolist(),
        "time_scale": [1.5, 3.0 + shift, 20.0],
        "sensitivity": [1e-6, 1e-4, 1e-3 + shift],
        "spearman": 0.5 + shift,
    }


def make_study(shifts=(0.0,), **changed):
    model = {
        "model": "lstm",
        "runs": [f"lstm-{seed}" for seed in range(len(shifts))],
        "best_epoch": [7] * len(shifts),
        "initialisation": [measured(0.01, shift) for shift in shifts],
        "best": [measured(0.1, shift) for shift in shifts],
    }
    study = {
        "format_version": STUDY_VERSION,
        "dataset": DATASET,
        "sentences": {"count": 100, "of": 587, "shortest": 20, "longest": 41},
        "k": list(range(1, 41)),
        "count": [100] * 19 + [30] * 11 + [19] * 10,
        "models": [model],
    }
    return save("cell-memory", "default", study | changed)


@pytest.mark.parametrize("shifts", [(0.0,), (0.0, 0.1, -0.05)])
def test_shares_and_units_are_drawn_before_and_after(shifts, full_size):
    (model,) = make_study(shifts)["models"]
    figure = plots.plot_cell_memory.draw()
    left, right = figure.axes
    for number, (moment, label, style) in enumerate(
        (("initialisation", "before training", "--"), ("best", "selected epoch", "-"))
    ):
        line, k = lines(left)[label], range(1, 31)
        shares = 100 * np.array([run["diagonal"][:30] for run in model[moment]])
        np.testing.assert_array_equal(line.get_xdata(), k)
        np.testing.assert_allclose(line.get_ydata(), shares.mean(0))
        assert line.get_linestyle() == style
        assert_band(left.collections[number], k, shares.min(0), shares.max(0))
        (points,) = [line for name, line in lines(right).items() if name.startswith(label)]
        assert points.get_label().endswith(f"ρ = {0.5 + np.mean(shifts):+.2f}")
        for found, axis in ((points.get_xdata(), "time_scale"), (points.get_ydata(), "sensitivity")):
            np.testing.assert_array_equal(found, np.ravel([run[axis] for run in model[moment]]))
    after, before = (
        100 * np.mean([run["diagonal"][18] for run in model[m]]) for m in ("best", "initialisation")
    )
    assert (
        f"19 words back, {after:.0f}% of a cell's Jacobian is on its diagonal; untrained, {before:.0f}%"
        in words(figure)
    )
    runs = "1 LSTM run" if len(shifts) == 1 else "3 LSTM runs"
    assert_complete(figure, runs, "100 validation rows of 20 to 41 tokens")
    assert plots.plot_cell_memory().stat().st_size < 200_000


def test_a_study_that_is_missing_or_damaged_is_one_line():
    fails(r"uncomment the block cell_memory_study\(\) in main.py", plots.plot_cell_memory)
    make_study(models=[{}])
    fails(r"default.json is unfinished or damaged.*cell_memory_study\(\)", plots.plot_cell_memory)
