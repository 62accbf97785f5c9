"""The figure of scripts/studies/truncation.py: how much of the gradient a truncation after K steps loses."""

import numpy as np

from scripts.figures.panels import count_axis
from scripts.figures.sources import name_data, reading_study
from scripts.figures.style import BLACK, GREY, MOMENTS, STATES, add_provenance, figure, open_figure
from scripts.files.blocks import DEFAULT
from scripts.files.numbers import counted
from scripts.files.runs import NAMES

FARTHEST = 30  # K shown
TITLES = {"W_hh": "Of W_hh alone", "all": "Of W_ih, W_hh and b"}


@figure("truncation-{name}.png")
def plot_truncation(name=DEFAULT):
    """Draw the relative error of a gradient that goes back K steps and no more, before and after training.

    0: nothing is lost; 1: what is lost is as large as the whole gradient. Bold: the gradient of the mean loss
    over the validation split; thin: the median over small batches of it. Of several seeds a line is the mean,
    and the band of the bold one goes from the smallest to the largest. The first K at which the bold line of
    one run is below a dotted one, at 0.9, 0.5 or 0.1, is its κ in the table that the study prints.
    """
    with reading_study("truncation", name) as study:
        title = "How much of the gradient is lost when it is cut after K steps"
        drawn, panels = open_figure(title, 5, ncols=2, sharey=True)
        for axes, (parameters, words) in zip(panels, TITLES.items(), strict=True):
            for model in study["models"]:
                for moment in MOMENTS:
                    _draw_errors(axes, study["K"], model, moment, parameters)
            for delta in study["delta"]:
                axes.axhline(delta, color=GREY, linestyle=":", linewidth=1, zorder=1)
            axes.set(title=words, xlabel="K, steps that the gradient goes back")
            count_axis(axes, 0, min(FARTHEST, study["K"][-1]))
        panels[0].set(ylabel="relative error, ‖g_K − g‖ / ‖g‖", ylim=(0, None))
        thin = "thin: batches of {size}, median of {count}".format_map(study["batches"])
        panels[0].plot([], [], color=BLACK, linewidth=0.8, label=thin)
        entries = panels[0].get_legend_handles_labels()
        panels[1].legend(*entries, frameon=True, framealpha=0.8, edgecolor="none")
        runs = ", ".join(counted(len(of["runs"]), f"{NAMES[of['model']]} run") for of in study["models"])
        sentences = f"{study['sentences']['count']:,} validation rows"
        add_provenance(drawn, name_data(study["dataset"]), runs, sentences)
        return drawn


def _draw_errors(axes, K, model, moment, parameters):
    """Draw the errors of the runs of one model at one moment: of the whole split, and of the median batch."""
    (colour, marker), (words, linestyle) = STATES[model["model"], "h"], MOMENTS[moment]
    whole, batches = (
        np.array([run[kind][parameters]["error"] for run in model[moment]], float)
        for kind in ("whole", "batches")
    )
    if len(whole) > 1:
        axes.fill_between(K, whole.min(0), whole.max(0), color=colour, alpha=0.15, linewidth=0)
    line = {"color": colour, "linestyle": linestyle}
    marks = {"marker": marker, "markevery": 3, "markerfacecolor": colour if linestyle == "-" else "white"}
    axes.plot(K, whole.mean(0), label=f"{NAMES[model['model']]}, {words}", **line, **marks)
    axes.plot(K, batches.mean(0), linewidth=0.8, **line)
