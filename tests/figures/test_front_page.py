"""The figure of the front page: what remains of the gradient, and what its loss costs."""

import numpy as np

from scripts.figures.front_page import plot_front_page
from scripts.figures.style import STATES
from tests.figures.helpers import differences_of_cuts, lines, make_variant, make_variants, words

NAMES = ("full", "truncate-0", "truncate-10", "preserve-norm")


def make_study(before=-2.0, after=-1.0, **changed):
    """Save a study; `before` and `after` training, so many powers of ten of the gradient remain."""
    variants = [make_variant(model, name) for model in ("rnn", "lstm") for name in NAMES]
    for variant in variants:
        for moments in variant["remaining"].values():
            moments |= {"before": [before], "after": [after]}
    return make_variants("default", "backward", variants, **changed)


def test_the_decay_is_that_of_full_training(study_root):
    study = make_study()
    left, right = plot_front_page.draw().axes
    for variant in study["variants"]:
        if variant["name"] == "full":
            state = {"rnn": "h", "lstm": "c"}[variant["model"]]
            for moment in ("before", "after"):
                drawn = lines(left)[f"{variant['model']} {moment}"]
                assert drawn.get_ydata().tolist() == variant["decay"][state][moment]["median"]
                assert drawn.get_color() == STATES[variant["model"], state][0]
                assert drawn.get_linestyle() == {"before": "--", "after": "-"}[moment]
    assert [label.get_text() for label in right.get_xticklabels()] == ["0", "10"]
    assert "RNN, untrained" in words(left.figure)


def test_the_title_states_the_finding_where_there_is_one(study_root):
    make_study()
    assert plot_front_page.draw().axes[1].get_title("left") == "Accuracy with a shortened gradient"
    differences = differences_of_cuts()
    make_study(differences=differences)
    drawn = plot_front_page.draw()
    assert drawn.axes[0].get_title("left") == "Training makes the gradient reach further back …"
    assert drawn.axes[1].get_title("left") == "… but no measurable drop on test from K = 10"
    assert np.prod(drawn.get_size_inches()) < 9 * 4  # low enough for the first screen
    make_study(-1.0, -2.0, differences=differences)
    titles = [axes.get_title("left") for axes in plot_front_page.draw().axes]
    assert titles == ["How far back the gradient reaches", "Accuracy with a shortened gradient"]


def test_it_is_a_file(study_root):
    make_study()
    assert plot_front_page().name == "front-page-default.png"
