"""Many runs: as many side by side as there are cores, or on a cluster; one that fails doesn't stop the rest.

Each is one of :func:`scripts.training.experiment.run`, with a log and weights of its own. So what was interrupted
continues where it stopped: finished runs stay, those that were begun go on.
"""

import contextlib
import io
import itertools
import sys
import threading
from operator import itemgetter
from typing import NamedTuple

from joblib import Parallel, cpu_count, delayed, parallel_config
from joblib.externals.loky.process_executor import TerminatedWorkerError
from tqdm import tqdm

from scripts.files import paths
from scripts.files.data import describe_data, load_data
from scripts.files.errors import UserError
from scripts.files.paths import check_run_id, log_path, rooted
from scripts.studies.arguments import plain
from scripts.training import experiment
from scripts.training.settings import check_settings

LEFT = "its process was ended from outside, most likely for want of memory; called again, it continues"


class Planned(NamedTuple):
    """A run to be trained: arguments of :func:`scripts.training.experiment.run`."""

    model: str
    run_id: str
    settings: dict


def train_variants(variants, seeds, *, settings, **options):
    """Train each variant once a seed; a run is called ``study-<model>-<name>-s<seed>``.

    Parameters
    ----------
    variants : list of (str, str, dict)
        Model, name of the variant and its own settings.
    seeds : list of int
    settings : dict
        Of all runs.
    **options
        Of :func:`train`.

    Returns
    -------
    run_ids : list of list of str
        Of each variant, those that were trained.
    failed : dict of str to str
        Of each run that wasn't, what went wrong.

    Raises
    ------
    UserError
        See :func:`train`.
    """
    planned = [
        [Planned(model, f"study-{model}-{name}-s{seed}", {**settings, **own, "seed": seed}) for seed in seeds]
        for model, name, own in variants
    ]
    failed = train([run for of_variant in planned for run in of_variant], **options)
    trained = [[run.run_id for run in of_variant if run.run_id not in failed] for of_variant in planned]
    return trained, failed


def train(planned, *, overwrite=False, progress=True, jobs=None, scheduler=None, remedy=None):
    """Train many runs; each that fails is named in one line, and the others go on.

    Parameters
    ----------
    planned : list of Planned
    overwrite : bool
        Begin anew where a run with other settings or data has that name.
    progress : bool
        Show a progress bar over the runs.
    jobs : int, optional
        How many side by side; by default as many as this process may use cores, with room for the
        ``workers`` or ``threads`` of each.
    scheduler : str, optional
        Address of a Dask scheduler, such as ``"tcp://host:8786"``, whose workers are to train.
    remedy : str, optional
        What to do where a run id is taken by a run with other settings or data, for the message.

    Returns
    -------
    dict of str to str
        Of each run that failed, by its run id, what went wrong.

    Raises
    ------
    UserError
        Before anything is trained: settings or `jobs` out of range, data/ missing or damaged, a run that has
        other settings or data, a scheduler that doesn't answer or is given runs of more than one core.
    """
    jobs = check_jobs(jobs)
    finished, waiting, ended = sort_out(planned, overwrite, remedy)
    if scheduler is None:
        outcomes = train_here(waiting, overwrite, jobs)
    else:
        name, cores = most_cores(planned)
        if cores > 1:
            raise UserError(
                f"{name}={cores} with scheduler={scheduler!r}: a cluster's workers train a run each, on one "
                f"core: leave {name}=1"
            )
        from scripts.studies.dask_cluster import (
            train_there,  # Dask takes a second to import, where it is installed at all
        )

        outcomes = train_there(scheduler, waiting, overwrite)
    if finished:
        print(f"{len(finished)} of {len(planned)} runs are finished (same settings and data).")
    failed = {}
    with tqdm(total=len(planned), initial=len(finished), unit="run", disable=not progress) as bar:
        for run_id, fault in itertools.chain(ended.items(), outcomes if waiting else ()):
            if fault:
                failed[run_id] = fault
                tqdm.write(f"{run_id} failed: {fault}", file=sys.stderr)
            bar.set_description(run_id, refresh=False)
            bar.update()
    return {run.run_id: failed[run.run_id] for run in planned if run.run_id in failed}


def check_jobs(jobs):
    """Return `jobs` where it is None or a whole number from 1 on; raise UserError otherwise."""
    jobs = plain(jobs)
    if jobs is not None and (isinstance(jobs, bool) or not isinstance(jobs, int) or jobs < 1):
        raise UserError(
            f"jobs={jobs!r}: expected how many runs side by side, 1 or more, or None for all cores"
        )
    return jobs


def most_cores(planned):
    """The setting by which a run takes the most cores, ``workers`` or ``threads``, and how many."""
    names = ("workers", "threads")
    asked = [(name, run.settings.get(name, 1)) for run in planned for name in names]
    return max(asked, key=itemgetter(1), default=("workers", 1))


def sort_out(planned, overwrite, remedy=None):
    """Check all runs; tell those that are finished from those to be trained and those that can't go on.

    Returns
    -------
    finished, waiting : list of Planned
    ended : dict of str to str
        Of each run whose numbers were no longer finite, by its run id, what is to be said of it.

    Raises
    ------
    UserError
        See :func:`train`.
    """
    dataset = describe_data(load_data().manifest)
    finished, waiting, ended = [], [], {}
    for run in planned:
        check_run_id(run.run_id)
        settings = check_settings(run.model, run.settings)
        asked = {"model": run.model, "hyperparameters": settings, "dataset": dataset}
        try:
            previous = None if overwrite else experiment.find_previous(run.run_id, asked, remedy)
        except experiment.RunEnded as error:
            ended[run.run_id] = str(error)
            continue
        done = len(previous.history) if previous else 0
        complete = done > settings["epochs"] and log_path(run.run_id).exists()
        (finished if complete else waiting).append(run)
    return finished, waiting, ended


def train_here(planned, overwrite, jobs=None):
    """Train runs side by side on this machine; yield each run id, and what went wrong or None.

    Where the system ends a process, the runs that are left go on one after the other: most likely memory ran
    out, and so only the one that needs too much fails.
    """
    jobs = jobs or max(1, cpu_count() // most_cores(planned)[1])
    tasks = {run.run_id: delayed(attempt)(paths.ROOT, run, overwrite) for run in planned}
    with parallel_config("loky", inner_max_num_threads=1):
        side_by_side = Parallel(jobs, return_as="generator_unordered", batch_size=1)
        try:
            for run_id, fault in side_by_side(list(tasks.values())):
                del tasks[run_id]
                yield run_id, fault
        except TerminatedWorkerError:
            for run_id, task in tasks.items():
                try:
                    yield from Parallel(2)([task])  # with one job it would be trained in this very process
                except TerminatedWorkerError:
                    yield run_id, LEFT


def attempt(root, run, overwrite):
    """Train one run, whatever comes of it.

    Parameters
    ----------
    root : pathlib.Path
        The folder that holds its data/ and assets/.
    run : Planned
    overwrite : bool

    Returns
    -------
    run_id : str
    fault : str or None
        What went wrong, in one line.
    """
    # tqdm's own lock is one between processes; ended by Ctrl-C, this one would leave it to be warned of
    tqdm.set_lock(threading.RLock())
    fault = None
    try:
        with rooted(root), contextlib.redirect_stdout(io.StringIO()):  # one bar tells of all
            experiment.run(run.model, run.run_id, overwrite=overwrite, progress=False, **run.settings)
    except UserError as error:
        fault = str(error)
    except Exception as error:  # a mistake in the code: it may be of one model or setting alone
        fault = in_one_line(error)
    return run.run_id, fault


def in_one_line(error):
    """Kind and message of an exception."""
    return " ".join(f"{type(error).__name__}: {error}".split())
