"""Datasets through the `datasets` library: from the Hugging Face Hub or from this machine.

The library tries an unreachable Hub for half a minute; here one quick question decides beforehand, and a
copy in the Hub's cache is used where there is one. `datasets` takes a second to import, so it is imported
only where it is needed.
"""

import contextlib
import os
import sys
import tempfile
import threading
import urllib.error
import urllib.request
from pathlib import Path

from scripts.artefacts import StudyError

PROBE_SECONDS = 4
LOADERS = {  # by the end of a file's name: the loader's name, and its settings
    ".csv": ("csv", {"keep_default_na": False}),  # "null", "nan" and "NA" are words of a review
    ".tsv": ("csv", {"keep_default_na": False, "sep": "\t"}),
    ".json": ("json", {}),
    ".jsonl": ("json", {}),
    ".parquet": ("parquet", {}),
}


def hub_reachable(dataset_id):
    """Whether the Hub answers a question about a dataset within a few seconds, name look-up included.

    A thread asks, since no time limit of a socket covers the name look-up. The Hub's address comes from
    HF_ENDPOINT and the proxies from the usual variables, as the Hub's own client reads them.
    """
    if _set(os.environ.get("HF_HUB_OFFLINE")) or _set(os.environ.get("HF_DATASETS_OFFLINE")):
        return False
    endpoint = os.environ.get("HF_ENDPOINT", "https://huggingface.co").rstrip("/")
    answers = []

    def ask():
        try:
            with urllib.request.urlopen(f"{endpoint}/api/datasets/{dataset_id}", timeout=PROBE_SECONDS):
                answers.append(True)
        except urllib.error.HTTPError as error:  # it answers: "no such dataset" is for the library to say
            answers.append(error.code in (401, 403, 404, 429))
        except (OSError, ValueError):
            answers.append(False)

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(PROBE_SECONDS + 1)
    return bool(answers and answers[0])


def _set(variable):
    """Whether an environment variable means yes."""
    return (variable or "").upper() in ("1", "ON", "YES", "TRUE")


def load_from_hub(dataset_id):
    """Load a dataset of the Hub, or its copy in the Hub's cache where the Hub can't be reached.

    Returns
    -------
    datasets : dict of str to datasets.Dataset
        By the name of the split.
    cached : bool
        Whether the Hub was not asked.

    Raises
    ------
    StudyError
        There is no such dataset, or it is not in the cache and the Hub can't be reached.
    """
    online = hub_reachable(dataset_id)
    with contextlib.nullcontext() if online else _offline():
        try:
            return _load(dataset_id), not online
        except StudyError as error:
            if online:
                raise
            raise HubUnreachable(
                f"dataset {dataset_id!r} is no file or folder here, and the Hugging Face Hub can't be "
                "reached (nor has its cache a copy): check the path or the connection, or give a local "
                "folder, a file, or rotten-tomatoes"
            ) from error


class HubUnreachable(StudyError):
    """The Hub can't be reached and its cache has no copy."""


@contextlib.contextmanager
def _offline():
    """Keep the libraries from trying an unreachable Hub; they read the variable when they are imported."""
    before = os.environ.get("HF_HUB_OFFLINE")
    os.environ["HF_HUB_OFFLINE"] = "1"
    switches = [
        (module, name)
        for module in ("huggingface_hub.constants", "datasets.config")
        for name in ("HF_HUB_OFFLINE",)
        if module in sys.modules and hasattr(sys.modules[module], name)
    ]
    values = [getattr(sys.modules[module], name) for module, name in switches]
    for module, name in switches:  # a Python prompt that has imported them already
        setattr(sys.modules[module], name, True)
    try:
        yield
    finally:
        for (module, name), value in zip(switches, values, strict=True):
            setattr(sys.modules[module], name, value)
        os.environ.pop("HF_HUB_OFFLINE")
        if before is not None:
            os.environ["HF_HUB_OFFLINE"] = before


@contextlib.contextmanager
def load_local(path):
    """Load a folder or a file; what the library converts lies in a temporary folder while the block runs.

    Yields
    ------
    dict of str to datasets.Dataset
        By the name of the split.

    Raises
    ------
    StudyError
        The library can't read it.
    """
    path = Path(path).resolve()
    with tempfile.TemporaryDirectory(prefix="datasets-", ignore_cleanup_errors=True) as cache:
        if path.is_dir():
            yield _load(str(path), cache_dir=cache)
        elif path.suffix.lower() in LOADERS:
            loader, settings = LOADERS[path.suffix.lower()]
            yield _load(loader, data_files=str(path), cache_dir=cache, **settings)
        else:
            raise StudyError(f"{path} is no dataset: give a folder or a file ending in {', '.join(LOADERS)}")


def _load(what, **settings):
    """``datasets.load_dataset``, its many errors as one line."""
    try:
        import datasets
    except ImportError as error:
        raise StudyError(f"datasets can't be imported ({error}): pip install -r requirements.txt") from error
    try:
        return dict(datasets.load_dataset(what, **settings))
    except Exception as error:  # its errors have no common class
        reason = " ".join(str(error.__cause__ or error).split())[:300]
        what = settings.get("data_files", what)
        raise StudyError(
            f"dataset {what!r} can't be loaded ({reason}): give a Hub id, or a folder or file that the "
            "datasets library reads"
        ) from error
