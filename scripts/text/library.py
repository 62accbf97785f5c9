"""The library `datasets`: imported only where it is needed, its errors in one line, and the files it writes.

It takes a second to import. `hub.py` loads datasets with it; here are .parquet files and the folders of
``save_to_disk``, read batch by batch.
"""

import contextlib
import errno
import json
import logging
import re
from pathlib import Path

from scripts.files.errors import UserError, lacks_memory
from scripts.files.progress import bars_shown
from scripts.text.tables import Part

REFUSALS = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.EIO}  # of a file
SAVED = "state.json"  # marks the folder of a split that `save_to_disk` wrote
BATCH = 1000  # rows
LARGEST, MOST_ROWS = 1 << 32, 10**8  # bytes and rows of an unpacked table


def import_datasets():
    """Import the library `datasets`; a UserError says how to install it."""
    try:
        import datasets
    except (ImportError, OSError) as error:
        if lacks_memory(error):
            raise MemoryError from error
        raise UserError(f"datasets can't be imported ({error}): pip install -r requirements.txt") from error
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
            "folder or file that is undamaged"
        ) from error
    finally:
        logger.setLevel(before)


def refusal_of(error):
    """Return the system's refusal to read or write a file that an error came from, or None."""
    while error is not None and not (isinstance(error, OSError) and error.errno in REFUSALS):
        error = error.__cause__ or error.__context__
    return error


def label_names(page, configuration):
    """Return the function from a column to the meaning of its labels, as README.md tells the Hub."""
    features = {}
    if page.is_file():
        import_datasets()
        from datasets.info import DatasetInfosDict
        from huggingface_hub import DatasetCardData
        from huggingface_hub.repocard import metadata_load

        with contextlib.suppress(Exception):  # a page that is no description has no say
            infos = DatasetInfosDict.from_dataset_card_data(DatasetCardData(**metadata_load(page)))
            only = next(iter(infos)) if len(infos) == 1 else None
            features = infos[configuration if configuration in infos else only].features
    return lambda label: getattr(features.get(label), "names", None)


def split_part(name, rows):
    """A split as the library has loaded it, as a `Part`."""

    def batches(columns):
        for batch in rows.select_columns(columns).iter(batch_size=BATCH):
            yield [batch[column] for column in columns]

    return _part(name, rows.column_names, len(rows), batches, rows.features)


def open_parquet(path, name, options):
    """Open a .parquet file as a `Part`."""
    from pyarrow import parquet

    def batches(columns):
        with open(path, "rb") as file:
            for batch in parquet.ParquetFile(file).iter_batches(BATCH, columns=columns):
                yield [batch.column(column).to_pylist() for column in columns]

    with in_one_line(path), open(path, "rb") as file:
        opened = parquet.ParquetFile(file)
        schema, rows = opened.schema_arrow, opened.metadata.num_rows
        size = sum(opened.metadata.row_group(group).total_byte_size for group in range(opened.num_row_groups))
        if size > LARGEST or rows > MOST_ROWS:
            raise UserError(
                f"{path} unpacks to {rows:,} rows of {size:,} bytes: give up to {MOST_ROWS:,} rows of "
                f"{LARGEST:,} bytes"
            )
        features = import_datasets().Features.from_arrow_schema(schema) if schema.metadata else {}
    return _part(path, schema.names, rows, batches, features)._replace(name=name)


def open_saved(path, name, options):
    """Open a split's folder as `save_to_disk` writes it, as a `Part`; its files lie within it."""
    datasets = import_datasets()
    with in_one_line(path):
        state = json.loads((path / SAVED).read_text(encoding="utf-8"))
        files = [str(path / Path(file["filename"]).name) for file in state["_data_files"]]
        if state.get("_indices_files"):
            raise ValueError("it is a choice of other rows: save it with a newer version of datasets")
        parts = [datasets.Dataset.from_file(file) for file in files]
        return split_part(path, datasets.concatenate_datasets(parts))._replace(name=name)


def _part(name, columns, rows, batches, features):
    """Batches of columns as a `Part`, with the names of labels where `features` has them."""

    def read(text, label):
        with in_one_line(name):  # a text may be no UTF-8
            for texts, *labels in batches([text] if label is None else [text, label]):
                yield from zip(texts, labels[0] if labels else [None] * len(texts), strict=True)

    names = lambda label: getattr(features.get(label), "names", None)  # noqa: E731
    return Part(name, columns, rows, read, names=names)
