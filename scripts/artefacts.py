"""Every path and every file format under data/ and assets/, read and written here only.

Files are written whole or not at all: beside their place first, flushed to disk, then renamed. Arrays are
never pickled, so a file from a stranger is data and can't run code. Whatever is wrong with a file, a
:class:`StudyError` says so in one line: what was found, what was expected, what to do.

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
    ``weights/<run_id>.npz``    all that the run is; the log is derived from it
    ``embeddings/``             word vectors in GloVe's text format
    ``figures/``                PNG
    ``benchmarks/``             JSON
"""

import contextlib
import hashlib
import io
import json
import math
import os
import re
import shutil
import sys
import tempfile
import zipfile
import zlib
from pathlib import Path
from typing import NamedTuple

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
FORMAT_VERSION = 1  # of data/ and studies
RUN_VERSION = 2  # of logs and weights; 2: the history is lines of JSON
SPLITS = ("train", "validation", "test")
COLUMNS = ("x", "s", "y", "g")
PADDING, UNKNOWN = 0, 1  # the first two rows of the embeddings
RESERVED = ("<pad>", "<unk>")  # and their words
DAMAGE = (ValueError, KeyError, EOFError, RecursionError, NotImplementedError, zipfile.BadZipFile, zlib.error)
RETRAIN = "delete it and train again, or restore it from a copy"
GLOVE_2024 = "wiki_giga_2024_100_MFT20_vectors_seed_2024_alpha_0.75_eta_0.05.050_combined.txt"


class StudyError(ValueError):
    """A mistake that the user can mend: its message is one line, with what to do."""


def errors_in_one_line():
    """Let this process end with one line, not a traceback, at a StudyError or when it is interrupted."""

    def excepthook(kind, error, traceback):
        if issubclass(kind, StudyError):
            print(f"error: {error}", file=sys.stderr)
        elif issubclass(kind, KeyboardInterrupt):
            print("interrupted: what is finished is kept, and the same command continues", file=sys.stderr)
        else:
            sys.__excepthook__(kind, error, traceback)

    sys.excepthook = excepthook


# Paths ----------------------------------------------------------------------------------------------------


def data_path(name):
    """Path of a file in data/."""
    return ROOT / "data" / name


def assets_path(kind, name):
    """Path of a file in assets/<kind>/."""
    return ROOT / "assets" / kind / name


def check_run_id(run_id):
    """Return `run_id` where it is safe as a file name; raise StudyError otherwise."""
    if not isinstance(run_id, str) or not re.fullmatch(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}", run_id):
        raise StudyError(
            f"run id {run_id!r} can't be a file name: use up to 100 letters, digits, '-', '_' and '.', "
            "not beginning with '.'"
        )
    return run_id


def log_path(run_id):
    """Path of the log of a run."""
    return assets_path("runs", f"{check_run_id(run_id)}.jsonl")


def weights_path(run_id):
    """Path of the weights of a run."""
    return assets_path("weights", f"{check_run_id(run_id)}.npz")


# Whole files or none --------------------------------------------------------------------------------------


@contextlib.contextmanager
def written_whole(path):
    """Open a binary file that takes its place at `path` only when the block ends without an error.

    Parameters
    ----------
    path : pathlib.Path
        Where the file is to stand; its folder is made where it is missing.

    Yields
    ------
    file
        A binary file beside `path`, renamed to it at the end.

    Raises
    ------
    StudyError
        The folder can't be written to, or the disk is full. What stood at `path` still stands.
    """
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(
            dir=path.parent, prefix=f".{path.name[:60]}.", suffix=".part", delete=False
        ) as file:
            temporary = Path(file.name)
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
        _flush_folder(path.parent)
    except OSError as error:
        raise StudyError(
            f"{path} could not be written ({error.strerror or error}): free the disk or the folder"
        ) from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def _umask():
    """Permissions that this process withholds from new files (the temporary file was made private)."""
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _flush_folder(folder):
    """Make a rename in `folder` survive a power cut, where the system lets a folder be opened."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


@contextlib.contextmanager
def readable(path):
    """Turn a failure of the system to read `path` within the block into a StudyError."""
    try:
        yield
    except OSError as error:
        raise StudyError(
            f"{path} could not be read ({error.strerror or error}): give this user the right to read it, or "
            "give another"
        ) from error


@contextlib.contextmanager
def undamaged(path, what, remedy):
    """Turn damage of the file at `path` that is met within the block into a StudyError."""
    try:
        with readable(path):
            yield
    except StudyError:
        raise
    except DAMAGE as error:
        raise StudyError(f"{path} is no {what} ({error}): {remedy}") from error


def checksum(path):
    """SHA-256 of a file, as a hexadecimal text."""
    digest = hashlib.sha256()
    with readable(path), open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def write_text(path, text):
    """Write `text` as UTF-8, whole."""
    with written_whole(path) as file:
        file.write(text.encode("utf-8"))


def write_json(path, value):
    """Write `value` as indented JSON, whole."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def read_json(path):
    """The value in a JSON file; a damaged one is a StudyError."""
    try:
        with readable(path):
            return json.loads(path.read_bytes())
    except StudyError:
        raise
    except (ValueError, RecursionError) as error:
        raise StudyError(f"{path} is no JSON ({error}): delete it and make it again") from error


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

    Until all files are written, those of the preprocessing before stand as they were. While they change
    places there is no ``dataset.json``, and data/ is refused by its readers.

    Parameters
    ----------
    data : Data
        Its manifest needs no format version, sizes or checksums: they are added here.

    Returns
    -------
    dict
        The manifest as written.
    """
    arrays = {
        f"{name}-{column}.npy": array
        for name, split in data.splits.items()
        for column, array in split._asdict().items()
    } | {"embeddings.npy": data.embeddings}
    words = "".join(f"{word}\n" for word in data.vocabulary).encode("utf-8")
    checksums = {}
    with contextlib.ExitStack() as renamed_at_the_end:
        for name in [*arrays, "vocabulary.txt"]:
            file = renamed_at_the_end.enter_context(written_whole(data_path(name)))
            if name in arrays:
                np.save(file, arrays[name], allow_pickle=False)
            else:
                file.write(words)
            file.flush()
            checksums[name] = checksum(file.name)
        data_path("dataset.json").unlink(missing_ok=True)
    manifest = {
        "format_version": FORMAT_VERSION,
        **data.manifest,
        "splits": {name: describe(split) for name, split in data.splits.items()},
        "files": checksums,
    }
    write_json(data_path("dataset.json"), manifest)
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
    again = "run `python scripts/preprocessing.py`"
    path = data_path("dataset.json")
    if not path.exists():
        raise StudyError(f"{path} is missing, so data/ is empty or unfinished: {again}")
    manifest = read_json(path)
    version = manifest.get("format_version") if isinstance(manifest, dict) else None
    if version != FORMAT_VERSION:
        raise StudyError(f"{path} has format version {version}, expected {FORMAT_VERSION}: {again}")
    if not isinstance(manifest.get("files"), dict):
        raise StudyError(f"{path} lists no files: {again}")
    return manifest


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
    names = [f"{split}-{column}.npy" for split in SPLITS for column in COLUMNS]
    for name in [*names, "embeddings.npy", "vocabulary.txt"]:
        path = data_path(name)
        if not path.is_file():
            raise StudyError(f"{path} is missing: run `python scripts/preprocessing.py`")
        if manifest["files"].get(name) != checksum(path):
            raise StudyError(
                f"{path} is not the file that dataset.json describes, so data/ is damaged or a mixture of "
                "two preprocessings: run `python scripts/preprocessing.py`"
            )
    splits = {
        split: Split(*(_load_array(data_path(f"{split}-{column}.npy")) for column in COLUMNS))
        for split in SPLITS
    }
    embeddings = _load_array(data_path("embeddings.npy"))
    with readable(data_path("vocabulary.txt")):
        vocabulary = data_path("vocabulary.txt").read_bytes().decode("utf-8").split("\n")[:-1]
    _check_data(splits, vocabulary, embeddings)
    return Data(splits, vocabulary, embeddings, manifest)


def _load_array(path):
    """An .npy file, memory-mapped and never unpickled."""
    try:
        return np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, OSError, EOFError) as error:
        raise StudyError(f"{path} is no array ({error}): run `python scripts/preprocessing.py`") from error


def _check_data(splits, vocabulary, embeddings):
    """What every reader of data/ relies on."""
    again = "run `python scripts/preprocessing.py`"
    if embeddings.ndim != 2 or len(vocabulary) != len(embeddings):
        raise StudyError(
            f"data/ holds {len(vocabulary)} words but embeddings of shape {embeddings.shape}: {again}"
        )
    for name, (x, s, y, g) in splits.items():
        if not len(s) == len(y) == len(g) or not len(s):
            raise StudyError(f"data/{name}: {len(s)} lengths, {len(y)} labels, {len(g)} sources: {again}")
        if s.min() < 1 or s.sum() != len(x) or x.max() >= len(vocabulary) or not np.isin(y, (0, 1)).all():
            raise StudyError(f"data/{name}: lengths, token ids or labels out of range: {again}")


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
    """

    settings: dict
    history: list
    timings: list
    weights: dict
    resume: dict


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
    """
    path = weights_path(run_id)
    try:
        new = {
            "history": [json.dumps({"type": "epoch"} | record, allow_nan=False) for record in run.history],
            "timings": [json.dumps(timing, allow_nan=False) for timing in run.timings],
        }
    except ValueError as error:
        raise StudyError(
            f"run {run_id!r} measured what is no finite number ({error}): try a smaller lr"
        ) from error
    resume = {f"resume/{name}": array for name, array in run.resume.items()}
    with contextlib.ExitStack() as opened:
        file = opened.enter_context(written_whole(path))
        past = opened.enter_context(_open_weights(path)) if append else None
        np.savez(file, settings=np.array(json.dumps(run.settings, allow_nan=False)), **run.weights, **resume)
        with zipfile.ZipFile(file, "a") as archive:
            for name, lines in new.items():
                _write_lines(archive, name, "".join(f"{line}\n" for line in lines).encode(), past)
    write_log(run_id)


def write_log(run_id):
    """Derive the log of a run from its weights file: its settings, then a line an epoch, one at a time."""
    with _open_weights(weights_path(run_id)) as archive, written_whole(log_path(run_id)) as log:
        with archive.open("settings.npy") as member:
            settings = json.loads(str(np.lib.format.read_array(member, allow_pickle=False)))
        log.write(json.dumps({"type": "run"} | settings).encode() + b"\n")
        with _open_lines(archive, "history") as (history, _), _open_lines(archive, "timings") as (timings, _):
            for record, timing in zip(history, timings, strict=True):
                log.write(record.removesuffix(b"}\n") + b", " + timing.removeprefix(b"{"))


@contextlib.contextmanager
def _open_weights(path):
    """The archive that a weights file is; damage that is met within the block is a StudyError."""
    with undamaged(path, "weights file", RETRAIN), zipfile.ZipFile(path) as archive:
        yield archive


@contextlib.contextmanager
def _open_lines(archive, name):
    """Open the lines of JSON in a weights file; yields them as a file, and their size in bytes."""
    with archive.open(f"{name}.npy") as member:
        np.lib.format.read_magic(member)
        (size,), _, _ = np.lib.format.read_array_header_1_0(member)
        yield member, size


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
    if not path.is_file():
        raise StudyError(
            f"there is no run {run_id!r} ({path} is missing); runs here: {', '.join(runs()) or 'none'}: "
            "uncomment its block in main.py and run `python main.py`"
        )
    with undamaged(path, "weights file", RETRAIN), np.load(path, allow_pickle=False) as file:
        members = {name: file[name] for name in file.files}
        settings = json.loads(str(members.pop("settings")))
        history, timings = (
            [json.loads(line) for line in members.pop(name).tobytes().splitlines()]
            for name in ("history", "timings")
        )
    check_version(path, settings, "train again")
    resume = {name.removeprefix("resume/"): members.pop(name) for name in list(members) if "/" in name}
    run = Run(settings, history, timings, members, resume)
    if fault := find_fault(settings, history) or find_fault_in_arrays(run):
        raise StudyError(f"{path} is damaged ({fault}): {RETRAIN}")
    if settings.get("run_id") != run_id:
        raise StudyError(
            f"{path} holds the run {settings.get('run_id')!r}, not {run_id!r}: give the file its own name "
            f"back, or train {run_id!r}"
        )
    return run


def check_version(path, settings, remedy):
    """Raise StudyError where the settings of a log or weights file are of another format."""
    version = settings.get("format_version") if isinstance(settings, dict) else None
    if version != RUN_VERSION:
        raise StudyError(
            f"{path} has format version {version}, expected {RUN_VERSION}: {remedy}, or use the version "
            "of this project that wrote it"
        )


def find_fault(settings, epochs):
    """What is wrong with the settings and epochs of a run, in a few words; None where nothing is.

    Parameters
    ----------
    settings : dict
        The line of type "run".
    epochs : list of dict
        The lines of type "epoch".
    """
    try:
        if settings["model"] not in ("rnn", "lstm"):
            return f"model {settings['model']!r}"
        if not settings["hyperparameters"]["hidden_size"] >= 1:
            return "hidden_size"
        missing = {"name", "embeddings", "dimensions", "checksum"} - settings["dataset"].keys()
        if missing:
            return f"its dataset has no {missing.pop()}"
        if [record["epoch"] for record in epochs] != list(range(len(epochs))) or not epochs:
            return "its epochs are not 0, 1, 2, …"
        for record in epochs:
            for name in ("train_loss", "validation_loss", "train_accuracy", "validation_accuracy"):
                if not math.isfinite(record[name]):
                    return f"{name} {record[name]} at epoch {record['epoch']}"
            if record["gradients"] is not None:
                check_gradients(record["gradients"], settings["model"])
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        return f"{type(error).__name__} {error}"
    return None


def check_gradients(gradients, model):
    """Raise ValueError or KeyError where the gradients of one epoch are not as a log holds them."""
    for state in ("h", "c") if model == "lstm" else ("h",):
        for quantity, columns in gradients[state].items():
            depths = list(range(1, gradients["longest"] + 1))
            if columns["depth"] != depths or not depths:
                raise ValueError(f"depths of {state} {quantity}")
            for name in ("count", "median", "q25", "q75", "vanished", "exploded"):
                if len(columns[name]) != len(depths):
                    raise ValueError(f"{name} of {state} {quantity}")
    if not 1 <= gradients["shortest"] <= gradients["longest"] or gradients["sentences"] < 1:
        raise ValueError("sentences")


def find_fault_in_arrays(run):
    """What is wrong with the arrays of a weights file, in a few words; None where nothing is."""
    if len(run.timings) != len(run.history):
        return "as many timings as epochs were expected"
    for name, array in {**run.weights, **run.resume}.items():
        if array.dtype.kind not in "fiu" or not np.isfinite(array).all():
            return f"{name} holds what is no finite number"
    state = ["theta", "m", "v"] + ["average"] * bool(run.settings["hyperparameters"].get("averaging"))
    sizes = {name: run.resume[name].size if name in run.resume else 0 for name in state}
    parameters = sum(array.size for array in run.weights.values())
    if set(sizes.values()) != {parameters} or run.resume.get("k", np.empty(0)).size != 1:
        return f"{parameters} weights, but a state to resume from of {sizes}"
    return None


def runs():
    """Run ids of all logs, in alphabetical order."""
    return sorted(path.stem for path in (ROOT / "assets" / "runs").glob("*.jsonl") if path.stem[0] != ".")


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
    if not path.is_file():
        raise StudyError(
            f"there is no run {run_id!r} ({path} is missing); runs here: {', '.join(runs()) or 'none'}: "
            "uncomment its block in main.py and run `python main.py`"
        )
    remedy = f"delete it; training {run_id!r} again restores it from its weights file"
    try:
        with readable(path):
            lines = [json.loads(line) for line in path.read_bytes().split(b"\n") if line]
        settings = [line for line in lines if line["type"] == "run"]
        epochs = [line for line in lines if line["type"] == "epoch"]
    except StudyError:
        raise
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise StudyError(f"{path} is no log ({error!r}): {remedy}") from error
    if len(settings) != 1:
        raise StudyError(f"{path} holds {len(settings)} lines of type run, expected 1: {remedy}")
    check_version(path, settings[0], remedy)
    if fault := find_fault(settings[0], epochs):
        raise StudyError(f"{path} is damaged ({fault}): {remedy}")
    return settings[0], epochs
