"""Comparisons on a Dask cluster: a real scheduler and workers, processes in empty folders of their own."""

import importlib.util
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import zipfile
from pathlib import Path

import pytest

from scripts.files import paths
from scripts.files.errors import UserError
from scripts.files.paths import weights_path
from scripts.files.runs import existing_runs, load_run
from scripts.studies import parallel
from scripts.studies.comparison import compare_models
from scripts.training import experiment
from tests.conftest import same_run, write_data

TINY = {"epochs": 2, "hidden_size": 4, "progress": False}
PATIENCE = 100  # seconds, for what takes but a few on a machine that isn't busy
needs_dask = pytest.mark.skipif(
    importlib.util.find_spec("distributed") is None, reason="needs dask[distributed]"
)


class Cluster:
    """A scheduler and its workers; none of them has the checkout on its path."""

    def __init__(self, folder):
        self.folder, self.processes = folder, {}
        self.start(
            "scheduler", "dask_scheduler", "--port", "0", "--scheduler-file", folder / "scheduler.json"
        )
        self.address = json.loads(wait_for(self.read_scheduler_file))["address"]

    def read_scheduler_file(self):
        path = self.folder / "scheduler.json"
        return path.exists() and path.read_text()

    def start(self, name, command, *arguments):
        """Start a process in an empty folder that bears its name."""
        (self.folder / name).mkdir()
        environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
        options = "--host", "127.0.0.1", "--no-dashboard"
        with open(self.folder / f"{name}.log", "wb") as log:
            self.processes[name] = subprocess.Popen(
                [sys.executable, "-m", f"distributed.cli.{command}", *map(str, arguments), *options],
                **{"cwd": self.folder / name, "env": environment, "stdout": log, "stderr": log},
            )

    def start_workers(self, *names):
        """Start workers of one thread each, and wait for them."""
        for name in names:  # without a nanny it is the worker's own process that is killed
            self.start_worker(name, "--no-nanny")
        with self.client() as client:
            client.wait_for_workers(sum(name != "scheduler" for name in self.processes), timeout=PATIENCE)

    def start_worker(self, name, *options):
        """Start a worker of one thread."""
        options = "--nthreads", "1", "--name", name, "--local-directory", ".", *options
        self.start(name, "dask_worker", self.address, *options)

    def client(self):
        """A client that watches."""
        from distributed import Client

        return Client(self.address, timeout=PATIENCE, set_as_default=False)

    def kill(self, name):
        """End a process as if its machine had lost power."""
        process = self.processes.pop(name)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()

    def compare_and_kill(self, name, **asked):
        """Compare, and kill a worker in the middle of a run; what comes of it."""
        came = []

        def ask():
            try:
                came.append(compare_models(scheduler=self.address, **asked))
            except UserError as error:
                came.append(error)

        asking = threading.Thread(target=ask, daemon=True)
        asking.start()
        with self.client() as client:
            names = client.run(lambda dask_worker: dask_worker.name)
            (address,) = (address for address, found in names.items() if found == name)
            wait_for(lambda: self.stopped_at_work(client, name, address))
        self.kill(name)
        asking.join(timeout=PATIENCE)
        assert came, f"nothing came of it within {PATIENCE} seconds"
        return came[0]

    def stopped_at_work(self, client, name, address):
        """Whether a worker was stopped while it had a run to train; if it had none, it goes on."""
        os.kill(self.processes[name].pid, signal.SIGSTOP)
        time.sleep(0.3)  # what it said before has arrived
        at_work = bool(client.processing()[address])
        if not at_work:
            os.kill(self.processes[name].pid, signal.SIGCONT)
        return at_work


def wait_for(condition):
    """What a condition gives as soon as it is true."""
    until = time.monotonic() + PATIENCE
    while not (found := condition()):
        assert time.monotonic() < until, f"nothing happened within {PATIENCE} seconds"
        time.sleep(0.02)
    return found


@pytest.fixture(scope="module")
def dask(tmp_path_factory):
    """A cluster of two workers."""
    pytest.importorskip("distributed")
    started = Cluster(tmp_path_factory.mktemp("cluster"))
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(parallel, "PATIENCE", PATIENCE)
            started.start_workers("one", "two")
            yield started
    finally:
        for name in list(started.processes):
            started.kill(name)


def trained_serially(study, folder, patch):
    """Train the runs of a comparison one after the other in this process, in a project of their own."""
    patch.setattr(paths, "ROOT", folder)
    write_data()
    for variant in study["variants"]:
        for run_id, seed in zip(variant["runs"], variant["seeds"], strict=True):
            settings = {**study["shared"], **variant["settings"], "seed": seed}
            experiment.run(variant["model"], run_id, progress=False, **settings)


def test_a_cluster_gives_the_bytes_of_serial_runs(dask, data, study_root, tmp_path_factory, monkeypatch):
    with dask.client() as client:
        found = client.run(
            lambda: [__import__("importlib.util").util.find_spec(name) for name in ("rnn", "scripts")]
        )
        assert set(map(tuple, found.values())) == {(None, None)}, "the workers have no checkout"
    with monkeypatch.context() as patch:
        patch.setattr(experiment, "run", None)  # in this process nothing can be trained
        study = compare_models(seeds=2, lr=(0.01, 1e200), scheduler=dask.address, **TINY)
    assert [variant["seeds"] for variant in study["variants"]] == [[0, 1]] * 2
    assert len(study["failed"]) == 4
    assert all("no longer finite" in fault for fault in study["failed"].values())
    serial = tmp_path_factory.mktemp("serial")
    trained_serially(study, serial, monkeypatch)
    for variant in study["variants"]:
        for run_id in variant["runs"]:
            same_run(run_id, study_root, serial)
    for name in ("one", "two"):
        left = {path.name for path in (dask.folder / name).rglob("*") if path.is_file()}
        assert not left & {"dataset.json", "embeddings.npy"}, "nothing of it stays with the workers"


def test_what_was_begun_here_goes_on_there(dask, data):
    asked = {**TINY, "models": "rnn", "seeds": 2}
    compare_models(jobs=1, **asked)
    before = load_run("comparison-compare-rnn-s0").timings
    compare_models(scheduler=dask.address, **asked | {"epochs": 4})
    run = load_run("comparison-compare-rnn-s0")
    assert run.timings[:3] == before
    assert len(run.timings) == 5


def test_code_that_changed_since_is_the_code_that_trains(dask, data, tmp_path, monkeypatch, capsys):
    """The same workers, for whom another version of the project has just trained."""
    compare_models("rnn", seeds=1, name="one", scheduler=dask.address, **TINY)
    pack = parallel._pack_project

    def pack_changed(data):
        path = tmp_path / "project.zip"
        path.write_bytes(pack(data))
        with zipfile.ZipFile(path, "a") as archive:
            archive.writestr("scripts/studies/parallel.py", CHANGED)
        return path.read_bytes()

    monkeypatch.setattr(parallel, "_pack_project", pack_changed)
    with pytest.warns(UserWarning, match="Duplicate"), pytest.raises(UserError, match="all 1 runs"):
        compare_models("rnn", seeds=1, name="two", scheduler=dask.address, **TINY)
    assert "this is the changed code" in capsys.readouterr().err


CHANGED = """
import pickle, sys
def train_what_was_sent(): pickle.dump(("this is the changed code", [None, None]), sys.stdout.buffer)
"""


def test_a_worker_that_is_killed_loses_nothing(dask, data, study_root, tmp_path_factory, monkeypatch):
    asked = {**TINY, "epochs": 12, "seeds": 2}
    study = dask.compare_and_kill("one", **asked)
    assert study["failed"] == {}
    assert [variant["seeds"] for variant in study["variants"]] == [[0, 1]] * 2
    serial = tmp_path_factory.mktemp("serial")
    trained_serially(study, serial, monkeypatch)
    for variant in study["variants"]:
        for run_id in variant["runs"]:
            same_run(run_id, study_root, serial)


def test_runs_whose_workers_die_fail_alone_and_are_trained_by_the_next_call(dask, data, capsys):
    dask.start_workers("three")
    asked = {**TINY, "epochs": 12, "models": "rnn", "seeds": 3}
    with dask.client() as client:
        client.run_on_scheduler(lambda dask_scheduler: setattr(dask_scheduler, "allowed_failures", 0))
        study = dask.compare_and_kill("three", **asked)
        client.run_on_scheduler(lambda dask_scheduler: setattr(dask_scheduler, "allowed_failures", 3))
    said = capsys.readouterr().err.splitlines()
    for failed, fault in study["failed"].items():
        assert "KilledWorker" in fault
        assert f"{failed} failed: {fault}" in said
    left = 3 - len(study["failed"])
    assert left in (1, 2)  # a worker may have had a second run in its queue
    assert len(study["variants"][0]["runs"]) == left
    kept = {run_id: weights_path(run_id).read_bytes() for run_id in existing_runs()}
    assert len(kept) == left
    study = compare_models(scheduler=dask.address, **asked)
    assert (study["failed"], len(study["variants"][0]["runs"])) == ({}, 3)
    for run_id, content in kept.items():
        assert weights_path(run_id).read_bytes() == content


def test_a_cluster_that_goes_away_is_one_line(dask, data):
    error = dask.compare_and_kill("two", **{**TINY, "epochs": 12, "seeds": 2})
    assert isinstance(error, UserError)
    assert "lost its scheduler or all its workers" in str(error)
    assert "\n" not in str(error)


def test_a_scheduler_without_workers_is_one_line(dask, data, monkeypatch):
    from distributed import Client

    wait = Client.wait_for_workers
    monkeypatch.setattr(Client, "wait_for_workers", lambda self, n, timeout: wait(self, n, timeout=0.1))
    with pytest.raises(UserError, match=r"has no worker: start some, such as `dask worker tcp://"):
        compare_models(seeds=1, scheduler=dask.address, **TINY)


def test_a_worker_with_a_nanny_trains_alone(dask, data):
    """As `dask worker` starts them: their processes may not fork others."""
    for name in set(dask.processes) - {"scheduler"}:
        dask.kill(name)
    dask.start_worker("nannied", "--nworkers", "1")
    try:
        study = compare_models("rnn", seeds=1, scheduler=dask.address, **TINY)
        assert study["failed"] == {}
    finally:
        nanny = dask.processes.pop("nannied")
        nanny.terminate()  # it ends the worker
        nanny.wait()


@needs_dask
@pytest.mark.parametrize("address", ["silent", "refused", "nonsense", "foo://host:1", "", 8786])
def test_a_scheduler_that_does_not_answer_is_one_line(data, monkeypatch, address):
    monkeypatch.setattr(parallel, "PATIENCE", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        here = f"tcp://127.0.0.1:{silent.getsockname()[1]}"
        if address == "refused":
            silent.close()
        given = here if address in ("silent", "refused") else address
        with pytest.raises(UserError, match=r"no Dask scheduler answers at scheduler=.*start one") as error:
            compare_models(seeds=1, scheduler=given, **TINY)
    assert "\n" not in str(error.value)
    assert not existing_runs()


def test_without_dask_it_says_what_to_install(data, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(UserError, match=r'pip install "dask\[distributed\]"') as error:
        compare_models(seeds=1, scheduler="tcp://127.0.0.1:8786", **TINY)
    assert "\n" not in str(error.value)


def test_dask_is_imported_only_for_a_cluster():
    """In a new process: neither main.py nor a comparison on this machine asks for it."""
    code = (
        "import sys, main, scripts.studies.comparison, scripts.plots; "
        "sys.exit(any(name.split('.')[0] in ('dask', 'distributed') for name in sys.modules))"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(parallel.__file__).parents[2])
