"""The figure of scripts/studies/backward.py: accuracy against the words that the backward pass reaches."""

import re

import numpy as np

from scripts.figures.sources import name_data, reading_study
from scripts.figures.style import STATES, add_provenance, figure, open_figure
from scripts.files.blocks import DEFAULT
from scripts.files.numbers import counted
from scripts.files.runs import NAMES


@figure("backward-{name}.png")
def plot_backward(name=DEFAULT):
    """Draw the test accuracy of both models, trained with each change of the backward pass.

    Left: the gradient is cut after K steps; right: the other changes. A point is the mean over seeds, its bar
    the 95% interval; the band is the interval of full training. A point whose bar lies in the band of its
    colour can't be told from full training by eye; the study's table has the tests.
    """
    with reading_study("backward", name) as study:
        names = list(dict.fromkeys(one["name"] for one in study["variants"]))
        truncated = [one for one in names if re.fullmatch(r"truncate-\d+", one)]
        others = [one for one in names if one not in (*truncated, "full")]
        title = "How well models learn without a part of their gradient"
        widths = [max(1, len(truncated)), max(1, len(others))]
        drawn, panels = open_figure(title, 5, ncols=2, sharey=True, width_ratios=widths)
        for axes, shown in zip(panels, (truncated, others), strict=True):
            for model in NAMES:
                _draw_accuracies(axes, study, model, shown)
            axes.set_xticks(range(len(shown)), [_tick(one) for one in shown])
            axes.set_xlim(-0.6, max(1, len(shown)) - 0.4)
        panels[0].set(title="Gradient cut after K steps", xlabel="K, steps that it goes back")
        panels[0].set_ylabel("test accuracy (%)")
        panels[1].set_title("Other changes")
        panels[1].tick_params("x", labelsize=9)
        panels[0].legend(loc="lower right")
        seeds, test = len(study["seeds"]), study["dataset"]["splits"]["test"]["rows"]
        sentences = f"{test:,} test sentences, standard error {100 * study['standard_error']:.1f} points"
        add_provenance(drawn, name_data(study["dataset"]), counted(seeds, "seed"), sentences)
        return drawn


def _tick(name):
    """Label of a variant: K alone where the gradient is cut."""
    if match := re.fullmatch(r"truncate-(\d+)", name):
        return match[1]
    words = name.replace("truncate-recurrent-", "W_hh\ncut after\n").replace("gates-x", "gates\nsee x")
    return words.replace("-", "-\n")


def _draw_accuracies(axes, study, model, shown):
    """Draw the variants of one model over the places of `shown`, on the band of its full training."""
    found = {
        one["name"]: one["intervals"]["test_accuracy"] for one in study["variants"] if one["model"] == model
    }
    colour, marker = STATES[model, "h"]
    if full := found.get("full"):
        low, high = (full["mean"] if full[end] is None else full[end] for end in ("low", "high"))
        axes.axhspan(100 * low, 100 * high, color=colour, alpha=0.15, linewidth=0)
        axes.axhline(100 * full["mean"], color=colour, linewidth=1)
    places = [place for place, one in enumerate(shown) if one in found]
    means = np.array([found[shown[place]]["mean"] for place in places])
    lows = [found[shown[place]]["low"] for place in places]
    places = np.array(places) + {"rnn": -0.1, "lstm": 0.1}[model]  # side by side
    bars = [0 if low is None else mean - low for mean, low in zip(means, lows, strict=True)]
    look = {"color": colour, "marker": marker, "linestyle": "none", "capsize": 3}
    axes.errorbar(places, 100 * means, 100 * np.array(bars), label=NAMES[model], **look)
