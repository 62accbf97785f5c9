"""Growth and GloVe files, at tiny sizes: what is measured, and what is refused."""

import itertools
import sys
import tempfile

import numpy as np
import pytest

from scripts.benchmarks import growth as benchmark_growth
from scripts.benchmarks import machine as benchmark_machine
from scripts.benchmarks.training import draw_split
from scripts.files import paths
from scripts.files.errors import UserError
from scripts.text.glove import read_glove

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="anonymous memory is told by Linux alone")


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    """The folder for temporary files."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


# Growth ---------------------------------------------------------------------------------------------------


def test_a_point_of_growth(kind, temporary):
    ballast = np.ones(200_000_000, np.uint8)  # of this process, which the other one doesn't hold
    point = {"model": kind, "sentences": 300, "T": 4, "hidden_size": 5}
    root = paths.ROOT
    entry = benchmark_growth.measure_growth(point, batches=3, repetitions=2)
    assert entry["tokens"] == 3 * 64 * 4
    assert len(entry["seconds"]) == 2
    assert entry["seconds_a_token"] == pytest.approx(sum(entry["seconds"]) / 2 / entry["tokens"])
    assert entry["memory"].keys() == {"before", "loaded", "cut", "trained", "peak"}
    assert root == paths.ROOT
    assert not list(temporary.iterdir()), "temporary files are removed"
    if sys.platform == "linux":
        memory = entry["memory"]
        assert 5e6 < memory["before"] < memory["loaded"] <= memory["peak"] < len(ballast)
    else:
        assert set(entry["memory"].values()) == {None}


@LINUX
def test_anonymous_memory_counts_arrays_and_no_mapped_files(tmp_path):
    np.save(tmp_path / "a.npy", np.ones(50_000_000, np.uint8))
    before = benchmark_machine.anonymous_memory()
    mapped = np.load(tmp_path / "a.npy", mmap_mode="r")
    assert mapped.sum() == 50_000_000
    assert benchmark_machine.anonymous_memory() - before < 5e6
    held = np.ones(50_000_000, np.uint8)
    assert 45e6 < benchmark_machine.anonymous_memory() - before < 55e6
    del held


def test_memory_of_no_process_is_not_told():
    assert benchmark_machine.anonymous_memory("no-such-process") is None


def test_batches_of_all_lengths_are_timed():
    lengths = np.repeat([9, 1, 5, 3, 7], 64)
    rows = [np.arange(start, start + 64) for start in range(0, 320, 64)] + [np.arange(3)]
    chosen = benchmark_growth.typical(rows, lengths, 3)
    assert [lengths[batch[0]] for batch in chosen] == [1, 5, 9]
    assert len(benchmark_growth.typical(rows, lengths, 100)) == 5
    with pytest.raises(UserError, match="less than one batch of 64"):
        benchmark_growth.typical(rows[5:], lengths, 3)


def test_made_up_sentences_of_one_length():
    split = draw_split(50, length=7)
    assert set(split.s) == {7}
    assert len(split.x) == 350


def test_a_failure_in_a_process_of_its_own_is_one_line(tmp_path):
    script = tmp_path / "fails.py"
    script.write_text("raise SystemExit('error: there is no such thing')")
    with pytest.raises(UserError, match=r"process of its own failed \(there is no such thing\)"):
        benchmark_machine.run_child(str(script))


# A GloVe file ---------------------------------------------------------------------------------------------


def test_a_made_up_file_is_glove_text(tmp_path):
    path = tmp_path / "vectors.txt"
    words = benchmark_growth.write_vectors(path, 500)
    lines = [line.split(" ") for line in path.read_text().splitlines()]
    assert [word for word, *_ in lines] == words
    assert len(set(words)) == 500
    assert {len(word) for word in words} == set(range(5, 11))
    assert {len(values) for _, *values in lines} == {100}
    asked = [words[7], "absent", words[3]]
    found = read_glove(path, asked)
    assert found.index.tolist() == [0, 2]
    np.testing.assert_allclose(found.values[1], np.array(lines[3][1:], np.float32))


def test_a_file_is_timed_and_its_memory_measured(temporary, monkeypatch):
    monkeypatch.setattr(
        benchmark_growth, "READERS", {"own": benchmark_growth.read_own, "gensim": plain_reader}
    )
    ticks = itertools.count()
    entry = benchmark_growth.measure_glove(
        {"lines": 300, "timed": True}, (), 50, repetitions=3, clock=lambda: next(ticks)
    )
    assert entry["words"] == 50
    assert [result["library"] for result in entry["results"]] == ["own", "gensim"]
    for result in entry["results"]:
        assert result["refused"] is None
        assert (result["seconds"], result["median"]) == ([1, 1, 1], 1)
    assert entry["ratios"] == {"gensim": 1}
    assert entry["bytes"] > 300 * 500
    assert entry["memory"].keys() == {"before", "peak"}
    assert not list(temporary.iterdir()), "temporary files are removed"


def test_skipped_libraries_read_nothing_and_some_files_are_for_memory_alone(temporary, monkeypatch):
    monkeypatch.setattr(benchmark_growth, "ask_child", lambda *_, **__: ({"before": 1}, 3))
    entry = benchmark_growth.measure_glove({"lines": 60, "timed": True}, {"gensim": "why"}, 50, 1)
    assert [result["library"] for result in entry["results"]] == ["own"]
    assert entry["ratios"] == {}
    monkeypatch.setattr(benchmark_growth, "compare_readers", None)
    entry = benchmark_growth.measure_glove({"lines": 60, "timed": False}, (), 50, 1)
    assert (entry["results"], entry["ratios"]) == ([], {})
    assert entry["memory"] == {"before": 1, "peak": 3}


def plain_reader(path, words):
    """All vectors of a file, and those of some words."""
    vectors = {line.split()[0]: line.split()[1:] for line in path.read_text().splitlines()}
    return np.array([vectors[word] for word in words], np.float32)


@pytest.mark.parametrize(
    "wrong", [lambda right: right + 1, lambda right: right[1:], lambda right: right * np.nan]
)
def test_a_reader_with_other_vectors_is_refused(tmp_path, wrong):
    path = tmp_path / "vectors.txt"
    words = benchmark_growth.write_vectors(path, 20)[:5]
    readers = {
        "own": plain_reader,
        "other": lambda *given: wrong(plain_reader(*given)),
        "gensim": plain_reader,
    }
    own, other, gensim = benchmark_growth.compare_readers(readers, path, words, 1, itertools.count().__next__)
    assert own["refused"] is gensim["refused"] is None
    assert "its vectors differ from ours" in other["refused"]
    assert "median" not in other


def test_gensim_reads_the_same_vectors(tmp_path):
    pytest.importorskip("gensim")
    path = tmp_path / "vectors.txt"
    words = benchmark_growth.write_vectors(path, 200)[50:90]
    ours, theirs = (read(path, words) for read in benchmark_growth.READERS.values())
    np.testing.assert_allclose(ours, theirs, atol=1e-6)


def test_too_little_room_is_one_clear_line(temporary):
    with pytest.raises(UserError, match=r"needs .* GB in .*, where .* are free: set TMPDIR"):
        benchmark_growth.check_room(temporary, 10**15)
