"""Every path and every file format under data/ and assets/, read and written here only.

How they are written (whole or not at all, by one process at a time) and read (as data from a stranger) is
``scripts/files/storage.py``'s.

data/ (written by ``scripts/preprocessing.py``)
    ``{split}-x.npy``     token ids of all sentences, one after the other (ragged, no padding stored)
    ``{split}-s.npy``     (N,) sentence lengths, each at least 1; they sum to the length of x
    ``{split}-y.npy``     (N,) labels, 0 negative, 1 positive
    ``{split}-g.npy``     (N,) number of the source sentence each row was cut from
    ``embeddings.npy``    (V, D) float32; row 0 is padding (zeros), row 1 the unknown word
    ``vocabulary.txt``    V lines; line i is the word of row i
    ``dataset.json``      written last: provenance, split sizes, and a checksum of every file above

assets/
    ``runs/<run_id>.jsonl``     the log of one run, one JSON object a line
    ``weights/<run_id>.npz``    all that the run is; the log is derived from it: the weights; resume/…, what
                                to continue from; settings and ended, JSON texts; history and timings, the
                                bytes of JSON lines
    ``embeddings/``             word vectors in GloVe's text format
    ``figures/``                PNG
    ``benchmarks/``             JSON
"""

import contextlib
import difflib
import hashlib
import io
import json
import math
import os
import re
import shutil
import sys
import zipfile
from pathlib import Path
from typing import NamedTuple

import numpy as np

from scripts.files.storage import (  # noqa: F401 (others import them from here)
    StudyError,
    check_place,
    checksum,
    flush_folder,
    flush_to_disk,
    is_absent,
    only_writer,
    parse_lines,
    read_arrays,
    read_json,
    readable,
    undamaged,
    write_json,
    write_text,
    written_whole,
)

ROOT = Path(__file__).resolve().parents[2]
FORMAT_VERSION = 1  # of data/ and studies
RUN_VERSION = 2  # of logs and weights; 2: the history is lines of JSON
SPLITS = ("train", "validation", "test")
COLUMNS = ("x", "s", "y", "g")
ARRAYS = (*(f"{split}-{column}.npy" for split in SPLITS for column in COLUMNS), "embeddings.npy")
DATA_FILES = (*ARRAYS, "vocabulary.txt", "dataset.json")  # in the order in which they are written
PREPROCESS = "run `python scripts/preprocessing.py`"
WEIGHTS = {"weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "weight_out", "bias_out"}
TIMINGS = ("seconds", "sentences_per_second", "gradients_seconds")  # all that differs between equal runs
RESUME = {"theta", "m", "v", "k"}
PADDING, UNKNOWN = 0, 1  # the first two rows of the embeddings
RESERVED = ("<pad>", "<unk>")  # and their words
MODELS = ("rnn", "lstm")  # whose runs are read
MANY_RUNS = 8  # above so many, an error doesn't list them all
RETRAIN = "delete it and train again, or restore it from a copy"
GLOVE_2024 = "wiki_giga_2024_100_MFT20_vectors_seed_2024_alpha_0.75_eta_0.05.050_combined.txt"


def errors_in_one_line():
    """Prepare this process for a terminal, or for none: it ends with one line where there is no bug to trace.

    Output that is closed is thrown away, and signs that it can't show are replaced. What is printed leaves by
    the line, into a pipe too, so that a reader who has gone away is noticed then and not at the end.
    """
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115 (to the process's end)
        elif hasattr(getattr(sys, name), "reconfigure"):
            getattr(sys, name).reconfigure(errors="replace", line_buffering=True)

    def excepthook(kind, error, traceback):
        if issubclass(kind, StudyError):
            print(f"error: {error}", file=sys.stderr)
        elif issubclass(kind, KeyboardInterrupt):
            print("interrupted: what is finished is kept, and the same command continues", file=sys.stderr)
        elif issubclass(kind, BrokenPipeError):  # as by `| head`
            with contextlib.suppress(OSError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for what is left to print
            print(
                "output was closed: what is finished is kept, and the same command continues", file=sys.stderr
            )
        elif issubclass(kind, OSError):
            print(f"error: the system refused ({error}): free the disk or the folder", file=sys.stderr)
        else:
            sys.__excepthook__(kind, error, traceback)

    sys.excepthook = excepthook


# Paths ----------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def rooted(root):
    """Let data/ and assets/ be those below `root` within the block, for this whole process."""
    global ROOT
    before, ROOT = ROOT, root
    try:
        yield
    finally:
        ROOT = before


def data_path(name):
    """Path of a file in data/."""
    return ROOT / "data" / name


def assets_path(kind, name):
    """Path of a file in assets/<kind>/."""
    return ROOT / "assets" / kind / name


def check_run_id(run_id, what="run id"):
    """Return `run_id` where it is safe as a file name; raise StudyError otherwise."""
    if not isinstance(run_id, str) or not re.fullmatch(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}", run_id):
        raise StudyError(
            f"{what} {run_id!r} can't be a file name: use up to 100 letters, digits, '-', '_' and '.', "
            "not beginning with '.'"
        )
    return run_id


def log_path(run_id):
    """Path of the log of a run."""
    return assets_path("runs", f"{check_run_id(run_id)}.jsonl")


def weights_path(run_id):
    """Path of the weights of a run."""
    return assets_path("weights", f"{check_run_id(run_id)}.npz")


def writing_run(run_id):
    """A block in which no other process writes the files of that run (see scripts.files.storage.only_writer)."""
    return only_writer(f"run {run_id!r}", [weights_path(run_id), log_path(run_id)])


# Files on their way to another machine and back -----------------------------------------------------------


def pack_data():
    """The files of data/ as bytes, by their names.

    Raises
    ------
    StudyError
        data/ is missing, or a file of it can't be read.
    """
    load_manifest()
    return {name: _read_bytes(data_path(name)) for name in DATA_FILES}


def unpack_data(files):
    """Write data/ as :func:`pack_data` gave it; ``dataset.json`` last. Other names are a StudyError."""
    if set(files) != set(DATA_FILES):
        raise StudyError(f"{sorted(files)} are not the files of data/: {PREPROCESS}")
    for name in DATA_FILES:
        with written_whole(data_path(name)) as file:
            file.write(files[name])


def pack_run(run_id):
    """Weights file and log of a run as bytes, each None where there is none."""
    paths = weights_path(run_id), log_path(run_id)
    return [_read_bytes(path) if path.exists() else None for path in paths]


def unpack_run(run_id, files):
    """Write the weights file and log of a run as :func:`pack_run` gave them."""
    for path, content in zip((weights_path(run_id), log_path(run_id)), files, strict=True):
        if content is not None:
            with written_whole(path) as file:
                file.write(content)


def _read_bytes(path):
    """All of a file."""
    check_place(path)
    with readable(path):
        return path.read_bytes()


@contextlib.contextmanager
def writing_data():
    """A block, or a function that this decorates, in which no other process writes data/."""
    with only_writer("data/", [data_path(name) for name in reversed(DATA_FILES)]):
        yield


# data/ ----------------------------------------------------------------------------------------------------


class Split(NamedTuple):
    """One split of the dataset.

    Attributes
    ----------
    x : (tokens,) unsigned integers
        Token ids of all sentences, one after the other.
    s : (N,) integers
        Sentence lengths, each at least 1.
    y : (N,) integers
        Labels, 0 or 1.
    g : (N,) integers
        Number of the source sentence each row was cut from.
    """

    x: np.ndarray
    s: np.ndarray
    y: np.ndarray
    g: np.ndarray


class Data(NamedTuple):
    """A preprocessed dataset: its splits, the vocabulary, the embeddings, and ``dataset.json``."""

    splits: dict
    vocabulary: list
    embeddings: np.ndarray
    manifest: dict


def save_data(data):
    """Write a preprocessed dataset into data/: every file beside its place first, ``dataset.json`` last.

    Until all files are written and on the disk, those of the preprocessing before stand as they were. While
    they change places there is no ``dataset.json``, and data/ is refused by its readers.

    Parameters
    ----------
    data : Data
        Its manifest needs no format version, sizes or checksums: they are added here.

    Returns
    -------
    dict
        The manifest as written.

    Raises
    ------
    StudyError
        The folder can't be written to, or the disk is full.
    """
    arrays = {
        f"{name}-{column}.npy": array
        for name, split in data.splits.items()
        for column, array in split._asdict().items()
    } | {"embeddings.npy": data.embeddings}
    words = "".join(f"{word}\n" for word in data.vocabulary).encode("utf-8")
    checksums = {}
    manifest = {
        "format_version": FORMAT_VERSION,
        **data.manifest,
        "splits": {name: describe(split) for name, split in data.splits.items()},
        "files": checksums,
    }
    with contextlib.ExitStack() as renamed_at_the_end:  # the last first
        last = renamed_at_the_end.enter_context(written_whole(data_path("dataset.json")))
        for name in [*arrays, "vocabulary.txt"]:
            file = renamed_at_the_end.enter_context(written_whole(data_path(name), flush=False))
            if name in arrays:
                np.save(file, arrays[name], allow_pickle=False)
            else:
                file.write(words)
            flush_to_disk(file)
            checksums[name] = checksum(file.name)
        last.write(json.dumps(manifest, indent=2, ensure_ascii=False, allow_nan=False).encode() + b"\n")
        flush_to_disk(last)
        for name in DATA_FILES:
            if data_path(name).is_dir():
                raise StudyError(f"{data_path(name)} is a folder: move it away")
        data_path("dataset.json").unlink(missing_ok=True)
        flush_folder(data_path(""))
    return manifest


def describe(split):
    """Size of one split: rows, tokens, lengths, share of positive labels, sources."""
    return {
        "rows": len(split.s),
        "tokens": len(split.x),
        "mean_length": round(float(split.s.mean()), 3),
        "longest": int(split.s.max()),
        "positive": round(float(split.y.mean()), 4),
        "sources": len(np.unique(split.g)),
    }


def data_checksum(manifest):
    """One short checksum of all files in data/: two datasets are the same where it is."""
    files = json.dumps(manifest["files"], sort_keys=True)
    return hashlib.sha256(files.encode()).hexdigest()[:16]


def load_manifest():
    """``dataset.json``; StudyError where data/ is missing, damaged or of another format."""
    path = data_path("dataset.json")
    if is_absent(path):
        raise StudyError(f"{path} is missing, so data/ is empty or unfinished: {PREPROCESS}")
    manifest = read_json(path)
    check_version(path, manifest, PREPROCESS)
    with undamaged(path, "damaged", PREPROCESS):
        _check_manifest(manifest)
    return manifest


def _check_manifest(manifest):
    """Raise ValueError, KeyError or TypeError where a manifest has not what its readers rely on."""
    for part, keys in {"dataset": ("name",), "embeddings": ("name", "dimensions"), "files": ()}.items():
        if not isinstance(manifest[part], dict):
            raise ValueError(f"{part} is no object")
        for key in keys:
            manifest[part][key]
    if set(manifest["files"]) != set(DATA_FILES[:-1]):
        raise ValueError("files are not those of data/")
    manifest["max_length"]
    for split in SPLITS:
        manifest["splits"][split]["rows"]


def load_data():
    """Read a preprocessed dataset; the token ids are memory-mapped.

    Returns
    -------
    Data

    Raises
    ------
    StudyError
        A file is missing or is not the one that ``dataset.json`` describes (a mixture of two
        preprocessings), or its content makes no sense.
    """
    manifest = load_manifest()
    for name in DATA_FILES[:-1]:
        path = data_path(name)
        if is_absent(path):
            raise StudyError(f"{path} is missing: {PREPROCESS}")
        if manifest["files"].get(name) != checksum(path):
            raise StudyError(
                f"{path} is not the file that dataset.json describes, so data/ is damaged or a mixture of "
                f"two preprocessings: {PREPROCESS}"
            )
    splits = {
        split: Split(*(_load_array(data_path(f"{split}-{column}.npy")) for column in COLUMNS))
        for split in SPLITS
    }
    embeddings = _load_array(data_path("embeddings.npy"))
    with undamaged(data_path("vocabulary.txt"), "no list of words", PREPROCESS):
        vocabulary = data_path("vocabulary.txt").read_bytes().decode("utf-8").split("\n")[:-1]
    _check_data(splits, vocabulary, embeddings)
    if load_manifest() != manifest:  # so every file above was the one whose checksum was taken
        raise StudyError("data/ changed while it was read: wait until preprocessing has ended, and run again")
    return Data(splits, vocabulary, embeddings, manifest)


def _load_array(path):
    """An .npy file, memory-mapped (so never larger than the file) and never unpickled."""
    with undamaged(path, "no array", PREPROCESS):
        return np.load(path, mmap_mode="r", allow_pickle=False)


def _check_data(splits, vocabulary, embeddings):
    """What every reader of data/ relies on."""
    V = len(vocabulary)
    if (
        embeddings.dtype != np.float32
        or embeddings.shape[:1] != (V,)
        or embeddings.ndim != 2
        or not embeddings.size
    ):
        raise StudyError(
            f"data/ holds {V} words but embeddings of shape {embeddings.shape} and type "
            f"{embeddings.dtype}: {PREPROCESS}"
        )
    if not np.isfinite(embeddings).all():
        raise StudyError(f"data/embeddings.npy holds what is no finite number: {PREPROCESS}")
    for name, split in splits.items():
        x, s, y, g = split
        if any(
            array.ndim != 1 or array.dtype.kind not in "ui" or not np.can_cast(array.dtype, np.int64)
            for array in split
        ):
            raise StudyError(f"data/{name}: expected four lists of whole numbers below 2**63: {PREPROCESS}")
        if not len(s) == len(y) == len(g) or not len(s):
            sizes = f"{len(s)} lengths, {len(y)} labels, {len(g)} sources"
            raise StudyError(f"data/{name}: {sizes}: {PREPROCESS}")
        if not 1 <= s.min() <= s.max() <= len(x) or s.sum(dtype=np.int64) != len(x):
            raise StudyError(f"data/{name}: lengths out of range: {PREPROCESS}")
        if x.min() < 0 or x.max() >= len(vocabulary) or not np.isin(y, (0, 1)).all():
            raise StudyError(f"data/{name}: token ids or labels out of range: {PREPROCESS}")


# Runs -----------------------------------------------------------------------------------------------------


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
    StudyError
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
    """The archive that a weights file is; damage that is met within the block is a StudyError."""
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
    StudyError
        There is no such run, or its file is damaged or of another format.
    """
    path = weights_path(run_id)
    if is_absent(path):
        raise StudyError(
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
        raise StudyError(
            f"{path} holds the run {settings.get('run_id')!r}, not {run_id!r}: give the file its own name "
            f"back, or train {run_id!r}"
        )
    return run


def check_version(path, described, remedy, expected=FORMAT_VERSION):
    """Raise StudyError where a file, as it describes itself, is of another format."""
    version = described.get("format_version") if isinstance(described, dict) else None
    if version != expected:
        raise StudyError(
            f"{path} has format version {version!r}, expected {expected}: {remedy}, or use the version of "
            "this project that wrote it"
        )


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


def runs():
    """Run ids of all logs, in alphabetical order."""
    return sorted(path.stem for path in (ROOT / "assets" / "runs").glob("*.jsonl") if path.stem[0] != ".")


def runs_like(run_id):
    """The run ids that there are, in words; of many, those that are spelt most alike."""
    names = runs()
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
    StudyError
        There is no such run, or its log is damaged.
    """
    path = log_path(run_id)
    if is_absent(path):
        raise StudyError(
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
