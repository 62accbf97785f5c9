"""The figure of scripts/studies/memory.py: accuracy with far words left out or shuffled."""

import numpy as np

from scripts.figures.panels import count_axis, in_percent
from scripts.figures.sources import name_data, reading_study
from scripts.figures.style import BLACK, GREY, STATES, add_provenance, figure, open_figure
from scripts.files.blocks import DEFAULT
from scripts.files.numbers import counted
from scripts.files.runs import NAMES

LEAD = "LSTM − RNN"


@figure("memory-{name}.png")
def plot_memory(name=DEFAULT):
    """Draw test accuracy with all but the last k words shuffled, or left out; and the LSTM's lead.

    Left: how far a thick line rises is what the order of far words is worth; between it and the thin line
    below lies what these words are worth in any order. Lines are means over seeds, bands go from the smallest
    to the largest. Dotted: models that were trained on shuffled words, and read them in order. Right: LSTM −
    RNN where both read the same shuffled sentences, with its 95% interval over seeds; line and band are the
    lead in order. The title says how that compares with k = 0 (Welch's interval).
    """
    with reading_study("memory", name) as study:
        found = {one["label"]: one["test_accuracy"] for one in study["differences"]}
        drawn, (left, right) = open_figure(_title(found), 5, ncols=2, width_ratios=[1.7, 1])
        for model in study["models"]:
            _draw_accuracies(left, study["k"], model)
        left.axhline(100 * study["baselines"]["whole"], color=BLACK, linewidth=1.2, label="word counts")
        for words, width in (("shuffled", 2), ("left out", 1)):
            left.plot([], [], color=GREY, linewidth=width, label=f"words before the last k {words}")
        left.set(title="Test accuracy", ylabel="correct (% of test sentences)")
        left.legend(loc="lower right")
        _draw_lead(right, study, found)
        for axes in (left, right):
            axes.set_xlabel("k, words at the end that stay")
            count_axis(axes, 0, study["k"][-1])
        runs = counted(sum(len(of["runs"]) for of in study["models"]), "run")
        read = f"{study['sentences']['count']:,} test sentences, {study['shuffles']['count']} shuffles"
        add_provenance(drawn, name_data(study["dataset"]), runs, read)
        return drawn


def _title(found):
    """Say what shuffling all words costs."""
    costs = {name: found.get(f"{name}, shuffled − in order") for name in NAMES.values()}
    words = [f"the {name} {-100 * cost['mean']:.1f}" for name, cost in costs.items() if cost]
    return f"Shuffling all words costs {', '.join(words)} points" if words else "Words left out or shuffled"


def _draw_accuracies(axes, k, model):
    """Draw mean and range of the seeds by k; if trained on shuffled words, what they reach in order."""
    (colour, marker), label = STATES[model["model"], "h"], NAMES[model["model"]]
    if model["word_order"] == "shuffled":
        look = {"color": colour, "linestyle": ":", "label": f"{label} trained on shuffled words"}
        axes.axhline(100 * np.mean(model["whole"]), linewidth=1.5, **look)
        return
    for words, width in (("shuffled", 2), ("left_out", 1)):
        seeds = 100 * np.array(model[words], float)
        axes.fill_between(k, seeds.min(0), seeds.max(0), color=colour, alpha=0.15, linewidth=0)
        look = {"color": colour, "marker": marker, "linewidth": width, "markersize": 3 * width}
        axes.plot(k, seeds.mean(0), clip_on=False, label=label if width == 2 else None, **look)


def _draw_lead(axes, study, found):
    """Draw the LSTM's lead by k, with its interval, on that in order; the title says if it changes."""
    changed = ""
    if in_order := found.get(f"{LEAD}, in order"):
        mean, low, high = in_percent(in_order)
        axes.axhspan(low, high, color=GREY, alpha=0.15, linewidth=0)
        axes.axhline(mean, color=BLACK, linewidth=1.2, label="in order")
        mean, low, high = np.transpose([in_percent(found[f"{LEAD}, {name}"]) for name in study["conditions"]])
        look = {"color": BLACK, "elinewidth": 1.2, "capsize": 3, "label": "far words shuffled"}
        axes.errorbar(study["k"], mean, (mean - low, high - mean), fmt="o", clip_on=False, **look)
        axes.set_ylim(top=axes.get_ylim()[1] + 1.5)  # room for the legend
        axes.legend(loc="upper right")
        low, high = (found[f"{LEAD}, shuffled − in order"][end] for end in ("low", "high"))
        if low is not None:
            changed = ", smaller" if high < 0 else ", larger" if low > 0 else ": no clear change"
    axes.axhline(0, color=GREY, linewidth=1)
    axes.set(title=f"The LSTM's lead{changed}", ylabel="LSTM − RNN (points)")
