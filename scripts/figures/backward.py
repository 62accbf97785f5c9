"""The figure of scripts/studies/backward.py: accuracy against the words that the backward pass reaches."""

import re
import textwrap

import numpy as np

from scripts.figures.panels import in_percent
from scripts.figures.sources import name_data, reading_study
from scripts.figures.style import MOMENTS, STATES, add_provenance, figure, open_figure
from scripts.files.blocks import DEFAULT
from scripts.files.numbers import counted
from scripts.files.runs import COMPARED, NAMES
from scripts.files.studies import read_study, study_names
from scripts.studies.statistics import smallest_enough

TITLE = "How well models learn without a part of their gradient"
MESSAGE = "No drop in test accuracy is measurable when the gradient is cut after {} steps"


@figure("backward-{name}.png")
def plot_backward(name=DEFAULT):
    """Draw the test accuracy of both models, trained with each change of the backward pass.

    A point is the mean over seeds, its bar the 95% interval; line and band are those of full training. The
    title states the smallest K from which on no test finds either model worse than with full training; the
    study's table says how large a difference would have been found. Below, where there is a truncation study
    of the runs with full training: what the cut takes away, ‖g_K − g‖ / ‖g‖ of all parameters.
    """
    with reading_study("backward", name) as study:
        names = list(dict.fromkeys(one["name"] for one in study["variants"]))
        truncated = [one for one in names if re.fullmatch(r"truncate-\d+", one)]
        others = [one for one in names if one not in (*truncated, "full")]
        errors = _truncation_of(study)
        widths = [max(1, len(truncated)), max(1, 1.4 * len(others))]  # theirs have words below them
        layout = {"nrows": 2 if errors else 1, "ncols": 2, "squeeze": False, "sharey": "row"}
        drawn, axes = open_figure(_title(study), 6 if errors else 5, width_ratios=widths, **layout)
        for top, shown in zip(axes[0], (truncated, others), strict=True):
            for model in COMPARED:
                draw_accuracies(top, study, model, shown)
            top.set_xticks(range(len(shown)), [_tick(one) for one in shown])
            top.set_xlim(-0.6, max(1, len(shown)) - 0.4)
        axes[0, 0].set(title="Gradient cut after K steps", ylabel="test accuracy (%)")
        axes[0, 0].legend(loc="lower right", title="line, band: full training")
        axes[0, 1].set_title("Other changes")
        axes[0, 1].tick_params("x", labelsize=9)
        if errors:
            _draw_errors(axes[1, 0], errors, truncated)
            axes[1, 1].axis("off")
            axes[1, 1].legend(*axes[1, 0].get_legend_handles_labels(), loc="upper left", handlelength=4)
        axes[-1, 0].set_xlabel("K, steps that the gradient goes back")
        seeds, test = len(study["seeds"]), study["dataset"]["splits"]["test"]["rows"]
        sentences = f"{test:,} test sentences, standard error {100 * study['standard_error']:.1f} points"
        add_provenance(drawn, name_data(study["dataset"]), counted(seeds, "seed"), sentences)
        return drawn


def _title(study):
    """Return the finding of the study where it has one for both models, else what is drawn."""
    enough = [smallest_enough(study, model) for model in COMPARED]
    return TITLE if None in enough else MESSAGE.format(max(enough))


def _truncation_of(study):
    """Return the truncation study of the runs with full training, or None."""
    full = {run_id for one in study["variants"] if one["name"] == "full" for run_id in one["runs"]}
    for name in study_names("truncation"):
        found = read_study("truncation", name)
        if all(full.issuperset(model["runs"]) for model in found["models"]):
            return found
    return None


def _tick(name):
    """Label of a variant: K alone where the gradient is cut."""
    if name.startswith("truncate-recurrent-"):
        return name.replace("truncate-recurrent-", "W_hh,\nK = ")
    return textwrap.fill(name.removeprefix("truncate-"), 9)


def draw_accuracies(axes, study, model, shown):
    """Draw the variants `shown` of one model over places 0, 1, …, on the band of its full training."""
    found = {
        one["name"]: one["intervals"]["test_accuracy"] for one in study["variants"] if one["model"] == model
    }
    colour, marker = STATES[model, "h"]
    if full := found.get("full"):
        mean, low, high = in_percent(full)
        axes.axhspan(low, high, color=colour, alpha=0.15, linewidth=0)
        axes.axhline(mean, color=colour, linewidth=1)
    places = np.array([place for place, one in enumerate(shown) if one in found])
    mean, low, _ = np.reshape([in_percent(found[one]) for one in shown if one in found], (-1, 3)).T
    look = {"color": colour, "marker": marker, "linestyle": "none", "capsize": 3}
    side_by_side = places + {"rnn": -0.1, "lstm": 0.1}[model]
    axes.errorbar(side_by_side, mean, mean - low, label=NAMES[model], **look)


def _draw_errors(axes, truncation, truncated):
    """Draw what the cut takes away from the whole gradient, the mean over runs, at the K of `truncated`."""
    shown = [int(_tick(name)) for name in truncated]
    places = [place for place, K in enumerate(shown) if K in truncation["K"]]
    for model in truncation["models"]:
        colour, marker = STATES[model["model"], "h"]
        for moment, (words, linestyle) in MOMENTS.items():
            errors = np.mean([run["whole"]["all"]["error"] for run in model[moment]], axis=0)
            drawn = [100 * errors[truncation["K"].index(shown[place])] for place in places]
            look = {"color": colour, "markerfacecolor": colour if linestyle == "-" else "white"}
            label = f"{NAMES[model['model']]}, {words}"
            axes.plot(places, drawn, linestyle, marker=marker, label=label, **look)
    axes.set(title="What the cut takes away", ylabel="error of the gradient (%)", ylim=(0, None))
    axes.set_xticks(range(len(shown)), shown)
    axes.set_xlim(-0.6, max(1, len(shown)) - 0.4)
