"""Nothing that was computed is lost, no study takes the place of another, and no process stays behind."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import matplotlib.pyplot as plt
import pytest

import main
from scripts.files import blocks
from scripts.files.data import describe_data
from scripts.files.errors import UserError
from scripts.files.paths import assets_path, data_path
from scripts.files.runs import existing_runs, load_run
from scripts.files.studies import STUDY_VERSION, is_of_study, read_study, study_names, study_path
from scripts.studies import parallel
from scripts.studies.parallel import Planned
from scripts.training import experiment
from tests.helpers import write_data

TINY = {"epochs": 1, "hidden_size": 3, "progress": False}


def files():
    """All files that studies and runs leave, as bytes, but for logs and locks."""
    found = {}
    for folder in ("studies", "weights", "figures"):
        for path in assets_path(folder, "").rglob("[!.]*.*"):
            found[path.relative_to(assets_path(folder, ""))] = path.read_bytes()
    return found


# A place for each study -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    ["memory", "readme-best", "test-rnn-run-1", "results"],
)
def test_a_comparison_may_have_any_name(data, name):
    """Names that other studies, figures and benchmarks have, too: nothing of theirs is replaced."""
    committed = assets_path("figures", "readme-best.png"), assets_path("benchmarks", "results.json")
    for path in committed:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"as it was")
    main.train_rnn(**TINY)
    main.train_lstm(**TINY)
    main.test("rnn-run-1")
    main.memory_study(progress=False)
    main.predict("good", "rnn-run-1")
    before = files()
    main.compare(seeds=1, name=name, **TINY)
    after = files()
    assert {path: after[path] for path in before} == before
    assert {path.name for path in after.keys() - before.keys()} == {
        f"{name}.json",
        f"comparison-{name}.png",
        f"comparison-{name}-inputs.png",
        f"comparison-{name}-rnn-s0.npz",
        f"comparison-{name}-lstm-s0.npz",
    }
    assert [path.read_bytes() for path in committed] == [b"as it was"] * 2
    assert study_names("comparison") == [name]


def test_a_name_with_a_value_is_not_a_grid_with_that_value(data):
    tiny = {"epochs": 1, "progress": False, "models": "rnn", "seeds": 1}
    main.compare(name="x", hidden_size=(3,), **tiny)
    before = files()
    main.compare(name="x-hidden_size-3", hidden_size=4, **tiny)
    main.compare(name="x-rnn", hidden_size=(3,), lr=0.1, **tiny)
    after = files()
    assert {path: after[path] for path in before} == before
    assert len(after) == 3 * len(before) == 12


def test_a_study_that_overwrites_leaves_the_runs_of_others(data):
    main.initialisation_study(1, 1, hidden_size=3, progress=False)
    main.backward_study(1, 1, backward=("full",), of_model={}, hidden_size=3, progress=False)
    main.compare("rnn", 1, **TINY)
    kept = files()
    main.backward_study(1, 1, backward=("full",), of_model={}, hidden_size=4, overwrite=True, progress=False)
    main.initialisation_study(1, 1, name="other", hidden_size=4, overwrite=True, progress=False)
    main.compare("rnn", 1, name="other", lr=0.1, overwrite=True, **TINY)
    now, own = files(), "backward-default"
    same = {path for path in kept if own not in path.name and path.parts[0] != "backward"}
    assert len(same) == 1 + 7 + 4
    assert {path: now[path] for path in same} == {path: kept[path] for path in same}
    assert len(existing_runs()) == 7 + 2 + 1 + 7 + 1


def test_which_runs_are_of_a_study():
    for run_id in (
        "comparison-best-rnn-s0",
        "comparison-a-lstm-lr-0.1-s12",
        "search-default-rnn-best-s1",
        "backward-default-rnn-truncate-10-s2",
        "cue-distance-even-lstm-s0",
    ):
        assert is_of_study(run_id), run_id
    for run_id in ("rnn-run-1", "comparison", "my-comparison-a-rnn-s0", "search", "comparison-of-mine", "s0"):
        assert not is_of_study(run_id), run_id


def test_a_study_of_before_is_refused_with_what_makes_it_again(data):
    path = study_path("comparison", "best")
    path.parent.mkdir(parents=True)
    path.write_text('{"format_version": 3}')
    with pytest.raises(
        UserError,
        match=rf"version 3, expected {STUDY_VERSION}: uncomment the block compare\(seeds=5, name=\"b",
    ):
        read_study("comparison", "best")
    path.unlink()
    for kind, name in (*blocks.STUDIES, *((kind, "mine") for kind in blocks.CALLS)):
        with pytest.raises(UserError, match=rf"no study '{name}' of kind {kind}") as error:
            read_study(kind, name)
        assert (blocks.STUDIES.get((kind, name)) or blocks.CALLS[kind].format(name)) in str(error.value)
    with pytest.raises(UserError, match=r"name '\.\./x' can't be a file name"):
        read_study("comparison", "../x")


# Results first --------------------------------------------------------------------------------------------


def test_results_that_cannot_be_written_are_printed_and_returned(data, capsys):
    """As on a read-only checkout: here a file is where the folder of studies, and of figures, would be."""
    main.train_rnn(**TINY)
    main.train_lstm(**TINY)
    assets_path("studies", "").write_bytes(b"no folder")
    assets_path("figures", "").write_bytes(b"no folder")
    capsys.readouterr()
    for function, printed, part, key in (
        (lambda: main.test("rnn-run-1"), "predicted negative", "studies/test/rnn-run-1.json", "accuracy"),
        (lambda: main.predict("good", "rnn-run-1"), "P(positive)", "figures/sentence-rnn-run-1.png", "z"),
        (lambda: main.memory_study(progress=False), "1 seed", "studies/memory/default.json", "models"),
        (
            lambda: main.jacobians("rnn-run-1", 5, steps=20, burn_in=2, progress=False),
            "Lyapunov",
            "json",
            "at",
        ),
        (lambda: main.compare(seeds=1, **TINY), "standard error", "comparison/compare.json", "variants"),
        (
            lambda: main.initialisation_study(1, 1, hidden_size=3, progress=False),
            "forget bias 2",
            "default.json",
            "differences",
        ),
    ):
        found = function()
        out, err = capsys.readouterr()
        assert printed in out
        lines = err.splitlines()
        assert all(line.startswith("not kept: ") for line in lines), err
        assert any(part in line and "free the disk or the folder" in line for line in lines), err
        assert key in found
    assert not plt.get_fignums()


def test_on_a_full_disk_the_study_of_before_stays(data, capsys, monkeypatch):
    main.train_rnn(**TINY)
    main.test("rnn-run-1")
    path = study_path("test", "rnn-run-1")
    before = path.read_bytes()

    def full(file):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("scripts.files.storage.flush_to_disk", full)
    capsys.readouterr()
    assert main.test("rnn-run-1")["sentences"] == 60
    out, err = capsys.readouterr()
    assert "accuracy" in out
    assert err.startswith("not kept: ")
    assert "No space left on device" in err
    assert path.read_bytes() == before
    assert [each.name for each in path.parent.iterdir()] == ["rnn-run-1.json"]


# Data that changes ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("after", [1, 3])
def test_a_comparison_stops_where_the_data_changes_and_goes_on_where_it_is_back(data, monkeypatch, after):
    """As where someone preprocesses in another terminal: nothing is trained on the new data."""
    began, run, trained = describe_data(data.manifest), experiment.run, []

    def changing(model, run_id, **options):
        found = run(model, run_id, **options)
        trained.append(run_id)
        if len(trained) == after:
            write_data(seed=1)
        return found

    monkeypatch.setattr(experiment, "run", changing)
    with pytest.raises(UserError, match="data/ changed: this study began with made-up with random") as error:
        main.compare(seeds=2, jobs=1, **TINY)
    assert "\n" not in str(error.value)
    now = describe_data(experiment.load_data().manifest)
    assert f"({began['checksum']})" in str(error.value)
    assert f"({now['checksum']})" in str(error.value)
    assert sorted(trained) == existing_runs()
    assert len(trained) == after
    assert {load_run(run_id).settings["dataset"]["checksum"] for run_id in trained} == {began["checksum"]}
    assert not study_path("comparison", "compare").exists()
    # another name, as the message says
    other = main.compare(seeds=1, name="other", jobs=1, **TINY)
    assert other["dataset"] == now
    # preprocessed as before, as the message says
    write_data()
    study = main.compare(seeds=2, jobs=1, **TINY)
    assert study["dataset"] == began
    assert len(trained) == 2 + 4  # each once


@pytest.mark.several_processes
def test_two_processes_stop_where_the_data_changes(data):
    """A run that begins finds other data, and so does one in the middle."""
    began = describe_data(data.manifest)
    planned = [Planned("rnn", f"run-{k}", {"epochs": 100_000, "hidden_size": 3}) for k in range(4)]
    outcomes = parallel.train_here(planned, False, 2, began)

    def change():
        while len(existing_runs()) < 2:
            time.sleep(0.02)
        write_data(seed=1)

    thread = threading.Thread(target=change)
    thread.start()
    faults = [fault for _, fault in outcomes]
    thread.join()
    assert len(faults) == 4
    assert all(fault.startswith("data/ changed: ") for fault in faults)
    assert len(existing_runs()) == 2


def test_a_run_that_meets_data_being_replaced_says_that_it_changed(data):
    began = describe_data(data.manifest)
    data_path("dataset.json").unlink()
    with pytest.raises(UserError, match=r"^data/ changed: this study began with "):
        experiment.run("rnn", "a-run", dataset=began, progress=False, epochs=1, hidden_size=3)
    with pytest.raises(UserError, match=r"dataset\.json is missing"):
        experiment.run("rnn", "a-run", progress=False, epochs=1, hidden_size=3)


def test_data_that_is_being_written_stops_a_study_too(data, monkeypatch):
    run = experiment.run

    def deleting(model, run_id, **options):
        found = run(model, run_id, **options)
        (assets_path("", "").parent / "data" / "dataset.json").unlink()
        return found

    monkeypatch.setattr(experiment, "run", deleting)
    with pytest.raises(UserError, match=r"data/ changed: this study began with .*, and it holds nothing"):
        main.compare(seeds=2, jobs=1, **TINY)


# Signals --------------------------------------------------------------------------------------------------

COMPARE = (
    "import pathlib, signal, sys; from scripts.files import paths; "
    "from scripts.files.errors import errors_in_one_line; "
    "signal.signal(signal.SIGINT, signal.default_int_handler); "  # a shell's `&` has it ignored
    "errors_in_one_line(); paths.ROOT = pathlib.Path(sys.argv[1]); import main; print('ready', flush=True); "
    "main.compare(seeds=2, epochs=100_000, hidden_size=3, progress=False, **eval(sys.argv[2]))"
)


def processes_of(group):
    """Ids of the processes of a process group that have not ended."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, of_group = path.read_text().rpartition(")")[2].split()[:3]
        except OSError:
            continue
        if int(of_group) == group and state not in "ZX":
            found.append(int(path.parent.name))
    return found


@pytest.mark.several_processes
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
@pytest.mark.parametrize(
    ("number", "to_all", "wait"),
    [
        *((signal.SIGTERM, False, wait) for wait in (0.2, 0.8, None)),
        *((signal.SIGINT, True, wait) for wait in (0.0, 0.4, 0.8, 1.5, None)),  # as a terminal does
        (signal.SIGTERM, True, None),
        (signal.SIGKILL, False, None),
    ],
)
def test_a_signal_leaves_no_process_behind(data, study_root, number, to_all, wait, **options):
    """So many seconds after the start: while processes start, and (None) while they train."""
    asked = [sys.executable, "-c", COMPARE, study_root, repr({"jobs": 2} | options)]
    given = {"cwd": Path(main.__file__).parent, "start_new_session": True, "text": True}
    with subprocess.Popen(asked, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **given) as process:
        try:
            assert process.stdout.readline() == "ready\n"
            if wait is None:
                while len(existing_runs()) < 2 - ("workers" in options):
                    assert process.poll() is None, process.stderr.read()
                    time.sleep(0.02)
            else:
                time.sleep(wait)
            (os.killpg if to_all else os.kill)(process.pid, number)
            # twice as long as promised, as the machine may be busy; killed, workers first have to be there
            limit = time.monotonic() + (4 if number != signal.SIGKILL else 20)
            while processes_of(process.pid):
                assert time.monotonic() < limit, processes_of(process.pid)
                time.sleep(0.02)
            said = process.stderr.read()
        finally:
            for pid in processes_of(process.pid):
                os.kill(pid, signal.SIGKILL)
    expected = "interrupted: what is finished is kept, and the same command continues\n"
    if number != signal.SIGKILL:  # after which joblib's tracker may warn
        assert said == expected
    assert process.returncode != 0
    for run_id in existing_runs():
        assert len(load_run(run_id).history) >= 1


@pytest.mark.several_processes
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_runs_whose_batches_are_shared(data, study_root, number):
    if len(experiment.usable_cores()) < 2:
        pytest.skip("needs two cores")
    test_a_signal_leaves_no_process_behind(data, study_root, number, False, None, workers=2)
