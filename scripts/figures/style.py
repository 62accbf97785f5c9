"""What all figures share: size and fonts, colours, title and footer, one curve by depth, writing a PNG.

A figure is 9 inches wide and stands some 900 pixels wide in a README, so a point here is 1.4 pixels there.
The colours are those of Okabe and Ito, which colour-blind readers can tell apart; a marker and a line style
of its own says the same again in grey.
"""

import io
import textwrap
from typing import NamedTuple

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
from PIL import Image  # Pillow comes with matplotlib

from scripts.files.paths import assets_path
from scripts.files.storage import written_whole

WIDTH = 9  # inches
PIXELS_PER_INCH = 150
SMALL_COUNT = 20  # below so many sentences, a median says little: drawn pale
RNN_H, LSTM_H, LSTM_C = "#D55E00", "#0072B2", "#009E73"
SPLIT_COLOURS = {"train": "#000000", "validation": "#E69F00", "test": "#56B4E9"}
GREY = "#666666"
SCREENLESS = {"agg", "cairo", "pdf", "pgf", "ps", "svg", "template"}  # backends that only write files

# Over matplotlib's own defaults, so that a reader's matplotlibrc doesn't change the README's figures.
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
house_style = plt.style.context(STYLE)  # a decorator of every function that draws


class Curve(NamedTuple):
    """One line of a figure by depth, and how it looks.

    Attributes
    ----------
    label : str
        What the legend says.
    quantities : dict
        What the log holds for one state at one epoch: ``logit``, ``loss``, ``decay``, each a dict of lists.
    colour, marker, linestyle : str
        As matplotlib takes them.
    """

    label: str
    quantities: dict
    colour: str
    marker: str
    linestyle: str = "-"

    @property
    def depths(self):
        """The depths measured: 1, 2, …"""
        return next(iter(self.quantities.values()))["depth"]

    @property
    def counts(self):
        """How many sentences each depth was measured on."""
        return next(iter(self.quantities.values()))["count"]


def open_figure(title, height, **subplots):
    """A figure in the house's width with its title; `subplots` as ``plt.subplots`` takes them."""
    figure, axes = plt.subplots(figsize=(WIDTH, height), layout="constrained", **subplots)
    figure.suptitle(title, x=0.01, ha="left", weight="bold")
    return figure, axes


def add_footer(figure, *paragraphs):
    """Say in small print below the axes how to read the figure and what it was drawn from."""
    lines = [textwrap.fill(paragraph, 124, break_on_hyphens=False) for paragraph in paragraphs]
    figure.supxlabel("\n".join(lines), x=0.01, ha="left", fontsize=9, color="#333333", linespacing=1.35)


def add_legend(axes, entries, columns, title_lines=1):
    """A legend above an axes and its title; `entries` are what ``get_legend_handles_labels`` gives."""
    above_title = 0.9 + 1.5 * title_lines  # heights of a letter
    axes.legend(
        *entries,
        loc="lower left",
        bbox_to_anchor=(0, 1),
        borderaxespad=above_title,
        borderpad=0,
        ncols=columns,
    )


def shades(count):
    """`count` colours of one hue, the RNN's, from light to dark."""
    return [matplotlib.colors.to_hex(c) for c in matplotlib.colormaps["Oranges"](np.linspace(0.45, 1, count))]


def draw_quartiles(axes, curve, quantity):
    """Draw the median of a quantity by depth and the band between its quartiles.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        On a log scale, a value of 0 is off the bottom of the axis: the line leaves there.
    curve : Curve
    quantity : {"decay", "loss", "logit"}
    """
    values = curve.quantities[quantity]
    q25, q75 = (np.array(values[name], float) for name in ("q25", "q75"))
    axes.fill_between(values["depth"], q25, q75, color=curve.colour, **band(curve))
    axes.plot(values["depth"], np.array(values["median"], float), label=curve.label, **look(axes, curve))


def band(curve):
    """Look of a curve's band: fainter for a dashed one, so that both can be seen at once."""
    return {"alpha": 0.2 if curve.linestyle == "-" else 0.1, "linewidth": 0}


def look(axes, curve):
    """Look of a curve's line; markers stand some depths apart, staggered from curve to curve."""
    apart = max(4, len(curve.depths) // 10)
    solid = curve.linestyle == "-"
    return {
        "color": curve.colour,
        "linestyle": curve.linestyle,
        "linewidth": 2 if solid else 1.5,
        "marker": curve.marker,
        "markerfacecolor": curve.colour if solid else "white",
        "markevery": (len(axes.lines) % apart, apart),
    }


def pale_beyond(axes, depth, deepest):
    """Lay a veil over the depths from `depth` on, where too few sentences are left."""
    if depth <= deepest:
        axes.axvspan(
            depth - 0.5, deepest + 0.5, color="white", alpha=0.7, linewidth=0, zorder=2.4
        )  # over the lines


def count_ticks(deepest):
    """Ticks for a count that begins at 1: 1 and round numbers, not 0."""
    round_ones = matplotlib.ticker.MaxNLocator(10, steps=[1, 2, 5, 10], integer=True).tick_values(0, deepest)
    return [1, *(int(tick) for tick in round_ones if 1 < tick <= deepest)]


def has_screen():
    """Whether matplotlib has somewhere to show a figure."""
    return plt.get_backend().lower() not in SCREENLESS


def save(figure, name, show=False):
    """Write a figure to assets/figures/, and show it where that is asked for and there is a screen.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        Closed afterwards unless it is shown.
    name : str
        File name, with ``.png``.
    show : bool
        Open it in a window, without waiting for that to be closed (:func:`wait` does).

    Returns
    -------
    pathlib.Path
        The PNG. Equal logs give equal bytes at equal versions: no date or version stands in it.
    """
    path = assets_path("figures", name)
    with written_whole(path) as file:
        to_png(figure).save(file, format="PNG", optimize=True)
    if show and has_screen():
        plt.show(block=False)
    else:
        plt.close(figure)
    return path


def to_png(figure):
    """A figure as an image of 256 colours, which takes a third of the bytes and looks the same.

    The colours are the most frequent ones, kept as they are: those of lines and bands stay exact, while the
    shades along their edges take the nearest.
    """
    with plt.style.context(STYLE), io.BytesIO() as buffer:
        figure.savefig(buffer, format="png", dpi=PIXELS_PER_INCH, pil_kwargs={"compress_level": 1})
        image = Image.open(buffer).convert("RGB")
    codes = np.asarray(image) @ np.array([1 << 16, 1 << 8, 1])
    colours, places, counts = np.unique(codes, return_inverse=True, return_counts=True)
    channels = np.stack([colours >> 16, colours >> 8 & 255, colours & 255], axis=1)
    palette = channels[np.argsort(-counts, kind="stable")[:256]]
    # argmin |a - b|² = argmin |b|² - 2 a·b, which needs no array of all differences
    nearest = np.argmin((palette**2).sum(1) - 2 * channels @ palette.T, axis=1).astype(np.uint8)
    small = Image.fromarray(nearest[places].reshape(codes.shape))
    small.putpalette(palette.astype(np.uint8).tobytes())
    return small


def wait():
    """Wait until the reader has closed the windows, where there are any."""
    if has_screen() and plt.get_fignums():
        plt.show()
