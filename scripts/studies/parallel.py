"""Train many runs side by side, on this machine or on a Dask cluster; one that fails doesn't stop the others.

An interrupted study continues where it stopped: finished runs are kept, and those that were begun go on. A
cluster (scripts/README.md says what it needs) receives one archive of the code and the data; each run trains
in its own process and temporary folder, and its files are written here when it is finished.
"""

import asyncio
import contextlib
import io
import itertools
import logging
import multiprocessing.resource_tracker
import os
import pickle
import subprocess
import sys
import tempfile
import threading
import time
import warnings
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np
from joblib import Parallel, cpu_count, delayed, parallel_config
from joblib.externals.loky.backend import resource_tracker as loky_tracker
from joblib.externals.loky.process_executor import TerminatedWorkerError
from tqdm import tqdm

from scripts.files import paths
from scripts.files.data import check_unchanged, load_data, pack_data
from scripts.files.errors import UserError
from scripts.files.numbers import counted, whole_number
from scripts.files.paths import rooted
from scripts.files.progress import progress_bar
from scripts.files.runs import pack_run, read_log, unpack_run
from scripts.training import experiment
from scripts.training.settings import check_settings
from scripts.training.workers import shielded_from_ctrl_c

KILLED = "its process was ended from outside, probably for lack of memory; called again, it continues"
COMMAND = "from scripts.studies.parallel import train_what_was_sent; train_what_was_sent()"
PATIENCE = 10  # seconds to wait for a scheduler's answer, and for its first worker


class Planned(NamedTuple):
    """A run to be trained: arguments of :func:`scripts.training.experiment.run`."""

    model: str
    run_id: str
    settings: dict


def train(planned, dataset, *, overwrite=False, progress=True, jobs=None, scheduler=None):
    """Train the planned runs; return what went wrong, by run id, which is also printed.

    As soon as data/ no longer holds `dataset`, as a log describes it, nothing more is trained. With
    `overwrite`, runs with other settings or data start again. At most `jobs` runs go side by side, by default
    as many as there are cores for their ``workers``. With `scheduler`, an address, a Dask cluster trains.
    """
    jobs = None if jobs is None else whole_number("jobs", jobs)
    finished, waiting, failed = _sort_out(planned, overwrite, dataset)
    workers = _most_workers(planned)
    if scheduler is None:
        experiment.check_cores(workers)
        _announce(waiting, jobs, dataset)
        outcomes = train_here(waiting, overwrite, jobs, dataset)
    elif workers > 1:
        fault = f"workers={workers} with scheduler={scheduler!r}: each worker of a cluster trains on one core"
        raise UserError(f"{fault}: leave workers=1")
    else:
        outcomes = train_there(scheduler, waiting, overwrite, dataset)
    if finished:
        print(f"{finished} of {len(planned)} runs are finished (same settings and data).")
    bar = progress_bar(total=len(planned), initial=finished, unit="run", progress=progress)
    with bar, contextlib.closing(outcomes):
        for run_id, fault in itertools.chain(list(failed.items()), outcomes if waiting else ()):
            if fault:
                failed[run_id] = fault
                tqdm.write(f"{run_id} failed: {fault}", file=sys.stderr)
            bar.set_description(run_id, refresh=False)
            bar.update()
            check_unchanged(dataset)
    return {run.run_id: failed[run.run_id] for run in planned if run.run_id in failed}


def _announce(planned, jobs, dataset):
    """Print how long runs will take on this machine, and how much they write."""
    if not planned:
        return
    data, estimates, at_once = load_data(dataset["data"]), {}, _jobs(jobs, planned)
    kinds = [repr([run.model, run.settings | {"seed": 0, "backward": "full"}]) for run in planned]
    for kind, (model, _, settings) in dict(zip(kinds, planned, strict=True)).items():  # each kind once
        estimates[kind] = experiment.estimate(model, check_settings(model, settings), data)
    seconds, size = np.sum([estimates[kind] for kind in kinds], axis=0)
    print(
        f"{counted(len(planned), 'run')} to train, {at_once} at a time: about "
        f"{max(1, round(seconds / at_once / 60))} min on an otherwise idle machine, "
        f"{max(1, round(size / 1e6))} MB in assets/"
    )


def _jobs(jobs, planned):
    """Return how many runs go side by side."""
    cores = max(1, cpu_count() // _most_workers(planned))
    return min(jobs or cores, cores, len(planned))


def _most_workers(planned):
    return max((run.settings.get("workers", 1) for run in planned), default=1)


def _sort_out(planned, overwrite, dataset):
    """Return the number of finished runs, the runs to train, and why others can't go on, by run id."""
    waiting, ended = [], {}
    for run in planned:
        settings = check_settings(run.model, run.settings)
        asked = {"model": run.model, "hyperparameters": settings, "dataset": dataset}
        try:
            previous = experiment.find_previous(run.run_id, asked, overwrite)
        except experiment.RunEnded as error:
            ended[run.run_id] = str(error)
            continue
        if previous and len(previous.history) > settings["epochs"]:
            with contextlib.suppress(UserError):  # a kill may come between weights and log
                if len(read_log(run.run_id)[1]) == len(previous.history):
                    continue
        waiting.append(run)
    return len(planned) - len(waiting) - len(ended), waiting, ended


def attempt(root, run, overwrite, dataset, caller=None):
    """Train one run in a folder that holds data/ and assets/; return its id and its fault, or None.

    If `caller`, a process id, is another process, this one ends with it.
    """
    if caller and caller != os.getpid():
        threading.Thread(target=_end_with, args=(caller,), daemon=True).start()
    # tqdm's own lock is shared by processes: Python would warn of it if Ctrl-C ended this one
    tqdm.set_lock(threading.RLock())
    try:
        with rooted(root), contextlib.redirect_stdout(io.StringIO()):  # one progress bar shows all runs
            options = {"data": dataset["data"], "dataset": dataset, "overwrite": overwrite, "progress": False}
            experiment.run(run.model, run.run_id, **options, **run.settings)
    except Exception as error:  # even a mistake in the code may concern one model or setting alone
        return run.run_id, str(error) if isinstance(error, UserError) else in_one_line(error)
    return run.run_id, None


def _end_with(caller):
    """End this process when the one that started it is gone, for whatever reason."""
    while os.getppid() == caller:
        time.sleep(0.5)
    os._exit(1)


def in_one_line(error):
    """Return the type and the message of an exception."""
    return " ".join(f"{type(error).__name__}: {error}".split())


# On this machine ------------------------------------------------------------------------------------------


def train_here(planned, overwrite, jobs, dataset):
    """Train runs side by side on this machine; yield each run id and its fault, or None."""
    jobs, options = _jobs(jobs, planned), (overwrite, dataset, os.getpid())
    tasks = {run.run_id: delayed(attempt)(paths.ROOT, run, *options) for run in planned}
    with parallel_config("loky", inner_max_num_threads=1):
        side_by_side = Parallel(jobs, return_as="generator_unordered", batch_size=1)
        try:
            if os.name == "posix":
                sys.warnoptions.append("ignore")  # the trackers would warn when they tidy up after Ctrl-C
                for tracker in (multiprocessing.resource_tracker, loky_tracker):
                    tracker.ensure_running()  # later, its start would let Ctrl-C through again
                sys.warnoptions.pop()
            with contextlib.ExitStack() as stack:
                with shielded_from_ctrl_c():  # at its end, a signal may arrive
                    outcomes = stack.enter_context(_closing(side_by_side(list(tasks.values()))))
                for run_id, fault in outcomes:
                    del tasks[run_id]
                    yield run_id, fault
        except TerminatedWorkerError:  # probably memory ran out: the others go on one after the other
            for run_id, task in tasks.items():
                try:
                    yield from Parallel(2)([task])  # with one job, this process itself would train it
                except TerminatedWorkerError:
                    yield run_id, KILLED


@contextlib.contextmanager
def _closing(outcomes):
    """Close joblib's generator after the block, which ends its processes, without its warnings."""
    try:
        yield outcomes
    finally:
        said, threading.excepthook = threading.excepthook, lambda _: None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            outcomes.close()
        threading.excepthook = said


# On a cluster ---------------------------------------------------------------------------------------------


def train_there(scheduler, planned, overwrite, dataset):
    """Train runs on the workers of a cluster; yield each run id and its fault, or None."""
    archive = _pack_project(dataset["data"])
    with _connected(scheduler) as client:
        from distributed import CancelledError, as_completed

        try:
            sent = client.scatter(archive, broadcast=True, hash=False)
            train_on_worker, run_ids = _worker_function(), {}
            for run in planned:
                asked = pickle.dumps((tuple(run), pack_run(run.run_id), overwrite, dataset))
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
            fault = f"the cluster of {scheduler} lost its scheduler or all its workers"
            remedy = "start them, and call this again; finished runs are kept"
            raise UserError(f"{fault}: {remedy}") from error


def _pack_project(data):
    """Return a zip archive of the project's code and a dataset, as bytes."""
    root = Path(__file__).resolve().parents[2]
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        for package in (*experiment.CLASSIFIERS, "scripts"):  # each model has a package of its name
            for path in (root / package).rglob("*.py"):
                file.write(path, path.relative_to(root).as_posix())
        for path, content in pack_data(data).items():
            file.writestr(path, content)
    return archive.getvalue()


def _worker_function():
    """Return the function that workers call; nested, so that Dask sends it by value: they lack this file."""

    def train_on_worker(archive, asked, command):
        from distributed import get_worker

        place = get_worker().local_directory
        with tempfile.TemporaryDirectory(dir=place, ignore_cleanup_errors=True) as folder:
            zipfile.ZipFile(io.BytesIO(archive)).extractall(folder)
            done = subprocess.run(
                [sys.executable, "-c", command], cwd=folder, input=asked, capture_output=True
            )
        if done.returncode:
            said = done.stderr.decode(errors="replace").strip().split("\n")[-1]
            fault = f"its process on a worker ended with {done.returncode} ({said})"
            raise RuntimeError(f"{fault}: there it needs the packages of requirements.txt and enough memory")
        return done.stdout

    return train_on_worker


def train_what_was_sent():
    """Train the run that a worker sends to standard input, and answer with its fault and files."""
    run, files, *options = pickle.load(sys.stdin.buffer)
    run = Planned(*run)
    unpack_run(run.run_id, files)
    _, fault = attempt(paths.ROOT, run, *options)
    pickle.dump((fault, pack_run(run.run_id)), sys.stdout.buffer)


@contextlib.contextmanager
def _connected(scheduler):
    """Yield a client of a scheduler that has at least one worker."""
    try:
        from distributed import Client
    except ImportError as error:
        fault = f"scheduler={scheduler!r} needs Dask, which is not installed ({error})"
        raise UserError(f'{fault}: pip install "dask[distributed]"') from error
    logging.getLogger("distributed.client").setLevel(logging.CRITICAL)  # train_there() reports a loss
    try:
        with ThreadPoolExecutor(1) as thread:  # the calling thread may already run a loop
            thread.submit(asyncio.run, _greet(scheduler)).result()
        client = Client(scheduler, timeout=PATIENCE, set_as_default=False)
    except (asyncio.TimeoutError, OSError, ValueError, TypeError) as error:
        fault = f"no Dask scheduler answers at scheduler={scheduler!r} within {PATIENCE} seconds"
        remedy = "start one with `dask scheduler`, and give the address that it prints: 'tcp://host:8786'"
        raise UserError(f"{fault}: {remedy}") from error
    with client:
        try:
            client.wait_for_workers(1, timeout=PATIENCE)
        except asyncio.TimeoutError as error:
            remedy = f"start some, such as `dask worker {scheduler} --nthreads 1`"
            raise UserError(f"the scheduler {scheduler} has no worker: {remedy}") from error
        yield client


async def _greet(scheduler):
    """Shake hands with a scheduler: a client would wait forever for one that doesn't answer."""
    from distributed.comm import connect

    comm = await asyncio.wait_for(connect(scheduler), PATIENCE)
    comm.abort()
