"""Datasets in files and folders of this machine: formats, configurations, and what is said of others."""

import json
import logging
import os
from pathlib import Path

import pytest

from scripts.files.data import load_data
from scripts.files.errors import UserError
from scripts.preprocessing import main
from scripts.text import corpus, hub, local_files
from scripts.text.corpus import read_corpus
from scripts.text.local_files import load_local
from scripts.text.tables import Options
from tests.text.file_helpers import advice, files_of, load, rows_of, write_tables
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
    monkeypatch.setattr(hub, "LARGEST", 500_000)
    with pytest.raises(UserError, match=r"films\.parquet unpacks to 10 rows of 7"):
        read_corpus(str(path))
    monkeypatch.setattr(hub, "LARGEST", 10**6)
    monkeypatch.setattr(corpus, "LONGEST_TEXT", 69_999)
    with pytest.raises(UserError, match=r"row 1 of split 'train' has 70,000 characters, more than 69,999"):
        read_corpus(str(path))


# Configurations -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "names",
    [
        ["en/train.csv", "en/test.csv", "de/train.csv", "de/test.csv"],
        ["data/en/train.tsv", "data/en/test.csv", "data/de/train.csv", "data/de/test.csv"],
        ["en_train.csv", "en_test.csv", "de_train.csv", "de_test.csv"],
        ["train/en/0.csv", "train/de/0.csv", "test/en/0.csv", "test/de/0.csv"],
    ],
)
def test_configurations_of_a_folder_are_listed_and_chosen(tmp_path, names):
    path = write_tables(tmp_path / "films", names)
    with pytest.raises(UserError, match=r"configurations 'de' \(.*\), 'en' \(.*\)") as caught:
        load(path)
    german = {split: next(n for n in names if "de" in n and split in n) for split in ("train", "test")}
    assert advice(caught.value, "--config") == {"config": "de"}
    assert load(path, config="de") == {split: rows_of(name) for split, name in german.items()}
    assert load(path, **advice(caught.value, "--split")).keys() == {"train", "test"}
    expected = dict.fromkeys(names) | {name: split for split, name in german.items()}
    assert files_of(path, config="de") == expected
    why = {entry["why"] for entry in local_files.load_local(path, Options(config="de")).files}
    assert why == {"", "configuration 'en'"}
    with pytest.raises(UserError, match="--config fr: films has only the configurations 'de'"):
        load(path, config="fr")
    assert read_corpus(f"{path}:en")[0].rows["train"].y.tolist() == [0, 1, 0, 1]


def describe(folder, text):
    (folder / "README.md").write_text(f"---\n{text}\n---\n# Films\n")


def test_a_description_says_what_labels_mean(tmp_path):
    path = write_tables(tmp_path / "films", ["train.csv", "test.csv"])
    label = "{name: label, dtype: {class_label: {names: {'0': good, '1': bad}}}}"
    describe(tmp_path / "films", f"dataset_info:\n  features: [{{name: text, dtype: string}}, {label}]")
    assert local_files.load_local(path, Options()).class_names == ["good", "bad"]
    path = write_tables(tmp_path / "more", ["en/train.csv", "de/train.csv"])
    infos = "- {{config_name: {}, features: [{}]}}\n"
    infos = infos.format("de", label) + infos.format("en", label.replace("good", "fine"))
    describe(tmp_path / "more", f"dataset_info:\n{infos}")
    assert local_files.load_local(path, Options(config="en")).class_names == ["fine", "bad"]


@pytest.mark.parametrize(
    "text", ["dataset_info: 7", "dataset_info: [", "dataset_info: {features: [{name: text}]}", "a: b", "- a"]
)
def test_a_description_that_says_nothing_has_no_say(tmp_path, text):
    path = write_tables(tmp_path / "films", ["train.csv", "test.csv"])
    describe(tmp_path / "films", text)
    assert files_of(path) == {"train.csv": "train", "test.csv": "test", "README.md": None}


# Folders that `save_to_disk` writes -----------------------------------------------------------------------


def saved(rows=80):
    from datasets import ClassLabel, Dataset, Features, Value

    texts, labels = zip(*sentences(rows), strict=True)
    features = Features({"text": Value("string"), "label": ClassLabel(names=["dull", "fine"])})
    return Dataset.from_dict({"text": list(texts), "label": list(labels)}, features)


def test_a_saved_dataset_is_loaded(tmp_path):
    from datasets import DatasetDict

    whole = {"Train": saved(), "dev": saved(20).select([1, 4, 5]), "unsupervised": saved(4)}
    DatasetDict(whole).save_to_disk(tmp_path / "films", num_shards={"Train": 3, "dev": 1, "unsupervised": 1})
    expected = {"train": sentences(), "validation": [sentences()[i] for i in (1, 4, 5)]}
    assert load(tmp_path / "films") == expected
    assert files_of(tmp_path / "films") == {
        "Train": "train", "dev": "validation", "unsupervised": None, "dataset_dict.json": None
    }  # fmt: skip
    assert local_files.load_local(tmp_path / "films", Options()).class_names == ["dull", "fine"]
    assert load(tmp_path / "films" / "dev") == {"train": expected["validation"]}
    assert load(tmp_path / "films", split=["train=dev"]) == {"train": expected["validation"]}


def test_splits_that_were_saved_one_by_one(tmp_path):
    saved().save_to_disk(tmp_path / "films" / "films_train")
    saved(10).save_to_disk(tmp_path / "films" / "films_test")
    assert load(tmp_path / "films") == {"train": sentences(), "test": sentences(10)}


def test_a_saved_dataset_that_is_damaged_or_points_elsewhere(tmp_path):
    saved().save_to_disk(tmp_path / "films")
    saved(8).save_to_disk(tmp_path / "secret")
    state = tmp_path / "films" / "state.json"
    said = json.loads(state.read_text())
    name = said["_data_files"][0]["filename"]
    state.write_text(json.dumps(said | {"_data_files": [{"filename": f"../secret/{name}"}]}))
    assert load(tmp_path / "films") == {"train": sentences()}
    for broken in ("{}", "", "[]", json.dumps(said | {"_data_files": [{"filename": "none.arrow"}]})):
        state.write_text(broken)
        with pytest.raises(UserError, match="films' can't be loaded"):
            load(tmp_path / "films")


# Folders and files of other kinds -------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["films [2024]", "a::b", "train", "50% *", "fílms", "films.csv", "a:b"])
def test_any_name_of_a_folder(tmp_path, name):
    from datasets import DatasetDict

    path = write_tables(tmp_path / name, ["train.csv", "test.csv"])
    assert load(path) == {"train": rows_of("train.csv"), "test": rows_of("test.csv")}
    assert read_corpus(path)[0].name == name
    DatasetDict({"train": saved(), "test": saved(6)}).save_to_disk(tmp_path / "disk")
    (tmp_path / "disk").rename(tmp_path / f"{name} saved")
    assert load(tmp_path / f"{name} saved")["test"] == sentences(6)


@pytest.mark.parametrize(
    ("name", "head", "said"),
    [
        ("a.csv", b"PK\x03\x04....", "is a zip archive or an Excel workbook: unpack it"),
        ("a.tsv", b"\x1f\x8b\x08....", "is packed with gzip: unpack it"),
        (
            "a.parquet",
            b"version https://git-lfs.github.com/spec/v1\n",
            r"is a pointer of Git LFS.*git lfs pull",
        ),
        ("a.txt", b"fine\t1\n", r"is no dataset: .*rename it to \.tsv"),
    ],
)
def test_files_that_are_something_else(tmp_path, name, head, said):
    (tmp_path / name).write_bytes(head)
    with pytest.raises(UserError, match=said):
        load(tmp_path / name)


def test_a_text_file_renamed_as_advised(tmp_path):
    """UCI's form: a text, a tab, a label; neither header line nor quoting."""
    rows = [('"A fine film', 1), ("It was dull", 0), ('So "good"', 1)]
    path = tmp_path / "films.tsv"
    path.write_text("".join(f"{text}\t{label}\n" for text, label in rows))
    assert load(path, no_header=True, text_column="1", label_column="2") == {"train": rows}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"encoding": "cp1252"}, "--encoding cp1252 has no meaning for what is no text file: leave it out"),
        ({"separator": ";"}, r"--separator ; has no meaning for what is no \.csv or \.tsv file"),
        ({"no_header": True}, "--no-header has no meaning for what is no"),
        ({"config": "de"}, "--config de has no meaning for a single file"),
        ({"split": ["train=a"]}, "--split .* has no meaning for a single file"),
    ],
)
def test_options_without_a_meaning_are_refused(tmp_path, options, said):
    path = make_file(tmp_path, "parquet")
    with pytest.raises(UserError, match=said):
        load(path, **options)
    option = next(iter(options)).replace("_", "-")
    with pytest.raises(UserError, match=rf"--{option}.* has no meaning for imdb"):
        read_corpus("imdb", Options(**options))


def test_of_very_many_unused_files_some_are_listed(tmp_path):
    write_tables(tmp_path / "films", ["train.csv"])
    for number in range(1200):
        (tmp_path / "films" / f"{number}.txt").touch()
    files = local_files.load_local(tmp_path / "films", Options()).files
    assert (len(files), files[-1]["file"]) == (52, "1,150 more")


def test_links_to_folders_are_not_followed(tmp_path):
    write_tables(tmp_path / "secret", ["test.csv"])
    path = write_tables(tmp_path / "films", ["train.csv"])
    (tmp_path / "films" / "test").symlink_to(tmp_path / "secret")
    (tmp_path / "films" / "again").symlink_to(tmp_path / "films")
    assert files_of(path) == {"train.csv": "train", "test": None, "again": None}


def test_the_command_line_takes_the_options(study_root, tmp_path):
    """Two files of another encoding and separator, without header lines, whose names say nothing."""
    for name, first in (("films", 0), ("more", 80)):
        rows = [(text.replace("film", "fílm"), y) for text, y in sentences(first + 80)[first:]]
        lines = [f"{y};{text}\n" for text, y in rows]
        (tmp_path / "set" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "set" / f"{name}.csv").write_text("".join(lines), encoding="latin-1")
    options = "--split train=films.csv test=more.csv --encoding latin-1 --separator ; --no-header"
    columns = "--text-column 2 --label-column 1 --embeddings custom --dimensions 2"
    main(["--dataset", str(tmp_path / "set"), *options.split(), *columns.split()])
    data = load_data()
    assert [len(data.splits[name].s) for name in ("train", "validation", "test")] == [72, 8, 80]
    assert any("fílm" in word for word in data.vocabulary)
    with pytest.raises(UserError, match="--encoding latin-1 has no meaning for --dataset probe"):
        main(["--dataset", "probe", "--encoding", "latin-1"])


def test_a_configuration_after_the_colon_and_another_option_are_refused(tmp_path):
    with pytest.raises(UserError, match="--config de name two configurations: give one"):
        read_corpus(f"{tmp_path}:en", Options(config="de"))


# What may be meant otherwise -------------------------------------------------------------------------------


def doubts(path, **options):
    """Warnings of a dataset of this machine, before its rows are read."""
    return load_local(path, Options(**options)).warnings


@pytest.mark.parametrize("column", ["split", "Set", "fold"])
def test_a_column_that_names_splits_is_not_passed_over(tmp_path, column):
    rows = [f"{text},{label},train" for text, label in rows_of("a")]
    (tmp_path / "films.csv").write_text("\n".join([f"text,label,{column}", *rows]))
    (found,) = doubts(tmp_path / "films.csv")
    assert f"the column '{column}' of films.csv is not read" in found
    assert not doubts(write_tables(tmp_path / "apart", ["train.csv", "test.csv"]))


@pytest.mark.parametrize("others", [["README.md", "LICENSE"], ["dev.csv", "test.csv", "notes.csv"]])
def test_other_files_raise_no_doubt(tmp_path, others):
    assert not doubts(write_tables(tmp_path, ["train.csv", *others]))
