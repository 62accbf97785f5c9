"""Preprocessed datasets on disk: ``scripts/preprocessing.py`` writes them, training and studies read them.

One is in data/ itself, others are in data/<name>/; the functions take that name, None for data/ itself. The
files ``{split}-x.npy`` to ``{split}-g.npy`` hold a :class:`Split`, the others the rest of a :class:`Data`.
"""

import contextlib
import hashlib
import json
from typing import NamedTuple

import numpy as np

from scripts.files import storage
from scripts.files.errors import UserError
from scripts.files.paths import FORMAT_VERSION, check_version, data_path
from scripts.files.storage import is_absent, undamaged, written_whole

SPLITS = ("train", "validation", "test")
PADDING, UNKNOWN = 0, 1  # the first two rows of the embeddings
RESERVED = ("<pad>", "<unk>")  # and their words


class Split(NamedTuple):
    """One split of the dataset: N sentences."""

    x: np.ndarray  # token ids of all sentences, one after the other (ragged, no padding stored)
    s: np.ndarray  # (N,) sentence lengths, each at least 1; they sum to the length of x
    y: np.ndarray  # (N,) labels, 0 negative, 1 positive
    g: np.ndarray  # (N,) number of the source sentence that each row was cut from


class Data(NamedTuple):
    """A preprocessed dataset."""

    splits: dict  # of Split, by name
    vocabulary: list  # of V words: line i of vocabulary.txt is the word of row i
    embeddings: np.ndarray  # (V, D) float32; row 0 is padding (zeros), row 1 the unknown word
    manifest: dict  # dataset.json, written last: provenance, split sizes, a checksum of every other file
    name: str | None = None  # of its folder in data/


ARRAYS = [f"{split}-{column}.npy" for split in SPLITS for column in Split._fields] + ["embeddings.npy"]
DATA_FILES = [*ARRAYS, "vocabulary.txt", "dataset.json"]  # in the order in which they are written


def writing_data(name=None):
    """Return a context in which no other process or thread writes this dataset."""
    if name in DATA_FILES:
        raise UserError(f"dataset name {name!r} is that of a file in data/: give another")
    return storage.only_writer(_folder(name), [data_path(file, name) for file in reversed(DATA_FILES)])


def save_data(data):
    """Write a :class:`Data` into its folder; return its manifest with format version, sizes and checksums.

    The files are renamed when all are on the disk; meanwhile readers refuse the folder.
    """
    arrays = [array for name in SPLITS for array in data.splits[name]] + [data.embeddings]
    words = "".join(f"{word}\n" for word in data.vocabulary).encode("utf-8")
    checksums, splits = {}, {name: _describe_split(split) for name, split in data.splits.items()}
    manifest = {"format_version": FORMAT_VERSION, **data.manifest, "splits": splits, "files": checksums}
    with contextlib.ExitStack() as renamed_at_the_end:  # the last first
        last = renamed_at_the_end.enter_context(written_whole(data_path("dataset.json", data.name)))
        for name, content in zip(DATA_FILES[:-1], [*arrays, words], strict=True):
            file = renamed_at_the_end.enter_context(written_whole(data_path(name, data.name)))
            if content is words:
                file.write(words)
            else:
                np.save(file, content, allow_pickle=False)
            storage.flush_to_disk(file)
            checksums[name] = storage.checksum(file.name)
        last.write(json.dumps(manifest, indent=2, ensure_ascii=False, allow_nan=False).encode() + b"\n")
        storage.flush_to_disk(last)
        data_path("dataset.json", data.name).unlink(missing_ok=True)  # without it, readers refuse the folder
        storage.flush_folder(data_path("", data.name))
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


def existing_data():
    """Return the names of all datasets; None, if there is one in data/ itself, comes first."""
    here = [None] if data_path("dataset.json").exists() else []
    return here + sorted(path.parent.name for path in data_path("").glob("*/dataset.json"))


def _folder(name):
    return "data/" if name is None else f"data/{name}/"


def _remedy(name):
    others = [
        f"give data={other!r}" if other else "leave data= out" for other in existing_data() if other != name
    ]
    instead = "".join(f", or {other}" for other in others)
    return f"run `python scripts/preprocessing.py{f' … --name {name}' if name else ''}`{instead}"


def pack_data(name=None):
    """Return the files of a dataset as bytes, by their paths; UserError if it is missing or damaged."""
    load_manifest(name)
    return {_folder(name) + file: storage.read_bytes(data_path(file, name)) for file in DATA_FILES}


def data_checksum(manifest):
    """Return one short checksum of all files of a dataset."""
    files = json.dumps(manifest["files"], sort_keys=True)
    return hashlib.sha256(files.encode()).hexdigest()[:16]


def describe_data(manifest, name=None):
    """Return the description of a dataset in a log, which names, finds and recognises it."""
    test = manifest.get("test_dataset")  # if the test split comes from another dataset
    return {
        "data": name,
        "name": manifest["dataset"]["name"],
        **({"test_dataset": test["name"]} if test else {}),
        "embeddings": manifest["embeddings"]["name"],
        "dimensions": manifest["embeddings"]["dimensions"],
        "max_length": manifest["max_length"],
        "splits": {name: {"rows": split["rows"]} for name, split in manifest["splits"].items()},
        "checksum": data_checksum(manifest),
    }


def name_dataset(described):
    """Name a dataset that a log describes, with its word vectors, folder and checksum."""
    folder = _folder(described.get("data"))
    return f"{described['name']} with {described['embeddings']} in {folder} ({described['checksum']})"


def check_unchanged(dataset):
    """Raise UserError if a folder no longer holds the dataset that a log describes."""
    folder = _folder(dataset["data"])
    try:
        here = describe_data(load_manifest(dataset["data"]), dataset["data"])
        now = name_dataset(here)
    except UserError as error:
        here, now = {"checksum": None}, f"nothing ({error})"
    if here["checksum"] != dataset["checksum"]:
        fault = f"{folder} changed: this study began with {name_dataset(dataset)}, and it holds {now}"
        remedy = "preprocess as before and call it again, which continues; or give it another name="
        raise UserError(f"{fault}: {remedy}")


def load_manifest(name=None):
    """Read a ``dataset.json``; UserError if the dataset is missing, damaged or of another format."""
    path, remedy = data_path("dataset.json", name), _remedy(name)
    if is_absent(path):
        raise UserError(f"{path} is missing, so {_folder(name)} is empty or unfinished: {remedy}")
    manifest = storage.read_json(path)
    check_version(path, manifest, remedy)
    with undamaged(path, "damaged", remedy):
        splits = describe_data(manifest)["splits"]
        if not set(SPLITS) <= set(splits):
            raise ValueError(f"splits are {', '.join(splits)}")
        if not isinstance(manifest["files"], dict) or set(manifest["files"]) != set(DATA_FILES[:-1]):
            raise ValueError("files are not those of a dataset")
    return manifest


def load_data(name=None):
    """Read a dataset as a :class:`Data` of memory-mapped arrays; UserError if anything is unsound."""
    manifest, remedy = load_manifest(name), _remedy(name)
    for file in DATA_FILES[:-1]:
        path = data_path(file, name)
        if is_absent(path):
            raise UserError(f"{path} is missing: {remedy}")
        if manifest["files"][file] != storage.checksum(path):
            fault = f"{path} is not the file of dataset.json: it is damaged or from another preprocessing"
            raise UserError(f"{fault}: {remedy}")

    def load(file):  # memory-mapped, so that no array is larger than its file; nothing is unpickled
        path = data_path(file, name)
        with undamaged(path, "no array", remedy):
            return np.load(path, mmap_mode="r", allow_pickle=False)

    splits = {split: Split(*(load(f"{split}-{column}.npy") for column in Split._fields)) for split in SPLITS}
    embeddings, words = load("embeddings.npy"), data_path("vocabulary.txt", name)
    with undamaged(words, "no list of words", remedy):
        vocabulary = words.read_bytes().decode("utf-8").split("\n")[:-1]
    with undamaged(data_path("dataset.json", name), "of arrays that make no sense", remedy):
        _check_arrays(splits, len(vocabulary), embeddings)
    if load_manifest(name) != manifest:  # a file above may have been replaced after its check
        fault = f"{_folder(name)} changed while it was read"
        raise UserError(f"{fault}: wait until preprocessing has ended, and run again")
    return Data(splits, vocabulary, embeddings, manifest, name)


def _check_arrays(splits, V, embeddings):
    """Raise ValueError if the arrays of a dataset don't fit one another or its V words."""
    if embeddings.dtype != np.float32 or embeddings.ndim != 2 or len(embeddings) != V or not embeddings.size:
        raise ValueError(f"{V} words, but embeddings of {embeddings.shape} {embeddings.dtype}")
    if not np.isfinite(embeddings).all():
        raise ValueError("embeddings with a value that is not a finite number")
    for name, (x, s, y, g) in splits.items():
        whole = [array.dtype.kind in "ui" and np.can_cast(array.dtype, np.int64) for array in (x, s, y, g)]
        if not all(whole) or {array.ndim for array in (x, s, y, g)} != {1}:
            raise ValueError(f"split {name} is not made of four lists of whole numbers below 2**63")
        if not len(s) == len(y) == len(g) or not 1 <= s.min() <= s.max() <= len(x) or s.sum() != len(x):
            raise ValueError(f"lengths, labels and sources of split {name} don't fit one another")
        if x.min() < 0 or x.max() >= V or not np.isin(y, (0, 1)).all():
            raise ValueError(f"token ids or labels of split {name} are out of range")
