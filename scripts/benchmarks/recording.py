"""Section "recording": the time that recording gradients adds to an epoch.

Whole epochs are timed, with dropout and validation, on one BLAS thread; epochs without and with the recording
of gradients through time, activations and spectra take turns. An entry of the JSON is

    model, hidden_size, batch_size
    sentences   on which gradients are recorded
    results     {off, on: {seconds: one per epoch, median}}
"""

from threadpoolctl import threadpool_limits

from scripts.benchmarks.sentences import load_or_draw
from scripts.benchmarks.turns import seconds, take_turns
from scripts.dynamics import gradients
from scripts.files.numbers import table
from scripts.training.experiment import LOOPS, epochs_of, start
from scripts.training.settings import check_settings

CAPTION = "Recording gradients through time, activations and spectra: seconds per epoch with its validation."


def points(quick, sizes=None):
    """Return both models at H = 64 and batch 64, whatever else is measured."""
    return [{"model": kind, "hidden_size": 64, "batch_size": 64} for kind in LOOPS]


def measure(point, repetitions):
    """Return an entry of the JSON without its point; see the docstring of this file."""
    data, settings = load_or_draw(), dict(point, epochs=repetitions)
    kind = settings.pop("model")
    header = {"model": kind, "hyperparameters": check_settings(kind, settings)}

    def begin():
        model, optimizer = start(kind, header["hyperparameters"], data)
        return model, epochs_of(header, data, model, optimizer, first_epoch=1, progress=False)

    _, without = begin()
    model, recorded = begin()
    rows = gradients.gradient_rows(data.splits["validation"].s)

    def record():
        next(recorded)
        gradients.measure(model, data.splits["validation"], rows)

    with threadpool_limits(1, user_api="blas"):
        acts = {"off": lambda: seconds(next, without), "on": lambda: seconds(record)}
        return {"sentences": len(rows), "results": take_turns(acts, repetitions)}


def tables(entries):
    """Return the section's paragraphs in Markdown."""
    rows = []
    for entry in entries:
        off, on = (entry["results"][name]["median"] for name in ("off", "on"))
        row = [entry["model"].upper(), entry["hidden_size"], entry["batch_size"], entry["sentences"]]
        rows.append([*row, f"{off:.2f}", f"{on:.2f}", f"{on / off:.2f}"])
    heads = ["recording: model", "H", "batch", "sentences", "off, s", "on, s", "on ÷ off"]
    return [CAPTION, table(rows, heads)]
