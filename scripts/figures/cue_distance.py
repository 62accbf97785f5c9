"""The figures of scripts/studies/cue_distance.py: accuracy and gradient by distance of the deciding cue."""

import re

import numpy as np

from scripts.figures import panels
from scripts.figures.sources import name_data, reading_study
from scripts.figures.style import BLACK, GREY, STATES, add_provenance, figure, open_figure
from scripts.files.numbers import counted
from scripts.files.runs import NAMES
from scripts.studies.statistics import describe_failure
from scripts.text.cue_distance import MIXTURES

FLOOR, CEILING = 1e-30, 1e2  # where the axis of the gradients ends
DEAD = 1e-10  # a line to compare with
MOMENTS = {"after": ("selected epoch", "-"), "before": ("epoch 0 (before training)", "--")}
TITLE = "How far back a model remembers, and how much of the gradient gets there"
TRAINED = {
    "even": "",
    "log": "\nwhere short distances are common in training",
    "far": "\nwhere training has no distance below half the longest",
}


@figure()
def plot_probe(name=MIXTURES[0]):
    """Draw how far back full training remembers, and how far the changed training; {file name: figure}.

    A marked cue (the decider), d words before the end of a sentence, determines its label. Studies are named
    by the distances in training, unless they were given another name: ``"even"``, each d equally often,
    ``"log"``, d as often as 1/d, or ``"far"``, none below half the longest.
    """
    with reading_study("cue-distance", name) as study:
        drawn = {f"cue-distance-{name}-changes.png": _draw_changes(study)}
        full = [one for one in study["variants"] if one["name"] == "full"]
        return ({f"cue-distance-{name}.png": _draw_full(study, full)} if full else {}) | drawn


def _draw_full(study, full):
    """Draw accuracy and the gradient at the deciding cue, of full training, against the cue's distance.

    Decider last: the other cue comes before it, so nothing nearer the end helps. Decider first (pale): the
    other cue, a few words nearer the end, gives the label away by its opposite. Accuracy: a symbol is the
    seeds' median, a bar their range. Gradient (decider last): median over the sentences of all seeds, the
    band their quartiles. The two panels are not cause and effect: the gradient at a distance that was not
    learned is an outcome of training too, and a state that has latched is remembered with hardly any
    gradient.
    """
    title = TITLE + TRAINED[study["mixture"]]
    drawn, axes = open_figure(title, 8, nrows=2, sharex=True, height_ratios=[2.6, 3.2])
    _draw_accuracies(axes[0], study, full)
    _draw_gradients(axes[1], study, full)
    drawn.align_ylabels(axes)
    last, first = (study["sentences"][name] for name in ("decides_last", "decides_first"))
    sentences = f"test sentences at each d: {last} decider last, {first} first"
    add_provenance(drawn, name_data(study["dataset"]), counted(len(study["seeds"]), "seed"), sentences)
    return drawn


def _draw_changes(study):
    """Draw the accuracy of each variant at each distance, decider last, as a map with numbers.

    A black stroke stands behind the last distance that a cut gradient reaches.
    """
    variants, tested = study["variants"], study["distances"]
    title = "To which distance a model learns, with its gradient changed" + TRAINED[study["mixture"]]
    drawn, axes = open_figure(title, 1.8 + 0.34 * len(variants))
    correct = np.array([100 * np.median(one["accuracy"], axis=0) for one in variants])
    axes.imshow(correct, cmap="Blues", vmin=50, vmax=110, aspect="auto")
    for (row, column), value in np.ndenumerate(correct):
        shade = "white" if value > 90 else BLACK
        axes.text(column, row, f"{value:.0f}", color=shade, ha="center", va="center", fontsize=10)
    for row, one in enumerate(variants):
        if K := re.search(r"truncate-(\d+)", one["settings"].get("backward", "")):
            reached = np.searchsorted(tested, int(K[1]), "right") - 0.5
            axes.plot([reached] * 2, [row - 0.5, row + 0.5], color=BLACK, linewidth=3)
    axes.set_xticks(range(len(tested)), tested)
    axes.set_yticks(range(len(variants)), [one["label"] for one in variants])
    axes.grid(False)
    axes.set_title("Correct, % of the test sentences; black stroke: the cut gradient reaches no further")
    axes.set_xlabel("d, words between the deciding cue and the end of the sentence")
    seeds = f"median of {counted(len(study['seeds']), 'seed')}"
    sentences = f"{study['sentences']['decides_last']} test sentences at each d, decider last"
    add_provenance(drawn, name_data(study["dataset"]), seeds, sentences)
    return drawn


def _draw_accuracies(axes, study, full):
    """Draw median and range of the seeds; pale, the sentences whose decider comes first."""
    d = study["distances"]
    for model in full:
        name, (colour, marker) = NAMES[model["model"]], STATES[model["model"], "h"]
        correct = 100 * np.array(model["accuracy"])
        middle = np.median(correct, axis=0)
        ends = [middle - correct.min(0), correct.max(0) - middle]
        size = 9 if model["model"] == "rnn" else 5.5  # both show where they meet
        look = {"color": colour, "marker": marker, "markersize": size, "capsize": 3, "elinewidth": 1.2}
        axes.errorbar(
            d, middle, ends, label=f"{name}, decider last: {describe_failure(study, model)}", **look
        )
        first = 100 * np.median(model["accuracy_decides_first"], axis=0)
        look = {"color": colour, "marker": marker, "markersize": 4, "linewidth": 1, "alpha": 0.5}
        label = f"{name}, decider first: the other cue is nearer the end"
        axes.plot(d, first, linestyle=":", zorder=1.9, label=label, **look)
    axes.axhline(100 * study["failing"], color=GREY, linestyle="-.", linewidth=1, zorder=1)
    axes.axhline(50, color=GREY, linestyle=":", linewidth=1, zorder=1)
    failing = f"Below {study['failing']:.0%} (dash-dotted) it is said to fail; dotted: chance"
    axes.set_title(f"Does the model know the label? {failing}")
    axes.set(ylabel="correct (% of test sentences)", ylim=(38, 103))
    entries = zip(*axes.get_legend_handles_labels(), strict=True)
    last_first = sorted(entries, key=lambda entry: "decider first" in entry[1])
    panels.add_legend(axes, zip(*last_first, strict=True), 1)


def _draw_gradients(axes, study, full):
    """Draw ‖∂z/∂state‖ at the deciding cue, before training and at the selected epoch."""
    d = study["distances"]
    for model in full:
        for state, moments in model["gradient"].items():
            for moment, (when, linestyle) in MOMENTS.items():
                values = {"distance": d}
                for name in ("median", "q25", "q75"):
                    powers = [-np.inf if power is None else power for power in moments[moment][name]]
                    values[name] = 10.0 ** np.array(powers)
                label, look = f"{NAMES[model['model']]} {state}, {when}", STATES[model["model"], state]
                curve = panels.Curve(label, {"gradient": values}, *look, linestyle)
                panels.draw_medians(axes, [curve], "gradient")
    for line in axes.lines:
        line.set_markevery(None)  # there are few distances
    axes.set_xscale("log")
    axes.set_yscale("log", nonpositive="clip")
    axes.set_ylim(max(FLOOR, axes.get_ylim()[0]), max(CEILING, 10 * axes.dataLim.y1))
    axes.axhline(1, color=GREY, linewidth=1, zorder=1)
    axes.axhline(DEAD, color=GREY, linestyle=":", linewidth=1, zorder=1)
    axes.set_xticks(study["distances"], [str(d) for d in study["distances"]])
    axes.minorticks_off()
    axes.set_title(f"How much of the gradient reaches the deciding cue? (dotted: {DEAD:g} of it)")
    axes.set_ylabel("norm of ∂z at the cue,\nrelative to the last step")
    axes.set_xlabel("d, words between the deciding cue and the end of the sentence")
    axes.legend(loc="lower left", frameon=True, framealpha=0.9, edgecolor="none")
