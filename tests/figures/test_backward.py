"""The figure of changed backward passes: points and bands are the intervals of the study."""

import numpy as np

from scripts import plots
from tests.figures.helpers import make_variant, make_variants

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
