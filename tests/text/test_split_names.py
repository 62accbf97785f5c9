"""Which file is which split, by its name; what a name leaves open is refused, and the advice works."""

import pytest

from scripts.files.errors import UserError
from scripts.text.split_names import divide, name_split
from tests.text.file_helpers import advice, files_of, load, rows_of, write_tables


@pytest.mark.parametrize(
    ("split", "names"),
    [
        (
            "train",
            "train TRAIN Train training trainset TRAINset TrainData labeledTrainData train1 labeledtraindata",
        ),
        ("train", "imdb.train train-00000-of-00002-a09b74b3ef9c3b56 split=train Training_Set"),
        ("validation", "dev Dev val VAL valid Valid validation devset valData development films_dev_v2"),
        ("test", "test Test testset testData eval Evaluation heldout held_out held-out HoldOut x_test test2"),
        (None, "contest latest constraint strainer device evaluate invalid reviews 2019 protest values"),
        (None, "train_test_split unlabeledTrainData unsupervised train-dev"),
    ],
)
def test_names_of_splits(split, names):
    assert {name: name_split(name).split for name in names.split()} == dict.fromkeys(names.split(), split)


@pytest.mark.parametrize(
    ("names", "splits"),
    [
        (["Train.csv", "Valid.csv", "Test.csv"], ["train", "validation", "test"]),
        (["TRAIN.csv", "DEV.csv", "TEST.csv"], ["train", "validation", "test"]),
        (["Train/a.csv", "Test/a.csv"], ["train", "test"]),
        (["data/train/0.csv", "data/val/0.csv", "data/heldout/0.csv"], ["train", "validation", "test"]),
        (["data/split=train/x.csv", "data/split=test/x.csv"], ["train", "test"]),
        (["trainset.tsv", "testset.tsv"], ["train", "test"]),
        (["labeledTrainData.tsv", "testData.tsv", "unlabeledTrainData.tsv"], ["train", "test", None]),
        (["train.csv", "test.tsv"], ["train", "test"]),
        (["train.csv", "heldout.csv"], ["train", "test"]),
        (["train.csv", "held_out.csv", "dev.tsv", "notes.csv"], ["train", "test", "validation", None]),
        (["imdb_train.csv", "imdb_test.csv"], ["train", "test"]),
        (["deep/er/training.csv", "deep/er/evaluation.csv"], ["train", "test"]),
        (["train/pos.csv", "train/neg.csv", "test/pos.csv"], ["train", "train", "test"]),
        (["train-00000-of-00002.csv", "train-00001-of-00002.csv", "test.csv"], ["train", "train", "test"]),
        (["part-0.csv", "part-1.csv"], ["train", "train"]),
        (["train_1.csv", "train_2.csv"], ["train", "train"]),
        (["train.CSV", "test.csv", ".train.csv", "__MACOSX/train.csv"], ["train", "test", "", ""]),
        (["train_test_split.csv"], ["train"]),
        (["train/train.csv", "train/test.csv"], ["train", "test"]),  # a folder of all says nothing
        (["train/a.csv", "train/dev.csv", "test/a.csv"], ["train", None, "test"]),
        (["unsupervised.csv"], ["train"]),
        (["train.csv", "readme.txt", "config.json"], ["train", None, None]),
    ],
)
def test_every_file_is_listed_with_its_split(tmp_path, names, splits):
    path = write_tables(tmp_path / "films", names)
    expected = dict(zip(names, splits, strict=True))  # "" for what is left out
    assert files_of(path) == {name: split for name, split in expected.items() if split != ""}
    rows = load(path)
    for name, split in zip(names, splits, strict=True):
        assert not split or set(rows_of(name)) <= set(rows[split])


@pytest.mark.parametrize(
    ("names", "said", "splits"),
    [
        (["train.csv", "eval.csv", "test.csv"], "may both be test", {"train", "test"}),
        (["train.csv", "train.tsv", "test.csv"], "may both be train", {"train", "test"}),
        (["train.csv", "dev.csv", "val.csv"], "may both be validation", {"train", "validation"}),
        (["train.csv", "train_augmented.csv"], "configurations", {"train"}),
        (["film_train.csv", "food_test.csv"], "configurations", {"train", "test"}),
        (
            ["reviews.csv", "test.csv", "dev.csv"],
            "of films nothing is train",
            {"train", "validation", "test"},
        ),
        (["a film.csv", "b film.csv"], "configurations", {"train"}),
        (["sst2.csv", "sst5.csv"], "configurations", {"train"}),
        (["train.csv", "train (1).csv", "test.csv"], "may both be train", {"train", "test"}),
        (["train.csv", "trainset.csv"], "may both be train", {"train"}),
        (["train.csv", "TRAIN.csv"], "may both be train", {"train"}),
        (["train.csv", "train/0.csv"], "may both be train", {"train"}),
        (["2019/train.csv", "2020/train.csv"], "may both be train", {"train"}),
        (["train-dev.csv", "train-test.csv"], "may both be train", {"train"}),
        (["en/train.csv", "de/dev.csv"], "configurations", {"train", "validation"}),
    ],
)
def test_an_ambiguous_mixture_is_refused_and_the_advice_works(tmp_path, names, said, splits):
    path = write_tables(tmp_path / "films", names)
    with pytest.raises(UserError, match=said) as caught:
        load(path)
    assert set(load(path, **advice(caught.value, "--split"))) == splits


def test_split_says_which_file_is_which(tmp_path, monkeypatch):
    path = write_tables(tmp_path / "films", ["a.csv", "b.tsv", "c/1.csv", "c/2.csv", "odd [1].csv"])
    for given in (
        ["train=c", "test=b.tsv"],
        ["train=c/*.csv", "test=b.tsv"],
        ["TRAIN=c/1.csv", "train=c/2.csv", "eval=b.tsv"],
    ):
        assert load(path, split=given) == {
            "train": rows_of("c/1.csv") + rows_of("c/2.csv"), "test": rows_of("b.tsv")
        }  # fmt: skip
    assert files_of(path, split=["train=a.csv"])["b.tsv"] is None
    assert load(path, split=["train=odd [1].csv", "dev=a.csv"])["validation"] == rows_of("a.csv")
    monkeypatch.chdir(tmp_path)
    assert load(path, split=["train=films/a.csv"]) == {"train": rows_of("a.csv")}
    for given, said in (
        (["train"], "give train=FILE"),
        (["best=a.csv"], "give train=FILE"),
        (["train=z.csv"], r"is none of the remaining files: give one of 'a\.csv'"),
        (["train=../films/../secret.csv"], "is none of the remaining files"),
        (["train=a.csv", "test=a.csv"], r"test=a\.csv is none of the remaining files"),
    ):
        with pytest.raises(UserError, match=said):
            load(path, split=given)


@pytest.mark.parametrize(
    ("names", "splits", "unused"),
    [
        (["train", "dev", "test"], {"train": ["train"], "validation": ["dev"], "test": ["test"]}, []),
        (["Train", "valid", "Eval"], {"train": ["Train"], "validation": ["valid"], "test": ["Eval"]}, []),
        (["train", "test", "unsupervised"], {"train": ["train"], "test": ["test"]}, ["unsupervised"]),
        (["train", "train_extra", "test"], {"train": ["train"], "test": ["test"]}, ["train_extra"]),
        (["test"], {"test": ["test"]}, []),
        (["full"], {"train": ["full"]}, []),
    ],
)
def test_published_splits(names, splits, unused):
    found, others, _ = divide(names, "films", default="default")
    assert (found, list(others)) == (splits, unused)


def test_published_splits_that_may_be_one():
    names = ["train", "dev", "valid"]
    with pytest.raises(UserError, match="dev and valid may both be validation") as caught:
        divide(names, "films", default="default")
    given = advice(caught.value, "--split")["split"]
    assert divide(names, "films", given)[0] == {"train": ["train"], "validation": ["dev"]}
    given = ["train=train", "dev=dev", "dev=valid"]
    assert divide(names, "films", given)[0] == {"train": ["train"], "validation": ["dev", "valid"]}


def test_split_that_names_no_train_is_refused(tmp_path):
    write_tables(tmp_path, ["a.csv", "b.csv"])
    with pytest.raises(UserError, match="names no train, only test: add train=FILE"):
        load(tmp_path, split=["test=a.csv"])
    assert {*load(tmp_path, split=["test=a.csv", "train=b.csv"])} == {"train", "test"}
