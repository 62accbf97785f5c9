"""What preprocessing counts, decides, warns of and says; and the test split of another dataset."""

import json
import re

import numpy as np
import pytest

from scripts.files.data import SPLITS, describe_data, load_data
from scripts.files.errors import UserError
from scripts.preprocessing import preprocess
from scripts.text import corpus
from scripts.text.corpus import read_corpus, read_table
from scripts.text.tables import Options, Table
from tests.text.helpers import sentences, sentences_of, write_csv, write_vectors

RAW = [("It's a film; I don't like it.", 0), ("What a film! I can't complain.", 1)]


def table_of(splits, class_names=None, tokenised=None, **fields):
    """A table with those rows, (text, label) pairs by split."""
    sizes = {name: len(rows) for name, rows in splits.items()}
    return Table(
        "films", "made up", sizes, lambda name: iter(splits[name]), class_names, tokenised, False, **fields
    )


def folder_of(folder, **splits):
    for name, rows in splits.items():
        write_csv(folder / f"{name}.csv", rows)
    return str(folder)


# Texts that splits share ----------------------------------------------------------------------------------


def test_shared_texts_are_counted_by_pair(study_root, tmp_path, vectors):
    train, held = sentences(60), sentences(100)[60:]
    folder = folder_of(
        tmp_path / "films",
        train=[*train, train[0], ("only  here", 1)],
        validation=[*held[:20], train[0], train[1]],
        test=[*held[20:], *train[:4], train[1], held[0]],
    )
    manifest = preprocess(folder, vectors)
    assert manifest["shared_texts"] == {
        "train and validation": {"texts": 2, "rows": {"train": 3, "validation": 2}},
        "train and test": {"texts": 4, "rows": {"train": 5, "test": 5}},
        "validation and test": {"texts": 3, "rows": {"validation": 3, "test": 4}},
    }
    said = "train and test share 4 texts (rows: 5 of train and 5 of test): accuracy on them"
    assert [warning for warning in manifest["warnings"] if warning.startswith(said)]


def test_no_shared_text_is_said_too(study_root, tmp_path, vectors, capsys):
    manifest = preprocess(write_csv(tmp_path / "films.csv", sentences()), vectors)
    assert (manifest["shared_texts"], manifest["warnings"]) == ({}, [])
    assert "texts in two splits: none" in capsys.readouterr().out


@pytest.mark.parametrize(("max_length", "shared"), [(None, 0), (9, 0), (4, 5), (2, 5)])
def test_texts_that_a_cut_makes_equal_are_counted(study_root, tmp_path, vectors, max_length, shared):
    endings = ["a very fine film", "a very dull film", "it is all wit", "i left half way", "not any good"]
    splits = {
        name: [(f"{name} number {i} said : {endings[i % 5]}", i % 2) for i in range(20)] for name in SPLITS
    }
    folder = folder_of(tmp_path / "films", **splits)
    found = preprocess(folder, vectors, max_length=max_length)["shared_texts"]
    pairs = ("train and validation", "train and test", "validation and test") if shared else ()
    assert {pair: each["texts"] for pair, each in found.items()} == dict.fromkeys(pairs, shared)


def test_unknown_words_make_no_two_texts_equal(study_root, tmp_path, vectors):
    splits = {name: [(f"the {name}{i}", i % 2) for i in range(20)] for name in SPLITS}
    assert preprocess(folder_of(tmp_path / "films", **splits), vectors)["shared_texts"] == {}


@pytest.mark.parametrize("whole", [True, False])
def test_equal_texts_are_on_one_side(study_root, vectors, monkeypatch, whole):
    rows = [*sentences(60), *sentences(60)[:30], ("a film", 1), ("a fine film", 1)]
    table = table_of({"train": rows})._replace(whole=whole)
    monkeypatch.setattr(corpus, "_open_table", lambda *_: table)
    manifest = preprocess("films", vectors)
    assert manifest["shared_texts"] == {}
    assert sum(manifest["splits"][name]["rows"] for name in SPLITS) == 92
    assert sum(manifest["splits"][name]["sources"] for name in SPLITS) == (92 if whole else 62)


# Whether texts came tokenised -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("splits", "tokenised"),
    [
        ({"train": sentences(80)}, True),
        ({"train": RAW * 40}, False),
        ({"train": sentences(2000) + RAW * 300}, False),  # begins tokenised, ends raw
        ({"train": RAW * 300 + sentences(2000)}, False),
        ({"train": [row for pair in zip(sentences(3000), RAW * 1500, strict=True) for row in pair]}, False),
        ({"train": sentences(2000), "test": RAW * 20}, False),
        ({"train": sentences(2000), "validation": RAW * 20, "test": sentences(20)}, False),
        ({"train": sentences(2000) + RAW * 5, "test": sentences(100)}, True),  # a few are none
        ({"train": [(" ", 0), (None, 1), *sentences(80)]}, True),
    ],
)
def test_a_sample_of_every_split_tells_whether_texts_came_tokenised(splits, tokenised):
    found = read_table(table_of(splits))
    assert found.facts["tokenised"] is tokenised
    for name, rows in splits.items():
        shown = sum(bool((text or "").strip()) for text, _ in rows)
        assert f"of {min(shown, corpus.SAMPLE)} of {name}" in found.facts["tokenised_by"]


def test_what_decided_is_said():
    rows = {"train": sentences(4)}
    assert read_table(table_of(rows), tokenised=np.True_).facts["tokenised_by"] == "as --tokenised says"
    assert read_table(table_of(rows), tokenised=False).facts["tokenised_by"] == "as --no-tokenised says"
    assert read_table(table_of(rows, tokenised=True)).facts["tokenised_by"] == "as this dataset is known"
    assert "4 of 4 of train" in read_table(table_of(rows)).facts["tokenised_by"]


# Rows without text ----------------------------------------------------------------------------------------


def test_rows_without_text_are_dropped_and_counted(study_root, tmp_path, vectors, capsys):
    lines = [{"text": text, "label": y} for text, y in sentences(40)]
    blank = ["", None, " \t ", "\u200b", "<br />", "&nbsp;", "\ufeff\u2060"]
    lines[3:3] = [{"text": text, "label": k % 2} for k, text in enumerate(blank)]
    lines.append({"text": "", "label": None})  # an empty line's label is no matter
    folder = tmp_path / "films"
    folder.mkdir()
    for name, rows in {"train": lines, "test": lines[:20], "validation": lines[10:30]}.items():
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    manifest = preprocess(str(folder), vectors, tokenised=False)
    assert manifest["dropped"] == {
        "train": {"without text": 8},
        "validation": {},
        "test": {"without text": 7},
    }
    assert [manifest["splits"][name]["rows"] for name in SPLITS] == [40, 20, 13]
    data = load_data()
    expected = [
        (re.sub(r"film\d+|told", "<unk>", text.replace("without", "<unk>")), y) for text, y in sentences(40)
    ]
    assert sentences_of(data, "train") == expected
    assert "8 rows of train without text, 7 rows of test without text" in capsys.readouterr().out


@pytest.mark.parametrize("blank", ["", None, "\u200b", float("nan")])
def test_rows_without_text_are_refused_where_they_are_most(blank):
    rows = [*sentences(9), *[(blank, 1)] * 10]
    said = r"10 of 19 rows of split 'train' of films have no text, such as row 10: name .*--text-column"
    with pytest.raises(UserError, match=said):
        read_table(table_of({"train": rows}))
    assert len(read_table(table_of({"train": rows[:-1]})).rows["train"].y) == 9  # as many with text


def test_a_missing_label_is_named_by_its_row_in_the_file():
    rows = [("a film", 0), ("", 1), ("a film", 1), (None, None), ("dull", None), ("fine", 1)]
    with pytest.raises(UserError, match=r"row 5 of split 'train' has no label \(1 of 6"):
        read_table(table_of({"train": rows}))


# Labels ---------------------------------------------------------------------------------------------------


def test_the_name_of_each_label_is_told(study_root, tmp_path, vectors, capsys):
    names = ["positive", "neutral", "negative"]
    rows = [(text, 0 if y else 2) for text, y in sentences()]
    found = read_table(table_of({"train": rows}, names))
    assert found.facts["labels"] == {"0": 2, "1": 0}
    assert found.facts["label_names"] == {"0": "negative", "1": "positive"}
    assert found.rows["train"].y.tolist() == [y for _, y in sentences()]


def test_a_test_split_that_lacks_some_labels_is_hidden_and_said():
    rows = sentences(60)
    splits = {
        "train": rows[:40],
        "validation": rows[40:50],
        "test": [*rows[50:58], ("so", None), ("it is", None)],
    }
    found = read_table(table_of(splits))
    assert set(found.rows["test"].y) == {-1}
    assert found.facts["dropped"]["test"] == {"without label": 10}
    assert "only 8 of 10 rows of the published test split have a label" in found.warnings[0]
    splits["test"] = splits["test"][:8]  # the remedy
    found = read_table(table_of(splits))
    assert (found.warnings, found.rows["test"].y.tolist()) == ([], [0, 1] * 4)


# Warnings -------------------------------------------------------------------------------------------------


def test_a_split_of_one_class_is_warned_of(study_root, tmp_path, vectors):
    rows = sentences(100)
    folder = folder_of(tmp_path / "films", train=rows[:60], validation=rows[61:80:2], test=rows[80::2])
    warnings = preprocess(folder, vectors)["warnings"]
    assert warnings == [
        "all rows of validation are positive: no accuracy on it means anything",
        "all rows of test are negative: no accuracy on it means anything",
    ]


def test_low_coverage_is_warned_of(study_root, tmp_path, vectors, capsys):
    rows = [(f"ein Film{i} ist {'gut' if i % 2 else 'schlecht'} , a", i % 2) for i in range(80)]
    folder = folder_of(tmp_path / "films", train=rows, validation=sentences(20), test=rows[:2])
    manifest = preprocess(folder, vectors)
    [said] = [warning for warning in manifest["warnings"] if "few running words" in warning]
    assert "(33.3% of train, 33.3% of test)" in said
    out = capsys.readouterr().out
    assert out.rstrip().endswith(f"!!! {manifest['warnings'][-1]}")
    assert out.index("Written to") < out.index("!!!")


def test_texts_without_spaces_are_warned_of_and_the_remedy_works(study_root, tmp_path):
    chinese = [("这部电影很好看，我非常喜欢。", 1), ("太无聊了，浪费了我的时间。", 0)] * 20
    chinese = [(f"{text}第{k}次。", y) for k, (text, y) in enumerate(chinese)]
    signs = sorted({sign for text, _ in chinese for sign in text})
    vectors = write_vectors(tmp_path / "v.txt", signs)
    found = preprocess(folder_of(tmp_path / "films", train=chinese), vectors)
    (said,) = found["warnings"]
    assert said.endswith("or texts with a blank between words and --tokenised")
    apart = [(" ".join(text), y) for text, y in chinese]  # the remedy, one word per sign
    assert not preprocess(folder_of(tmp_path / "films", train=apart), vectors, tokenised=True)["warnings"]


def test_vectors_that_were_cut_off_are_warned_of(study_root, tmp_path):
    path = tmp_path / "cut.vec"
    write_vectors(path, ["i", "the", "what", "a"])
    path.write_text("900 4\n" + path.read_text().replace("\n", " \n"))
    manifest = preprocess(write_csv(tmp_path / "films.csv", sentences()), str(path))
    said = "cut.vec holds 4 vectors, but its first line promises 900: it may have been cut off; download it"
    assert manifest["warnings"][0] == f"{said} again"


def test_files_and_how_they_were_read_are_shown(study_root, vectors, monkeypatch, capsys):
    files = [
        {"file": "data/Train.csv", "split": "train", "why": ""},
        {"file": "notes.csv", "split": None, "why": "its name is no split's"},
    ]
    splits = {"train": sentences(), "unsupervised": sentences(3)}
    table = table_of(
        splits,
        files=files,
        read_as={
            "encoding": "utf-8",
            "separator": "\t",
            "columns": {"text": "body", "label": "y"},
            "configuration": None,
        },
    )
    monkeypatch.setattr(corpus, "_open_table", lambda *_: table)
    described = preprocess("films", vectors)["dataset"]
    assert (described["files"], described["read_as"]) == (files, table.read_as)
    assert described["unused_splits"] == ["unsupervised"]
    said = capsys.readouterr().out
    for line in (
        "files       data/Train.csv: train",
        "            notes.csv: not used (its name is no split's)",
        "read as     encoding utf-8, separator '\\t', columns body and y",
        "not used    the split 'unsupervised'",
        "labels      0 is negative, 1 is positive",
        "dropped     no row",
    ):
        assert f"\n{line}\n" in said


# Numbers --------------------------------------------------------------------------------------------------


def test_numpys_integers_are_numbers(study_root, tmp_path, vectors):
    path = write_csv(tmp_path / "films.csv", sentences())
    found = preprocess(path, vectors, seed=np.int64(7), max_length=np.uint8(5), tokenised=np.True_)
    expected = preprocess(path, vectors, seed=7, max_length=5, tokenised=True)
    assert found == expected == json.loads((study_root / "data" / "dataset.json").read_text())
    assert preprocess(path, "custom", dimensions=np.int16(5))["embeddings"]["dimensions"] == 5
    probe = preprocess("probe", "custom", dimensions=5, probe_longest=np.int32(6), seed=np.int8(1))
    assert probe["probe"]["longest"] == 6


@pytest.mark.parametrize("value", [True, np.True_, 7.0, np.float64(7), "7", [7], np.array([7])])
@pytest.mark.parametrize("option", ["seed", "max_length", "dimensions", "probe_longest"])
def test_what_is_no_whole_number_is_refused(option, value):
    with pytest.raises(UserError, match=rf"--{option.replace('_', '-')}=.*: expected a whole number"):
        preprocess("probe", "custom", **{option: value})


# The test split of another dataset ------------------------------------------------------------------------


def apart(rows, word):
    return [(f"{text} {word}", y) for text, y in rows]


def test_the_test_split_may_come_from_another_dataset(study_root, tmp_path, vectors, capsys):
    train, validation, theirs = sentences(60), apart(sentences(20), "all"), apart(sentences(30), "good")
    hidden = [(text, -1) for text, _ in apart(sentences(9), "left")]
    folder = folder_of(tmp_path / "films", train=train, validation=validation, test=hidden)
    theirs += [train[0], train[0], validation[1]]
    other = write_csv(tmp_path / "gold.csv", [(text, "pos" if y else "neg") for text, y in theirs])
    manifest = preprocess(folder, vectors, test=other)
    assert {name: manifest["splits"][name]["rows"] for name in SPLITS} == {
        "train": 60,
        "validation": 20,
        "test": 33,
    }
    assert manifest["split_rule"] == {
        "train": "the published split",
        "validation": "the published split",
        "test": "the test split of gold.csv",
    }
    assert manifest["shared_texts"] == {
        "train and test": {"texts": 1, "rows": {"train": 1, "test": 2}},
        "validation and test": {"texts": 1, "rows": {"validation": 1, "test": 1}},
    }
    data = load_data()
    for name, rows in (("train", train), ("validation", validation), ("test", theirs)):
        assert [y for _, y in sentences_of(data, name)] == [y for _, y in rows]
        assert [text.count("<unk>") > 0 for text, _ in sentences_of(data, name)] == [True] * len(rows)
    assert (manifest["dataset"]["name"], manifest["test_dataset"]["name"]) == ("films", "gold.csv")
    assert manifest["test_dataset"]["labels"] == {"0": "neg", "1": "pos"}
    assert manifest["dataset"]["unused_splits"] == ["test"]
    assert describe_data(manifest)["test_dataset"] == "gold.csv"
    said = capsys.readouterr().out
    assert "test        gold.csv (local)" in said
    assert "!!! train and test share 1 text (rows: 1 of train and 2 of test)" in said
    assert "test_dataset" not in describe_data(preprocess(folder, vectors))


def test_the_other_dataset_is_read_in_its_own_way(study_root, tmp_path, vectors):
    """Its own splits, columns and tokens; the vectors and the training data don't change."""
    folder = folder_of(tmp_path / "films", train=sentences(60), test=sentences(10))
    raw = [(f"{text.capitalize()} , isn't it?", y) for text, y in sentences(30)]
    for name, rows in (("train", sentences(5)), ("test", raw)):
        write_csv(tmp_path / "gold" / f"{name}.csv", rows, ("sentence", "label"))
    before = preprocess(folder, vectors)
    files = {name: before["files"][name] for name in ("train-y.npy", "train-g.npy", "validation-g.npy")}
    manifest = preprocess(folder, vectors, test=str(tmp_path / "gold"))
    assert {name: manifest["files"][name] for name in files} == files
    assert [manifest["splits"][name]["rows"] for name in SPLITS] == [54, 6, 30]  # validation is carved
    assert (manifest["tokenised"], manifest["test_dataset"]["tokenised"]) == (True, False)
    assert all(text.endswith(", is n't <unk> <unk>") for text, _ in sentences_of(load_data(), "test"))
    renamed = write_csv(tmp_path / "named.csv", sentences(60), ("review", "stars"))
    found, _ = read_corpus(renamed, Options("review", "stars"), test=str(tmp_path / "gold"))
    assert (len(found.rows["train"].y), len(found.test.rows["test"].y)) == (60, 30)


@pytest.mark.parametrize(
    ("splits", "complaint"),
    [
        ({"train": sentences(9), "heldout": sentences(9)}, "none named 'test': give the file of one"),
        ({"test": [(text, -1) for text, _ in sentences(9)]}, r"the labels are -1 \(in test\): two classes"),
        ({"test": [(text, None) for text, _ in sentences(9)]}, "row 1 of split 'test' has no label"),
        ({"test": [*sentences(9), ("so", None)]}, "row 10 of split 'test' has no label"),
        (
            {"test": [(text, y + 1) for text, y in sentences(9)]},
            "the classes of --test films are 1 and 2",
        ),
        (
            {"test": [(text, "ab"[y]) for text, y in sentences(9)]},
            "'a' and 'b', those of films are 0 and 1",
        ),
        ({"test": [(text, 1) for text, _ in sentences(9)]}, "the labels are 1 .in test.: two classes"),
        ({"test": []}, "split 'test' of films is empty"),
    ],
)
def test_another_dataset_that_gives_no_test_split_is_refused(splits, complaint):
    with pytest.raises(UserError, match=complaint):
        read_table(table_of({"train": sentences(40)}), test=table_of(splits))


def test_another_dataset_is_not_for_the_probe(study_root):
    with pytest.raises(UserError, match=r"--test films\.csv has no meaning for --dataset probe"):
        preprocess("probe", "custom", test="films.csv")


def test_a_missing_test_dataset_replaces_nothing(study_root, tmp_path, vectors, monkeypatch, capsys):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
    with pytest.raises(UserError, match="'gold/standard' is no file or folder here"):
        preprocess(None, vectors, test="gold/standard")
    assert "replaces" not in capsys.readouterr().out
