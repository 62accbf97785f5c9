"""Parts that several figures share: lines and bands by distance from the end, k; axes, legends."""

import itertools
from typing import NamedTuple

import matplotlib
import numpy as np

from scripts.figures.style import GREY

SMALL_COUNT = 20  # below so many sentences a median says little: an axis of distances ends there


class Curve(NamedTuple):
    """One line of a figure by distance, and its look; dashed before training."""

    label: str
    quantities: dict  # by name: {distance, count, median, …}, as logs and studies hold them
    colour: str
    marker: str
    linestyle: str = "-"

    @property
    def counted(self):
        """One of the quantities: all have the same distances and counts."""
        return next(iter(self.quantities.values()))


def look(axes, curve):
    """Look of a curve's line, as ``axes.plot`` takes it; markers of several curves are staggered."""
    points = len(curve.counted["distance"])
    apart = max(4, points // 10)
    solid = curve.linestyle == "-"
    return {
        "color": curve.colour,
        "linestyle": curve.linestyle,
        "linewidth": 2 if solid else 1.5,
        "marker": curve.marker,
        "markerfacecolor": curve.colour if solid else "white",
        "markevery": (len(axes.lines) % apart % points, apart),
    }


def draw_medians(axes, curves, quantity, edges=("q25", "q75")):
    """Draw a quantity of curves by distance: its median, in a band; None is a gap, 0 on a log axis a ×."""
    for curve in curves:
        values = curve.quantities[quantity]
        k, median, low, high = (np.array(values[name], float) for name in ("distance", "median", *edges))
        faint = 0.2 if curve.linestyle == "-" else 0.1  # so that both bands can be seen at once
        axes.fill_between(k, low, high, color=curve.colour, alpha=faint, linewidth=0)
        axes.plot(k, median, label=curve.label, **look(axes, curve))
        zero = k[median == 0]
        if axes.get_yscale() == "log" and len(zero):
            edge = axes.get_xaxis_transform()
            axes.scatter(zero, 0 * zero + 0.02, 16, curve.colour, marker="x", transform=edge, zorder=3)
            if not axes.texts:
                axes.text(0.99, 0.05, "× : 0, or below 1e-308", transform=axes.transAxes, ha="right")


def draw_before_and_after(row, curves, shortest, titles, relative):
    """Draw curves over seeds, before training and at the selected epoch; both panels have one range."""
    shown = []
    for axes, moment, linestyle, title in zip(row, ("before", "after"), ("--", "-"), titles, strict=True):
        axes.set_yscale("log", nonpositive="clip")
        dashed = [curve._replace(linestyle=linestyle) for curve in curves]
        draw_medians(axes, dashed, moment, ("low", "high"))
        mark_distances([axes], dashed, shortest)
        farthest = int(axes.get_xlim()[1])
        shown += [line.get_ydata()[: farthest + 1] for line in axes.lines[: len(curves)]]
        if relative:
            axes.axhline(1, color=GREY, linewidth=1, zorder=1)
        axes.set(title=title, xlabel="distance from the end, k (words)")
    drawn = np.concatenate(shown)
    drawn = drawn[drawn > 0]
    if relative or not len(drawn):  # of seeds that have no decay at all nothing is drawn
        drawn = np.append(drawn, 1)
    for axes in row:
        axes.set_ylim(drawn.min() / 3, 3 * drawn.max())
    row[1].tick_params(labelleft=False)


def draw_counts(drawn, panels, curves, shortest):
    """Draw in the last panel how many sentences reach each distance; mark the distances in all panels."""
    axes = panels[-1]
    labels = {}  # by different list of counts: usually there is one
    for curve in curves:
        labels.setdefault((tuple(curve.counted["distance"]), tuple(curve.counted["count"])), curve.label)
    for ((distances, counts), label), dashes in zip(labels.items(), itertools.cycle(["-", "--", ":", "-."])):
        dashes += "o" if len(distances) == 1 else ""
        axes.plot(distances, counts, dashes, color="black", lw=1.5, drawstyle="steps-mid", label=label)
        axes.fill_between(distances, counts, step="mid", color=GREY, alpha=0.25, linewidth=0)
    if len(labels) > 1:
        axes.legend()
    axes.set(title="Sentences that reach so far back", ylabel="sentences", ylim=(0, None))
    axes.set_xlabel("distance from the end, k (words; 0 is the last one)")
    axes.yaxis.get_major_locator().set_params(integer=True)
    mark_distances(panels, curves, shortest)
    drawn.align_ylabels(panels)


def mark_distances(panels, curves, shortest):
    """End the axes where few sentences remain, and mark (dotted) where they begin to get fewer."""
    measured = [list(zip(curve.counted["distance"], curve.counted["count"], strict=True)) for curve in curves]
    enough = [k for points in measured for k, count in points if count >= SMALL_COUNT]
    farthest = max(enough, default=measured[0][-1][0])
    for axes in panels:
        axes.axvline(shortest - 1, color="black", linestyle=":", linewidth=1.2, zorder=2)
        count_axis(axes, 0, farthest)


def count_axis(axes, first, last):
    """Let an axis go from one whole number to another, with round ticks; a single one is in its middle."""
    axes.set_xlim((first, last) if last > first else (first - 0.5, first + 0.5))
    round_numbers = {"steps": [1, 2, 5, 10], "integer": True, "min_n_ticks": 1}
    axes.xaxis.set_major_locator(matplotlib.ticker.MaxNLocator(10, **round_numbers))


def add_legend(axes, entries, columns):
    """A legend above an axes and its title; `entries` are what ``get_legend_handles_labels`` gives."""
    place = {"loc": "lower left", "bbox_to_anchor": (0, 1), "borderaxespad": 2.4}
    axes.legend(*entries, ncols=columns, borderpad=0, **place)


def in_percent(found):
    """Mean, low and high end of an interval in percent; of one seed the mean alone."""
    return [100 * found["mean" if found[end] is None else end] for end in ("mean", "low", "high")]
