"""The preprocessed dataset in data/: written by ``scripts/preprocessing.py``, read by trainings and studies.

``{split}-x.npy``     token ids of all sentences, one after the other (ragged, no padding stored)
``{split}-s.npy``     (N,) sentence lengths, each at least 1; they sum to the length of x
``{split}-y.npy``     (N,) labels, 0 negative, 1 positive
``{split}-g.npy``     (N,) number of the source sentence each row was cut from
``embeddings.npy``    (V, D) float32; row 0 is padding (zeros), row 1 the unknown word
``vocabulary.txt``    V lines; line i is the word of row i
``dataset.json``      written last: provenance, split sizes, and a checksum of every file above
"""

import contextlib
import hashlib
import json
from typing import NamedTuple

import numpy as np

from scripts.files.errors import UserError
from scripts.files.paths import FORMAT_VERSION, check_version, data_path
from scripts.files.storage import (
    checksum,
    flush_folder,
    flush_to_disk,
    is_absent,
    only_writer,
    read_bytes,
    read_json,
    undamaged,
    written_whole,
)

SPLITS = ("train", "validation", "test")
PREPROCESS = "run `python scripts/preprocessing.py`"
PADDING, UNKNOWN = 0, 1  # the first two rows of the embeddings
RESERVED = ("<pad>", "<unk>")  # and their words


class Split(NamedTuple):
    """One split of the dataset: the arrays in its four files, described at the top of this file."""

    x: np.ndarray
    s: np.ndarray
    y: np.ndarray
    g: np.ndarray


class Data(NamedTuple):
    """A preprocessed dataset."""

    splits: dict  # of Split, by name
    vocabulary: list  # of words
    embeddings: np.ndarray  # (V, D) float32
    manifest: dict  # dataset.json


ARRAYS = [f"{split}-{column}.npy" for split in SPLITS for column in Split._fields] + ["embeddings.npy"]
DATA_FILES = [*ARRAYS, "vocabulary.txt", "dataset.json"]  # in the order in which they are written

# Writing --------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def writing_data():
    """Let no other process or thread write data/ during a block, or a function that this decorates."""
    with only_writer("data/", [data_path(name) for name in reversed(DATA_FILES)]):
        yield


def save_data(data):
    """Write a :class:`Data` into data/; return its manifest with format version, sizes and checksums.

    The old files are unchanged until all new ones are on the disk. While these take their places, there is no
    ``dataset.json``, so readers refuse data/.
    """
    arrays = [array for name in SPLITS for array in data.splits[name]] + [data.embeddings]
    words = "".join(f"{word}\n" for word in data.vocabulary).encode("utf-8")
    checksums = {}
    manifest = {
        "format_version": FORMAT_VERSION,
        **data.manifest,
        "splits": {name: _describe_split(split) for name, split in data.splits.items()},
        "files": checksums,
    }
    with contextlib.ExitStack() as renamed_at_the_end:  # the last first
        last = renamed_at_the_end.enter_context(written_whole(data_path("dataset.json")))
        for name, content in zip(DATA_FILES[:-1], [*arrays, words], strict=True):
            file = renamed_at_the_end.enter_context(written_whole(data_path(name), flush=False))
            if content is words:
                file.write(words)
            else:
                np.save(file, content, allow_pickle=False)
            flush_to_disk(file)
            checksums[name] = checksum(file.name)
        last.write(json.dumps(manifest, indent=2, ensure_ascii=False, allow_nan=False).encode() + b"\n")
        flush_to_disk(last)
        for name in DATA_FILES:
            if data_path(name).is_dir():
                raise UserError(f"{data_path(name)} is a folder: move it away")
        data_path("dataset.json").unlink(missing_ok=True)
        flush_folder(data_path(""))
    return manifest


def _describe_split(split):
    return {
        "rows": len(split.s),
        "tokens": len(split.x),
        "mean_length": round(float(split.s.mean()), 3),
        "longest": int(split.s.max()),
        "positive": round(float(split.y.mean()), 4),
        "sources": len(np.unique(split.g)),
    }


# Reading --------------------------------------------------------------------------------------------------


def pack_data():
    """Return the files of data/ as bytes, by their names; UserError where data/ is missing or damaged."""
    load_manifest()
    return {name: read_bytes(data_path(name)) for name in DATA_FILES}


def data_checksum(manifest):
    """Return one short checksum of all files in data/."""
    files = json.dumps(manifest["files"], sort_keys=True)
    return hashlib.sha256(files.encode()).hexdigest()[:16]


def describe_data(manifest):
    """Return the part of a manifest that a log keeps, to name the dataset and to recognise it."""
    return {
        "name": manifest["dataset"]["name"],
        "embeddings": manifest["embeddings"]["name"],
        "dimensions": manifest["embeddings"]["dimensions"],
        "max_length": manifest["max_length"],
        "splits": {name: {"rows": split["rows"]} for name, split in manifest["splits"].items()},
        "checksum": data_checksum(manifest),
    }


def load_manifest():
    """Read ``dataset.json``; UserError where data/ is missing, damaged or of another format."""
    path = data_path("dataset.json")
    if is_absent(path):
        raise UserError(f"{path} is missing, so data/ is empty or unfinished: {PREPROCESS}")
    manifest = read_json(path)
    check_version(path, manifest, PREPROCESS)
    with undamaged(path, "damaged", PREPROCESS):
        splits = describe_data(manifest)["splits"]
        if not set(SPLITS) <= set(splits):
            raise ValueError(f"splits are {', '.join(splits)}")
        if not isinstance(manifest["files"], dict) or set(manifest["files"]) != set(DATA_FILES[:-1]):
            raise ValueError("files are not those of data/")
    return manifest


def load_data():
    """Read data/ as a :class:`Data` of memory-mapped arrays.

    A UserError says that a file is missing, is not the one in ``dataset.json``, or makes no sense.
    """
    manifest = load_manifest()
    for name in DATA_FILES[:-1]:
        path = data_path(name)
        if is_absent(path):
            raise UserError(f"{path} is missing: {PREPROCESS}")
        if manifest["files"][name] != checksum(path):
            raise UserError(
                f"{path} is not the file that dataset.json describes, so data/ is damaged or a mixture of "
                f"two preprocessings: {PREPROCESS}"
            )
    splits = {
        split: Split(*(_load_array(data_path(f"{split}-{column}.npy")) for column in Split._fields))
        for split in SPLITS
    }
    embeddings = _load_array(data_path("embeddings.npy"))
    with undamaged(data_path("vocabulary.txt"), "no list of words", PREPROCESS):
        vocabulary = data_path("vocabulary.txt").read_bytes().decode("utf-8").split("\n")[:-1]
    _check_data(splits, vocabulary, embeddings)
    if load_manifest() != manifest:  # so every file above was the one whose checksum was taken
        raise UserError("data/ changed while it was read: wait until preprocessing has ended, and run again")
    return Data(splits, vocabulary, embeddings, manifest)


def _load_array(path):
    """Memory-map an .npy file, so that no array is larger than its file; nothing is unpickled."""
    with undamaged(path, "no array", PREPROCESS):
        return np.load(path, mmap_mode="r", allow_pickle=False)


def _check_data(splits, vocabulary, embeddings):
    """Raise UserError where the arrays of data/ don't fit one another."""
    shape, V = embeddings.shape, len(vocabulary)
    if embeddings.dtype != np.float32 or len(shape) != 2 or shape[0] != V or not embeddings.size:
        found = f"embeddings of shape {shape} and type {embeddings.dtype}"
        raise UserError(f"data/ holds {V} words but {found}: {PREPROCESS}")
    if not np.isfinite(embeddings).all():
        raise UserError(f"data/embeddings.npy holds a value that is no finite number: {PREPROCESS}")
    for name, split in splits.items():
        fault = _fault_of(split, V)
        if fault:
            raise UserError(f"data/{name}: {fault}: {PREPROCESS}")


def _fault_of(split, words):
    """Return the fault of one split, in words, or None."""
    x, s, y, g = split
    for array in split:
        if array.ndim != 1 or array.dtype.kind not in "ui" or not np.can_cast(array.dtype, np.int64):
            return "expected four lists of whole numbers below 2**63"
    if not len(s) == len(y) == len(g) or not len(s):
        return f"{len(s)} lengths, {len(y)} labels, {len(g)} sources"
    if not 1 <= s.min() <= s.max() <= len(x) or s.sum(dtype=np.int64) != len(x):
        return "lengths out of range"
    if x.min() < 0 or x.max() >= words or not np.isin(y, (0, 1)).all():
        return "token ids or labels out of range"
    return None
