"""Many runs, side by side on this machine or on a cluster; one that fails doesn't stop the others.

Each run has a log and weights of its own, so an interrupted study continues where it stopped: finished runs
stay, and those that were begun go on. scripts/studies/variants.py and cue_distance.py call :func:`train`.
"""

import itertools
import sys

from joblib import Parallel, cpu_count, delayed, parallel_config
from joblib.externals.loky.process_executor import TerminatedWorkerError
from tqdm import tqdm

from scripts.files import paths
from scripts.files.data import describe_data, load_data
from scripts.files.errors import UserError
from scripts.files.paths import check_run_id, log_path
from scripts.studies.arguments import is_whole, plain
from scripts.studies.one_run import attempt
from scripts.training import experiment
from scripts.training.settings import check_settings

KILLED = "its process was ended from outside, most likely for want of memory; called again, it continues"


def train(planned, *, overwrite=False, progress=True, jobs=None, scheduler=None, remedy=None):
    """Train runs that are planned, and return what went wrong by run id; each fault is also printed.

    Parameters
    ----------
    planned : list of scripts.studies.one_run.Planned
    overwrite : bool
        Start again where a run with other settings or data has that name.
    progress : bool
        Show a progress bar over the runs.
    jobs : int, optional
        Number of runs side by side; by default as many as there are cores for their ``workers``.
    scheduler : str, optional
        Address of a Dask scheduler, such as ``"tcp://host:8786"``: its workers train, not this machine.
    remedy : str, optional
        What to do where a run id is taken by a run with other settings or data, for the message.
    """
    jobs = plain(jobs)
    if jobs is not None and not is_whole(jobs, 1):
        raise UserError(
            f"jobs={jobs!r}: expected how many runs side by side, 1 or more, or None for all cores"
        )
    finished, waiting, failed = _sort_out(planned, overwrite, remedy)
    if scheduler is None:
        outcomes = train_here(waiting, overwrite, jobs)
    else:
        workers = _most_workers(planned)
        if workers > 1:
            raise UserError(
                f"workers={workers} with scheduler={scheduler!r}: a cluster's workers train one run each, on "
                "one core: leave workers=1"
            )
        from scripts.studies.dask_cluster import train_there  # takes a second, where Dask is installed at all

        outcomes = train_there(scheduler, waiting, overwrite)
    if finished:
        print(f"{finished} of {len(planned)} runs are finished (same settings and data).")
    with tqdm(total=len(planned), initial=finished, unit="run", disable=not progress) as bar:
        for run_id, fault in itertools.chain(list(failed.items()), outcomes if waiting else ()):
            if fault:
                failed[run_id] = fault
                tqdm.write(f"{run_id} failed: {fault}", file=sys.stderr)
            bar.set_description(run_id, refresh=False)
            bar.update()
    return {run.run_id: failed[run.run_id] for run in planned if run.run_id in failed}


def _most_workers(planned):
    return max((run.settings.get("workers", 1) for run in planned), default=1)


def _sort_out(planned, overwrite, remedy):
    """Return how many runs are finished, those to be trained, and the faults of those that ended."""
    dataset = describe_data(load_data().manifest)
    finished, waiting, ended = 0, [], {}
    for run in planned:
        settings = check_settings(run.model, run.settings)
        check_run_id(run.run_id)
        asked = {"model": run.model, "hyperparameters": settings, "dataset": dataset}
        try:
            previous = None if overwrite else experiment.find_previous(run.run_id, asked, remedy)
        except experiment.RunEnded as error:
            ended[run.run_id] = str(error)
            continue
        if previous and len(previous.history) > settings["epochs"] and log_path(run.run_id).exists():
            finished += 1
        else:
            waiting.append(run)
    return finished, waiting, ended


def train_here(planned, overwrite, jobs=None):
    """Train runs side by side on this machine; yield each run id, and what went wrong or None."""
    jobs = jobs or max(1, cpu_count() // _most_workers(planned))
    tasks = {run.run_id: delayed(attempt)(paths.ROOT, run, overwrite) for run in planned}
    with parallel_config("loky", inner_max_num_threads=1):
        side_by_side = Parallel(jobs, return_as="generator_unordered", batch_size=1)
        try:
            for run_id, fault in side_by_side(list(tasks.values())):
                del tasks[run_id]
                yield run_id, fault
        except TerminatedWorkerError:  # most likely memory ran out: the others go on one after the other
            for run_id, task in tasks.items():
                try:
                    yield from Parallel(2)([task])  # with one job it would be trained in this very process
                except TerminatedWorkerError:
                    yield run_id, KILLED
