"""The benchmark as a whole: its command line and its JSON."""

import datetime
import json
import subprocess

import numpy as np
import pytest

from scripts import benchmark
from scripts.benchmarks import training
from scripts.benchmarks.peers import Own
from scripts.benchmarks.training import SIZES
from scripts.files import paths
from scripts.files.errors import UserError
from scripts.files.storage import write_json
from scripts.training.experiment import numpy_blas
from tests.helpers import unpadded

PROJECT = paths.ROOT


@pytest.fixture
def made_up(study_root, monkeypatch):
    """An empty data/, and few made-up sentences in its place; one variant of ours and no other library."""
    monkeypatch.setattr(training, "SST2_SENTENCES", 200)
    monkeypatch.setattr(training, "OWN_VARIANTS", [Own])
    monkeypatch.setattr(training, "PEERS", {})


def measure(**options):
    return benchmark.benchmark(sizes=[(4, 16)], repetitions=2, **options)


def written():
    """The file that was written."""
    (path,) = (paths.ROOT / "assets" / "benchmarks").iterdir()
    return path


# What is written ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("quick", [False, True])
def test_json_holds_what_was_measured(made_up, quick, capsys, monkeypatch):
    monkeypatch.setenv("OPENBLAS_VERBOSE", "0")
    record = measure(quick=quick)
    assert json.loads(written().read_text(encoding="utf-8")) == record
    told = "\n".join(record["circumstances"])
    assert f"numpy {np.__version__}" in told
    assert f"BLAS: {numpy_blas()}" in told
    assert "medians of 2 repetitions" in told
    assert "OPENBLAS_VERBOSE=0" in told
    assert [entry["model"] for entry in record["training"]] == ["rnn", "lstm"]
    printed = unpadded(capsys.readouterr().out)
    assert told in printed
    assert "| model | H | batch | timed | one process, s |" in printed
    assert printed.count("| RNN | 4 | 16 | 12 of 13 |") == 1
    assert f"Written to {written()}." in printed


def test_missing_libraries_are_skipped_and_said_so(made_up, capsys, monkeypatch):
    why = "not installed (No module named 'jax'): `pip install jax` and run this again"
    monkeypatch.setattr(benchmark, "find_libraries", lambda: ({"torch": "2"}, {"jax": why}))
    record = measure()
    for told in ("\n".join(record["circumstances"]), capsys.readouterr().out):
        assert f"jax is skipped, {why}." in told
        assert "torch 2" in told


def test_an_interrupted_run_keeps_what_was_measured(made_up, monkeypatch):
    measure_point = training.measure

    def interrupted(point, repetitions):
        if point["model"] == "lstm":
            raise KeyboardInterrupt
        return measure_point(point, repetitions)

    monkeypatch.setattr(training, "measure", interrupted)
    with pytest.raises(UserError, match=r"interrupted: .*json holds the points that were measured"):
        measure()
    record = json.loads(written().read_text(encoding="utf-8"))
    assert [entry["model"] for entry in record["training"]] == ["rnn"]


def test_git_ignores_what_a_reader_measures(made_up):
    measure()
    name = f"assets/benchmarks/{written().name}"
    ignored = subprocess.run(["git", "-C", PROJECT, "check-ignore", "-q", name])
    if ignored.returncode == 128:
        pytest.skip("this is no checkout")
    assert ignored.returncode == 0


def test_a_committed_result_of_the_same_day_stays(made_up):
    """It may be of other circumstances; the new one has a name of its own, also where git ignores nothing."""
    committed = paths.assets_path("benchmarks", f"{datetime.date.today().isoformat()}.json")
    write_json(committed, {"training": []})
    before = committed.read_bytes()
    measured = measure()
    assert committed.read_bytes() == before
    (other,) = set(committed.parent.iterdir()) - {committed}
    assert json.loads(other.read_text(encoding="utf-8")) == measured
    assert [entry["model"] for entry in measured["training"]] == ["rnn", "lstm"]


def test_every_point_is_measured_once():
    for quick in (True, False):
        points = training.points(quick)
        assert all(points.count(point) == 1 for point in points)
    sizes = {(point["hidden_size"], point["batch_size"]) for point in training.points(False)}
    assert sizes == set(SIZES)
    assert set(SIZES) == {*((64, B) for B in (32, 64, 256)), *((H, 64) for H in (32, 128, 256, 512))}


# The command line -----------------------------------------------------------------------------------------


def test_sizes_are_chosen(monkeypatch):
    asked = []
    monkeypatch.setattr(benchmark, "benchmark", lambda *given: asked.append(given))
    benchmark.main(["--sizes", "64x32", "8x4"])
    benchmark.main(["--quick"])
    assert asked == [(False, [(64, 32), (8, 4)]), (True, None)]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--sizes", "64"], "--sizes: 64 is no size: give units x sentences per batch, such as 64x32"),
        (["--sizes", "0x64"], "--sizes: 0x64 is no size"),
    ],
)
def test_wrong_arguments_are_one_clear_line(study_root, arguments, message, capsys):
    with pytest.raises(SystemExit):
        benchmark.main(arguments)
    assert message in capsys.readouterr().err.splitlines()[-1]
