"""One run among many: its plan, and its training; parallel.py and dask_cluster.py call it.

It writes the files of that run only.
"""

import contextlib
import io
import threading
from typing import NamedTuple

from tqdm import tqdm

from scripts.files.errors import UserError
from scripts.files.paths import rooted
from scripts.training import experiment


class Planned(NamedTuple):
    """A run to be trained: arguments of :func:`scripts.training.experiment.run`."""

    model: str
    run_id: str
    settings: dict


def attempt(root, run, overwrite):
    """Train one run in a folder that holds data/ and assets/; return its id and its fault, if any."""
    # tqdm's own lock is shared by processes; ended by Ctrl-C, this one would leave it to be warned of
    tqdm.set_lock(threading.RLock())
    try:
        with rooted(root), contextlib.redirect_stdout(io.StringIO()):  # one progress bar shows all runs
            experiment.run(run.model, run.run_id, overwrite=overwrite, progress=False, **run.settings)
    except UserError as error:
        return run.run_id, str(error)
    except Exception as error:  # a mistake in the code: it may concern one model or setting alone
        return run.run_id, in_one_line(error)
    return run.run_id, None


def in_one_line(error):
    """Return kind and message of an exception."""
    return " ".join(f"{type(error).__name__}: {error}".split())
