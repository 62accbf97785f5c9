"""Many runs, side by side on this machine or on a Dask cluster; one that fails doesn't stop the others.

An interrupted study continues where it stopped: finished runs stay, and those that were begun go on. On a
cluster (scripts/README.md says what it needs) one archive of the code and of data/ is scattered; each run
trains in a process and a temporary folder of its own, and its files are written here when it is finished.
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

from joblib import Parallel, cpu_count, delayed, parallel_config
from joblib.externals.loky.backend import resource_tracker as loky_tracker
from joblib.externals.loky.process_executor import TerminatedWorkerError
from tqdm import tqdm

from scripts.files import paths
from scripts.files.data import check_unchanged, load_data, pack_data
from scripts.files.errors import UserError
from scripts.files.numbers import counted, whole_number
from scripts.files.paths import check_run_id, rooted
from scripts.files.progress import progress_bar
from scripts.files.runs import pack_run, read_log, unpack_run
from scripts.training import experiment
from scripts.training.settings import check_settings
from scripts.training.workers import deaf_to_ctrl_c

KILLED = "its process was ended from outside, most likely for want of memory; called again, it continues"
COMMAND = "from scripts.studies.parallel import train_what_was_sent; train_what_was_sent()"
PATIENCE = 10  # seconds until a scheduler that doesn't answer, or has no worker, is given up


class Planned(NamedTuple):
    """A run to be trained: arguments of :func:`scripts.training.experiment.run`."""

    model: str
    run_id: str
    settings: dict


def train(planned, dataset, *, overwrite=False, progress=True, jobs=None, scheduler=None):
    """Train runs that are planned, and return what went wrong by run id; each fault is also printed.

    As soon as data/ holds another dataset than `dataset`, a dict of a log, nothing more is trained. With
    `overwrite` runs of other settings or data start again. At most `jobs` runs go side by side, by default as
    many as there are cores for their ``workers``; with `scheduler`, an address, the workers of Dask train.
    """
    jobs = None if jobs is None else whole_number("jobs", jobs)
    finished, waiting, failed = _sort_out(planned, overwrite, dataset)
    workers = _most_workers(planned)
    if scheduler is None:
        experiment.check_cores(workers)
        _announce(waiting, jobs, dataset)
        outcomes = train_here(waiting, overwrite, jobs, dataset)
    elif workers > 1:
        raise UserError(
            f"workers={workers} with scheduler={scheduler!r}: a cluster's workers train one run each, on "
            "one core: leave workers=1"
        )
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
    """Say how long runs will take on this machine, and how much they write."""
    if not planned:
        return
    data, seconds, size, known = load_data(dataset["data"]), 0, 0, {}
    for model, _, settings in planned:
        kind = repr([model, settings | {"seed": 0, "backward": "full"}])  # on which neither depends
        if kind not in known:
            known[kind] = experiment.estimate(model, check_settings(model, settings), data)
        seconds, size = seconds + known[kind][0], size + known[kind][1]
    side_by_side = _jobs(jobs, planned)
    print(
        f"{counted(len(planned), 'run')} to train, {side_by_side} at a time: about "
        f"{max(1, round(seconds / side_by_side / 60))} min on an otherwise idle machine, "
        f"{max(1, round(size / 1e6))} MB in assets/"
    )


def _jobs(jobs, planned):
    """Return how many runs go side by side."""
    cores = max(1, cpu_count() // _most_workers(planned))
    return min(jobs or cores, cores, len(planned))


def _most_workers(planned):
    return max((run.settings.get("workers", 1) for run in planned), default=1)


def _sort_out(planned, overwrite, dataset):
    """Return how many runs are finished, those to be trained, and the faults of those that ended."""
    waiting, ended = [], {}
    for run in planned:
        settings = check_settings(run.model, run.settings)
        check_run_id(run.run_id)
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
    """Train one run in a folder that holds data/ and assets/; return its id and its fault, if any.

    `caller` is the process that this one is to end with, where it is another.
    """
    if caller and caller != os.getpid():
        threading.Thread(target=_end_with, args=(caller,), daemon=True).start()
    # tqdm's own lock is shared by processes; ended by Ctrl-C, this one would leave it to be warned of
    tqdm.set_lock(threading.RLock())
    try:
        with rooted(root), contextlib.redirect_stdout(io.StringIO()):  # one progress bar shows all runs
            options = {"data": dataset["data"], "dataset": dataset, "overwrite": overwrite, "progress": False}
            experiment.run(run.model, run.run_id, **options, **run.settings)
    except Exception as error:  # also a mistake in the code: it may concern one model or setting alone
        return run.run_id, str(error) if isinstance(error, UserError) else in_one_line(error)
    return run.run_id, None


def _end_with(caller):
    """End this process as soon as the one that started it is gone, however that ended."""
    while os.getppid() == caller:
        time.sleep(0.5)
    os._exit(1)


def in_one_line(error):
    """Return kind and message of an exception."""
    return " ".join(f"{type(error).__name__}: {error}".split())


# On this machine ------------------------------------------------------------------------------------------


def train_here(planned, overwrite, jobs, dataset):
    """Train runs side by side on this machine; yield each run id, and what went wrong or None."""
    jobs = _jobs(jobs, planned)
    given = overwrite, dataset, os.getpid()
    tasks = {run.run_id: delayed(attempt)(paths.ROOT, run, *given) for run in planned}
    with parallel_config("loky", inner_max_num_threads=1):
        side_by_side = Parallel(jobs, return_as="generator_unordered", batch_size=1)
        try:
            if os.name == "posix":
                sys.warnoptions.append("ignore")  # of the trackers: they tidy up after Ctrl-C, and say so
                for tracker in (multiprocessing.resource_tracker, loky_tracker):
                    tracker.ensure_running()  # whose start would let Ctrl-C through again
                sys.warnoptions.pop()
            with contextlib.ExitStack() as stack:
                with deaf_to_ctrl_c():  # from whose end a signal may come
                    outcomes = stack.enter_context(_closing(side_by_side(list(tasks.values()))))
                for run_id, fault in outcomes:
                    del tasks[run_id]
                    yield run_id, fault
        except TerminatedWorkerError:  # most likely memory ran out: the others go on one after the other
            for run_id, task in tasks.items():
                try:
                    yield from Parallel(2)([task])  # with one job it would be trained in this very process
                except TerminatedWorkerError:
                    yield run_id, KILLED


@contextlib.contextmanager
def _closing(outcomes):
    """Close joblib's generator after the block, which ends its processes, and let it say nothing of that."""
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
    """Train runs on the workers of a cluster; yield each run id, and what went wrong or None."""
    archive = _pack_project(dataset["data"])
    with _connected(scheduler) as client:
        from distributed import CancelledError, as_completed

        try:
            sent = client.scatter(archive, broadcast=True, hash=False)
            train_on_worker, run_ids = _worker_function(), {}
            for run in planned:
                files = pack_run(run.run_id)
                asked = pickle.dumps((tuple(run), files, overwrite, dataset))
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


def _pack_project(data):
    """Return a zip archive of this project's code and of a dataset."""
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
    """Return a function for workers; nested, so that Dask sends it by value: they lack this module."""

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
            raise RuntimeError(
                f"its process on a worker ended with {done.returncode} ({said}): it needs the packages of "
                "requirements.txt there, and enough memory"
            )
        return done.stdout

    return train_on_worker


def train_what_was_sent():
    """Train the run that a worker gives on standard input, and answer with its fault and files."""
    run, files, *given = pickle.load(sys.stdin.buffer)
    run = Planned(*run)
    unpack_run(run.run_id, files)
    _, fault = attempt(paths.ROOT, run, *given)
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
