"""Reading GloVe files, at tiny sizes: what is measured, and what is refused."""

import itertools
import tempfile
import tracemalloc

import numpy as np
import pytest

from scripts.benchmarks import glove, turns
from scripts.benchmarks.glove import READERS, compare_readers, peak_memory
from scripts.text.glove import write_glove
from tests.helpers import unpadded


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    """The folder for temporary files."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


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


def write_words(path, count):
    """Write a file of made-up words and vectors; return the words."""
    words = [f"word{k}" for k in range(count)]
    write_glove(path, words, np.random.default_rng(0).standard_normal((count, 100)))
    return words


def test_memory_is_that_of_the_words_asked_for(tmp_path):
    words = write_words(tmp_path / "vectors.txt", 8000)
    few, many = (peak_memory(tmp_path / "vectors.txt", words[:count]) for count in (10, 4000))
    assert few < 8000 * 100 * 4  # less than all vectors of the file
    assert many - few > 4000 * 100 * 4
    assert not tracemalloc.is_tracing()


def test_a_file_is_timed_and_its_memory_measured(temporary, readers):
    entry = glove.measure({"lines": 300, "timed": True}, 3, "glove")
    assert entry["words"] == 300
    assert [result["library"] for result in entry["results"]] == ["own", "gensim"]
    for result in entry["results"]:
        assert result["refused"] is None
        assert result["seconds"] == 1
    assert entry["bytes"] > 300 * 500
    assert 300 * 100 * 4 < entry["memory"] < 5e6
    assert not list(temporary.iterdir()), "temporary files are removed"


def test_skipped_libraries_read_nothing_and_some_files_are_for_memory_alone(temporary, readers, monkeypatch):
    monkeypatch.setattr(glove, "find_libraries", lambda: ({}, {"gensim": "why"}))
    entry = glove.measure({"lines": 60, "timed": True}, 1, "glove")
    assert [result["library"] for result in entry["results"]] == ["own"]
    monkeypatch.setattr(glove, "compare_readers", None)
    entry = glove.measure({"lines": 60, "timed": False}, 1, "glove")
    assert entry["results"] == []
    assert entry["memory"] > 60 * 100 * 4


@pytest.mark.parametrize(
    "wrong", [lambda vectors: vectors + 1, lambda vectors: vectors[1:], lambda vectors: vectors * np.nan]
)
def test_a_reader_with_other_vectors_is_refused(tmp_path, readers, wrong):
    path = tmp_path / "vectors.txt"
    words = write_words(path, 20)[:5]
    readers["gensim"] = lambda *given: wrong(plain_reader(*given))
    own, gensim = compare_readers(path, words, 1)
    assert own["refused"] is None
    assert "its vectors differ from ours" in gensim["refused"]
    assert "seconds" not in gensim


def test_gensim_reads_the_same_vectors(tmp_path):
    pytest.importorskip("gensim")
    path = tmp_path / "vectors.txt"
    words = write_words(path, 200)[50:90]
    ours, theirs = (read(path, words) for read in READERS.values())
    np.testing.assert_allclose(ours, theirs, atol=1e-6)


def test_the_table_shows_seconds_ratio_and_memory():
    entry = {"lines": 200_000, "timed": True, "bytes": 180e6, "words": 14_345, "memory": 12_500_000}
    results = [{"library": "own", "seconds": 1.0, "refused": None}]
    timed = entry | {"results": [*results, {"library": "gensim", "seconds": 40.0, "refused": None}]}
    refused = entry | {"results": [*results, {"library": "gensim", "refused": "its vectors differ"}]}
    text = unpadded(
        "\n".join(glove.tables([timed, refused, entry | {"lines": 1_300_000, "results": []}], "glove"))
    )
    assert "| 200,000 | 180 | 14,345 | 1.00 | 40.00 | 0.025 | 12.5 |" in text
    assert "| 200,000 | 180 | 14,345 | 1.00 | – | – | 12.5 |" in text
    assert "| 1,300,000 | 180 | 14,345 | – | – | – | 12.5 |" in text
    assert "Refused: gensim (lines 200000): its vectors differ." in text
