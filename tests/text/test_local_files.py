"""Datasets in files and folders of this machine: the formats, and what is said about files that are none."""

import json
import logging
import os
import tempfile
from pathlib import Path

import pytest

from scripts.files.errors import UserError
from scripts.text import corpus, local_files
from scripts.text.corpus import read_corpus
from tests.text.test_preprocessing import sentences, write_csv


def make_file(folder, kind):
    """Write the rows of `sentences` in one of the formats that can be read; return the path."""
    rows, path = sentences(), folder / f"films.{kind}"
    if kind in ("csv", "tsv"):
        write_csv(path, rows, delimiter="\t" if kind == "tsv" else ",")
    elif kind == "parquet":
        import pyarrow
        from pyarrow import parquet

        parquet.write_table(
            pyarrow.table(dict(zip(("text", "label"), zip(*rows, strict=True), strict=True))), path
        )
    else:
        objects = [{"text": text, "label": label} for text, label in rows]
        lines = "".join(json.dumps(item) + "\n" for item in objects)
        path.write_text(lines if kind == "jsonl" else json.dumps(objects))
    return str(path)


@pytest.mark.parametrize("kind", ["csv", "tsv", "json", "jsonl", "parquet"])
def test_every_format_gives_the_same_corpus(tmp_path, kind):
    found, _ = read_corpus(make_file(tmp_path, kind))
    assert [found.words[i] for i in found.rows["train"].x] == " ".join(t for t, _ in sentences()).split()
    assert found.rows["train"].y.tolist() == [y for _, y in sentences()]


def test_a_folder_keeps_the_words_of_its_files(tmp_path):
    """ "null" is a word in a folder as it is in a file; files of a rarer kind are left aside."""
    write_csv(tmp_path / "films" / "train.csv", [("null", y) for _, y in sentences()])
    write_csv(tmp_path / "films" / "test.csv", sentences())
    (tmp_path / "films" / "notes.json").write_text("{}")
    found, _ = read_corpus(str(tmp_path / "films"))
    assert list(found.rows) == ["train", "test"]
    assert found.words[found.rows["train"].x[0]] == "null"


@pytest.mark.parametrize(
    ("name", "elsewhere"),
    [
        ("README.md", "../outside.csv"),
        ("README.md", "https://localhost:1/outside.csv"),
        (".huggingface.yaml", "{outside}"),
    ],
)
def test_a_folder_is_read_from_no_further_than_itself(tmp_path, name, elsewhere):
    """Whatever its own description names."""
    outside = write_csv(tmp_path / "outside.csv", [("from outside", 0)] * 20)
    write_csv(tmp_path / "films" / "train.csv", sentences())
    config = f"configs:\n- config_name: default\n  data_files: {elsewhere.format(outside=outside)}\n"
    (tmp_path / "films" / name).write_text(f"---\n{config}---\n" if name == "README.md" else config)
    found, _ = read_corpus(str(tmp_path / "films"))
    assert len(found.rows["train"].s) == len(sentences())
    (tmp_path / "films" / "train.csv").unlink()
    with pytest.raises(UserError, match=r"films' can't be loaded|films is no dataset"):
        read_corpus(str(tmp_path / "films"))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes on this system")
@pytest.mark.parametrize("name", ["films.csv", "folder"])
def test_a_pipe_is_refused_and_not_waited_for(tmp_path, name):
    os.mkfifo(tmp_path / "films.csv")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "films.csv").symlink_to(tmp_path / "films.csv")
    with pytest.raises(UserError, match=r"is neither a file nor a folder|contain any data files"):
        read_corpus(str(tmp_path / name))


def test_an_empty_split_of_a_folder(tmp_path):
    write_csv(tmp_path / "films" / "train.csv", sentences())
    write_csv(tmp_path / "films" / "test.csv", [])
    with pytest.raises(UserError, match=r"split 'test' of .* is empty"):
        read_corpus(str(tmp_path / "films"))


@pytest.mark.parametrize(
    ("name", "complaint"),
    [("a.csv", "a.csv is empty"), ("a.txt", "is no dataset"), ("a.parquet", "can't be loaded")],
)
def test_files_that_are_no_dataset(tmp_path, name, complaint):
    (tmp_path / name).write_text("" if name == "a.csv" else "hello")
    with pytest.raises(UserError, match=complaint) as caught:
        read_corpus(str(tmp_path / name))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", ["parquet", "jsonl"])
def test_a_damaged_file_is_one_line_and_the_library_says_nothing_more(tmp_path, kind):
    said = []
    handler = logging.Handler()
    handler.emit = said.append
    path = Path(make_file(tmp_path, kind))
    path.write_bytes(path.read_bytes()[:-10])
    logging.getLogger("datasets").addHandler(handler)
    try:
        with pytest.raises(UserError, match=r"films\.\w+' can't be loaded"):
            read_corpus(str(path))
    finally:
        logging.getLogger("datasets").removeHandler(handler)
    assert not said


def test_a_small_file_that_unpacks_to_a_large_one_is_refused(tmp_path, monkeypatch):
    import pyarrow
    from pyarrow import parquet

    path = tmp_path / "films.parquet"
    table = pyarrow.table({"text": ["a film " * 10_000] * 10, "label": [0, 1] * 5})
    parquet.write_table(table, path, use_dictionary=False)
    assert path.stat().st_size < 100_000
    monkeypatch.setattr(local_files, "LARGEST", 500_000)
    with pytest.raises(UserError, match=r"films\.parquet unpacks to 10 rows of 7"):
        read_corpus(str(path))
    monkeypatch.setattr(local_files, "LARGEST", 10**6)
    monkeypatch.setattr(corpus, "LONGEST_TEXT", 69_999)
    with pytest.raises(UserError, match=r"row 1 of split 'train' has 70,000 characters, more than 69,999"):
        read_corpus(str(path))


def test_without_a_temporary_folder(tmp_path, monkeypatch):
    path = write_csv(tmp_path / "films.csv", sentences())
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "nowhere"))
    with pytest.raises(UserError, match=r"no temporary folder can be made .*TMPDIR"):
        read_corpus(path)
