"""Figures of how the dynamics change while a model learns: gradients, activations, recurrent weights."""

import matplotlib
import numpy as np

from scripts.figures import style as figure_style
from scripts.figures.captions import describe_sentences, provenance
from scripts.figures.runs import STATES, first_small_count
from scripts.figures.style import Curve, house_style
from scripts.files.errors import UserError
from scripts.files.runs import NAMES
from scripts.training.logs import DEFAULT_LSTM, DEFAULT_RNN, check_gradients_recorded, read

GATES = {  # (model, activation): name, colour, marker
    ("lstm", "i"): ("input gate i", "#E69F00", "o"),
    ("lstm", "f"): ("forget gate f", "#009E73", "s"),
    ("lstm", "o"): ("output gate o", "#0072B2", "^"),
    ("rnn", "h"): ("|h|", "#D55E00", "D"),
}
WEIGHTS = {**GATES, ("lstm", "g"): ("candidate g", "#CC79A7", "v"), ("rnn", "h"): ("W_hh", "#D55E00", "D")}
LOWEST, HIGHEST, STEP = -4, 1, 0.25  # log₁₀ of the decays that the heat map's colours span, and of one colour


def plot_decay_while_learning(rnn=DEFAULT_RNN, lstm=DEFAULT_LSTM, show=False):
    """Draw how far back the gradient reaches at every epoch, as a heat map for each state.

    Parameters
    ----------
    rnn, lstm : str
        Run ids.
    show : bool
        Show it as well, where there is a screen.

    Returns
    -------
    pathlib.Path
        ``assets/figures/decay-<rnn>-vs-<lstm>.png``.

    Raises
    ------
    UserError
        A run is missing, of the other model, or has no gradients in its log.
    """
    logs = read_recorded(rnn, lstm)
    return figure_style.save(draw_decay_while_learning(*logs), f"decay-{rnn}-vs-{lstm}.png", show)


def read_recorded(rnn, lstm):
    """The logs of an RNN and of an LSTM, both with dynamics recorded."""
    logs = [read(rnn, "rnn"), read(lstm, "lstm")]
    for log in logs:
        check_gradients_recorded(log)
        if "activations" not in log.best:
            raise UserError(
                f"the log of run {log.run_id!r} holds no activations: train it again with overwrite=True"
            )
    return logs


@house_style
def draw_decay_while_learning(rnn, lstm):
    """The figure of :func:`plot_decay_while_learning`."""
    title = "While it learns: how much of the gradient is left, by epoch"
    figure, axes = figure_style.open_figure(title, 5.2, ncols=3, sharey=True)
    for where, (log, state) in zip(axes, ((rnn, "h"), (lstm, "h"), (lstm, "c")), strict=True):
        mesh = draw_decay_map(where, log, state)
    axes[0].set_ylabel("steps back from the end of the sentence")
    bar = figure.colorbar(mesh, ax=axes, pad=0.01, aspect=30)
    bar.set_label("median norm of ∂z, last step = 1 (no unit)")
    bar.set_ticks(range(LOWEST, HIGHEST + 1), labels=[f"$10^{{{k}}}$" for k in range(LOWEST, HIGHEST + 1)])
    figure_style.add_footer(
        figure,
        "How to read: a column is an epoch, a row a depth. White: as large as at the last step; red: less is "
        "left, down to 1e-4 and below; blue: it has grown. Star: the best epoch. Only depths that at least "
        f"{figure_style.SMALL_COUNT} sentences reach are drawn.",
        provenance([rnn, lstm], describe_sentences),
    )
    return figure


def draw_decay_map(axes, log, state):
    """Draw the median decay of one state, depth by epoch; returns the mesh, for a colour bar."""
    counts = np.array(log.best["gradients"][state]["decay"]["count"])
    depths = max(int((counts >= figure_style.SMALL_COUNT).sum()), 1)
    recorded = [epoch for epoch in log.epochs if epoch.get("gradients")]
    medians = [epoch["gradients"][state]["decay"]["median"][:depths] for epoch in recorded]
    decay = np.array(medians, float).T  # where no sentence has a decay, nan: left blank
    with np.errstate(divide="ignore"):
        values = np.log10(decay)
    colours, norm = decay_colours()
    epochs = [epoch["epoch"] for epoch in recorded]
    mesh = axes.pcolormesh(epochs, range(1, depths + 1), values, cmap=colours, norm=norm, shading="nearest")
    axes.plot(log.best["epoch"], 1, marker="*", markersize=14, color="black", clip_on=False, linestyle="none")
    axes.set(title=f"{NAMES[log.model]} {state}", xlabel="epoch (0 = before training)")
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.grid(False)
    return mesh


def decay_colours():
    """A colour a quarter of a decade: from red (decayed) over white (as at the last step) to blue (grown)."""
    edges = np.arange(LOWEST - STEP / 2, HIGHEST + STEP, STEP)  # so that 10⁰ is the middle of a colour
    centres = np.concatenate([[LOWEST - STEP], edges[:-1] + STEP / 2, [HIGHEST + STEP]])
    both_ways = matplotlib.colormaps["RdBu"](0.5 + 0.5 * centres / -LOWEST)
    colours = matplotlib.colors.ListedColormap(both_ways)
    return colours, matplotlib.colors.BoundaryNorm(edges, len(both_ways), extend="both")


def plot_activations(rnn=DEFAULT_RNN, lstm=DEFAULT_LSTM, show=False):
    """Draw the gates of the LSTM and |h| of the RNN by depth, and how many of them are saturated.

    Parameters
    ----------
    rnn, lstm : str
        Run ids.
    show : bool
        Show it as well, where there is a screen.

    Returns
    -------
    pathlib.Path
        ``assets/figures/activations-<rnn>-vs-<lstm>.png``.

    Raises
    ------
    UserError
        A run is missing, of the other model, or has no activations in its log.
    """
    logs = read_recorded(rnn, lstm)
    return figure_style.save(draw_activations(*logs), f"activations-{rnn}-vs-{lstm}.png", show)


@house_style
def draw_activations(rnn, lstm):
    """The figure of :func:`plot_activations`."""
    title = "What saturates: the gates of the LSTM, the tanh of the RNN"
    figure, axes = figure_style.open_figure(title, 8.4, nrows=2, ncols=2, sharex=True, sharey="row")
    for column, log in enumerate((lstm, rnn)):
        curves = activation_curves(log)
        for curve in curves:
            draw_activation(axes[0, column], axes[1, column], curve)
        what = "gates" if log.model == "lstm" else "|h|"
        axes[0, column].set_title(f"{NAMES[log.model]}: {what}, mean and (thin) quartiles")
        threshold = "below .1 or above .9" if log.model == "lstm" else "above .9"
        axes[1, column].set_title(f"saturated: {threshold}")
        axes[1, column].set_xlabel("steps back (1 = last step)")
        axes[1, column].legend(fontsize=9)
        for where in axes[:, column]:
            figure_style.pale_beyond(where, first_small_count(curves[0]), curves[0].depths[-1])
            where.set_xlim(1, curves[0].depths[-1])
    axes[0, 0].set(ylabel="value (0 to 1, no unit)", ylim=(0, 1))
    axes[1, 0].set(ylabel="share of units (%)", ylim=(0, 100))
    figure_style.add_footer(
        figure,
        "How to read: over all units and sentences. An LSTM's cell keeps its gradient where f is near 1; a "
        "gate below .1 or above .9 hardly changes with its input, nor does a tanh beyond .9 (its slope there "
        f"is below .19). Solid: best epoch; dashed: epoch 0. Pale: fewer than {figure_style.SMALL_COUNT} "
        "sentences.",
        provenance([rnn, lstm], describe_sentences),
    )
    return figure


def activation_curves(log):
    """The curves of one run's activations: best epoch solid, epoch 0 dashed."""
    curves = []
    for epoch, linestyle in ((log.best, "-"), (log.epochs[0], "--")):
        for name, values in epoch.get("activations", {}).items():
            label, colour, marker = GATES[log.model, name]
            curves.append(
                Curve(f"{label}, epoch {epoch['epoch']}", {"activation": values}, colour, marker, linestyle)
            )
        if log.best["epoch"] == 0:
            break
    return curves


def draw_activation(values_axes, saturated_axes, curve):
    """Draw mean and quartiles of an activation by depth, and its saturated share below."""
    values = curve.quantities["activation"]
    look = figure_style.look(values_axes, curve)
    values_axes.plot(values["depth"], values["mean"], label=curve.label, **look)
    if curve.linestyle == "-":
        for quartile in ("q25", "q75"):  # thin lines: bands of three gates would cover each other
            values_axes.plot(values["depth"], values[quartile], color=curve.colour, linewidth=0.9, alpha=0.8)
    saturated_axes.plot(values["depth"], 100 * np.array(values["saturated"]), label=curve.label, **look)


def plot_recurrent_weights(rnn=DEFAULT_RNN, lstm=DEFAULT_LSTM, show=False):
    """Draw what W_hh learns from: the share of its gradient by depth; and its spectrum, by epoch.

    Parameters
    ----------
    rnn, lstm : str
        Run ids.
    show : bool
        Show it as well, where there is a screen.

    Returns
    -------
    pathlib.Path
        ``assets/figures/recurrent-weights-<rnn>-vs-<lstm>.png``.

    Raises
    ------
    UserError
        A run is missing, of the other model, or has no dynamics in its log.
    """
    logs = read_recorded(rnn, lstm)
    return figure_style.save(draw_recurrent_weights(*logs), f"recurrent-weights-{rnn}-vs-{lstm}.png", show)


@house_style
def draw_recurrent_weights(rnn, lstm):
    """The figure of :func:`plot_recurrent_weights`."""
    title = "What the recurrent weights W_hh learn from, and what becomes of them"
    figure, axes = figure_style.open_figure(title, 8.4, nrows=2, ncols=2)
    share, radius, largest = axes[0, 0], axes[1, 0], axes[1, 1]
    for log in (rnn, lstm):
        draw_recurrent_share(share, axes[0, 1], log)
        draw_spectra(radius, largest, log)
    share.set(title="Share of ∂ℓ/∂W_hh that each step adds", ylabel="mean share (%)", ylim=(0, None))
    axes[0, 1].set(title="the same, added up from the end", ylabel="mean share (%)", ylim=(0, 100))
    radius.set(title="Spectral radius", ylabel="max |λ| (no unit)", ylim=(0, None))
    largest.set(title="Largest singular value", ylabel="σ₁ (no unit)", ylim=(0, None))
    for where in axes[0]:
        where.set_xlabel("steps back (1 = last step)")
    for where in axes[1]:
        where.set_xlabel("epoch (0 = before training)")
        where.axhline(1, color=figure_style.GREY, linewidth=1, zorder=1)
    share.legend(fontsize=9)
    radius.set_ylim(0, 1.4 * radius.get_ylim()[1])  # room for the legend above the lines
    radius.legend(fontsize=9, ncols=2, loc="upper left")
    figure_style.add_footer(
        figure,
        "How to read: ∂ℓ/∂W_hh is a sum over the steps of a sentence; a share is the norm of one step's part "
        "over the sum of the norms of all its steps. Solid: best epoch; dashed: epoch 0. Spectra: of W_hh, "
        "the LSTM's gate by gate; σ₁ above 1 is necessary for an RNN's gradient to explode, not sufficient.",
        provenance([rnn, lstm], describe_sentences),
    )
    return figure


def draw_recurrent_share(axes, summed_axes, log):
    """Draw the mean share of ∂ℓ/∂W_hh by depth, and its running sum, where every sentence counts."""
    colour, marker = STATES[log.model, "h"]
    depths = log.best["gradients"]["shortest"]
    for epoch, linestyle in ((log.best, "-"), (log.epochs[0], "--")):
        values = epoch["gradients"]["recurrent_share"]
        curve = Curve(
            f"{NAMES[log.model]}, epoch {epoch['epoch']}", {"share": values}, colour, marker, linestyle
        )
        mean = 100 * np.array(values["mean"][:depths])
        look = figure_style.look(axes, curve)
        axes.plot(values["depth"][:depths], mean, label=curve.label, **look)
        summed_axes.plot(values["depth"][:depths], mean.cumsum(), label=curve.label, **look)


def draw_spectra(radius_axes, largest_axes, log):
    """Draw spectral radius and largest singular value of the recurrent weights by epoch."""
    recorded = [epoch for epoch in log.epochs if "recurrent_weights" in epoch]
    epochs = [epoch["epoch"] for epoch in recorded]
    for name in recorded[0]["recurrent_weights"]:
        label, colour, marker = WEIGHTS[log.model, name]
        for axes, column in ((radius_axes, "spectral_radius"), (largest_axes, "largest_singular_value")):
            values = [epoch["recurrent_weights"][name][column] for epoch in recorded]
            axes.plot(
                epochs, values, color=colour, marker=marker, markevery=3, label=f"{NAMES[log.model]}: {label}"
            )
            axes.xaxis.get_major_locator().set_params(integer=True)
