"""The figures of scripts/studies/cue_distance.py: accuracy and gradient by distance of the deciding cue."""

import re

import numpy as np

from scripts.figures import panels
from scripts.figures.sources import name_data, reading_study
from scripts.figures.style import BLACK, GREY, STATES, add_provenance, figure, open_figure
from scripts.files.numbers import counted, power_of_ten
from scripts.files.runs import NAMES
from scripts.text.cue_distance import MIXTURES

FLOOR, CEILING = 1e-30, 1e2  # where the axis of the gradients ends
MOMENTS = {"after": ("selected epoch", "-"), "before": ("epoch 0 (before training)", "--")}
TRAINED = {
    "even": "",
    "log": ",\ntrained mostly on short distances",
    "far": ",\ntrained on distances of at least half the longest",
}


@figure()
def plot_probe(name=MIXTURES[0]):
    """Draw what reaches the cue in full training, and how far each training remembers; {file name: figure}.

    A marked cue (the decider), d words before the end of a sentence, determines its label. Studies are named
    by the distances in training: ``"even"``, ``"log"``, d as often as 1/d, or ``"far"``, none below half the
    longest.
    """
    with reading_study("cue-distance", name) as study:
        drawn = {f"cue-distance-{name}-changes.png": _draw_changes(study)}
        full = [one for one in study["variants"] if one["name"] == "full"]
        return ({f"cue-distance-{name}.png": _draw_full(study, full)} if full else {}) | drawn


def _draw_full(study, full):
    """Draw the gradient at the deciding cue, of full training, against the cue's distance."""
    first, farthest = full[0], study["distances"][-1]
    state = next(iter(first["gradient"]))
    remains = power_of_ten(first["gradient"][state]["after"]["median"][-1])
    correct = f"{100 * np.median(first['accuracy'], axis=0)[-1]:.0f}%"
    title = f"{farthest} words back, {remains} of the {NAMES[first['model']]}'s ∂z/∂{state} remains"
    drawn, axes = open_figure(f"{title}, and {correct} are correct{TRAINED[study['mixture']]}", 4.6)
    _draw_gradients(axes, study, full)
    _add_provenance(drawn, study, "")
    return drawn


def _draw_changes(study):
    """Draw the accuracy of each variant at each distance, the deciding cue last, as a map with numbers."""
    variants, tested = study["variants"], study["distances"]
    drawn, axes = open_figure(_who_learns(variants) + TRAINED[study["mixture"]], 1.8 + 0.34 * len(variants))
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
    axes.set_title("Correct, % of the test sentences; black bar: how far the cut gradient reaches")
    axes.set_xlabel("d, words between the deciding cue and the end of the sentence")
    _add_provenance(drawn, study, "median of ")
    return drawn


def _who_learns(variants):
    """Say which variants learn every distance, in all seeds, where these or the others are few."""
    learn = [one["label"] for one in variants if not any(one["fails_at"])]
    others = [one["label"] for one in variants if one["label"] not in learn]
    if not others:
        return "Every way of training learns every distance"
    if learn and min(len(learn), len(others)) <= 2:
        few, words = min(
            (learn, "Only {} learn{}"), (others, "All but {} learn"), key=lambda one: len(one[0])
        )
        named = " and ".join(f"“{label}”" for label in few)
        return f"{words.format(named, 's' if len(few) == 1 else '')} every distance in every seed"
    return "How far back models learn, with their gradients changed"


def _add_provenance(drawn, study, median):
    sentences = f"{study['sentences']['decides_last']} test sentences at each d, deciding cue last"
    seeds = median + counted(len(study["seeds"]), "seed")
    add_provenance(drawn, name_data(study["dataset"]), seeds, sentences)


def _draw_gradients(axes, study, full):
    """Draw ‖∂z/∂state‖ at the deciding cue, before training and at the selected epoch."""
    for model in full:
        for state, moments in model["gradient"].items():
            for moment, (when, linestyle) in MOMENTS.items():
                values = {"distance": study["distances"]}
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
    axes.set_xticks(study["distances"], study["distances"])
    axes.minorticks_off()
    axes.set_ylabel("norm of ∂z at the cue,\nrelative to the last step")
    axes.set_xlabel("d, words between the deciding cue and the end of the sentence")
    axes.legend(loc="lower left", frameon=True, framealpha=0.9, edgecolor="none")
