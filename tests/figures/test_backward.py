"""The figure of changed backward passes: points and bands are the intervals of the study."""

import numpy as np

from scripts import plots
from scripts.files.studies import STUDY_VERSION
from tests.figures.helpers import differences_of_cuts, lines, make_variant, make_variants, save

NAMES = ("full", "truncate-0", "truncate-10", "preserve-norm")


def test_points_are_means_on_the_band_of_full_training(study_root):
    variants = [make_variant(model, name) for model in ("rnn", "lstm") for name in NAMES]
    for number, variant in enumerate(variants):
        mean = 0.8 + number / 100
        found = {"mean": mean, "low": mean - 0.005, "high": mean + 0.005, "count": 3}
        variant["intervals"]["test_accuracy"] = found
    make_variants("default", "backward", variants)
    cut, others = plots.plot_backward.draw().axes
    assert [label.get_text() for label in cut.get_xticklabels()] == ["0", "10"]
    assert [label.get_text() for label in others.get_xticklabels()] == ["preserve-\nnorm"]
    for axes, expected in ((cut, [[81, 82], [85, 86]]), (others, [[83], [87]])):
        drawn = [bars.lines[0].get_ydata().tolist() for bars in axes.containers]
        np.testing.assert_allclose(np.concatenate(drawn), np.concatenate(expected))
        bands = [patch.get_y() for patch in axes.patches]
        np.testing.assert_allclose(bands, [79.5, 83.5])


def test_one_seed_has_no_interval(study_root):
    variant = make_variant("rnn", "truncate-0", seeds=(0,))
    variant["intervals"]["test_accuracy"] |= {"low": None, "high": None}
    make_variants("default", "backward", [variant])
    assert plots.plot_backward().exists()


def test_the_error_of_the_cut_gradient_stands_below_its_accuracy(study_root):
    """Where there is a truncation study of these very runs."""
    variants = [make_variant(model, name) for model in ("rnn", "lstm") for name in NAMES]
    study = make_variants("default", "backward", variants)
    runs = {one["model"]: one["runs"] for one in study["variants"] if one["name"] == "full"}

    def truncation(name, **changed):
        models = [
            {"model": model, "runs": changed.get("runs", ids)}
            | {
                moment: [{"whole": {"all": {"error": [first + 0.1 * seed, 0.3, 0.1]}}} for seed in range(2)]
                for moment, first in (("initialisation", 0.5), ("best", 0.8))
            }
            for model, ids in runs.items()
        ]
        save("truncation", name, {"format_version": STUDY_VERSION, "K": [0, 5, 10], "models": models})

    truncation("others", runs=["rnn-run-1"])
    assert len(plots.plot_backward.draw().axes) == 2
    truncation("these")
    figure = plots.plot_backward.draw()
    below = lines(figure.axes[2])
    np.testing.assert_allclose(below["RNN, before training"].get_ydata(), [55, 10])
    np.testing.assert_allclose(below["LSTM, selected epoch"].get_ydata(), [85, 10])
    assert below["LSTM, selected epoch"].get_xdata().tolist() == [0, 1]  # the places of K = 0 and 10


def test_the_title_is_the_finding_where_there_is_one(study_root):
    variants = [make_variant(model, name) for model in ("rnn", "lstm") for name in NAMES]
    differences = differences_of_cuts()
    make_variants("default", "backward", variants, differences=differences)
    title = plots.plot_backward.draw().get_suptitle()
    assert title == "No drop in test accuracy is measurable when the gradient is cut after 10 steps"
    make_variants("default", "backward", variants, differences=differences[:2])
    assert plots.plot_backward.draw().get_suptitle().startswith("How well models learn")
