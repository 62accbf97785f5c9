"""The figure of the last k words: what is drawn is what the JSON holds."""

import numpy as np
import pytest

from scripts import plots
from scripts.files.storage import write_json, write_text
from scripts.files.studies import STUDY_VERSION, study_path
from tests.figures.helpers import DATASET, assert_complete, fails, lines, save


def make_study(shifts=(0.0,)):
    """A study of the last k words; each seed is more often correct than the first by a shift."""
    k = list(range(1, 31))
    models = [
        {
            "model": model,
            "hidden_size": 64,
            "runs": [f"{model}-run-{seed}" for seed in range(len(shifts))],
            "best_epoch": [7] * len(shifts),
            "accuracy": [[0.5 + shift + scale * (1 - 0.9**n) for n in k] for shift in shifts],
            "standard_error": 0.013,
            "enough": 17,
        }
        for model, scale in (("rnn", 0.32), ("lstm", 0.34))
    ]
    baselines = {"majority": 0.509, "counts": [0.5 + 0.3 * (1 - 0.8**n) for n in k]}
    study = {"format_version": STUDY_VERSION, "dataset": DATASET, "models": models, "baselines": baselines}
    return save("memory", "default", study | {"sentences": 872, "k": k, "longer": [872 - 29 * n for n in k]})


@pytest.mark.parametrize("shifts", [(0.0,), (0.0, 0.03, -0.01)])
def test_both_models_and_both_baselines_are_drawn(shifts, full_size):
    study = make_study(shifts)
    figure = plots.plot_memory.draw()
    top, bottom = figure.axes
    drawn = list(lines(top).values())
    low, high = (-1.3, 1.3) if len(shifts) == 1 else (100 * (end - np.mean(shifts)) for end in (-0.01, 0.03))
    for line, band, model in zip(drawn, top.collections, study["models"], strict=False):
        np.testing.assert_array_equal(line.get_xdata(), study["k"])
        mean = 100 * np.mean(model["accuracy"], axis=0)
        np.testing.assert_allclose(line.get_ydata(), mean)
        assert f"{mean[-1]:.1f}%, flat from k = 17 on" in line.get_label()
        edges = band.get_paths()[0].vertices[:, 1]
        assert [edges.min(), edges.max()] == pytest.approx([min(mean) + low, max(mean) + high])
    np.testing.assert_allclose(drawn[2].get_ydata(), 100 * np.array(study["baselines"]["counts"]))
    np.testing.assert_allclose(drawn[3].get_ydata(), 50.9)
    np.testing.assert_array_equal(bottom.lines[0].get_ydata(), study["longer"])
    runs = "1 RNN run, 1 LSTM run" if len(shifts) == 1 else "3 RNN runs, 3 LSTM runs"
    assert_complete(figure, runs, "872 test sentences of up to 30 tokens")
    assert plots.plot_memory().stat().st_size < 200_000


def test_a_study_that_is_missing_or_damaged_is_one_line():
    fails(r"uncomment the block memory_study\(.* in main.py", plots.plot_memory)
    study = make_study()
    for broken in (
        {key: value for key, value in study.items() if key != "models"},
        {key: value for key, value in study.items() if key != "dataset"},
        study | {"models": [{}]},
        study | {"models": 5},
    ):
        save("memory", "default", broken)
        fails(r"default.json is unfinished or damaged.*memory_study\(", plots.plot_memory)
    write_text(study_path("memory", "default"), "{")
    fails("is no JSON", plots.plot_memory)
    write_json(study_path("memory", "default"), {"format_version": 99})
    fails("has format version 99, expected 5", plots.plot_memory)
