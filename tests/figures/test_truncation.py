"""The figure of truncated gradients: what is drawn is what the JSON holds."""

import numpy as np
import pytest

from scripts import plots
from scripts.files.studies import STUDY_VERSION
from tests.figures.helpers import DATASET, assert_band, assert_complete, fails, lines, save

RATES = {("rnn", "initialisation"): 0.6, ("rnn", "best"): 0.1, ("lstm", "initialisation"): 0.3}


def measured(rate, shift):
    """Errors of one run at one moment: an exponential decay, faster in the median batch, and 0 at the end."""
    K = np.arange(40)
    whole, batches = (np.exp(-r * K) * (K < 39) + shift for r in (rate, 1.1 * rate))
    return {
        kind: {name: {"error": (scale * errors).tolist()} for name, scale in (("W_hh", 0.9), ("all", 1))}
        for kind, errors in (("whole", whole), ("batches", batches))
    }


def make_study(shifts=(0.0,)):
    """A study in which the errors of each seed are larger than those of the first by a shift."""
    models = [
        {
            "model": model,
            "hidden_size": 64,
            "runs": [f"{model}-run-{seed}" for seed in range(len(shifts))],
            "best_epoch": [7] * len(shifts),
            **{
                moment: [measured(RATES.get((model, moment), 0.05), shift) for shift in shifts]
                for moment in ("initialisation", "best")
            },
        }
        for model in ("rnn", "lstm")
    ]
    study = {
        "format_version": STUDY_VERSION,
        "dataset": DATASET,
        "sentences": {"count": 6484, "shortest": 1, "longest": 40},
        "batches": {"count": 100, "size": 64, "seed": 0},
        "K": list(range(40)),
        "delta": [0.9, 0.5, 0.1],
        "models": models,
    }
    return save("truncation", "default", study)


@pytest.mark.parametrize("shifts", [(0.0,), (0.0, 0.03, 0.1)])
def test_errors_of_both_models_are_drawn_before_and_after(shifts, full_size):
    study = make_study(shifts)
    figure = plots.plot_truncation.draw()
    for axes, parameters in zip(figure.axes, ("W_hh", "all"), strict=True):
        drawn = lines(axes)
        bands = iter(axes.collections)
        for model, word in zip(study["models"], ("RNN", "LSTM"), strict=True):
            for moment, words, style in (
                ("initialisation", "before training", "--"),
                ("best", "selected epoch", "-"),
            ):
                (line,) = [line for label, line in drawn.items() if label.startswith(f"{word}, {words}")]
                thin = axes.lines[axes.lines.index(line) + 1]
                for each, kind in ((line, "whole"), (thin, "batches")):
                    errors = [run[kind][parameters]["error"] for run in model[moment]]
                    np.testing.assert_allclose(each.get_ydata(), np.mean(errors, axis=0))
                    assert each.get_linestyle() == style
                assert thin.get_linewidth() < line.get_linewidth()
                if len(shifts) > 1:
                    errors = [run["whole"][parameters]["error"] for run in model[moment]]
                    assert_band(next(bands), study["K"], np.min(errors, axis=0), np.max(errors, axis=0))
        assert axes.get_xlim() == (0, 30)
    runs = "1 RNN run, 1 LSTM run" if len(shifts) == 1 else "3 RNN runs, 3 LSTM runs"
    assert_complete(figure, runs, "6,484 validation rows", "batches of 64, median of 100")
    assert plots.plot_truncation().stat().st_size < 200_000


def test_a_study_that_is_missing_or_damaged_is_one_line():
    fails(r"uncomment the block truncation_study\(\) in main.py", plots.plot_truncation)
    study = make_study()
    for broken in (study | {"models": [{}]}, {key: study[key] for key in study if key != "delta"}):
        save("truncation", "default", broken)
        fails(r"default.json is unfinished or damaged.*truncation_study\(\)", plots.plot_truncation)
