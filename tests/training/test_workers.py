"""Batches that several processes share: equal gradients, equal results at every run, no process left."""

import contextlib
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from scripts.files import paths
from scripts.files.errors import UserError
from scripts.files.runs import load_run
from scripts.training import experiment
from scripts.training.checks import random_batch
from scripts.training.workers import Workers, receive, share, shielded_from_ctrl_c

pytestmark = pytest.mark.skipif(
    "fork" not in multiprocessing.get_all_start_methods(), reason="needs processes that fork"
)


def test_share_takes_every_nth_sentence():
    ids, batch_sizes = np.array([*"adfbec"]), np.array([3, 2, 1])
    shares = [share(ids, batch_sizes, k, 2) for k in range(2)]
    assert [("".join(ids), sizes.tolist()) for ids, sizes in shares] == [("afbc", [2, 1, 1]), ("de", [1, 1])]


@pytest.mark.parametrize("patience", [0, 1e-3, 10])  # asleep at once, asleep before the byte comes, awake
def test_receive_waits_for_a_byte_and_sees_the_end(patience):
    pipe, other_end = os.pipe()
    later = threading.Timer(0.05, os.write, (other_end, b"f"))
    later.start()
    assert receive(pipe, patience) == b"f"
    later.join()
    os.close(other_end)
    assert receive(pipe, patience) == b""
    os.close(pipe)


@pytest.mark.parametrize("count", [2, 3])
@pytest.mark.parametrize("lengths", [[7, 5, 5, 2, 1], [4, 4], [6]])
def test_workers_give_the_models_own_logits_and_gradients(make_model, count, lengths):
    model = make_model()
    ids, batch_sizes, y = random_batch(np.random.default_rng(0), 11, lengths)
    z = model.forward(ids, batch_sizes)
    gradient = model.backward(z - y).copy()
    with Workers(model, count) as workers:
        np.testing.assert_allclose(workers.forward(ids, batch_sizes), z, rtol=1e-12)
        np.testing.assert_allclose(workers.backward(z - y), gradient, rtol=1e-10, atol=1e-14)
        workers.theta[:] += 0.1  # as the optimizer does: the other processes have to see it
        moved, inferred = workers.forward(ids, batch_sizes), workers.inference()(ids, batch_sizes)
    np.testing.assert_allclose(moved, model.forward(ids, batch_sizes), rtol=1e-12)
    np.testing.assert_allclose(inferred, moved, rtol=1e-12)


def test_every_process_draws_its_own_dropout_and_the_same_at_every_run(make_model):
    model = make_model(input_dropout=0.5)
    ids, batch_sizes = np.full(6, 3), np.array([2, 2, 2])  # two equal sentences, one a process
    with Workers(model, 2) as workers:
        first, again, other = (workers.forward(ids, batch_sizes, np.random.default_rng(s)) for s in (0, 0, 1))
    assert first[0] != first[1]
    np.testing.assert_array_equal(first, again)
    assert (first != other).all()


def test_a_worker_that_ends_is_one_clear_line(make_model):
    model = make_model()
    ids, batch_sizes, _ = random_batch(np.random.default_rng(0), 11, [3, 2])
    with Workers(model, 2) as workers:
        (process,) = workers._processes
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        with pytest.raises(UserError, match="a worker process ended"):
            workers.forward(ids, batch_sizes)


def test_no_process_outlives_the_first_one():
    code = (
        "import os, signal, numpy as np\n"
        "from rnn.model import RNNClassifier\n"
        "from scripts.training.workers import Workers\n"
        "workers = Workers(RNNClassifier(np.eye(3), 2, rng=np.random.default_rng(0)), 3).__enter__()\n"
        "print(*(process.pid for process in workers._processes), flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], cwd=paths.ROOT, stdout=subprocess.PIPE, text=True
    ) as process:
        pids = process.stdout.readline().split()
        assert len(pids) == 2
        assert process.stdout.read() == ""  # ends when the last process that could write to it has ended


def test_a_process_that_may_not_start_others_says_so(make_model, monkeypatch):
    monkeypatch.setattr(multiprocessing.current_process(), "daemon", True)
    expected = "workers=2: this process may not start others, give workers=1"
    with pytest.raises(UserError, match=expected), Workers(make_model(), 2):
        pass


def test_runs_with_workers_are_equal_and_say_so(data):
    before = set(multiprocessing.active_children())  # of other tests
    for run_id in ("one", "other"):
        experiment.run("lstm", run_id, progress=False, epochs=2, hidden_size=4, workers=2)
    one, other = (load_run(run_id) for run_id in ("one", "other"))
    assert one.settings["hyperparameters"]["workers"] == 2
    assert one.history == other.history
    for name, array in one.weights.items():
        np.testing.assert_array_equal(array, other.weights[name])
    assert not set(multiprocessing.active_children()) - before


def test_run_with_workers_continues_where_it_stopped(data):
    options = {"progress": False, "hidden_size": 4, "workers": 2, "averaging": 0.9}
    experiment.run("rnn", "whole", epochs=3, **options)
    experiment.run("rnn", "halves", epochs=1, **options)
    experiment.run("rnn", "halves", epochs=3, **options)
    assert load_run("whole").history == load_run("halves").history


@pytest.mark.parametrize("lacking", ["the first process", "the other"])
def test_a_worker_without_memory_says_one_thing(make_model, capfd, lacking):
    """It tells the first process, which ends the run with its own remedy; nothing is printed before."""
    model, first = make_model(), os.getpid()
    ids, batch_sizes, _ = random_batch(np.random.default_rng(0), 11, [3, 2])

    def forward(*arguments, own=model.forward):
        if (os.getpid() == first) == (lacking == "the first process"):
            raise MemoryError("Unable to allocate 1 TiB")
        time.sleep(0.1)  # its answer comes when the first process has ended
        return own(*arguments)

    model.forward = forward
    with pytest.raises(MemoryError), Workers(model, 2) as workers:
        workers.forward(ids, batch_sizes)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_processes_start_comes_after_it(number):
    """Also where a library drops what is raised meanwhile."""
    started = []

    def start():
        with shielded_from_ctrl_c():
            with contextlib.suppress(BaseException):
                os.kill(os.getpid(), number)
                time.sleep(0.01)
            started.append(True)

    handler = signal.signal(number, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            start()
    finally:
        signal.signal(number, handler)
    assert started
