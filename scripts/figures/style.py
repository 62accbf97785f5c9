"""The look of all figures, and :func:`figure`, which makes of a function that draws one that writes a PNG.

The colours are those of Okabe and Ito, which colour-blind readers can distinguish; markers repeat them.
"""

import functools
import inspect
import io
import textwrap
import warnings

import matplotlib.pyplot as plt
from PIL import Image  # Pillow comes with matplotlib

from scripts.files.paths import assets_path
from scripts.files.storage import written_whole

WIDTH = 9  # inches
PIXELS_PER_INCH = 150
SCREENLESS = {"agg", "cairo", "pdf", "pgf", "ps", "svg", "template"}  # backends that only write files

# One meaning per colour; a line is dashed before training and solid at the selected epoch.
MOMENTS = {"initialisation": ("before training", "--"), "best": ("selected epoch", "-")}  # of a study
RNN_H, LSTM_H, LSTM_C = "#D55E00", "#0072B2", "#009E73"
STATES = {("rnn", "h"): (RNN_H, "o"), ("lstm", "h"): (LSTM_H, "s"), ("lstm", "c"): (LSTM_C, "^")}
BLACK, GREY, SKY, PURPLE, AMBER = "#000000", "#666666", "#56B4E9", "#CC79A7", "#E69F00"  # for all else

# Over matplotlib's own defaults, so that a reader's matplotlibrc doesn't change the figures.
STYLE = [
    "default",
    {
        "font.size": 11,
        "axes.titlesize": 11.5,
        "axes.titlelocation": "left",
        "figure.titlesize": 14,
        "legend.fontsize": 10,
        "legend.frameon": False,
        "lines.linewidth": 2,
        "lines.markersize": 5.5,
        "axes.grid": True,
        "grid.alpha": 0.3,
        "axes.spines.top": False,
        "axes.spines.right": False,
    },
]


def figure(name=None):
    """Decorate a function that draws: it takes ``show=False`` as its last argument and returns a PNG's path.

    `name` is the file name: a format of the function's arguments (``"theory-{rnn}.png"``), or a function of
    them. Without it the function returns {file name: figure}, and the decorated one a list of paths. The
    attribute ``draw`` of the decorated one is the function as it was written.
    """

    def decorate(draw):
        signature = inspect.signature(draw)
        show = inspect.Parameter("show", inspect.Parameter.POSITIONAL_OR_KEYWORD, default=False)

        @functools.wraps(draw)
        def plot(*args, **options):
            given = plot.__signature__.bind(*args, **options)
            given.apply_defaults()
            show = given.arguments.pop("show")
            file = name(**given.arguments) if callable(name) else name and name.format(**given.arguments)
            open_before = plt.get_fignums()
            try:
                drawn = plot.draw(**given.arguments)
                if file:
                    return _save(drawn, file, show)
                return [_save(each, file, show) for file, each in drawn.items()]
            except BaseException:
                for number in set(plt.get_fignums()) - set(open_before):
                    plt.close(number)
                raise

        plot.draw = plt.style.context(STYLE)(draw)
        plot.__signature__ = signature.replace(parameters=[*signature.parameters.values(), show])
        return plot

    return decorate


def open_figure(title, height, **subplots):
    """A figure of the common width with its title; `subplots` as ``plt.subplots`` takes them."""
    opened, axes = plt.subplots(figsize=(WIDTH, height), layout="constrained", **subplots)
    opened.suptitle(title, x=0.01, ha="left", weight="bold")
    return opened, axes


def add_provenance(drawn, *parts):
    """Write below the axes what a figure was drawn from: data, runs or seeds, sentences."""
    line = textwrap.fill(" · ".join(part for part in parts if part), 134, break_on_hyphens=False)
    drawn.supxlabel(line, x=0.01, ha="left", fontsize=9, color="#333333")


def has_screen():
    """Return whether matplotlib has somewhere to show a figure."""
    return plt.get_backend().lower() not in SCREENLESS


def _save(drawn, name, show):
    """Write a figure to assets/figures/: equal data give equal bytes, as no date or version is in them."""
    path = assets_path("figures", name)
    with written_whole(path) as file:
        to_png(drawn).save(file, format="PNG", optimize=True)
    if show and has_screen():
        plt.show(block=False)
    else:
        plt.close(drawn)
    return path


def to_png(drawn, dpi=PIXELS_PER_INCH):
    """A figure as an image of 256 colours: a third of the bytes, and the colours of lines stay exact."""
    with plt.style.context(STYLE), io.BytesIO() as buffer, warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing")  # a word in a script that the font lacks: boxes
        drawn.savefig(buffer, format="png", dpi=dpi, pil_kwargs={"compress_level": 1})
        return Image.open(buffer).convert("RGB").quantize(256, dither=Image.Dither.NONE)
