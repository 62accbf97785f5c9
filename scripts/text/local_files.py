"""Read a dataset from a file or folder of this machine: .csv, .tsv, .json, .jsonl or .parquet.

`corpus.py` calls :func:`load_local`. The library `datasets` reads the files; it takes a second to import, so
that happens only where it is needed. What turns its errors into one line serves `hub.py` too.
"""

import contextlib
import errno
import itertools
import logging
import os
import re
import tempfile
from pathlib import Path

from scripts.files.errors import UserError
from scripts.files.storage import readable

REFUSALS = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.EIO}  # of a file
LOADERS = {  # by the end of a file's name: the loader's name, and its settings
    ".csv": ("csv", {"keep_default_na": False}),  # "null", "nan" and "NA" are words of a review
    ".tsv": ("csv", {"keep_default_na": False, "sep": "\t"}),
    ".json": ("json", {}),
    ".jsonl": ("json", {}),
    ".parquet": ("parquet", {}),
}
LARGEST, MOST_ROWS = 1 << 32, 10**8  # bytes and rows of an unpacked table


@contextlib.contextmanager
def load_local(path):
    """Load a folder or a file; yields a dictionary of its splits, kept in a temporary folder meanwhile."""
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
        with in_one_line(path):
            splits = import_datasets().load_dataset(loader, data_files=files, cache_dir=cache, **settings)
        yield dict(splits)


def _find_files(path):
    """The end of the files' names, and the files by split; a folder's README.md has no say."""
    import_datasets()
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
    """Raise UserError where a file has no loader, is missing or empty, or can't be read or unpacked."""
    with readable(path):
        if not path.is_file():
            raise UserError(f"{path} is neither a file nor a folder: give one of them")
        if path.suffix.lower() not in LOADERS:
            raise UserError(f"{path} is no dataset: give a folder or a file ending in {', '.join(LOADERS)}")
        if not path.stat().st_size:
            raise UserError(f"{path} is empty: give a file with rows")
        with open(path, "rb") as file:
            if path.suffix.lower() != ".parquet":
                return
            from pyarrow import parquet

            with in_one_line(path):
                footer = parquet.read_metadata(file)
                size = sum(footer.row_group(group).total_byte_size for group in range(footer.num_row_groups))
    if size > LARGEST or footer.num_rows > MOST_ROWS:
        raise UserError(
            f"{path} unpacks to {footer.num_rows:,} rows of {size:,} bytes: give up to {MOST_ROWS:,} rows of "
            f"{LARGEST:,} bytes"
        )


def import_datasets():
    """Import the library `datasets`; a UserError says how to install it."""
    try:
        import datasets
    except (ImportError, OSError) as error:
        raise UserError(f"datasets can't be imported ({error}): pip install -r requirements.txt") from error
    return datasets


@contextlib.contextmanager
def in_one_line(dataset):
    """Turn the library's errors within the block into a UserError, and keep it from logging them."""
    logger = logging.getLogger("datasets")
    before = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    except MemoryError:
        raise
    except Exception as error:  # its errors have no common class
        reason = " ".join(str(error.__cause__ or error).split())[:300]
        if refusal := refusal_of(error):
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


def refusal_of(error):
    """Return the system's refusal to read or write a file that an error came from, or None."""
    while error is not None and not (isinstance(error, OSError) and error.errno in REFUSALS):
        error = error.__cause__ or error.__context__
    return error
