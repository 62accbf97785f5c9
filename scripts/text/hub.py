"""Datasets through the `datasets` library, for `corpus.py`: from the Hugging Face Hub or from this machine.

The library tries an unreachable Hub for half a minute; here one quick question decides beforehand, and a
copy in the Hub's cache is used where there is one. `datasets` takes a second to import: only where needed.
"""

import contextlib
import errno
import http.client
import itertools
import logging
import os
import re
import sys
import tempfile
import threading
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

from scripts.files.errors import UserError
from scripts.files.storage import readable

PROBE_SECONDS = 4
REFUSALS = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.EIO}  # of a file
LOADERS = {  # by the end of a file's name: the loader's name, and its settings
    ".csv": ("csv", {"keep_default_na": False}),  # "null", "nan" and "NA" are words of a review
    ".tsv": ("csv", {"keep_default_na": False, "sep": "\t"}),
    ".json": ("json", {}),
    ".jsonl": ("json", {}),
    ".parquet": ("parquet", {}),
}
LARGEST, MOST_ROWS = 1 << 32, 10**8  # bytes and rows of an unpacked table
LONGEST_TEXT = 1 << 24  # characters; a book has a million


def hub_reachable(dataset_id):
    """Ask the Hub for a small file: True if it answers within a few seconds, name look-up included.

    A thread asks, since no time limit of a socket covers the name look-up.
    """
    if _set(os.environ.get("HF_HUB_OFFLINE")) or _set(os.environ.get("HF_DATASETS_OFFLINE")):
        return False
    endpoint = os.environ.get("HF_ENDPOINT", "https://huggingface.co").rstrip("/")
    address = f"{endpoint}/datasets/{urllib.parse.quote(dataset_id)}/resolve/main/README.md"
    answers = []

    def ask():
        try:
            with urllib.request.urlopen(address, timeout=PROBE_SECONDS):
                answers.append(True)
        except urllib.error.HTTPError as error:  # it answers: "no such dataset" is for the library to say
            answers.append(error.code in (401, 403, 404, 429))
        except (OSError, ValueError, http.client.HTTPException):
            answers.append(False)

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(PROBE_SECONDS + 1)
    return bool(answers and answers[0])


def _set(variable):
    """True if an environment variable means yes."""
    return (variable or "").upper() in ("1", "ON", "YES", "TRUE")


class HubError(UserError):
    """A dataset could not be had from the Hub, nor from its cache."""


def load_from_hub(dataset_id):
    """Load the splits of a dataset of the Hub; True with them if its copy in the cache had to be used."""
    online = hub_reachable(dataset_id)
    with contextlib.nullcontext() if online else _offline():
        try:
            return _load(dataset_id), not online
        except UserError as error:
            if online or _refused(error):
                raise HubError(str(error)) from error
            raise HubError(
                f"dataset {dataset_id!r} is no file or folder here, its copy is not in the Hub's cache, and "
                "the Hugging Face Hub can't be reached: check the path or the connection, or give a local "
                "folder, a file, or rotten-tomatoes"
            ) from error


@contextlib.contextmanager
def _offline():
    """Keep the libraries from trying an unreachable Hub, and leave them as they were."""
    _import_datasets()
    modules = [sys.modules.get(name) for name in ("huggingface_hub.constants", "datasets.config")]
    before = [(module, module.HF_HUB_OFFLINE) for module in modules if hasattr(module, "HF_HUB_OFFLINE")]
    try:
        for module, _ in before:
            module.HF_HUB_OFFLINE = True
        yield
    finally:
        for module, value in before:
            module.HF_HUB_OFFLINE = value


@contextlib.contextmanager
def load_local(path):
    """Load a folder or a file: yields a dictionary of its splits, cached in a temporary folder meanwhile."""
    path = Path(path).resolve()
    try:
        folder = tempfile.TemporaryDirectory(prefix="datasets-", ignore_cleanup_errors=True)
    except OSError as error:
        raise UserError(
            f"no temporary folder can be made ({error.strerror or error}): free the disk, or set TMPDIR to a "
            "folder that this user can write to"
        ) from error
    with folder as cache:
        kind, files = _find_files(path)
        for file in itertools.chain(*files.values()):
            _check_file(Path(file))
        loader, settings = LOADERS[kind]
        yield _load(loader, path, data_files=files, cache_dir=cache, **settings)


def _find_files(path):
    """A loader's name and its files by split, sorted by their names; a folder's README.md isn't asked."""
    _import_datasets()
    from datasets.data_files import DataFilesDict, DataFilesList, get_data_patterns

    if not path.is_dir():
        return path.suffix.lower(), DataFilesDict({"train": DataFilesList([str(path)], [])})
    with readable(path):
        os.listdir(path)
    with in_one_line(path):
        found = DataFilesDict.from_patterns(get_data_patterns(str(path)), base_path=str(path))
    endings = [Path(file).suffix.lower() for file in itertools.chain(*found.values())]
    kind = max(LOADERS, key=endings.count)
    if kind not in endings:
        raise UserError(f"{path} is no dataset: give a folder of files ending in {', '.join(LOADERS)}")
    chosen = DataFilesDict()
    for split, files in found.items():
        if of_kind := [file for file in files if Path(file).suffix.lower() == kind]:
            chosen[split] = DataFilesList(of_kind, [])
    return kind, chosen


def _check_file(path):
    """Raise UserError where a file is missing, empty or can't be read, or has no loader."""
    with readable(path):
        if not path.is_file():
            raise UserError(f"{path} is neither a file nor a folder: give one of them")
        if path.suffix.lower() not in LOADERS:
            raise UserError(f"{path} is no dataset: give a folder or a file ending in {', '.join(LOADERS)}")
        if not path.stat().st_size:
            raise UserError(f"{path} is empty: give a file with rows")
        with open(path, "rb") as file:
            if path.suffix.lower() == ".parquet":
                _check_unpacked(path, file)


def _check_unpacked(path, file):
    """Raise UserError where a parquet file, by its footer, unpacks to more than a machine may hold."""
    from pyarrow import parquet

    with in_one_line(path):
        footer = parquet.read_metadata(file)
        size = sum(footer.row_group(group).total_byte_size for group in range(footer.num_row_groups))
    if size > LARGEST or footer.num_rows > MOST_ROWS:
        raise UserError(
            f"{path} unpacks to {footer.num_rows:,} rows of {size:,} bytes: give up to {MOST_ROWS:,} rows of "
            f"{LARGEST:,} bytes"
        )


def _import_datasets():
    """The library, or one line where it can't be imported."""
    try:
        import datasets
    except (ImportError, OSError) as error:
        raise UserError(f"datasets can't be imported ({error}): pip install -r requirements.txt") from error
    return datasets


def _load(what, shown=None, **settings):
    """``datasets.load_dataset``, its many errors as one line."""
    datasets = _import_datasets()
    with in_one_line(shown or what):
        return dict(datasets.load_dataset(what, **settings))


@contextlib.contextmanager
def in_one_line(dataset):
    """Turn the errors of the library within the block into a UserError; what it logs of them isn't shown."""
    logger = logging.getLogger("datasets")
    before = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    except MemoryError:
        raise
    except Exception as error:  # its errors have no common class
        reason = " ".join(str(error.__cause__ or error).split())[:300]
        if refusal := _refused(error):
            raise UserError(
                f"dataset {str(dataset)!r} can't be loaded, for {refusal.filename or 'a file'} can't be read "
                f"or written ({refusal.strerror}): give this user the right to, free the disk, or, where it "
                "lies in the library's cache, set HF_HOME to another folder"
            ) from error
        if empty := re.search(r'"(\w+)" corresponds to no data', reason):
            raise UserError(f"split {empty[1]!r} of {dataset} is empty: give one with rows") from error
        raise UserError(
            f"dataset {str(dataset)!r} can't be loaded ({reason}): give an id of the Hugging Face Hub, or a "
            f"folder or file ({', '.join(LOADERS)}) that the datasets library reads"
        ) from error
    finally:
        logger.setLevel(before)


def _refused(error):
    """The system's refusal to read or write a file that an error came from, or None."""
    while error is not None and not (isinstance(error, OSError) and error.errno in REFUSALS):
        error = error.__cause__ or error.__context__
    return error
