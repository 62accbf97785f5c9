"""Panels that several figures share: curves by depth (steps back from the end), bands over seeds, axes."""

from typing import NamedTuple

import matplotlib
import numpy as np

from scripts.figures.style import GREY

SMALL_COUNT = 20  # below so many sentences a median says little: an axis of depths ends there


class Curve(NamedTuple):
    """One line of a figure by depth, and its look; dashed before training."""

    label: str
    quantities: (
        dict  # what a log holds for one state at one epoch: {decay, loss, logit: {depth, count, median, …}}
    )
    colour: str
    marker: str
    linestyle: str = "-"

    @property
    def depths(self):
        """The depths measured: 1, 2, …"""
        return next(iter(self.quantities.values()))["depth"]

    @property
    def counts(self):
        """The number of sentences at each depth."""
        return next(iter(self.quantities.values()))["count"]


# Lines ----------------------------------------------------------------------------------------------------


def look(axes, curve):
    """Look of a curve's line, as ``axes.plot`` takes it; markers of several curves are staggered."""
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


def draw_quartiles(axes, curve, quantity):
    """Draw the median of a quantity by depth and the band between its quartiles; None is a gap."""
    values = curve.quantities[quantity]
    q25, q75 = (np.array(values[name], float) for name in ("q25", "q75"))
    faint = 0.2 if curve.linestyle == "-" else 0.1  # so that both bands can be seen at once
    axes.fill_between(values["depth"], q25, q75, color=curve.colour, alpha=faint, linewidth=0)
    axes.plot(values["depth"], np.array(values["median"], float), label=curve.label, **look(axes, curve))


def draw_over_seeds(axes, curves, dashed=False):
    """Draw decays by depth, each as the median seed in a band from the smallest to the largest.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
    curves : list of (dict, str, (str, str))
        A decay over seeds as a study holds it, {depth, median, low, high}; its label; colour and marker.
    dashed : bool
        Draw them as curves before training.
    """
    axes.set_yscale("log", nonpositive="clip")
    for number, (values, label, (colour, marker)) in enumerate(curves):
        depth, low, high, median = (
            np.array(values[name], float) for name in ("depth", "low", "high", "median")
        )
        apart = max(8, len(depth) // 6)  # the markers
        axes.fill_between(depth, low, high, color=colour, alpha=0.2, linewidth=0)
        (line,) = axes.plot(depth, median, color=colour, marker=marker, label=label)
        line.set_markevery((number * apart // len(curves), apart))
        if dashed:
            line.set(linestyle="--", markerfacecolor="white")
    axes.axhline(1, color=GREY, linewidth=1, zorder=1)


def draw_counts(axes, curves):
    """Draw how many sentences are long enough for each depth."""
    labels = {}  # by different list of counts: usually there is one
    for curve in curves:
        labels.setdefault((tuple(curve.depths), tuple(curve.counts)), curve.label)
    for number, ((depths, counts), label) in enumerate(labels.items()):
        linestyle = ["-", "--", ":", "-."][number % 4]
        axes.plot(
            depths, counts, color="black", lw=1.5, linestyle=linestyle, drawstyle="steps-mid", label=label
        )
        axes.fill_between(depths, counts, step="mid", color=GREY, alpha=0.25, linewidth=0)
    if len(labels) > 1:
        axes.legend()
    axes.set(title="Sentences that reach so far back", ylabel="sentences", ylim=(0, None))
    axes.set_xlabel("steps back from the end of the sentence (1 = its last step)")


# Axes -----------------------------------------------------------------------------------------------------


def mark_depths(panels, depths, counts, shortest):
    """End the axes where too few sentences remain, and mark (dotted) where they begin to get fewer."""
    enough = [depth for depth, count in zip(depths, counts, strict=True) if count >= SMALL_COUNT]
    deepest = max(enough, default=depths[-1])
    for axes in panels:
        axes.axvline(shortest, color="black", linestyle=":", linewidth=1.2, zorder=2)
        axes.set_xlim(1, max(2, deepest))
        axes.set_xticks(count_ticks(deepest))


def mark_curves(panels, curves, shortest):
    """Mark the depths of panels that share their axis by the curve of most sentences far back."""
    longest = max(curves, key=lambda curve: sum(count >= SMALL_COUNT for count in curve.counts))
    mark_depths(panels, longest.depths, longest.counts, shortest)


def count_ticks(deepest):
    """Ticks for a count that begins at 1: 1 and round numbers, not 0."""
    round_ones = matplotlib.ticker.MaxNLocator(10, steps=[1, 2, 5, 10], integer=True).tick_values(0, deepest)
    return [1, *(int(tick) for tick in round_ones if 1 < tick <= deepest)]


def share_y(row):
    """Give the panels of a row one range, so that before and after compare: that of the depths shown."""
    deepest = int(row[0].get_xlim()[1])
    shown = [line.get_ydata()[:deepest] for axes in row for line in axes.lines if line.get_label()[0] != "_"]
    drawn = np.concatenate(shown)
    low, high = drawn[drawn > 0].min(), drawn.max()
    for axes in row:
        axes.set_ylim(low / 3, 3 * max(1, high))
    row[1].tick_params(labelleft=False)


def span_last_row(drawn, axes):
    """One axes in place of the two of the last row."""
    for panel in axes[-1]:
        panel.remove()
    return drawn.add_subplot(axes[-1, 0].get_gridspec()[-1, :])


def add_legend(axes, entries, columns, title_lines=1):
    """A legend above an axes and its title; `entries` are what ``get_legend_handles_labels`` gives."""
    above = {
        "loc": "lower left",
        "bbox_to_anchor": (0, 1),
        "borderaxespad": 0.9 + 1.5 * title_lines,
        "borderpad": 0,
    }
    axes.legend(*entries, ncols=columns, **above)
