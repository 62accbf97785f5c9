"""One run on disk: its weights file, which holds the whole run, and its log, derived from it.

``runs/<run_id>.jsonl``     the log, one JSON object per line: settings, epochs, and why it ended
``weights/<run_id>.npz``    the weights; resume/…, the state to continue from; and as JSON texts: settings,
                            history, timings and, if the run can't continue, ended

Training writes both; studies, figures and the results page read them.
"""

import difflib
import json
import math
from typing import NamedTuple

import numpy as np

from scripts.files import storage
from scripts.files.blocks import remedy_of_run
from scripts.files.errors import UserError
from scripts.files.paths import assets_path, check_version, log_path, weights_path
from scripts.files.storage import is_absent, parse_json, require, undamaged, write_bytes, written_whole

RUN_VERSION = 4  # of logs and weights; 4: gradients of the input x are recorded too
NAMES = {"rnn": "RNN", "lstm": "LSTM"}
COMPARED = ("rnn", "lstm")  # the pair that studies and figures of both models compare
WEIGHTS = {"weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "weight_out", "bias_out"}
TIMINGS = ("seconds", "sentences_per_second", "gradients_seconds")  # only these differ between equal runs
RESUME = {"theta", "m", "v", "k"}
RETRAIN = "train it again with overwrite=True, or restore it from a copy"


class Run(NamedTuple):
    """A complete run, as in its weights file."""

    settings: dict  # the first line of the log: model, hyperparameters, dataset, versions
    history: list  # the epoch lines of the log, from epoch 0, without timings
    timings: list  # TIMINGS of each epoch
    weights: dict  # arrays, named as in PyTorch: parameters of the selected checkpoint
    resume: dict  # arrays to continue from: latest parameters, the optimizer's moments and average
    ended: str | None = None  # why it can't continue: numbers that were not finite


def best_epoch(epochs):
    """Return the record of the selected checkpoint: lowest validation loss, the earliest of equal ones."""
    return min(epochs, key=lambda record: record["validation_loss"])


def writing_run(run_id):
    """Return a context in which no other process or thread writes the files of that run."""
    return storage.only_writer(f"run {run_id!r}", [weights_path(run_id), log_path(run_id)])


def save_run(run_id, run):
    """Write the weights file of a run, then its log; FloatingPointError if a record is not finite."""
    history = [{"type": "epoch"} | record for record in run.history]
    values = {"settings": run.settings, "history": history, "timings": run.timings}
    if run.ended:
        values["ended"] = run.ended
    try:
        texts = {name: json.dumps(value, allow_nan=False) for name, value in values.items()}
    except ValueError as error:
        raise FloatingPointError(f"a record is not finite: {error}") from error
    for name in ("history", "timings"):  # they are long, and NumPy's str would take 4 bytes per character
        texts[name] = texts[name].encode()  # not by astype(bytes), in which NumPy ignores Ctrl-C
    resume = {f"resume/{name}": array for name, array in run.resume.items()}
    with written_whole(weights_path(run_id)) as file:
        np.savez(file, **texts, **run.weights, **resume)
    write_log(run_id, run)


def write_log(run_id, run):
    """Write the log of a run."""
    epochs = zip(run.history, run.timings, strict=True)
    lines = [
        {"type": "run"} | run.settings,
        *({"type": "epoch"} | epoch | timing for epoch, timing in epochs),
    ]
    lines += [{"type": "end", "reason": run.ended}] if run.ended else []
    text = "".join(json.dumps(line, allow_nan=False) + "\n" for line in lines)
    write_bytes(log_path(run_id), text.encode())


def pack_run(run_id):
    """Return the weights file and the log of a run as bytes, None for one that is missing."""
    files = weights_path(run_id), log_path(run_id)
    return [None if is_absent(path) else storage.read_bytes(path) for path in files]


def unpack_run(run_id, files):
    """Write the weights file and the log of a run as :func:`pack_run` returned them."""
    for path, content in zip((weights_path(run_id), log_path(run_id)), files, strict=True):
        if content is not None:
            write_bytes(path, content)


def load_run(run_id):
    """Read the weights file of a run; UserError if it is missing, damaged or of another format."""
    path = weights_path(run_id)
    _check_present(run_id, path)
    with undamaged(path, "damaged", RETRAIN):
        members = storage.read_arrays(path)
        settings = parse_json(members.pop("settings").item())
        check_version(path, settings, "train again", RUN_VERSION)
        _check_settings(settings)
        history, timings = (parse_json(members.pop(name).item()) for name in ("history", "timings"))
        ended = parse_json(members.pop("ended", np.array("null")).item())
        resume = {name.removeprefix("resume/"): members.pop(name) for name in list(members) if "/" in name}
        run = Run(settings, _checked_epochs(history, settings), timings, members, resume, ended)
        _check_run(run)
    if (found := settings.get("run_id")) != run_id:
        remedy = f"give the file its own name back, or train {run_id!r}"
        raise UserError(f"{path} holds the run {found!r}, not {run_id!r}: {remedy}")
    return run


def read_log(run_id):
    """Read the log of a run: its settings, a dict, and the records of its epochs, from epoch 0."""
    path = log_path(run_id)
    _check_present(run_id, path)
    remedy = f"delete it; training {run_id!r} again restores it from its weights file"
    with undamaged(path, "damaged", remedy), open(path, "rb") as file:
        settings, *records = map(parse_json, file)
        check_version(path, settings, remedy, RUN_VERSION)
        _check_settings(settings)
        return settings, _checked_epochs(records, settings)


def existing_runs():
    """List the run ids of all logs, in alphabetical order."""
    return sorted(path.stem for path in assets_path("runs", "").glob("[!.]*.jsonl"))


def _check_present(run_id, path):
    if is_absent(path):
        alike = ", ".join(difflib.get_close_matches(run_id, existing_runs(), 8, cutoff=0)) or "none"
        fault = f"there is no run {run_id!r} ({path} is missing); most similar runs here: {alike}"
        raise UserError(f"{fault}: {remedy_of_run(run_id)}")


# Checks: each raises one of scripts.files.storage.DAMAGE --------------------------------------------------


def _check_settings(settings):
    require(settings["model"] in NAMES, f"model {settings['model']!r}")
    size = settings["hyperparameters"]["hidden_size"]
    require(type(size) is int, f"hidden_size {size!r}")
    for name in ("name", "embeddings", "dimensions", "checksum"):
        settings["dataset"][name]


def _checked_epochs(records, settings):
    """Return the checked records of epochs 0, 1, 2, …; a line of type "end" may follow them."""
    epochs = []
    for record in records:
        if record["type"] == "end":
            break
        is_next = record["type"] == "epoch" and record["epoch"] == len(epochs)
        require(is_next, "its epochs are not 0, 1, 2, …")
        for name in ("train_loss", "validation_loss", "train_accuracy", "validation_accuracy"):
            require(math.isfinite(record[name]), f"{name} {record[name]} at epoch {len(epochs)}")
        if record["gradients"] is not None:
            _check_gradients(record["gradients"], settings["model"])
        epochs.append(record)
    require(epochs, "it holds no epoch")
    return epochs


def _check_gradients(gradients, model):
    for state in ("h", "c", "x") if model == "lstm" else ("h", "x"):
        for quantity, columns in gradients[state].items():
            reached = len(columns["distance"])
            is_whole = columns["distance"] == list(range(reached)) and reached == gradients["longest"] > 0
            require(is_whole, f"distances of {state} {quantity}")
            for name in ("count", "median", "q25", "q75", "vanished", "exploded"):
                finite = [value is None or math.isfinite(value) for value in columns[name]]
                require(all(finite) and len(finite) == reached, f"{name} of {state} {quantity}")
    require(1 <= gradients["shortest"] <= gradients["longest"] and gradients["sentences"] >= 1, "sentences")


def _check_run(run):
    """Check that the timings and the arrays of a weights file fit one another and its settings."""
    require(len(run.timings) == len(run.history), "as many timings as epochs were expected")
    for timing in run.timings:
        are_numbers = set(timing) == set(TIMINGS) and all(map(math.isfinite, timing.values()))
        require(are_numbers, f"timings {timing}")
    hyperparameters = run.settings["hyperparameters"]
    averaged = {"average"} if hyperparameters.get("averaging") else set()
    are_all = set(run.weights) == WEIGHTS and set(run.resume) == RESUME | averaged
    require(are_all, f"arrays {sorted(run.weights)} to use and {sorted(run.resume)} to resume from")
    with np.errstate(over="ignore"):  # a number too large for float32 becomes an infinity
        for name, array in {**run.weights, **run.resume}.items():
            finite = array.dtype.kind in "fiu" and np.isfinite(array.astype(np.float32)).all()
            require(finite, f"{name} holds a value that is no finite number")
    parameters = sum(array.size for array in run.weights.values())
    shapes = {name: run.resume[name].shape for name in ("theta", "m", "v", *averaged)}
    fit = set(shapes.values()) == {(parameters,)}
    require(fit, f"{parameters} weights, but a state to resume from of {shapes}")
    require(run.resume["v"].min() >= 0, "v, the mean of squares, is negative")
    k = run.resume["k"]
    is_count = k.shape == () and k.dtype.kind in "iu" and 0 <= k < 2**53
    require(is_count, f"k, the number of updates, is {k}")
    hidden_size, units = hyperparameters["hidden_size"], run.weights["weight_hh_l0"].shape[-1]
    require(units == hidden_size, f"weights of {units} units, but hidden_size {hidden_size}")
