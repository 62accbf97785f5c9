"""Figures of how gradients, activations and recurrent weights change while an RNN and an LSTM learn.

Drawn from the logs of the two runs. plots.py calls them.
"""

import matplotlib
import numpy as np

from scripts.figures import panels, style
from scripts.figures.sources import name_logs, reading_logs, two_epochs
from scripts.figures.style import GREY, RNN_H, STATES, add_provenance, figure, open_figure
from scripts.files.runs import NAMES
from scripts.training.logs import DEFAULT_LSTM, DEFAULT_RNN

GATES = {  # (model, activation): name, colour, marker
    ("lstm", "i"): ("input gate i", style.AMBER, "o"),
    ("lstm", "f"): ("forget gate f", style.PURPLE, "s"),
    ("lstm", "o"): ("output gate o", style.SKY, "^"),
    ("rnn", "h"): ("|h|", RNN_H, "D"),
}
WEIGHTS = {**GATES, ("lstm", "g"): ("candidate g", style.BLACK, "v"), ("rnn", "h"): ("W_hh", RNN_H, "D")}
LOWEST, HIGHEST, STEP = -4, 1, 0.25  # log₁₀ of the decays that the heat map's colours span, and of one colour


# Gradients ------------------------------------------------------------------------------------------------


@figure("decay-{rnn}-vs-{lstm}.png")
def plot_decay_while_learning(rnn=DEFAULT_RNN, lstm=DEFAULT_LSTM):
    """Draw how far back the gradient reaches at every epoch, as a heat map for each state.

    A column is an epoch, a row a distance. White: as large as at the last step; red: less remains, down to
    1e-4 and below; black: 0, or below 1e-308; blue: it has grown; grey: there is no median, as no sentence
    has a gradient at its last step. Star: the selected epoch. Only distances that at least 20 sentences reach
    are drawn.
    """
    with reading_logs((rnn, "rnn"), (lstm, "lstm")) as logs:
        title = "While it learns: how much of the gradient remains, by epoch"
        drawn, axes = open_figure(title, 4.6, ncols=3, sharey=True)
        for panel, log, state in zip(axes, (logs[0], logs[1], logs[1]), "hhc", strict=True):
            mesh = _draw_decay_map(panel, log, state)
        axes[0].set_ylabel("distance from the end, k (words)")
        bar = drawn.colorbar(mesh, ax=axes, pad=0.01, aspect=30)
        bar.set_label("median norm of ∂z, last step = 1")
        powers = range(LOWEST, HIGHEST + 1)
        bar.set_ticks(powers, labels=[f"$10^{{{power}}}$" for power in powers])
        add_provenance(drawn, *name_logs(logs, sentences=True))
        return drawn


def _draw_decay_map(axes, log, state):
    """Draw the median decay of one state, distance by epoch; return the mesh, for a colour bar."""
    counts = np.array(log.best["gradients"][state]["decay"]["count"])
    reached = max(int((counts >= panels.SMALL_COUNT).sum()), 1)
    medians = [epoch["gradients"][state]["decay"]["median"][:reached] for epoch in log.epochs]
    medians = np.array(medians, float).T  # nan where no sentence has a decay
    with np.errstate(divide="ignore"):
        values = np.log10(medians)
    colours, norm = decay_colours()
    edges = np.arange(len(log.epochs) + 1) - 0.5, np.arange(reached + 1) - 0.5
    mesh = axes.pcolormesh(*edges, values, cmap=colours, norm=norm)
    axes.pcolormesh(*edges, np.where(medians == 0, 0, np.nan), cmap="gray", vmin=0, vmax=1)
    axes.set_facecolor("#bbbbbb")
    axes.plot(log.best["epoch"], 0, marker="*", markersize=14, color="black", clip_on=False, linestyle="none")
    notes = {"black: 0": (medians == 0).any(), "grey: no median": np.isnan(medians).any()}
    title = "\n".join([f"{NAMES[log.model]} {state}", *(note for note, shown in notes.items() if shown)])
    axes.set(title=title, xlabel="epoch (0 = before training)")
    for axis in (axes.xaxis, axes.yaxis):
        axis.get_major_locator().set_params(integer=True, min_n_ticks=1)
    axes.grid(False)
    return mesh


def decay_colours():
    """One colour per quarter of a decade: red (decayed), white (as at the last step), blue (grown)."""
    edges = np.arange(LOWEST - STEP / 2, HIGHEST + STEP, STEP)  # so that 10⁰ is the middle of a colour
    centres = np.concatenate([[LOWEST - STEP], edges[:-1] + STEP / 2, [HIGHEST + STEP]])
    both_ways = matplotlib.colormaps["RdBu"](0.5 + 0.5 * centres / -LOWEST)
    colours = matplotlib.colors.ListedColormap(both_ways)
    return colours, matplotlib.colors.BoundaryNorm(edges, len(both_ways), extend="both")


# Activations ----------------------------------------------------------------------------------------------


@figure("activations-{rnn}-vs-{lstm}.png")
def plot_activations(rnn=DEFAULT_RNN, lstm=DEFAULT_LSTM):
    """Draw the gates of the LSTM and |h| of the RNN by distance, and how many of them are saturated.

    Over all units and sentences. An LSTM's cell keeps its gradient where f is near 1; a gate below .1 or
    above .9 hardly changes with its input, nor does a tanh beyond .9 (its slope there is below .19).
    """
    with reading_logs((rnn, "rnn"), (lstm, "lstm")) as logs:
        title = "What saturates: the gates of the LSTM, the tanh of the RNN"
        drawn, axes = open_figure(title, 7.4, nrows=2, ncols=2, sharex=True, sharey="row")
        for (values, saturated), log in zip(axes.T, reversed(logs), strict=True):
            _draw_activations(values, saturated, log)
            name, where = ("gates", "below 0.1 or above 0.9") if log.model == "lstm" else ("|h|", "above 0.9")
            values.set_title(f"{NAMES[log.model]}: {name}, mean and (thin) quartiles")
            saturated.set(title=f"saturated: {where}", xlabel="distance from the end, k (words)")
            saturated.legend(fontsize=9, ncols=2, columnspacing=1)
        axes[0, 0].set(ylabel="value (0 to 1)", ylim=(0, 1))
        axes[1, 0].set(ylabel="share of units (%)", ylim=(0, 100))
        add_provenance(drawn, *name_logs(logs, sentences=True))
        return drawn


def _draw_activations(values_axes, saturated_axes, log):
    """Draw the activations of one run at both epochs, in the two panels of a column."""
    curves = []
    for epoch, linestyle in two_epochs(log):
        for name, values in epoch["activations"].items():
            label, colour, marker = GATES[log.model, name]
            label = f"{label}, epoch {epoch['epoch']}"
            curves.append(panels.Curve(label, {"activation": values}, colour, marker, linestyle))
            look = panels.look(values_axes, curves[-1])
            distance, saturated = values["distance"], 100 * np.array(values["saturated"])
            values_axes.plot(distance, values["mean"], label=label, **look)
            saturated_axes.plot(distance, saturated, label=label, **look)
            if linestyle == "-":
                for quartile in ("q25", "q75"):  # thin lines: bands of three gates would cover each other
                    values_axes.plot(distance, values[quartile], color=colour, linewidth=0.9, alpha=0.8)
    panels.mark_distances((values_axes, saturated_axes), curves, log.best["gradients"]["shortest"])


# Recurrent weights ----------------------------------------------------------------------------------------


@figure("recurrent-weights-{rnn}-vs-{lstm}.png")
def plot_recurrent_weights(rnn=DEFAULT_RNN, lstm=DEFAULT_LSTM):
    """Draw the share of W_hh's gradient that each distance adds, and the spectrum of W_hh by epoch.

    ∂ℓ/∂W_hh is a sum over the steps of a sentence; a share is the norm of one step's part over the sum of the
    norms of all its steps. Spectra are of W_hh, the LSTM's gate by gate; a largest singular value above 1 is
    necessary for an RNN's gradient to explode, not sufficient.
    """
    with reading_logs((rnn, "rnn"), (lstm, "lstm")) as logs:
        title = "What the recurrent weights W_hh learn from, and how they change"
        drawn, axes = open_figure(title, 7.4, nrows=2, ncols=2)
        (share, summed), (radius, largest) = axes
        for log in logs:
            _draw_recurrent_share(share, summed, log)
            _draw_spectra(radius, largest, log)
        share.set(title="Share of ∂ℓ/∂W_hh that each step adds", ylabel="mean share (%)", ylim=(0, None))
        summed.set(title="the same, added up from the end", ylabel="mean share (%)", ylim=(0, 100))
        radius.set(title="Spectral radius", ylabel="max |λ|", ylim=(0, None))
        largest.set(title="Largest singular value", ylabel="σ₁", ylim=(0, None))
        if not share.dataLim.y1 > 0:  # of one word, whose h_0 is 0
            share.set_ylim(0, 100)
        for panel in axes[0]:
            panel.set_xlabel("distance from the end, k (words)")
            panel.xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)
        for panel in axes[1]:
            panel.set_xlabel("epoch (0 = before training)")
            panel.axhline(1, color=GREY, linewidth=1, zorder=1)
        share.legend(fontsize=9)
        radius.set_ylim(0, 1.4 * radius.get_ylim()[1])  # room for the legend above the lines
        radius.legend(fontsize=9, ncols=2, loc="upper left")
        add_provenance(drawn, *name_logs(logs, sentences=True))
        return drawn


def _draw_recurrent_share(axes, summed_axes, log):
    """Draw the mean share of ∂ℓ/∂W_hh by distance, and its running sum, where every sentence counts."""
    shared = log.best["gradients"]["shortest"]  # distances that all sentences reach
    for epoch, linestyle in two_epochs(log):
        values = epoch["gradients"]["recurrent_share"]
        label = f"{NAMES[log.model]}, epoch {epoch['epoch']}"
        curve = panels.Curve(label, {"share": values}, *STATES[log.model, "h"], linestyle)
        distance, mean = values["distance"][:shared], 100 * np.array(values["mean"][:shared])
        look = panels.look(axes, curve)
        axes.plot(distance, mean, label=label, **look)
        summed_axes.plot(distance, mean.cumsum(), label=label, **look)


def _draw_spectra(radius_axes, largest_axes, log):
    """Draw spectral radius and largest singular value of the recurrent weights by epoch."""
    epochs = [epoch["epoch"] for epoch in log.epochs]
    for name in log.best["recurrent_weights"]:
        label, colour, marker = WEIGHTS[log.model, name]
        label = f"{NAMES[log.model]}: {label}"
        for axes, column in ((radius_axes, "spectral_radius"), (largest_axes, "largest_singular_value")):
            values = [epoch["recurrent_weights"][name][column] for epoch in log.epochs]
            axes.plot(epochs, values, color=colour, marker=marker, markevery=3, label=label)
            axes.xaxis.get_major_locator().set_params(integer=True)
