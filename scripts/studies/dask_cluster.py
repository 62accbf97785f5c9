"""Many runs on a Dask cluster, where one machine is too small; scripts/studies/parallel.py calls it.

The workers need the packages of requirements.txt and ``dask[distributed]``, but neither this project nor a
shared disk: one archive of its code and of data/ is scattered, each run trains in a process and a temporary
folder of its own, and its files come back and are written here when it is finished.

A Dask cluster executes whatever is sent to it, and so does whoever reads its answers: it belongs on a private
network.
"""

import asyncio
import contextlib
import io
import logging
import pickle
import subprocess
import sys
import tempfile
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from scripts.files import paths
from scripts.files.data import pack_data
from scripts.files.errors import UserError
from scripts.files.runs import pack_run, unpack_run
from scripts.studies.one_run import Planned, attempt, in_one_line
from scripts.training.experiment import CLASSIFIERS

COMMAND = "from scripts.studies.dask_cluster import train_what_was_sent; train_what_was_sent()"
PATIENCE = 10  # seconds until a scheduler that doesn't answer, or has no worker, is given up


def train_there(scheduler, planned, overwrite):
    """Train runs on the workers of a cluster; yield each run id, and what went wrong or None.

    UserError where there is no such cluster, or it goes away: what came back until then is written.
    """
    archive = _pack_project()
    with _connected(scheduler) as client:
        from distributed import CancelledError, as_completed

        try:
            sent = client.scatter(archive, broadcast=True, hash=False)
            train_on_worker, run_ids = _worker_function(), {}
            for run in planned:
                files = [None, None] if overwrite else pack_run(run.run_id)
                asked = pickle.dumps((tuple(run), files, overwrite))
                run_ids[client.submit(train_on_worker, sent, asked, COMMAND, pure=False)] = run.run_id
            for future in as_completed(run_ids, loop=client.loop):
                run_id, error = run_ids[future], future.exception()
                if isinstance(error, CancelledError):
                    raise error
                if error:
                    yield run_id, in_one_line(error)
                else:
                    fault, files = pickle.loads(future.result())
                    unpack_run(run_id, files)
                    yield run_id, fault
        except (CancelledError, OSError) as error:  # a closed connection is an OSError
            raise UserError(
                f"the cluster of {scheduler} lost its scheduler or all its workers: start them again, and "
                "call again; runs that are finished are kept"
            ) from error


def _pack_project():
    """Return a zip archive of this project's code and of data/, which unpacked is a project of its own."""
    root = Path(__file__).resolve().parents[2]
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        for package in (*CLASSIFIERS, "scripts"):  # each model has a package of its name
            for path in (root / package).rglob("*.py"):
                file.write(path, path.relative_to(root).as_posix())
        for name, content in pack_data().items():
            file.writestr(f"data/{name}", content)
    return archive.getvalue()


def _worker_function():
    """Return a function for workers; nested, so that Dask sends it by value: they lack this module."""

    def train_on_worker(archive, asked, command):
        from distributed import get_worker

        place = get_worker().local_directory
        with tempfile.TemporaryDirectory(dir=place, ignore_cleanup_errors=True) as folder:
            zipfile.ZipFile(io.BytesIO(archive)).extractall(folder)
            process = [sys.executable, "-c", command]
            done = subprocess.run(process, cwd=folder, input=asked, capture_output=True)
        if done.returncode:
            said = done.stderr.decode(errors="replace").strip().split("\n")[-1]
            raise RuntimeError(
                f"its process on a worker ended with {done.returncode} ({said}): it needs the packages of "
                "requirements.txt there, and enough memory"
            )
        return done.stdout

    return train_on_worker


def train_what_was_sent():
    """Train the run that a worker gives on standard input, and answer with its fault and files."""
    run, files, overwrite = pickle.load(sys.stdin.buffer)
    run = Planned(*run)
    unpack_run(run.run_id, files)
    _, fault = attempt(paths.ROOT, run, overwrite)
    pickle.dump((fault, pack_run(run.run_id)), sys.stdout.buffer)


@contextlib.contextmanager
def _connected(scheduler):
    """Yield a client of a scheduler that has at least one worker."""
    try:
        from distributed import Client
    except ImportError as error:
        raise UserError(
            f"scheduler={scheduler!r} needs Dask, which is not installed ({error}): "
            'pip install "dask[distributed]"'
        ) from error
    logging.getLogger("distributed.client").setLevel(logging.CRITICAL)  # a loss is reported here, in one line
    try:
        with ThreadPoolExecutor(1) as thread:  # in which a loop may run, also where the caller has one
            thread.submit(asyncio.run, _greet(scheduler)).result()
        client = Client(scheduler, timeout=PATIENCE, set_as_default=False)
    except (asyncio.TimeoutError, OSError, ValueError, TypeError) as error:
        raise UserError(
            f"no Dask scheduler answers at scheduler={scheduler!r} (after {PATIENCE} seconds at most): "
            "start one with `dask scheduler`, and give the address that it prints, such as 'tcp://host:8786'"
        ) from error
    with client:
        try:
            client.wait_for_workers(1, timeout=PATIENCE)
        except asyncio.TimeoutError as error:
            raise UserError(
                f"the scheduler {scheduler} has no worker: start some, such as "
                f"`dask worker {scheduler} --nthreads 1`"
            ) from error
        yield client


async def _greet(scheduler):
    """Shake hands with a scheduler: a client itself would wait for ever for one that is there but hangs."""
    from distributed.comm import connect

    comm = await asyncio.wait_for(connect(scheduler), PATIENCE)
    comm.abort()
