"""The figure of scripts/studies/cell_memory.py: the diagonal of the cell's Jacobian, and sensitive units."""

import numpy as np

from scripts.figures.panels import SMALL_COUNT, count_axis
from scripts.figures.sources import name_data, name_sentences, reading_study
from scripts.figures.style import MOMENTS, STATES, add_provenance, figure, open_figure
from scripts.files.blocks import DEFAULT
from scripts.files.numbers import counted


@figure("cell-memory-{name}.png")
def plot_cell_memory(name=DEFAULT):
    """Draw how much of a cell's memory stays within its unit, and how sensitive units are by time scale.

    Left: at 100% each unit remembers for itself alone; what lies off the diagonal of ∂c_T/∂c_{T-k} went from
    unit to unit, through h and the gates. A line is the mean over runs of the medians over sentences, the
    band goes from the smallest to the largest. Right: a point is a unit of a run; one at the top right
    remembers long and is sensitive to its forget gate's bias. Spearman's ρ is the mean over runs.
    """
    with reading_study("cell-memory", name) as study:
        (model,) = study["models"]
        enough = [k for k, count in zip(study["k"], study["count"], strict=True) if count >= SMALL_COUNT]
        shown = enough or study["k"]
        drawn, (left, right) = open_figure(_title(study, model), 5, ncols=2)
        colour, marker = STATES["lstm", "c"]
        for moment, (words, linestyle) in MOMENTS.items():
            shares = 100 * np.array([run["diagonal"][: len(shown)] for run in model[moment]], float)
            left.fill_between(shown, shares.min(0), shares.max(0), color=colour, alpha=0.15, linewidth=0)
            look = {
                "color": colour,
                "marker": marker,
                "markerfacecolor": colour if linestyle == "-" else "none",
            }
            left.plot(shown, shares.mean(0), linestyle, label=words, markevery=3, **look)
            units = [np.ravel([run[axis] for run in model[moment]]) for axis in ("time_scale", "sensitivity")]
            correlations = [run["spearman"] for run in model[moment] if run["spearman"] is not None]
            label = f"{words}: ρ = {np.mean(correlations):+.2f}" if correlations else words
            right.plot(*units, linestyle="none", markersize=4, alpha=0.6, label=label, **look)
        left.set_title("Share on the diagonal of $\\partial c_T/\\partial c_{T-k}$")
        left.set(xlabel="distance from the end, k (words)", ylabel="% of its squared norm", ylim=(0, 103))
        count_axis(left, 0, max([1, *shown]))
        left.legend()
        scale = "log" if right.dataLim.y1 > 0 else "linear"  # after one word alone no b_f matters
        right.set(xscale="log", yscale=scale, title="Sensitivity of each unit")
        right.set(xlabel="time scale, 1 / (1 − mean forget gate) (words)")
        right.set_ylabel("mean square of $\\partial z/\\partial b_f$")
        right.legend()
        runs = counted(len(model["runs"]), "LSTM run")
        add_provenance(drawn, name_data(study["dataset"]), runs, name_sentences(study["sentences"]))
        return drawn


def _title(study, model):
    """Say how much lies on the diagonal at the largest distance that all sentences reach."""
    k = study["sentences"]["shortest"] - 1
    medians = [[run["diagonal"][k - 1] for run in model[moment]] for moment in MOMENTS] if k else [[None]]
    if any(None in each for each in medians):
        return "What a cell remembers, unit by unit"
    before, after = (100 * np.mean(each) for each in medians)
    return f"{k} words back, {after:.0f}% of a cell's Jacobian is on its diagonal; untrained, {before:.0f}%"
