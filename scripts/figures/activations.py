"""The figure of how open an LSTM's gates are and what saturates in both models, from the logs of two runs."""

import numpy as np

from scripts.figures import panels, style
from scripts.figures.sources import name_logs, reading_logs, two_epochs
from scripts.figures.style import RNN_H, add_provenance, figure, open_figure
from scripts.files.runs import NAMES
from scripts.training.logs import DEFAULT_LSTM, DEFAULT_RNN

GATES = {  # (model, activation): name, colour, marker
    ("lstm", "i"): ("input gate i", style.AMBER, "o"),
    ("lstm", "f"): ("forget gate f", style.PURPLE, "s"),
    ("lstm", "o"): ("output gate o", style.SKY, "^"),
    ("rnn", "h"): ("|h|", RNN_H, "D"),
}


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
