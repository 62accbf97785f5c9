"""An animation of two runs: how far back the gradient reaches by epoch, and the validation accuracy."""

import matplotlib.pyplot as plt
import numpy as np

from scripts.figures.panels import SMALL_COUNT
from scripts.figures.sources import reading_logs
from scripts.figures.style import GREY, STATES, STYLE, open_figure, to_png
from scripts.files.paths import assets_path
from scripts.files.runs import NAMES
from scripts.files.storage import written_whole
from scripts.training.logs import DEFAULT_LSTM, DEFAULT_RNN

FRAME, PAUSE = 500, 3000  # milliseconds of each epoch, and of the last one
LOWEST, HIGHEST = 1e-4, 10  # of the axis of what remains


def animate_decay(rnn=DEFAULT_RNN, lstm=DEFAULT_LSTM):
    """Write a GIF of the decay of two runs by epoch, from before training to the last one; return its path.

    Left: the norm of ∂z k words before the end of a sentence, relative to the last word: median over
    sentences. Right: validation accuracy up to this epoch. It loops, with a pause at the end.
    """
    with reading_logs((rnn, "rnn"), (lstm, "lstm")) as logs:
        frames = []
        for epoch in range(max(len(log.epochs) for log in logs)):
            with plt.style.context(STYLE):
                drawn = draw_epoch(logs, epoch)
            frames.append(to_png(drawn, 90))
            plt.close(drawn)
    path = assets_path("figures", f"decay-while-learning-{rnn}-vs-{lstm}.gif")
    durations = [FRAME] * (len(frames) - 1) + [PAUSE]
    with written_whole(path) as file:
        frames[0].save(file, "GIF", save_all=True, append_images=frames[1:], duration=durations, loop=0)
    return path


def draw_epoch(logs, epoch):
    """Draw one frame: the figure of an epoch; a run that ended before stays at its last one."""
    drawn, (left, right) = open_figure(f"Epoch {epoch}: how far back the gradient reaches", 3.6, ncols=2)
    _draw_decays(left, logs, epoch)
    _draw_accuracies(right, logs, epoch)
    return drawn


def _draw_decays(axes, logs, epoch):
    reached = 1
    for log in logs:
        gradients = log.epochs[: epoch + 1][-1]["gradients"]
        for state in [state for state in ("h", "c") if state in gradients]:
            decay, (colour, marker) = gradients[state]["decay"], STATES[log.model, state]
            median, label = np.array(decay["median"], float), f"{NAMES[log.model]} {state}"
            axes.plot(decay["distance"], median, color=colour, marker=marker, markevery=5, label=label)
            reached = max(reached, sum(count >= SMALL_COUNT for count in decay["count"]) - 1)
    axes.axhline(1, color=GREY, linewidth=1, zorder=1)
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter(lambda share, _: f"{100 * share:g}")
    axes.set(xlim=(0, reached), ylim=(LOWEST, HIGHEST), ylabel="gradient that remains (%)")
    axes.set_xlabel("distance from the end of the sentence (words)")
    axes.legend(loc="lower left")


def _draw_accuracies(axes, logs, epoch):
    every = []
    for log in logs:
        accuracies = [100 * record["validation_accuracy"] for record in log.epochs]
        colour, marker = STATES[log.model, "h"]
        axes.plot(accuracies[: epoch + 1], color=colour, marker=marker, label=NAMES[log.model])
        every += accuracies
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.set(xlim=(0, max(len(log.epochs) for log in logs)), ylim=(min(every) - 1, max(every) + 1))
    axes.set(xlabel="epoch (0 = before training)", ylabel="validation accuracy (%)")
    axes.legend(loc="lower right")
