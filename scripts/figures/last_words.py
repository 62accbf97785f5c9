"""The figure of scripts/studies/last_words.py: accuracy from the last k words of each sentence alone."""

import numpy as np

from scripts.figures.panels import add_legend, count_axis
from scripts.figures.sources import name_data, reading_study
from scripts.figures.style import GREY, STATES, add_provenance, figure, open_figure
from scripts.files.blocks import DEFAULT
from scripts.files.numbers import counted
from scripts.files.runs import NAMES


@figure("memory-{name}.png")
def plot_memory(name=DEFAULT):
    """Draw the test accuracy of an RNN and an LSTM that are shown only the last k words.

    The legend gives the accuracy on whole sentences; flat: from there on never more than one standard error
    below it. Of several seeds a line is the mean and the band goes from the smallest to the largest, of one
    it is one standard error. Nothing is trained for a k: the models were trained on whole rows and read the
    last k words as if they were all. A flat line says that this dataset needs no longer memory (or, far
    right, that few sentences are longer), not that the model has none.
    """
    with reading_study("memory", name) as study:
        title = "How many of its last words does a sentence need?"
        drawn, (top, bottom) = open_figure(title, 5.6, nrows=2, sharex=True, height_ratios=[3.6, 1.1])
        k, longer, count = study["k"], study["longer"], f"{study['sentences']:,}"
        for model in study["models"]:
            _draw_accuracy(top, k, model)
        counts, majority = 100 * np.array(study["baselines"]["counts"]), 100 * study["baselines"]["majority"]
        label = f"logistic regression on word counts: {counts[-1]:.1f}%"
        top.plot(k, counts, color="black", linewidth=1.5, label=label)
        top.axhline(majority, color=GREY, linestyle=":", label=f"majority class: {majority:.1f}%")
        top.set(title="Test accuracy from the last k words", ylabel="correct (% of test sentences)")
        bottom.fill_between(k, longer, step="mid", color=GREY, alpha=0.25, linewidth=0)
        bottom.plot(k, longer, "" if len(k) > 1 else "o", color="black", linewidth=1.5, drawstyle="steps-mid")
        bottom.set_title(f"Sentences longer than k words, of {count} (the others are read whole)")
        bottom.set(ylabel="sentences cut", xlabel="k, words read from the end of each sentence")
        bottom.set_ylim(0, max(1, bottom.get_ylim()[1]))
        bottom.yaxis.get_major_locator().set_params(integer=True)
        count_axis(bottom, k[0], k[-1])
        low, high = top.get_ylim()
        top.set_ylim(max(-3, low), min(103, high))  # an error of a few sentences reaches beyond
        drawn.align_ylabels([top, bottom])
        add_legend(top, top.get_legend_handles_labels(), 2)
        runs = ", ".join(counted(len(of["runs"]), f"{NAMES[of['model']]} run") for of in study["models"])
        sentences = f"{count} test sentences of up to {k[-1]} tokens"
        add_provenance(drawn, name_data(study["dataset"]), runs, sentences)
        return drawn


def _draw_accuracy(axes, k, model):
    """Draw mean and range of the seeds; of one seed, a standard error to either side."""
    colour, marker = STATES[model["model"], "h"]
    of_seeds = 100 * np.array(model["accuracy"])
    mean, low, high = of_seeds.mean(0), of_seeds.min(0), of_seeds.max(0)
    if len(of_seeds) == 1:
        error = 100 * model["standard_error"]
        low, high = mean - error, mean + error
    label = f"{NAMES[model['model']]}: {mean[-1]:.1f}%, flat from k = {model['enough']} on"
    axes.fill_between(k, low, high, color=colour, alpha=0.15, linewidth=0)
    axes.plot(k, mean, color=colour, marker=marker, markevery=3, label=label)
