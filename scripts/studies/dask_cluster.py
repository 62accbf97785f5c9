"""Many runs on a Dask cluster, through joblib's own backend, where one machine is too small.

The workers need the packages of requirements.txt and ``dask[distributed]``, but neither this project nor a
disk in common: an archive of its code is uploaded, data/ is scattered once, and what a run makes comes back
and is written here when the run is finished. Each trains in a folder of its own that is gone afterwards.

A Dask cluster executes whatever is sent to it, and so does whoever reads its answers: it belongs on a
private network.
"""

import asyncio
import contextlib
import hashlib
import logging
import sys
import tempfile
import threading
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from joblib import Parallel, delayed, parallel_config

from scripts.files.data import pack_data, unpack_data
from scripts.files.errors import UserError
from scripts.files.paths import rooted
from scripts.files.runs import pack_run, unpack_run
from scripts.studies.parallel import attempt, in_one_line
from scripts.training.experiment import CLASSIFIERS

CODE = (*CLASSIFIERS, "scripts")  # packages that the workers need: each model has one of its name
PATIENCE = 10  # seconds until a scheduler that doesn't answer, or has no worker, is given up
ONE_AT_A_TIME = threading.Lock()  # a worker of several threads shares its folders and BLAS threads among them


def train_there(scheduler, planned, overwrite):
    """Train runs on the workers of a cluster; yield each run id, and what went wrong or None.

    Parameters
    ----------
    scheduler : str
        Address, such as ``"tcp://host:8786"``.
    planned : list of scripts.studies.parallel.Planned
    overwrite : bool

    Raises
    ------
    UserError
        Dask is not installed; the scheduler doesn't answer, has no worker or goes away; or the workers lack
        packages. What came back until then is written.
    """
    data = pack_data()
    with connected(scheduler) as client, losses_in_one_line(scheduler), code_uploaded(client):
        tasks = [
            delayed(attempt_there)(data, run, [None, None] if overwrite else pack_run(run.run_id), overwrite)
            for run in planned
        ]
        with parallel_config(backend="dask", client=client, scatter=[data]) as config:
            mend(config["backend"])
            # all at once, so that workers which join later find something to do
            side_by_side = Parallel(return_as="generator_unordered", batch_size=1, pre_dispatch="all")
            for run_id, fault, files in side_by_side(tasks):
                unpack_run(run_id, files)
                yield run_id, fault


@contextlib.contextmanager
def connected(scheduler):
    """A client of a scheduler that has at least one worker; see :func:`train_there` for what is raised."""
    try:
        from distributed import Client
    except ImportError as error:
        raise UserError(
            f"scheduler={scheduler!r} needs Dask, which is not installed ({error}): "
            'pip install "dask[distributed]"'
        ) from error
    logging.getLogger("distributed.client").setLevel(logging.CRITICAL)  # a loss is told here, in one line
    try:
        with ThreadPoolExecutor(1) as thread:  # in which a loop may run, also where the caller has one
            thread.submit(asyncio.run, greet(scheduler)).result()
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


async def greet(scheduler):
    """Shake hands with a scheduler. A client itself would wait for ever for one that is there but hangs."""
    from distributed.comm import connect

    comm = await asyncio.wait_for(connect(scheduler), PATIENCE)
    comm.abort()


@contextlib.contextmanager
def losses_in_one_line(scheduler):
    """Turn the end of a cluster within the block into a UserError."""
    from distributed import CancelledError

    try:
        yield
    except (CancelledError, OSError) as error:  # a closed connection is an OSError
        raise UserError(
            f"the cluster of {scheduler} lost its scheduler or all its workers: start them "
            "again, and call again; runs that are finished are kept"
        ) from error


@contextlib.contextmanager
def code_uploaded(client):
    """Let a cluster have the packages of this project within the block, workers that join later too.

    As ``client.upload_file``, which leaves every archive it ever sent to be loaded by each new worker.
    """
    from distributed.diagnostics.plugin import SchedulerUploadFile, UploadFile

    with tempfile.TemporaryDirectory() as folder:
        archive = pack_code(Path(folder))
        plugins = [kind(str(archive)) for kind in (SchedulerUploadFile, UploadFile)]
    for plugin in plugins:  # the scheduler reads what it passes on
        client.register_plugin(plugin, name=archive.name)
    try:
        client.run_on_scheduler(forget_other_code, archive.name)
        client.run(forget_other_code, archive.name)
        yield
    except ImportError as error:
        raise UserError(
            f"the scheduler or a worker lacks a package ({error}): pip install -r requirements.txt there"
        ) from error
    finally:
        with contextlib.suppress(Exception):  # of a cluster that has gone away
            client.unregister_worker_plugin(archive.name)
            client.unregister_scheduler_plugin(archive.name)


def pack_code(folder):
    """Write the packages of this project into an archive, whose name tells one version from another."""
    root = Path(__file__).resolve().parents[2]
    paths = sorted(path for package in CODE for path in (root / package).rglob("*.py"))
    files = {path.relative_to(root).as_posix(): path.read_bytes() for path in paths}
    digest = hashlib.sha256(repr(files).encode()).hexdigest()[:16]
    with zipfile.ZipFile(folder / f"code-{digest}.zip", "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return Path(archive.filename)


def forget_other_code(archive):
    """Let this process take the project's packages from `archive`, whatever it had before.

    Where one module is from elsewhere all go: a package keeps its modules as attributes.
    """
    sys.path.sort(key=lambda entry: archive not in str(entry))  # in front; the others stay in order
    ours = [name for name in sys.modules if name.split(".")[0] in CODE]
    if any(archive not in (getattr(sys.modules[name], "__file__", None) or "") for name in ours):
        for name in ours:
            del sys.modules[name]


def mend(backend):
    """Let joblib hear of a run whose workers died, and let it send even to a single worker.

    As it is, its Dask backend calls nobody back when a task fails as a whole, so that joblib would wait for
    ever; and where there is but one core, joblib trains in the caller's own process.
    """
    submit, effective_n_jobs = backend.submit, backend.effective_n_jobs

    def submit_and_report(tasks, callback):
        ((_, (_, run, *_), _),) = tasks.items

        def report(done):
            if error := done.exception():
                callback([(run.run_id, in_one_line(error), [None, None])])

        future = submit(tasks, callback)
        future.add_done_callback(report)
        return future

    backend.submit = submit_and_report
    backend.effective_n_jobs = lambda n_jobs: max(2, effective_n_jobs(n_jobs))


def attempt_there(data, run, files, overwrite):
    """Train one run on a worker, in a folder that holds nothing but `data` and what there is of the run.

    Parameters
    ----------
    data : dict of str to bytes
        See :func:`scripts.files.data.pack_data`.
    run : scripts.studies.parallel.Planned
    files : list of (bytes or None)
        See :func:`scripts.files.runs.pack_run`.
    overwrite : bool

    Returns
    -------
    run_id : str
    fault : str or None
        What went wrong, in one line.
    files : list of (bytes or None)
    """
    from distributed import get_worker

    folder = tempfile.TemporaryDirectory(dir=get_worker().local_directory, ignore_cleanup_errors=True)
    with ONE_AT_A_TIME, folder as root, rooted(Path(root)):
        unpack_data(data)
        unpack_run(run.run_id, files)
        return *attempt(Path(root), run, overwrite), pack_run(run.run_id)
