"""The figure of one sentence: which of its words the gradient reaches, and which of them matter."""

import numpy as np

from scripts.figures.sources import name_runs
from scripts.figures.style import GREY, PURPLE, SKY, add_provenance, figure, open_figure
from scripts.files.runs import NAMES

QUANTITIES = {  # by column: its title, the label of its axis
    "reach": ("gradient: how far z\nmoves with a small\nchange of the word", "‖∂z/∂x‖"),
    "gradient_input": ("gradient · input:\nto first order, what\nthe word adds to z", "∂z/∂x · x (logit)"),
    "left_out": ("occlusion:\nz minus z\nwithout the word", "z − z without it (logit)"),
}
MOST_WORDS = 60  # that a figure has room for: of a longer text, the last ones
LONGEST = 18  # characters of a word that its label has room for


def _file_name(readings):
    run_ids = "+".join(reading["run_id"] for reading in readings)
    return f"sentence-{run_ids[:200]}.png"  # a file name holds 255 characters


@figure(_file_name)
def plot_sentence(readings):
    """Draw a sentence word by word, for one run or for several, one above the other.

    The model reads from top to bottom and judges after the last word. A bar right of 0 (blue): the word
    speaks for positive; left (purple): for negative. A word can matter and have a small gradient, and the
    reverse: compare the first column with the last. The next sentence takes the place of this one's file.

    `readings` are what scripts.training.evaluation.read_sentence returns for the same sentence.
    """
    words = len(readings[0]["words"])
    cut = f" (the last {MOST_WORDS} of {words} tokens)" if words > MOST_WORDS else ""
    height = len(readings) * (1.0 + 0.24 * min(max(words, 5), MOST_WORDS)) + 1.4
    title = f"What each word of a sentence does to its score z{cut}"
    shape = {"nrows": len(readings), "ncols": 3, "squeeze": False}
    drawn, axes = open_figure(title, height, sharey=True, sharex="col", **shape)
    for row, reading in zip(axes, readings, strict=True):
        for panel, quantity in zip(row, QUANTITIES, strict=True):
            _draw_words(panel, reading, quantity)
        judged = f"{NAMES[reading['model']]}: P(positive) = {reading['probability']:.2f}"
        row[0].set_ylabel(judged, weight="bold")
    for top, bottom, (title, label) in zip(axes[0], axes[-1], QUANTITIES.values(), strict=True):
        top.set_title(title)
        bottom.set_xlabel(label)
    runs = [f"{reading['run_id']} (epoch {reading['epoch']})" for reading in readings]
    add_provenance(drawn, *name_runs(runs, [reading["dataset"] for reading in readings]))
    return drawn


def _draw_words(axes, reading, quantity):
    """Draw one quantity as one bar per word, the first word on top."""
    values = np.array(reading[quantity][-MOST_WORDS:])
    colours = GREY if quantity == "reach" else np.where(values > 0, SKY, PURPLE)
    axes.barh(np.arange(len(values)), values, color=colours, height=0.75)
    axes.axvline(0, color="black", linewidth=1)
    words = zip(reading["words"][-MOST_WORDS:], reading["known"][-MOST_WORDS:], strict=True)
    words = [(word if len(word) <= LONGEST else f"{word[: LONGEST - 1]}…", known) for word, known in words]
    labels = [word if known else f"{word} (unknown)" for word, known in words]
    axes.set_yticks(range(len(values)), labels, parse_math=False)
    axes.set_ylim(len(values) - 0.5, -0.5)
    axes.grid(axis="y", visible=False)
