"""Many runs side by side: how many, in which processes, and what happens where one is killed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.files.data import describe_data, load_manifest
from scripts.files.paths import log_path, weights_path
from scripts.files.runs import existing_runs
from scripts.studies import parallel
from scripts.studies.parallel import Planned
from scripts.training import experiment
from scripts.training.settings import check_settings

pytestmark = pytest.mark.several_processes
PROJECT = Path(__file__).resolve().parents[2]


def test_runs_have_processes_of_their_own_as_many_as_are_asked_for(data, monkeypatch):
    """What is done to experiment.run in this process doesn't reach them; with jobs=1 it does."""
    ran = []
    monkeypatch.setattr(experiment, "run", lambda model, run_id, **_: ran.append(run_id))
    planned = [Planned("rnn", f"run-{k}", {"epochs": 1, "hidden_size": 3}) for k in range(3)]
    dataset = describe_data(data.manifest)
    assert parallel.train(planned, dataset, jobs=2, progress=False) == {}
    assert existing_runs() == ["run-0", "run-1", "run-2"]
    assert not ran
    for run_id in existing_runs():
        weights_path(run_id).unlink()
        log_path(run_id).unlink()
    assert parallel.train(planned, dataset, jobs=1, progress=False) == {}
    assert ran == ["run-0", "run-1", "run-2"]


@pytest.mark.parametrize(("cores", "expected"), [((1, 1), 5), ((1, 2), 2), ((5, 1), 1)])
def test_never_more_go_side_by_side_than_there_are_cores_or_runs(data, monkeypatch, cores, expected):
    asked = []

    class Parallel(parallel.Parallel):
        def __init__(self, n_jobs, **options):
            asked.append(n_jobs)
            super().__init__(1, **options)

    monkeypatch.setattr(parallel, "Parallel", Parallel)
    monkeypatch.setattr(parallel, "cpu_count", lambda: 5)
    monkeypatch.setattr(experiment, "run", lambda *_, **__: None)
    monkeypatch.setattr(experiment, "check_cores", lambda workers: None)
    planned = [Planned("rnn", f"run-{k}", {"workers": cores[k % 2]}) for k in range(6)]
    for jobs in (None, 100):
        assert parallel.train(planned, describe_data(data.manifest), jobs=jobs, progress=False) == {}
    assert parallel.train(planned[:1], describe_data(data.manifest), jobs=100, progress=False) == {}
    assert asked == [expected, expected, 1]


TRACKED = (
    "import multiprocessing.resource_tracker as one; "
    "from joblib.externals.loky.backend import resource_tracker as two; "
    "from scripts.studies.parallel import Planned, train_here; "
    "list(train_here([Planned('rnn', '.', {})], False, 1, {'data': None})); "
    "one.register('/left-behind', 'semaphore'); two.register('/left-behind', 'semlock')"
)


@pytest.mark.skipif(os.name != "posix", reason="needs semaphores with a name")
def test_what_the_trackers_tidy_up_is_not_told():
    """As after Ctrl-C, which may come before joblib has put its semaphores away."""
    done = subprocess.run([sys.executable, "-c", TRACKED], cwd=PROJECT, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


class Killer(dict):
    """Settings that end the process which reads them."""

    def __reduce__(self):
        return os._exit, (1,)


def test_a_run_whose_process_is_killed_fails_alone(data):
    settings = {"epochs": 1, "hidden_size": 3}
    planned = [Planned("rnn", f"run-{k}", settings) for k in range(4)]
    planned[1] = planned[1]._replace(settings=Killer())
    outcomes = dict(parallel.train_here(planned, False, 2, describe_data(data.manifest)))
    assert outcomes == {"run-0": None, "run-1": parallel.KILLED, "run-2": None, "run-3": None}
    assert existing_runs() == ["run-0", "run-2", "run-3"]


def test_time_and_disk_are_said_before_the_first_run(data, capsys, monkeypatch):
    """Each kind of run is estimated once; two run at a time."""
    asked = []

    def estimate(model, settings, data):
        asked.append((model, settings["hidden_size"]))
        return 60.0 * settings["hidden_size"], 2e6

    monkeypatch.setattr(parallel.experiment, "estimate", estimate)
    monkeypatch.setattr(parallel, "cpu_count", lambda: 2)
    planned = [
        parallel.Planned(model, f"{model}-{units}-{seed}", {"hidden_size": units, "seed": seed})
        for model in ("rnn", "lstm")
        for units in (2, 3)
        for seed in range(2)
    ]
    parallel._announce(planned, None, describe_data(load_manifest()))
    assert asked == [("rnn", 2), ("rnn", 3), ("lstm", 2), ("lstm", 3)]
    said = "8 runs to train, 2 at a time: about 10 min on an otherwise idle machine, 16 MB in assets/"
    assert capsys.readouterr().out == said + "\n"


def test_the_estimate_is_near_what_a_run_takes_and_writes(kind, data):
    settings = check_settings(kind, {"hidden_size": 40, "epochs": 3})
    seconds, written = experiment.estimate(kind, settings, data)
    assert 0 < seconds < 60
    experiment.run(kind, "run", progress=False, hidden_size=40, epochs=3)
    found = log_path("run").stat().st_size + weights_path("run").stat().st_size
    assert found / 5 < written < 5 * found
