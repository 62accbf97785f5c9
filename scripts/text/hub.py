"""Load a dataset from the Hugging Face Hub, or from the copy in the Hub's cache where it can't be reached.

`corpus.py` calls :func:`load_from_hub`. The library `datasets` tries an unreachable Hub for half a minute; so
one quick question decides beforehand.
"""

import contextlib
import http.client
import os
import re
import threading
import urllib.error
import urllib.parse
import urllib.request

from scripts.files.errors import UserError
from scripts.text.library import import_datasets, in_one_line, refusal_of

PROBE_SECONDS = 4
CONFIGURATIONS = re.compile(r"[Aa]vailable[^\[\]]*: \[(.*?)\]", re.DOTALL)  # in the library's errors


class HubError(UserError):
    """A dataset is neither to be had from the Hub nor in its cache."""


def hub_reachable(dataset_id):
    """Ask the Hub for a small file: True if it answers within a few seconds, name look-up included.

    A thread asks, since no time limit of a socket covers the name look-up.
    """
    settings = (os.environ.get(name, "").upper() for name in ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE"))
    if any(setting in ("1", "ON", "YES", "TRUE") for setting in settings):
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


def load_from_hub(dataset_id, configuration=None):
    """Load the splits of a dataset of the Hub; True with them if its copy in the cache had to be used."""
    online = hub_reachable(dataset_id)
    try:
        datasets = import_datasets()
        with contextlib.nullcontext() if online else _offline(), in_one_line(dataset_id):
            return dict(datasets.load_dataset(dataset_id, configuration)), not online
    except UserError as error:
        if listed := CONFIGURATIONS.search(str(error.__cause__)):
            names = re.findall(r"'([^']+)'", listed[1])
            raise UserError(
                f"dataset {dataset_id!r} has the configurations {', '.join(names)}: choose one with --config "
                f"{names[0] if names else 'NAME'}"
            ) from error
        if online or refusal_of(error):
            raise HubError(str(error)) from error
        raise HubError(
            f"dataset {dataset_id!r} is no file or folder here, its copy is not in the Hub's cache, and the "
            "Hugging Face Hub can't be reached: check the path or the connection, or give a local folder, a "
            "file, or rotten-tomatoes"
        ) from error


@contextlib.contextmanager
def _offline():
    """Keep the libraries from trying an unreachable Hub, and leave them as they were."""
    from datasets import config
    from huggingface_hub import constants

    before = config.HF_HUB_OFFLINE, constants.HF_HUB_OFFLINE
    config.HF_HUB_OFFLINE = constants.HF_HUB_OFFLINE = True
    try:
        yield
    finally:
        config.HF_HUB_OFFLINE, constants.HF_HUB_OFFLINE = before
