"""Figures of one run or a few: learning curves, gradients by distance; and the sentence lengths of data/."""

import itertools

import matplotlib
import numpy as np

from scripts.figures import panels, style
from scripts.figures.sources import name_data, name_logs, reading_logs, two_epochs
from scripts.figures.style import GREY, STATES, add_provenance, figure, open_figure
from scripts.files.data import describe_data, load_data
from scripts.files.errors import UserError
from scripts.files.runs import NAMES
from scripts.training.logs import DEFAULT_LSTM, DEFAULT_RNN, differences
from scripts.training.settings import as_given

SPLIT_COLOURS = {"train": style.BLACK, "validation": style.AMBER, "test": style.SKY}


@figure("training-{run_id}.png")
def plot_run(run_id):
    """Draw training and validation loss and accuracy by epoch, the selected epoch marked.

    Training values are means over an epoch while it trains, validation values are taken at its end. A
    validation loss that rises past the selected epoch while the training loss falls is overfitting.
    """
    with reading_logs((run_id, None), recorded=False) as (log,):
        title = f"Learning curves: {NAMES[log.model]} with {log.hidden_size} units, run {log.run_id}"
        drawn, (loss, accuracy) = open_figure(title, 3.8, ncols=2)
        _draw_learning(loss, log, "loss", 1)
        _draw_learning(accuracy, log, "accuracy", 100)
        found, selected = log.best, "validation, selected epoch:"
        loss.set(title=f"Loss ({selected} {found['validation_loss']:.3f})", ylabel="cross-entropy (nats)")
        accuracy.set_title(f"Accuracy ({selected} {found['validation_accuracy']:.1%})")
        accuracy.set_ylabel("correct (% of sentences)")
        loss.legend(frameon=True, framealpha=0.8, edgecolor="none")
        add_provenance(drawn, *name_logs([log]))
        return drawn


def _draw_learning(axes, log, quantity, scale):
    epochs = [epoch["epoch"] for epoch in log.epochs]
    for split, label, marker in (("train", "training", "o"), ("validation", "validation", "s")):
        values = scale * np.array([epoch[f"{split}_{quantity}"] for epoch in log.epochs], float)
        axes.plot(epochs, values, color=SPLIT_COLOURS[split], marker=marker, label=label)
    best, value = log.best["epoch"], scale * log.best[f"validation_{quantity}"]
    axes.axvline(best, color=GREY, linestyle=":", zorder=1)
    look = {"color": style.PURPLE, "markersize": 17, "markeredgecolor": "black", "zorder": 4}
    axes.plot(best, value, "*", label=f"selected epoch: {best}", **look)
    axes.set_xlabel("epoch (0 = before training)")
    axes.xaxis.get_major_locator().set_params(integer=True)


@figure("gradients-{rnn}-vs-{lstm}.png")
def plot_gradients_rnn_vs_lstm(rnn=DEFAULT_RNN, lstm=DEFAULT_LSTM):
    """Draw how far back gradients reach in an RNN and in an LSTM, at the selected epoch and before training.

    Decay: 1 is as large as at the last step of the sentence. Lines are medians over the sentences, bands
    quartiles. Right of the dotted line only longer sentences remain; the axis ends where they are too few.
    """
    with reading_logs((rnn, "rnn"), (lstm, "lstm")) as logs:
        curves = []
        for log, state in ((logs[0], "h"), (logs[1], "h"), (logs[1], "c")):
            curves += _curves_of(log, state, f"{NAMES[log.model]} {state}", *STATES[log.model, state])
        units = ", ".join(f"{NAMES[log.model]} ({log.hidden_size} units)" for log in logs)
        return _draw_by_distance(logs, curves, f"How far back the gradient reaches: {units}")


def _rnns_file_name(run_ids):
    if isinstance(run_ids, str) or not run_ids or len(set(run_ids)) < len(run_ids):
        raise UserError(f'run_ids is {run_ids!r}, expected several, each once: ("rnn-16", "rnn-32")')
    return f"gradients-{'+'.join(run_ids)[:200]}.png"  # a file name holds 255 characters


@figure(_rnns_file_name)
def plot_gradients_rnns(run_ids=("rnn-16", "rnn-32", DEFAULT_RNN)):
    """Draw the decay of the gradient in RNNs of several widths; see :func:`plot_gradients_rnn_vs_lstm`.

    Where they differ in other settings or in their dataset, the title and the lines name these.
    """
    with reading_logs(*((run_id, "rnn") for run_id in run_ids)) as logs:
        varied = differences(logs)
        curves, shades = [], matplotlib.colormaps["Oranges"](np.linspace(0.45, 1, len(logs)))
        for log, colour, marker in zip(logs, map(tuple, shades), itertools.cycle("osD^vP")):
            settings = log.settings["hyperparameters"]
            own = as_given({name: settings.get(name) for name in varied if name != "dataset"})
            label = f"{log.hidden_size} units ({log.run_id}{', ' if own else ''}{own})"
            curves += _curves_of(log, "h", label, colour, marker)
        title = "How far back the gradient reaches: RNNs"
        title += " of several widths" if len({log.hidden_size for log in logs}) > 1 else ""
        title += f"\nthat differ in {', '.join(varied)}" if varied else ""
        return _draw_by_distance(logs, curves, title)


def _curves_of(log, state, label, colour, marker):
    """Curves for one state of one run: the selected epoch solid and, where it is another, epoch 0 dashed."""
    curves = []
    for record, linestyle in two_epochs(log):
        words = f"{label}, epoch {record['epoch']} ({'selected' if linestyle == '-' else 'before training'})"
        curves.append(panels.Curve(words, record["gradients"][state], colour, marker, linestyle))
    return curves


def _draw_by_distance(logs, curves, title):
    """Draw the decay of curves by distance, and below it how many sentences there are."""
    columns = 2 if max(len(curve.label) for curve in curves) < 55 else 1
    height = 5 + 0.2 * len(curves) / columns  # with the legend
    drawn, axes = open_figure(title, height, nrows=2, sharex=True, height_ratios=(3.2, 1))
    decay = axes[0]
    decay.set_yscale("log", nonpositive="clip")
    panels.draw_medians(decay, curves, "decay")
    decay.set(
        ylabel="norm of ∂z, relative\nto the last word",
        title="What remains of the gradient of the logit z: medians, quartiles",
    )
    decay.axhline(1, color=GREY, linewidth=1, zorder=1)  # nothing is lost
    panels.draw_counts(drawn, axes, curves, min(log.best["gradients"]["shortest"] for log in logs))
    # Selected epochs first: of two columns, each has one epoch.
    best_first = sorted(decay.lines[: len(curves)], key=lambda line: line.get_linestyle() == "--")
    panels.add_legend(decay, [best_first, [line.get_label() for line in best_first]], columns)
    add_provenance(drawn, *name_logs(logs, sentences=True))
    return drawn


@figure(lambda data: f"sentence-lengths-{data}.png" if data else "sentence-lengths.png")
def plot_sentence_lengths(data=None):
    """Draw the lengths of the sentences of a dataset's three splits, by default of that in data/ itself."""
    data = load_data(data)
    drawn, axes = open_figure("How long the sentences of the three splits are", 4.2)
    longest = max(int(split.s.max()) for split in data.splits.values())
    width = -(-longest // 100)  # tokens per bin: as many as keep the bins to a hundred
    bins = np.arange(0.5, longest + width + 0.5, width)
    for (name, split), linestyle in zip(data.splits.items(), ("-", "--", "-."), strict=True):
        label = f"{name}: {len(split.s):,} rows, mean {split.s.mean():.1f}, longest {split.s.max()}"
        share = np.full(len(split.s), 100 / len(split.s))
        look = {"color": SPLIT_COLOURS[name], "linestyle": linestyle, "linewidth": 2}
        axes.hist(split.s, bins, weights=share, label=label, histtype="step", **look)
    unit = "%" if width == 1 else f"% in {width} tokens"
    axes.set(xlim=(0.5, longest + 0.5), ylabel=f"share of the split's rows ({unit})")
    axes.set_xlabel("sentence length (tokens)")
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.legend()
    add_provenance(drawn, name_data(describe_data(data.manifest, data.name)))
    return drawn
