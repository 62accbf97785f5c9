"""One run on disk: its weights file, which is all that the run is, and its log, derived from it.

``runs/<run_id>.jsonl``     the log, one JSON object per line
``weights/<run_id>.npz``    the weights; resume/…, what to continue from; settings and ended, JSON texts;
                            history and timings, the bytes of JSON lines
"""

import contextlib
import difflib
import io
import json
import math
import shutil
import zipfile
from typing import NamedTuple

import numpy as np

from scripts.files import paths
from scripts.files.errors import UserError
from scripts.files.paths import check_version, log_path, weights_path
from scripts.files.storage import (
    is_absent,
    only_writer,
    parse_lines,
    read_arrays,
    read_bytes,
    undamaged,
    written_whole,
)

RUN_VERSION = 2  # of logs and weights; 2: the history is lines of JSON
WEIGHTS = {"weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "weight_out", "bias_out"}
TIMINGS = ("seconds", "sentences_per_second", "gradients_seconds")  # all that differs between equal runs
RESUME = {"theta", "m", "v", "k"}
MODELS = ("rnn", "lstm")  # whose runs are read
MANY_RUNS = 8  # above so many, an error doesn't list them all
RETRAIN = "delete it and train again, or restore it from a copy"


def writing_run(run_id):
    """A block in which no other process writes the files of that run (see scripts.files.storage.only_writer)."""
    return only_writer(f"run {run_id!r}", [weights_path(run_id), log_path(run_id)])


def pack_run(run_id):
    """Weights file and log of a run as bytes, each None where there is none."""
    paths = weights_path(run_id), log_path(run_id)
    return [read_bytes(path) if path.exists() else None for path in paths]


def unpack_run(run_id, files):
    """Write the weights file and log of a run as :func:`pack_run` gave them."""
    for path, content in zip((weights_path(run_id), log_path(run_id)), files, strict=True):
        if content is not None:
            with written_whole(path) as file:
                file.write(content)


class Run(NamedTuple):
    """All that a run is, as it stands in its weights file.

    Attributes
    ----------
    settings : dict
        The first line of the log: model, hyperparameters, dataset, versions.
    history : list of dict
        The epoch lines of the log, from epoch 0, less their timings.
    timings : list of dict
        What differs between two equal runs: seconds, sentences a second.
    weights : dict of str to numpy.ndarray
        The parameters of the epoch with the smallest validation loss, named as PyTorch names them.
    resume : dict of str to numpy.ndarray
        What the next epoch starts from: the parameters as they are, the optimizer's moments and average.
    ended : str or None
        Why the run can't go on, where its numbers were no longer finite.
    """

    settings: dict
    history: list
    timings: list
    weights: dict
    resume: dict
    ended: str | None = None


def save_run(run_id, run, append=False):
    """Write the weights file of a run, then its log, which is derived from it.

    Parameters
    ----------
    run_id : str
    run : Run
    append : bool
        The run's history and timings hold only the epochs that follow those in its file. These are copied in
        blocks and never parsed, so that a training needs no more memory after many epochs than after few.

    Raises
    ------
    UserError
        The folder can't be written to, the disk is full, or the file to be continued is damaged. What stood
        there still stands.
    FloatingPointError
        A record holds what is no finite number. Nothing is written.
    """
    path = weights_path(run_id)
    try:
        new = {
            "history": [json.dumps({"type": "epoch"} | record, allow_nan=False) for record in run.history],
            "timings": [json.dumps(timing, allow_nan=False) for timing in run.timings],
        }
    except ValueError as error:
        raise FloatingPointError(f"what was recorded is not finite: {error}") from error
    texts = {"settings": run.settings} | ({"ended": run.ended} if run.ended else {})
    texts = {name: np.array(json.dumps(value, allow_nan=False)) for name, value in texts.items()}
    resume = {f"resume/{name}": array for name, array in run.resume.items()}
    with contextlib.ExitStack() as opened:
        file = opened.enter_context(written_whole(path))
        past = opened.enter_context(_open_weights(path)) if append else None
        np.savez(file, **texts, **run.weights, **resume)
        with zipfile.ZipFile(file, "a") as archive:
            for name, lines in new.items():
                _write_lines(archive, name, "".join(f"{line}\n" for line in lines).encode(), past)
    write_log(run_id)


def write_log(run_id):
    """Derive the log of a run from its weights file, a line at a time: settings, epochs, and why it ended."""
    with _open_weights(weights_path(run_id)) as archive, written_whole(log_path(run_id)) as log:
        log.write(_json_line({"type": "run"} | _read_value(archive, "settings")))
        with _open_lines(archive, "history") as (history, _), _open_lines(archive, "timings") as (timings, _):
            for record, timing in zip(history, timings, strict=True):
                log.write(record.removesuffix(b"}\n") + b", " + timing.removeprefix(b"{"))
        if "ended.npy" in archive.namelist():
            log.write(_json_line({"type": "end", "reason": _read_value(archive, "ended")}))


def _json_line(value):
    """A value as a line of JSON, in bytes."""
    return json.dumps(value, allow_nan=False).encode() + b"\n"


def _read_value(archive, name):
    """The value of a member of a weights file that holds one JSON text."""
    with archive.open(f"{name}.npy") as member:
        return _value_of(np.lib.format.read_array(member, allow_pickle=False))


def _value_of(text):
    """The value of a JSON text of one line, in an array of its own."""
    (value,) = parse_lines(io.BytesIO(str(text).encode()))
    return value


@contextlib.contextmanager
def _open_weights(path):
    """The archive that a weights file is; damage that is met within the block is a UserError."""
    with undamaged(path, "no weights file", RETRAIN), zipfile.ZipFile(path) as archive:
        yield archive


@contextlib.contextmanager
def _open_lines(archive, name):
    """Open the lines of JSON in a weights file; yields them as a file, and their size in bytes."""
    with archive.open(f"{name}.npy") as member:
        version = np.lib.format.read_magic(member)
        shape, _, dtype = np.lib.format.read_array_header_1_0(member)
        if version != (1, 0) or dtype != np.uint8 or len(shape) != 1:
            raise ValueError(f"{name} is no list of bytes")
        yield member, shape[0]


def _read_lines(archive, name):
    """The lines of JSON in a weights file, as a file; each an object as :func:`write_log` can join it."""
    with _open_lines(archive, name) as (member, _):
        content = member.read()
    for line in content.splitlines(keepends=True):
        if not (line.startswith(b"{") and line.endswith(b"}\n")):
            raise ValueError(f"a line of {name} is no object")
    return io.BytesIO(content)


def _write_lines(archive, name, lines, past=None):
    """Write lines of JSON as a (bytes,) uint8 array, after those that the archive `past` holds."""
    with contextlib.ExitStack() as opened:
        old, size = opened.enter_context(_open_lines(past, name)) if past else (io.BytesIO(), 0)
        member = opened.enter_context(archive.open(f"{name}.npy", "w"))
        header = {"descr": "|u1", "fortran_order": False, "shape": (size + len(lines),)}
        np.lib.format.write_array_header_1_0(member, header)
        shutil.copyfileobj(old, member)
        member.write(lines)


def load_run(run_id):
    """Read the weights file of a run.

    Returns
    -------
    Run

    Raises
    ------
    UserError
        There is no such run, or its file is damaged or of another format.
    """
    path = weights_path(run_id)
    if is_absent(path):
        raise UserError(
            f"there is no run {run_id!r} ({path} is missing); runs here: {runs_like(run_id)}: "
            "uncomment its block in main.py and run `python main.py`"
        )
    with undamaged(path, "no weights file", RETRAIN):
        members = read_arrays(path)
        settings = _value_of(members.pop("settings"))
        ended = _value_of(members.pop("ended", "null"))
        with zipfile.ZipFile(path) as archive:
            lines = {name: _read_lines(archive, name) for name in ("history", "timings")}
        members = {name: array for name, array in members.items() if name not in lines}
    check_version(path, settings, "train again", RUN_VERSION)
    resume = {name.removeprefix("resume/"): members.pop(name) for name in list(members) if "/" in name}
    with undamaged(path, "damaged", RETRAIN):
        check_header(settings)
        history, timings = read_epochs(lines["history"], settings), list(parse_lines(lines["timings"]))
        run = Run(settings, history, timings, members, resume, ended)
        check_arrays(run)
    if settings.get("run_id") != run_id:
        raise UserError(
            f"{path} holds the run {settings.get('run_id')!r}, not {run_id!r}: give the file its own name "
            f"back, or train {run_id!r}"
        )
    return run


def check_header(settings):
    """Raise ValueError, KeyError or TypeError where settings have not what the readers of a run rely on."""
    if settings["model"] not in MODELS:
        raise ValueError(f"model {settings['model']!r}")
    for name in ("epochs", "hidden_size"):
        value = settings["hyperparameters"][name]
        if type(value) is not int or value < 1:
            raise ValueError(f"{name} {value!r}")
    for name in ("name", "embeddings", "dimensions", "checksum"):
        settings["dataset"][name]


def read_epochs(file, settings):
    """Read the epochs of a run from lines of JSON, each checked before the next is read.

    Parameters
    ----------
    file
        Open, at the first epoch; a line of type "end" may follow the last.
    settings : dict

    Returns
    -------
    list of dict

    Raises
    ------
    ValueError, KeyError, …
        A line is no record of an epoch, or there is none.
    """
    epochs = []
    for record in parse_lines(file):
        if record["type"] == "end":
            break
        if record["type"] != "epoch" or record["epoch"] != len(epochs):
            raise ValueError("its epochs are not 0, 1, 2, …")
        for name in ("train_loss", "validation_loss", "train_accuracy", "validation_accuracy"):
            if not math.isfinite(record[name]):
                raise ValueError(f"{name} {record[name]} at epoch {record['epoch']}")
        if record["gradients"] is not None:
            check_gradients(record["gradients"], settings["model"])
        epochs.append(record)
    if not epochs:
        raise ValueError("it holds no epoch")
    return epochs


def check_gradients(gradients, model):
    """Raise ValueError or KeyError where the gradients of one epoch are not as a log holds them."""
    for state in ("h", "c") if model == "lstm" else ("h",):
        for quantity, columns in gradients[state].items():
            depths = list(range(1, gradients["longest"] + 1))
            if columns["depth"] != depths or not depths:
                raise ValueError(f"depths of {state} {quantity}")
            for name in ("count", "median", "q25", "q75", "vanished", "exploded"):
                numbers = [value for value in columns[name] if value is not None]
                if len(columns[name]) != len(depths) or not all(map(math.isfinite, numbers)):
                    raise ValueError(f"{name} of {state} {quantity}")
    if not 1 <= gradients["shortest"] <= gradients["longest"] or gradients["sentences"] < 1:
        raise ValueError("sentences")


def check_arrays(run):
    """Raise ValueError, KeyError or IndexError where the arrays of a weights file don't fit one another."""
    if len(run.timings) != len(run.history):
        raise ValueError("as many timings as epochs were expected")
    for timing in run.timings:
        if set(timing) != set(TIMINGS) or not all(map(math.isfinite, timing.values())):
            raise ValueError(f"timings {timing}")
    averaged = {"average"} if run.settings["hyperparameters"].get("averaging") else set()
    if set(run.weights) != WEIGHTS or set(run.resume) != RESUME | averaged:
        raise ValueError(f"arrays {sorted(run.weights)} to use and {sorted(run.resume)} to resume from")
    with np.errstate(over="ignore"):  # what is too large for float32 becomes an infinity
        for name, array in {**run.weights, **run.resume}.items():
            if array.dtype.kind not in "fiu" or not np.isfinite(array.astype(np.float32)).all():
                raise ValueError(f"{name} holds what is no finite number")
    parameters = sum(array.size for array in run.weights.values())
    shapes = {name: run.resume[name].shape for name in ("theta", "m", "v", *averaged)}
    if set(shapes.values()) != {(parameters,)}:
        raise ValueError(f"{parameters} weights, but a state to resume from of {shapes}")
    if run.resume["v"].min() < 0:
        raise ValueError("v, the mean of squares, is negative")
    k = run.resume["k"]
    if k.shape != () or k.dtype.kind not in "iu" or not 0 <= k < 2**53:
        raise ValueError(f"k, the number of updates, is {k}")
    hidden_size, found = run.settings["hyperparameters"]["hidden_size"], run.weights["weight_hh_l0"].shape[-1]
    if found != hidden_size:
        raise ValueError(f"weights of {found} units, but hidden_size {hidden_size}")


def existing_runs():
    """Run ids of all logs, in alphabetical order."""
    return sorted(
        path.stem for path in (paths.ROOT / "assets" / "runs").glob("*.jsonl") if path.stem[0] != "."
    )


def runs_like(run_id):
    """The run ids that there are, in words; of many, those that are spelt most alike."""
    names = existing_runs()
    if len(names) <= MANY_RUNS:
        return ", ".join(names) or "none"
    alike = difflib.get_close_matches(run_id, names, MANY_RUNS, cutoff=0)
    return f"{', '.join(alike)} and {len(names) - len(alike)} more"


def read_log(run_id):
    """Read the log of a run.

    Returns
    -------
    settings : dict
        The line of type "run".
    epochs : list of dict
        The lines of type "epoch", from epoch 0.

    Raises
    ------
    UserError
        There is no such run, or its log is damaged.
    """
    path = log_path(run_id)
    if is_absent(path):
        raise UserError(
            f"there is no run {run_id!r} ({path} is missing); runs here: {runs_like(run_id)}: "
            "uncomment its block in main.py and run `python main.py`"
        )
    remedy = f"delete it; training {run_id!r} again restores it from its weights file"
    with undamaged(path, "no log", remedy), open(path, "rb") as file:
        settings = next(parse_lines(file), None)
        if not isinstance(settings, dict) or settings.get("type") != "run":
            raise ValueError("its first line is not of type run")
        check_version(path, settings, remedy, RUN_VERSION)
        with undamaged(path, "damaged", remedy):
            check_header(settings)
            return settings, read_epochs(file, settings)


def best_epoch(epochs):
    """The epoch whose weights a run keeps: the smallest validation loss, the earliest of equals.

    Parameters
    ----------
    epochs : list of dict
        Epoch records, from epoch 0.

    Returns
    -------
    dict
        One of them.
    """
    return min(epochs, key=lambda record: record["validation_loss"])


NAMES = {"rnn": "RNN", "lstm": "LSTM"}
