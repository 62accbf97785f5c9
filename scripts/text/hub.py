"""The library `datasets`: the Hugging Face Hub or the copy in its cache, and files in the library's formats.

`corpus.py` loads from the Hub, `local_files.py` opens files. The library takes a second to import, so it is
imported only where it is needed.
"""

import contextlib
import http.client
import json
import logging
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

from scripts.files.errors import UserError, lacks_memory
from scripts.files.progress import bars_shown
from scripts.text.tables import Part

PROBE_SECONDS = 4
OFFLINE = "the Hugging Face Hub can't be reached: "
SAVED = "state.json"  # marks the folder of a split that `save_to_disk` wrote
BATCH = 1000  # rows


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
        remedy = "give an id of the Hub, with --config if it has several, or an undamaged folder or file"
        raise UserError(f"dataset {str(dataset)!r} can't be loaded ({reason}): {remedy}") from error
    finally:
        logger.setLevel(before)


def hub_reachable(dataset_id):
    """Return whether the Hub answers within a few seconds; the library would try for half a minute."""
    from datasets import config

    if config.HF_HUB_OFFLINE:
        return False
    address = f"{config.HF_ENDPOINT}/datasets/{urllib.parse.quote(dataset_id)}/resolve/main/README.md"
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
        raise HubError(f"{'' if online else OFFLINE}{error}") from error


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
