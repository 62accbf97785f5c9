"""The figure of one sentence: which of its words the gradient reaches, and which of them matter."""

import numpy as np

from scripts.figures import style as figure_style
from scripts.figures.captions import name_data
from scripts.figures.style import house_style
from scripts.files.runs import NAMES

QUANTITIES = {  # what a column shows: its title, the label of its axis
    "reach": ("gradient: how far z moves\nwith a small change of the word", "‖∂z/∂x‖ (no unit)"),
    "gradient_input": ("gradient · input: to first order,\nwhat the word adds to z", "∂z/∂x · x (logit)"),
    "left_out": ("occlusion: what leaving\nthe word out takes from z", "z - z without it (logit)"),
}
MOST_WORDS = 60  # that a figure has room for: of a longer text, the last ones
POSITIVE, NEGATIVE, NEUTRAL = "#0072B2", "#D55E00", "#666666"


def plot_sentence(readings, show=False):
    """Draw a sentence word by word, for one run or for several, one above the other.

    Parameters
    ----------
    readings : list of dict
        What scripts.training.evaluation.read_sentence gives for the same sentence.
    show : bool
        Show it as well, where there is a screen.

    Returns
    -------
    pathlib.Path
        ``assets/figures/sentence-<run_id>+<run_id>….png``; the next sentence takes its place.
    """
    name = "+".join(reading["run_id"] for reading in readings)[:200]
    return figure_style.save(draw_sentence(readings), f"sentence-{name}.png", show)


@house_style
def draw_sentence(readings):
    """The figure of :func:`plot_sentence`."""
    words = len(readings[0]["words"])
    cut = f"the last {MOST_WORDS} of its {words} tokens run" if words > MOST_WORDS else "the sentence runs"
    height = len(readings) * (1.0 + 0.24 * min(words, MOST_WORDS)) + 2.0
    figure, axes = figure_style.open_figure(
        "What each word of a sentence does to its score z",
        height,
        nrows=len(readings),
        ncols=3,
        sharey=True,
        sharex="col",
        squeeze=False,
    )
    for row, reading in zip(axes, readings, strict=True):
        for panel, quantity in zip(row, QUANTITIES, strict=True):
            draw_words(panel, reading, quantity)
        row[0].set_ylabel(
            f"{NAMES[reading['model']]}: P(positive) = {reading['probability']:.2f}", weight="bold"
        )
    for top, bottom, (title, label) in zip(axes[0], axes[-1], QUANTITIES.values(), strict=True):
        top.set_title(title)
        bottom.set_xlabel(label)
    figure_style.add_footer(
        figure,
        f"How to read: {cut} from top to bottom; the model judges it after its last word. Blue, "
        "right of 0: the word speaks for positive; orange, left: for negative. A word can matter and have a "
        "small gradient, and the reverse: compare the first column with the last.",
        " ".join(dict.fromkeys(name_data(reading["dataset"]) for reading in readings))
        + " Runs: "
        + ", ".join(f"{reading['run_id']} (epoch {reading['epoch']})" for reading in readings)
        + ".",
    )
    return figure


def draw_words(axes, reading, quantity):
    """Draw one quantity as a bar a word, the first word on top."""
    values = np.array(reading[quantity][-MOST_WORDS:])
    places = np.arange(len(values))
    signed = quantity != "reach"
    colours = np.where(values > 0, POSITIVE, NEGATIVE) if signed else NEUTRAL
    axes.barh(places, values, color=colours, height=0.75)
    axes.axvline(0, color="black", linewidth=1)
    labels = [
        word if known else f"{word} (unknown)"
        for word, known in zip(reading["words"][-MOST_WORDS:], reading["known"][-MOST_WORDS:], strict=True)
    ]
    axes.set_yticks(places, labels)
    axes.set_ylim(len(values) - 0.5, -0.5)
    axes.grid(axis="y", visible=False)
