"""Figures of one run or two: learning curves, gradients by steps back in time, sentence lengths."""

import numpy as np

from scripts.dynamics.gradients import EXPLODED, VANISHED
from scripts.figures import style as figure_style
from scripts.figures.captions import describe_sentences, name_data, provenance
from scripts.figures.style import Curve, house_style
from scripts.files.data import describe_data, load_data
from scripts.files.errors import UserError
from scripts.files.runs import NAMES
from scripts.training.logs import DEFAULT_LSTM, DEFAULT_RNN, check_gradients_recorded, read

STATES = {  # (model, state): colour, marker
    ("rnn", "h"): (figure_style.RNN_H, "o"),
    ("lstm", "h"): (figure_style.LSTM_H, "s"),
    ("lstm", "c"): (figure_style.LSTM_C, "^"),
}
MARKERS = "osD^vP"
NORMS = {  # what a panel by depth shows: its title, the label of its axis
    "decay": (
        "Decay: the gradient of the logit z, relative to the last step",
        "norm of ∂z, relative to\nthe last step (no unit)",
    ),
    "loss": (
        "Raw gradient of the loss ℓ: also small where the model is sure, so no measure of decay",
        "norm of ∂ℓ (no unit)",
    ),
}


# Training -------------------------------------------------------------------------------------------------


def plot_run(run_id, show=False):
    """Draw training and validation loss and accuracy by epoch, the best epoch marked.

    Parameters
    ----------
    run_id : str
    show : bool
        Show it as well, where there is a screen.

    Returns
    -------
    pathlib.Path
        ``assets/figures/<run_id>-training.png``.

    Raises
    ------
    UserError
        There is no such run, or its log is damaged.
    """
    return figure_style.save(draw_run(read(run_id)), f"{run_id}-training.png", show)


@house_style
def draw_run(log):
    """The figure of :func:`plot_run`."""
    title = f"Learning curves: {NAMES[log.model]} with {log.hidden_size} units, run {log.run_id}"
    figure, (loss, accuracy) = figure_style.open_figure(title, 4.4, ncols=2)
    draw_learning(loss, log, "loss", 1)
    draw_learning(accuracy, log, "accuracy", 100)
    best = log.best
    loss.set_title(f"Loss (validation, best epoch: {best['validation_loss']:.3f})")
    loss.set_ylabel("cross-entropy (nats)")
    accuracy.set_title(f"Accuracy (validation, best epoch: {best['validation_accuracy']:.1%})")
    accuracy.set_ylabel("correct (% of sentences)")
    loss.legend(frameon=True, framealpha=0.8, edgecolor="none")
    figure_style.add_footer(
        figure,
        "How to read: training figures are means over an epoch while it trains (epoch 0: no training yet), "
        "validation figures are taken at its end. Best epoch: the smallest validation loss; its weights are "
        "kept. Past it, a validation loss that rises while the training loss falls is overfitting.",
        provenance([log]),
    )
    return figure


def draw_learning(axes, log, quantity, scale):
    """Draw one quantity of training and validation by epoch, and the best epoch."""
    epochs = [epoch["epoch"] for epoch in log.epochs]
    for split, marker, linestyle in (("train", "o", "--"), ("validation", "s", "-")):
        values = scale * np.array([epoch[f"{split}_{quantity}"] for epoch in log.epochs], float)
        label = {"train": "training", "validation": "validation"}[split]
        colour = figure_style.SPLIT_COLOURS[split]
        axes.plot(epochs, values, color=colour, marker=marker, linestyle=linestyle, label=label)
    best = log.best
    label = f"best epoch: {best['epoch']}"
    axes.axvline(best["epoch"], color=figure_style.GREY, linestyle=":", zorder=1)
    axes.plot(
        best["epoch"],
        scale * best[f"validation_{quantity}"],
        **{"color": "#CC79A7", "marker": "*", "markersize": 17, "markeredgecolor": "black"},
        **{"linestyle": "none", "zorder": 4, "label": label},
    )
    axes.set_xlabel("epoch (0 = before training)")
    axes.xaxis.get_major_locator().set_params(integer=True)


# Gradients by depth ---------------------------------------------------------------------------------------


def plot_gradients_rnn_vs_lstm(rnn=DEFAULT_RNN, lstm=DEFAULT_LSTM, show=False):
    """Draw how far back gradients reach in an RNN and in an LSTM, at the best epoch and before training.

    Against the number of steps back: the decay (∂z relative to depth 1), the raw gradient of the loss, the
    shares of sentences whose gradient vanished or exploded, and how many sentences there are.

    Parameters
    ----------
    rnn, lstm : str
        Run ids.
    show : bool
        Show it as well, where there is a screen.

    Returns
    -------
    pathlib.Path
        ``assets/figures/gradients-<rnn>-vs-<lstm>.png``.

    Raises
    ------
    UserError
        A run is missing, of the other model, or has no gradients in its log.
    """
    logs = [read(rnn, "rnn"), read(lstm, "lstm")]
    return figure_style.save(draw_gradients_rnn_vs_lstm(*logs), f"gradients-{rnn}-vs-{lstm}.png", show)


@house_style
def draw_gradients_rnn_vs_lstm(rnn, lstm):
    """The figure of :func:`plot_gradients_rnn_vs_lstm`."""
    curves = []
    for log, state in ((rnn, "h"), (lstm, "h"), (lstm, "c")):
        curves += curves_of(log, state, f"{NAMES[log.model]} {state}", *STATES[log.model, state])
    title = (
        f"How far back the gradient reaches: RNN ({rnn.hidden_size} units), LSTM ({lstm.hidden_size} units)"
    )
    return draw_by_depth([rnn, lstm], curves, ("decay", "loss", "shares"), title)


def plot_gradients_rnns(run_ids=("rnn-16", "rnn-32", DEFAULT_RNN), show=False):
    """Draw the decay of the gradient in RNNs of several widths, at the best epoch and before training.

    Parameters
    ----------
    run_ids : sequence of str
        Runs of RNNs; their widths are read from their logs.
    show : bool
        Show it as well, where there is a screen.

    Returns
    -------
    pathlib.Path
        ``assets/figures/gradients-<run_id>+<run_id>….png``.

    Raises
    ------
    UserError
        A run is missing, no RNN, or has no gradients in its log; or no run was named.
    """
    if isinstance(run_ids, str) or not run_ids:
        raise UserError(f'run_ids is {run_ids!r}, expected several run ids: ("rnn-16", "rnn-32")')
    logs = [read(run_id, "rnn") for run_id in run_ids]
    name = "+".join(run_ids)[:200]  # a file name holds 255 characters
    return figure_style.save(draw_gradients_rnns(logs), f"gradients-{name}.png", show)


@house_style
def draw_gradients_rnns(logs):
    """The figure of :func:`plot_gradients_rnns`."""
    curves = []
    colours = figure_style.shades(len(logs))
    for number, (log, colour) in enumerate(zip(logs, colours, strict=True)):
        label = f"{log.hidden_size} units ({log.run_id})"
        curves += curves_of(log, "h", label, colour, MARKERS[number % len(MARKERS)])
    return draw_by_depth(
        logs, curves, ("decay",), "How far back the gradient reaches: RNNs of several widths"
    )


def curves_of(log, state, label, colour, marker):
    """Two curves for one state of one run: the best epoch solid and, where recorded, epoch 0 dashed."""
    check_gradients_recorded(log)
    best, first = log.best, log.epochs[0]
    label_best, label_first = f"{label}, epoch {best['epoch']} (best)", f"{label}, epoch 0 (before training)"
    curves = [Curve(label_best, best["gradients"][state], colour, marker)]
    if best["epoch"] > 0 and first.get("gradients"):
        curves.append(Curve(label_first, first["gradients"][state], colour, marker, "--"))
    return curves


def draw_by_depth(logs, curves, panels, title):
    """Draw curves against the number of steps back, one panel below the other, sentence counts last.

    Parameters
    ----------
    logs : list of Log
        The runs that the curves come from, for the footer and the counts.
    curves : list of Curve
    panels : sequence of {"decay", "loss", "shares"}
        From top to bottom; one whose data no log holds is left out.
    title : str

    Returns
    -------
    matplotlib.figure.Figure
    """
    needed = {"decay": "decay", "loss": "loss", "shares": "logit"}
    panels = [panel for panel in panels if any(needed[panel] in curve.quantities for curve in curves)]
    if not panels:
        raise UserError(
            f"the log of run {logs[0].run_id!r} holds nothing that this figure shows: train it again "
            "with overwrite=True"
        )
    columns = 2 if max(len(curve.label) for curve in curves) < 55 else 1
    heights = [{"decay": 3.6, "loss": 2.6, "shares": 1.8}[panel] for panel in panels] + [1.1]
    around = 1.8 + 0.2 * len(curves) / columns  # title, legend, footer
    figure, axes = figure_style.open_figure(
        title, sum(heights) + around, nrows=len(heights), sharex=True, height_ratios=heights
    )
    for panel, where in zip(panels, axes, strict=False):
        if panel == "shares":
            draw_shares(where, curves)
        else:
            draw_norm(where, curves, panel)
    draw_counts(axes[-1], curves)
    mark_depths(axes, curves, min(log.best["gradients"]["shortest"] for log in logs))
    figure.align_ylabels(axes)
    add_legend_by_epoch(axes[0], curves, columns)
    figure_style.add_footer(figure, reading(curves, panels), provenance(logs, describe_sentences))
    return figure


def add_legend_by_epoch(axes, curves, columns):
    """A legend that lists the best epochs first, then epoch 0: of two columns, each has one."""
    handles = dict(zip(*reversed(axes.get_legend_handles_labels()), strict=True))
    labels = sorted(handles, key=[curve.label for curve in sorted(curves, key=is_dashed)].index)
    figure_style.add_legend(axes, ([handles[label] for label in labels], labels), columns)


def is_dashed(curve):
    """Whether a curve is of epoch 0."""
    return curve.linestyle != "-"


def reading(curves, panels):
    """How to read a figure by depth, in a few sentences."""
    states = "h: with respect to the hidden state; c: to the cell state. " if len(panels) > 1 else ""
    limits = f" Vanished: norm of ∂z below {VANISHED:g}; exploded: above {EXPLODED:g}.".replace("e+0", "e")
    limits = limits if "shares" in panels else ""
    zero = any(
        0 in quantity["median"]
        for curve in curves
        for name, quantity in curve.quantities.items()
        if name in panels
    )
    return (
        "How to read: 1 = as large as at the last step of the sentence; 0.01 = a hundredth of it is left. "
        f"{states}Line: median over the sentences; band: quartiles.{limits} Right of the dotted line only "
        f"longer sentences are left; pale: fewer than {figure_style.SMALL_COUNT}."
        f"{' A line that leaves at the bottom is below 1e-308.' if zero else ''}"
    )


def draw_norm(axes, curves, quantity):
    """Draw median and quartiles of a gradient norm by depth, on a log scale."""
    title, label = NORMS[quantity]
    axes.set_yscale("log", nonpositive="clip")
    for curve in curves:
        if quantity in curve.quantities:
            figure_style.draw_quartiles(axes, curve, quantity)
    if quantity == "decay":
        axes.axhline(1, color=figure_style.GREY, linewidth=1, zorder=1)
    axes.set(title=title, ylabel=label)


def draw_shares(axes, curves):
    """Draw the share of sentences whose ∂z exploded (upwards from 0), or vanished (downwards)."""
    extent = {"exploded": 5.0, "vanished": 5.0}  # per cent, at least
    for curve in curves:
        values = curve.quantities.get("logit", {"exploded": [], "vanished": []})
        for name, sign in (("exploded", 1), ("vanished", -1)):
            share = 100 * np.array(values[name], float)
            if share.any():
                axes.plot(values["depth"], sign * share, label=curve.label, **figure_style.look(axes, curve))
                extent[name] = max(extent[name], np.nanmax(share))
    if not axes.lines:
        words = "no sentence's gradient vanished or exploded, at any depth, for any line"
        axes.text(0.5, 0.66, words, transform=axes.transAxes, ha="center", backgroundcolor="white")
    axes.axhline(0, color=figure_style.GREY, linewidth=1)
    axes.set_ylim(-1.15 * extent["vanished"], 1.15 * extent["exploded"])
    axes.yaxis.set_major_formatter(lambda value, _: f"{abs(value):g}")
    axes.set(title="Shares of sentences whose ∂z exploded (above 0) or vanished (below 0)")
    axes.set_ylabel("vanished | exploded\n(% of sentences)")


def draw_counts(axes, curves):
    """Draw how many sentences are long enough for each depth."""
    labels = {}  # of each different list of counts: usually there is one
    for curve in curves:
        labels.setdefault((tuple(curve.depths), tuple(curve.counts)), []).append(curve.label)
    for number, ((depths, counts), of) in enumerate(labels.items()):
        look = {"color": "black", "linewidth": 1.5, "linestyle": ["-", "--", ":", "-."][number % 4]}
        axes.plot(depths, counts, drawstyle="steps-mid", label=of[0], **look)
        axes.fill_between(depths, counts, step="mid", color=figure_style.GREY, alpha=0.25, linewidth=0)
    if len(labels) > 1:
        axes.legend()
    axes.set(title="Sentences that reach so far back", ylabel="sentences", ylim=(0, None))
    axes.set_xlabel("steps back from the end of the sentence (1 = its last step)")


def mark_depths(axes, curves, shortest):
    """Mark, in every panel, where sentences get fewer and where too few are left."""
    deepest = max(curve.depths[-1] for curve in curves)
    few = min(first_small_count(curve) for curve in curves)
    for panel in axes:
        panel.axvline(shortest, color="black", linestyle=":", linewidth=1.2, zorder=2)
        figure_style.pale_beyond(panel, few, deepest)
        panel.set_xlim(1, max(deepest, 2))
        panel.set_xticks(figure_style.count_ticks(deepest))


def first_small_count(curve):
    """The first depth with too few sentences; one beyond the last where there is none."""
    counted = zip(curve.depths, curve.counts, strict=True)
    return next((depth for depth, count in counted if count < figure_style.SMALL_COUNT), curve.depths[-1] + 1)


# Data -----------------------------------------------------------------------------------------------------


def plot_sentence_lengths(show=False):
    """Draw the lengths of the sentences of the three splits in data/.

    Parameters
    ----------
    show : bool
        Show it as well, where there is a screen.

    Returns
    -------
    pathlib.Path
        ``assets/figures/sentence-lengths.png``.

    Raises
    ------
    UserError
        data/ is missing, damaged or a mixture of two preprocessings.
    """
    return figure_style.save(draw_sentence_lengths(load_data()), "sentence-lengths.png", show)


@house_style
def draw_sentence_lengths(data):
    """The figure of :func:`plot_sentence_lengths`."""
    figure, axes = figure_style.open_figure("How long the sentences of the three splits are", 4.6)
    longest = max(int(split.s.max()) for split in data.splits.values())
    width = -(-longest // 100)  # tokens a bin: as many as keep the bins to a hundred
    bins = np.arange(0.5, longest + width + 0.5, width)
    for (name, split), linestyle in zip(data.splits.items(), ("-", "--", "-."), strict=True):
        label = f"{name}: {len(split.s):,} rows, mean {split.s.mean():.1f}, longest {split.s.max()}"
        share, colour = np.full(len(split.s), 100 / len(split.s)), figure_style.SPLIT_COLOURS[name]
        axes.hist(
            split.s,
            bins,
            weights=share,
            histtype="step",
            color=colour,
            linestyle=linestyle,
            linewidth=2,
            label=label,
        )
    axes.set(xlabel="sentence length (tokens)", xlim=(0.5, longest + 0.5))
    axes.set_ylabel(
        "share of the split's rows (%)" if width == 1 else f"share of the split's rows (% in {width} tokens)"
    )
    axes.set_xticks(figure_style.count_ticks(longest))
    axes.legend()
    figure_style.add_footer(figure, name_data(describe_data(data.manifest)))
    return figure
