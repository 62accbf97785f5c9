"""One run among many: its plan, and its training with any fault told in one line.

Both ways of training many runs use it: parallel.py on this machine, dask_cluster.py on a cluster. It writes
the files of that run only.
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
    """Train one run; return its id and None, or its id and in one line what went wrong.

    Parameters
    ----------
    root : pathlib.Path
        The folder that holds its data/ and assets/.
    run : Planned
    overwrite : bool
    """
    # tqdm's own lock is shared by processes; ended by Ctrl-C, this one would leave it to be warned of
    tqdm.set_lock(threading.RLock())
    fault = None
    try:
        with rooted(root), contextlib.redirect_stdout(io.StringIO()):  # one progress bar shows all runs
            experiment.run(run.model, run.run_id, overwrite=overwrite, progress=False, **run.settings)
    except UserError as error:
        fault = str(error)
    except Exception as error:  # a mistake in the code: it may concern one model or setting alone
        fault = in_one_line(error)
    return run.run_id, fault


def in_one_line(error):
    """Return kind and message of an exception."""
    return " ".join(f"{type(error).__name__}: {error}".split())
