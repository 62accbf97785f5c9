"""The figure of one sentence: its words coloured by what they do to the score, and the score word by word."""

import numpy as np

from scripts.figures.sources import name_runs
from scripts.figures.style import AMBER, BLACK, PURPLE, SKY, STATES, add_provenance, figure, open_figure
from scripts.files.runs import NAMES

QUANTITIES = {  # in the order of the rows of words
    "reach": "gradient ‖∂z/∂x‖: how far z moves with a small change of the word",
    "gradient_input": "gradient × input: what the word adds to z (blue) or takes (purple), to first order",
    "left_out": "occlusion: z minus z without the word, above 0 (blue) or below (purple)",
}
MOST_WORDS = 60  # that a figure has room for: of a longer text, the last ones
LONGEST = 18  # characters of a word that are shown
LINE = 100  # characters of a row of words; the letters have one width, so that no words overlap
LINE_HEIGHT, LOGIT_HEIGHT = 0.22, 1.5  # inches
LABELLED = 30  # words that have room below the axis of the score


def _file_name(readings):
    run_ids = "+".join(reading["run_id"] for reading in readings)
    return f"sentence-{run_ids[:200]}.png"  # a file name holds 255 characters


@figure(_file_name)
def plot_sentence(readings):
    """Draw a sentence as coloured words, for one run or for several, and below it the logit word by word.

    The stronger the colour, the larger the value among all runs; blue: the word speaks for positive, purple:
    for negative; yellow: a norm, which has no sign. A word can matter and have a small gradient, and the
    reverse: compare the first row with the last. The next sentence takes the place of this one's file.
    `readings` are what scripts.training.evaluation.read_sentence returns for the same sentence.
    """
    words = len(readings[0]["words"])
    cut = f" (the last {MOST_WORDS} of {words} tokens)" if words > MOST_WORDS else ""
    texts = [_labels(reading) for reading in readings]
    lines = [1 + len(QUANTITIES) * (2 + _place_words(each)[-1][0]) for each in texts]
    heights = [LINE_HEIGHT * count for count in lines] + [LOGIT_HEIGHT]
    around = 1.1 + 0.05 * max(map(len, texts[0]))  # titles, and the words below the axis, which are turned
    title = f"What each word of a sentence does to its score z{cut}"
    shape = {"nrows": len(heights), "height_ratios": heights, "squeeze": False}
    drawn, axes = open_figure(title, sum(heights) + around, **shape)
    *rows, logit = axes[:, 0]
    for panel, reading, labels, count in zip(rows, readings, texts, lines, strict=True):
        largest = {name: np.abs([each[name][-MOST_WORDS:] for each in readings]).max() for name in QUANTITIES}
        _draw_words(panel, reading, labels, count, largest)
    _draw_logit(logit, readings, texts[0])
    runs = [f"{reading['run_id']} (epoch {reading['epoch']})" for reading in readings]
    add_provenance(drawn, *name_runs(runs, [reading["dataset"] for reading in readings]))
    return drawn


def _labels(reading):
    """Return the words that are shown; one without a vector has a question mark."""
    words = [word if len(word) <= LONGEST else f"{word[: LONGEST - 1]}…" for word in reading["words"]]
    labels = [word if known else f"{word}?" for word, known in zip(words, reading["known"], strict=True)]
    return labels[-MOST_WORDS:]


def _place_words(words):
    """Return (line, column) of each word, in characters, as a text of `LINE` characters wraps."""
    places, line, column = [], 0, 0
    for word in words:
        if column and column + len(word) > LINE:
            line, column = line + 1, 0
        places.append((line, column))
        column += len(word) + 2
    return places


def _draw_words(axes, reading, labels, lines, largest):
    """Draw the words of one run once for each quantity, a row of words below its name."""
    axes.set(xlim=(0, LINE), ylim=(lines, 0))
    axes.axis("off")
    judged = f"{NAMES[reading['model']]}: P(positive) = {reading['probability']:.2f}"
    axes.text(0, 0.5, judged, weight="bold", va="center")
    top, places = 1, _place_words(labels)
    for name, meaning in QUANTITIES.items():
        axes.text(0, top + 0.5, meaning, fontsize=9, color="#333333", va="center")
        for word, value, (line, column) in zip(labels, reading[name][-MOST_WORDS:], places, strict=True):
            colour = AMBER if name == "reach" else SKY if value > 0 else PURPLE
            strength = np.round(abs(value) / (largest[name] or 1), 1)  # few shades: a PNG holds 256 colours
            box = {"facecolor": colour, "alpha": strength, "pad": 1.5, "linewidth": 0}
            look = {"family": ["DejaVu Sans Mono"], "fontsize": 9, "parse_math": False, "bbox": box}
            axes.text(column + 0.3, top + line + 1.5, word, va="center", **look)
        top += 2 + places[-1][0]


def _draw_logit(axes, readings, words):
    """Draw the logit after each word, as if the sentence ended there."""
    for reading in readings:
        logits, name = reading["running"][-MOST_WORDS:], NAMES[reading["model"]]
        colour, marker = STATES[reading["model"], "h"]
        axes.plot(range(1, len(logits) + 1), logits, color=colour, marker=marker, label=name)
    axes.axhline(0, color=BLACK, linewidth=1)
    axes.set(title="The score z after each word", ylabel="logit z", xlim=(0.5, len(words) + 0.5))
    if len(words) <= LABELLED:
        look = {"rotation": 40, "ha": "right", "rotation_mode": "anchor", "fontsize": 9, "parse_math": False}
        axes.set_xticks(range(1, len(words) + 1), words, **look)
    else:
        axes.set_xlabel("words read")
    axes.legend(fontsize=9)
