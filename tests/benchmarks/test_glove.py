"""Reading GloVe files, at tiny sizes: what is measured, and what is refused."""

import itertools
import sys
import tempfile

import numpy as np
import pytest

from scripts.benchmarks import glove, turns
from scripts.benchmarks.glove import READERS, check_room, compare_readers, write_vectors
from scripts.benchmarks.machine import anonymous_memory, run_child
from scripts.files.errors import UserError
from scripts.text.glove import read_glove
from tests.helpers import unpadded

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="only Linux shows anonymous memory")


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    """The folder for temporary files."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


# Memory ---------------------------------------------------------------------------------------------------


@LINUX
def test_anonymous_memory_counts_arrays_and_no_mapped_files(tmp_path):
    np.save(tmp_path / "a.npy", np.ones(50_000_000, np.uint8))
    before = anonymous_memory()
    mapped = np.load(tmp_path / "a.npy", mmap_mode="r")
    assert mapped.sum() == 50_000_000
    assert anonymous_memory() - before < 5e6
    held = np.ones(50_000_000, np.uint8)
    assert 45e6 < anonymous_memory() - before < 55e6
    del held


def test_memory_of_no_process_is_unknown():
    assert anonymous_memory("no-such-process") is None


def test_a_failure_in_a_process_of_its_own_is_one_line():
    with pytest.raises(UserError, match=r"failed in its process \(.*No module named scripts.nothing\)"):
        run_child("scripts.nothing")


# A GloVe file ---------------------------------------------------------------------------------------------


def plain_reader(path, words):
    """All vectors of a file, and those of some words."""
    vectors = {line.split()[0]: line.split()[1:] for line in path.read_text().splitlines()}
    return np.array([vectors[word] for word in words], np.float32)


@pytest.fixture
def readers(monkeypatch):
    """Our reader and another one in gensim's place, timed by a clock that ticks when it is read."""
    monkeypatch.setattr(glove, "READERS", {"own": READERS["own"], "gensim": plain_reader})
    monkeypatch.setattr(glove, "find_libraries", lambda: ({"gensim": "4"}, {}))
    monkeypatch.setattr(turns, "clock", itertools.count().__next__)
    return glove.READERS


def test_a_made_up_file_is_glove_text(tmp_path):
    path = tmp_path / "vectors.txt"
    words = write_vectors(path, 500)
    lines = [line.split(" ") for line in path.read_text().splitlines()]
    assert [word for word, *_ in lines] == words
    assert len(set(words)) == 500
    assert {len(values) for _, *values in lines} == {100}
    assert path.stat().st_size / 500 == pytest.approx(glove.LINE, rel=0.15)
    asked = [words[7], "absent", words[3]]
    found = read_glove(path, asked)
    assert found.index.tolist() == [0, 2]
    np.testing.assert_allclose(found.values[1], np.array(lines[3][1:], np.float32))


def test_a_file_is_timed_and_its_memory_measured(temporary, readers):
    entry = glove.measure({"lines": 300, "timed": True}, repetitions=3)
    assert entry["words"] == 300
    assert [result["library"] for result in entry["results"]] == ["own", "gensim"]
    for result in entry["results"]:
        assert result["refused"] is None
        assert (result["seconds"], result["median"]) == ([1, 1, 1], 1)
    assert entry["bytes"] > 300 * 500
    assert entry["memory"].keys() == {"before", "peak"}
    assert not list(temporary.iterdir()), "temporary files are removed"


def test_skipped_libraries_read_nothing_and_some_files_are_for_memory_alone(temporary, readers, monkeypatch):
    monkeypatch.setattr(glove, "run_child", lambda *_, **__: ({"before": 1}, 3))
    monkeypatch.setattr(glove, "find_libraries", lambda: ({}, {"gensim": "why"}))
    entry = glove.measure({"lines": 60, "timed": True}, 1)
    assert [result["library"] for result in entry["results"]] == ["own"]
    monkeypatch.setattr(glove, "compare_readers", None)
    entry = glove.measure({"lines": 60, "timed": False}, 1)
    assert entry["results"] == []
    assert entry["memory"] == {"before": 1, "peak": 3}


@pytest.mark.parametrize(
    "wrong", [lambda vectors: vectors + 1, lambda vectors: vectors[1:], lambda vectors: vectors * np.nan]
)
def test_a_reader_with_other_vectors_is_refused(tmp_path, readers, wrong):
    path = tmp_path / "vectors.txt"
    words = write_vectors(path, 20)[:5]
    readers["gensim"] = lambda *given: wrong(plain_reader(*given))
    own, gensim = compare_readers(path, words, 1)
    assert own["refused"] is None
    assert "its vectors differ from ours" in gensim["refused"]
    assert "median" not in gensim


def test_gensim_reads_the_same_vectors(tmp_path):
    pytest.importorskip("gensim")
    path = tmp_path / "vectors.txt"
    words = write_vectors(path, 200)[50:90]
    ours, theirs = (read(path, words) for read in READERS.values())
    np.testing.assert_allclose(ours, theirs, atol=1e-6)


def test_too_little_room_is_one_clear_line(temporary):
    with pytest.raises(UserError, match=r"needs .* GB in .*, where .* are free: set TMPDIR"):
        check_room(temporary, 10**15)


def test_the_table_shows_seconds_ratio_and_memory():
    memory = {"before": 1_000_000, "peak": 13_500_000}
    entry = {"lines": 200_000, "timed": True, "bytes": 180e6, "words": 14_345, "memory": memory}
    results = [{"library": "own", "median": 1.0, "refused": None}]
    timed = entry | {"results": [*results, {"library": "gensim", "median": 40.0, "refused": None}]}
    refused = entry | {"results": [*results, {"library": "gensim", "refused": "its vectors differ"}]}
    text = unpadded("\n".join(glove.tables([timed, refused, entry | {"lines": 1_300_000, "results": []}])))
    assert "| 200,000 | 180 | 14,345 | 1.00 | 40.00 | 0.025 | 12.5 |" in text
    assert "| 200,000 | 180 | 14,345 | 1.00 | – | – | 12.5 |" in text
    assert "| 1,300,000 | 180 | 14,345 | – | – | – | 12.5 |" in text
    assert "Refused: gensim (lines 200000): its vectors differ." in text
