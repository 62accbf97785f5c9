"""The library `datasets`: the Hugging Face Hub or the copy in its cache, and files in the library's formats.

`corpus.py` loads from the Hub, `local_files.py` opens files. The library takes a second to import, so it is
imported only where it is needed.
"""

import contextlib
import errno
import http.client
import json
import logging
import os
import re
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

from scripts.files.errors import UserError, came_from, lacks_memory
from scripts.files.progress import bars_shown
from scripts.text.tables import Part

PROBE_SECONDS = 4
CONFIGURATIONS = re.compile(r"[Aa]vailable[^\[\]]*: \[(.*?)\]", re.DOTALL)  # in the library's errors
REFUSALS = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.EIO}  # of a file
SAVED = "state.json"  # marks the folder of a split that `save_to_disk` wrote
BATCH = 1000  # rows
LARGEST, MOST_ROWS = 1 << 32, 10**8  # bytes and rows of an unpacked table


class HubError(UserError):
    """A dataset can be had neither from the Hub nor from its cache."""


def import_datasets():
    """Import the library `datasets`, which shows progress bars only where this project does."""
    import datasets

    if not bars_shown():
        datasets.disable_progress_bars()
    return datasets


@contextlib.contextmanager
def in_one_line(dataset):
    """Turn the library's errors within the block into a UserError, and keep it from logging them."""
    logger = logging.getLogger("datasets")
    before = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    except UserError:
        raise
    except Exception as error:  # its errors have no common class
        if lacks_memory(error):
            raise MemoryError from error
        reason = " ".join(str(error.__cause__ or error).split())[:300]
        remedy = "give an id of the Hugging Face Hub, or a folder or file that is undamaged"
        if refusal := _refusal(error):
            reason = f"{refusal.filename or 'a file'} can't be read or written ({refusal.strerror})"
            remedy = "give this user the right to, free the disk, or set HF_HOME to another folder"
        if empty := re.search(r'"(\w+)" corresponds to no data', reason):
            raise UserError(f"split {empty[1]!r} of {dataset} is empty: give one with rows") from error
        raise UserError(f"dataset {str(dataset)!r} can't be loaded ({reason}): {remedy}") from error
    finally:
        logger.setLevel(before)


def _refusal(error):
    """The system's refusal to read or write a file that an error came from, or None."""
    return next((each for each in came_from(error) if getattr(each, "errno", None) in REFUSALS), None)


def hub_reachable(dataset_id):
    """Return whether the Hub answers within a few seconds; the library would try for half a minute."""
    settings = {os.environ.get(name, "").upper() for name in ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE")}
    if settings & {"1", "ON", "YES", "TRUE"}:
        return False
    endpoint = os.environ.get("HF_ENDPOINT", "https://huggingface.co").rstrip("/")
    address = f"{endpoint}/datasets/{urllib.parse.quote(dataset_id)}/resolve/main/README.md"
    try:
        with urllib.request.urlopen(address, timeout=PROBE_SECONDS):
            return True
    except urllib.error.HTTPError as error:  # it answers: the library says that there is no such dataset
        return error.code in (401, 403, 404, 429)
    except (OSError, ValueError, http.client.HTTPException):
        return False


def load_from_hub(dataset_id, configuration=None):
    """Load the splits of a dataset of the Hub; also return whether they are the copy in its cache."""
    online = hub_reachable(dataset_id)
    try:
        datasets = import_datasets()
        with contextlib.nullcontext() if online else _offline(), in_one_line(dataset_id):
            return dict(datasets.load_dataset(dataset_id, configuration)), not online
    except UserError as error:
        if listed := CONFIGURATIONS.search(str(error.__cause__)):
            names = re.findall(r"'([^']+)'", listed[1])
            fault = f"dataset {dataset_id!r} has the configurations {', '.join(names)}"
            raise UserError(f"{fault}: choose one with --config {[*names, 'NAME'][0]}") from error
        if online or _refusal(error):
            raise HubError(str(error)) from error
        fault = f"dataset {dataset_id!r} is no file or folder here, and the Hugging Face Hub can't be reached"
        raise HubError(f"{fault}: check the path or the connection, or give rotten-tomatoes") from error


@contextlib.contextmanager
def _offline():
    """Keep the libraries from trying an unreachable Hub within the block."""
    from datasets import config
    from huggingface_hub import constants

    before = config.HF_HUB_OFFLINE, constants.HF_HUB_OFFLINE
    config.HF_HUB_OFFLINE = constants.HF_HUB_OFFLINE = True
    try:
        yield
    finally:
        config.HF_HUB_OFFLINE, constants.HF_HUB_OFFLINE = before


def label_names(page, configuration):
    """Return the meanings of the labels by column, from the README.md that describes a dataset to the Hub."""
    if page.is_file():
        from datasets.info import DatasetInfosDict
        from huggingface_hub import DatasetCardData
        from huggingface_hub.repocard import metadata_load

        with contextlib.suppress(Exception):  # the page need not be such a description
            infos = DatasetInfosDict.from_dataset_card_data(DatasetCardData(**metadata_load(page)))
            only = next(iter(infos)) if len(infos) == 1 else None
            return _names_in(infos[configuration if configuration in infos else only].features)
    return {}


def _names_in(features):
    return {column: kind.names for column, kind in features.items() if getattr(kind, "names", None)}


def split_part(name, rows):
    """Make a `Part` of a split that the library has loaded."""

    def batches(columns):
        for batch in rows.select_columns(columns).iter(batch_size=BATCH):
            yield [batch[column] for column in columns]

    return _part(name, rows.column_names, len(rows), batches, rows.features)


def open_parquet(path, name, options):
    """Open a .parquet file as a `Part`."""
    from pyarrow import parquet

    def batches(columns):
        with parquet.ParquetFile(path) as opened:
            for batch in opened.iter_batches(BATCH, columns=columns):
                yield [batch.column(column).to_pylist() for column in columns]

    with parquet.ParquetFile(path) as opened:
        schema, rows = opened.schema_arrow, opened.metadata.num_rows
        size = sum(opened.metadata.row_group(group).total_byte_size for group in range(opened.num_row_groups))
    if size > LARGEST or rows > MOST_ROWS:
        fault = f"{path} unpacks to {rows:,} rows of {size:,} bytes"
        raise UserError(f"{fault}: give up to {MOST_ROWS:,} rows of {LARGEST:,} bytes")
    features = import_datasets().Features.from_arrow_schema(schema) if schema.metadata else {}
    return _part(path, schema.names, rows, batches, features)._replace(name=name)


def open_saved(path, name, options):
    """Open the folder of a split that `save_to_disk` wrote as a `Part`; only files in it are read."""
    datasets = import_datasets()
    state = json.loads((path / SAVED).read_text(encoding="utf-8"))
    files = [str(path / Path(file["filename"]).name) for file in state["_data_files"]]
    if state.get("_indices_files"):
        raise ValueError("it is a choice of other rows: save it with a newer version of datasets")
    parts = [datasets.Dataset.from_file(file) for file in files]
    return split_part(path, datasets.concatenate_datasets(parts))._replace(name=name)


def _part(name, columns, rows, batches, features):
    """A `Part` whose rows come in batches of columns, with the names of labels where `features` has them."""

    def read(text, label):
        with in_one_line(name):  # a text may be no UTF-8
            for texts, *labels in batches([text] if label is None else [text, label]):
                yield from zip(texts, labels[0] if labels else [None] * len(texts), strict=True)

    return Part(name, columns, rows, read, names=_names_in(features))
