"""The figure of the front page: how far back the gradient reaches, and how much of that training needs."""

import re

import numpy as np

from scripts.figures.backward import draw_accuracies
from scripts.figures.panels import Curve, draw_medians, mark_distances
from scripts.figures.sources import reading_study
from scripts.figures.style import GREY, STATES, figure, open_figure
from scripts.files.blocks import DEFAULT
from scripts.files.runs import COMPARED
from scripts.studies.statistics import smallest_enough

SHOWN = [("rnn", "h"), ("lstm", "c")]  # of each model the state whose gradient lasts longest
FARTHEST = 30  # words: beyond, few sentences are long enough
LABELS = {  # of each line: the distance where its label begins, the points above it, the label
    ("rnn", "before"): (15, 8, "RNN, untrained"),
    ("rnn", "after"): (20, 8, "RNN, trained"),
    ("lstm", "before"): (8, -18, "LSTM's cell, untrained"),
    ("lstm", "after"): (8, 6, "LSTM's cell, trained"),
}


@figure("front-page-{name}.png")
def plot_front_page(name=DEFAULT):
    """Draw what remains of the gradient by distance, and the accuracy when it is cut after K steps.

    Left: the norm of ∂z/∂h (RNN) and ∂z/∂c (LSTM) k words before the end, relative to the last word: median
    over sentences, then over seeds, with a band over the seeds; dashed before training. Right: as
    :func:`scripts.figures.backward.plot_backward`. The two titles are the finding, where there is one.
    """
    with reading_study("backward", name) as study:
        drawn, (left, right) = open_figure("", 3.8, ncols=2)
        _draw_remaining(left, study)
        matches = (re.fullmatch(r"truncate-(\d+)", one["name"]) for one in study["variants"])
        shown = sorted({int(match[1]) for match in matches if match})
        for model in COMPARED:
            draw_accuracies(right, study, model, [f"truncate-{K}" for K in shown])
        right.set_xticks(range(len(shown)), shown)
        right.set(xlabel="K, words after which the gradient is cut", ylabel="test accuracy (%)")
        for axes, title in zip((left, right), _titles(study), strict=True):
            axes.set_title(title)
        right.legend(loc="lower right", title="lines, bands: not cut")
        return drawn


def _draw_remaining(axes, study):
    """Draw the decay of both models with full training, each line with its label."""
    full = {one["model"]: one for one in study["variants"] if one["name"] == "full"}
    axes.set_yscale("log")
    curves = []
    for model, state in SHOWN:
        for moment, linestyle in (("before", "--"), ("after", "-")):
            decay = full[model]["decay"][state]
            curve = Curve(f"{model} {moment}", decay, *STATES[model, state], linestyle)
            draw_medians(axes, [curve], moment, ("low", "high"))
            curves.append(curve)
            k, above, words = LABELS[model, moment]
            k = min(k, len(decay[moment]["median"]) - 1)
            look = {"color": curve.colour, "textcoords": "offset points", "weight": "bold", "fontsize": 10}
            axes.annotate(words, (k, decay[moment]["median"][k]), (0, above), **look)
    mark_distances([axes], curves, study["sentences"]["shortest"])
    axes.set(xlim=(0, min(FARTHEST, axes.get_xlim()[1])), ylim=(5e-4, 4))
    axes.axhline(1, color=GREY, linewidth=1, zorder=1)
    axes.set_xlabel("distance from the end of the sentence (words)")
    axes.set_ylabel("gradient that remains (%)")
    axes.yaxis.set_major_formatter(lambda share, _: f"{100 * share:g}")


def _titles(study):
    """Return the titles of both panels: further back after training, and which K is enough, or neither."""
    full = {one["model"]: one for one in study["variants"] if one["name"] == "full"}
    shown = [full[model]["remaining"][state] for model, state in SHOWN]
    grown = all(np.mean(moments["after"]) > np.mean(moments["before"]) for moments in shown)
    enough = [smallest_enough(study, model) for model in COMPARED]
    if not grown or None in enough:
        return "How far back the gradient reaches", "Accuracy with a shortened gradient"
    finding = f"… but no measurable drop on test from K = {max(enough)}"
    return "Training makes the gradient reach further back …", finding
