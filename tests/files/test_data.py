"""Several datasets side by side: data/ itself, and data/<name>/."""

import shutil

import pytest

import main
from scripts.figures.sources import name_data
from scripts.files.data import describe_data, existing_data, load_data, writing_data
from scripts.files.errors import UserError
from scripts.files.paths import data_path
from scripts.files.runs import load_run
from scripts.text import cue_distance
from scripts.training.evaluation import load_model
from tests.helpers import write_data

SMALL = {"epochs": 1, "hidden_size": 4}


def test_datasets_have_folders_of_their_own(study_root):
    here, there = write_data(seed=1), write_data(seed=2, name="second")
    assert data_path("train-x.npy", "second") == study_root / "data" / "second" / "train-x.npy"
    assert load_data().splits["train"].x.tolist() == here.splits["train"].x.tolist()
    assert load_data("second").splits["train"].x.tolist() == there.splits["train"].x.tolist()
    assert existing_data() == [None, "second"]


@pytest.mark.parametrize("name", ["", "..", "a/b", ".hidden", "train-x.npy", "dataset.json", 3])
def test_a_name_that_is_no_folders_is_refused(study_root, name):
    with pytest.raises(UserError, match="dataset name"), writing_data(name):
        pass


def test_a_dataset_that_is_not_there_is_refused_with_what_to_do(data):
    match = r"data/imdb/ is empty.* --name imdb`, or leave data= out$"
    with pytest.raises(UserError, match=match):
        main.train_rnn("a-run", data="imdb", **SMALL)
    write_data(seed=2, D=5, name="second")
    with pytest.raises(UserError, match=match[:-1] + ", or give data='second'$"):
        main.train_rnn("a-run", data="imdb", **SMALL)


def test_a_run_keeps_to_its_dataset(data):
    second = write_data(seed=2, D=5, name="second")
    main.train_lstm("here", **SMALL)
    main.train_lstm("there", data="second", **SMALL)
    assert load_run("here").settings["dataset"]["data"] is None
    assert load_run("there").settings["dataset"]["data"] == "second"
    model, found, _ = load_model("there")
    assert (model.D, found.name) == (5, "second")
    assert found.splits["test"].y.tolist() == second.splits["test"].y.tolist()
    assert main.test("there")["dataset"]["data"] == "second"
    assert main.predict("good", "there", draw=False)["dataset"]["data"] == "second"


def test_a_run_is_not_continued_on_another_dataset(data):
    write_data(seed=2, name="second")
    main.train_rnn("a-run", **SMALL)
    with pytest.raises(UserError, match=r"other data \(made-up with random in data/ .*data/second/"):
        main.train_rnn("a-run", data="second", **SMALL)


def test_a_run_is_not_tested_where_its_dataset_has_changed(data):
    write_data(seed=2, name="second")
    main.train_rnn("a-run", data="second", **SMALL)
    write_data(seed=3, name="second")
    with pytest.raises(UserError, match=r"data/second/.*another preprocessing now"):
        main.test("a-run")
    shutil.rmtree(data_path("", "second"))
    with pytest.raises(UserError, match="data/second/ is empty"):
        main.test("a-run")


def test_every_study_takes_a_dataset(data, capsys):
    write_data(seed=2, name="second")
    compared = main.compare(seeds=1, name="there", data="second", **SMALL)
    assert compared["dataset"]["data"] == "second"
    found = main.initialisation_study(seeds=1, data="second", **SMALL)
    assert found["dataset"]["data"] == "second"
    assert main.test_overfit(4, 2, data="second")["sentences"] == 4


def test_preprocessing_under_a_name_leaves_the_rest(data, monkeypatch, capsys):
    monkeypatch.setattr(cue_distance, "SIZES", {"train": 40, "validation": 20})
    monkeypatch.setattr(cue_distance, "TEST_SENTENCES", 4)
    options = {"dataset": "probe", "embeddings": "custom", "dimensions": 4, "probe_longest": 6}
    made = main.preprocess(name="probe-even", **options)
    assert load_data("probe-even").manifest == made
    assert load_data().manifest == data.manifest
    assert f"Written to {data_path('', 'probe-even')}" in capsys.readouterr().out
    before = data_path("dataset.json", "probe-even").stat().st_mtime_ns
    assert main.preprocess(name="probe-even", if_missing=True, **options) == made
    assert data_path("dataset.json", "probe-even").stat().st_mtime_ns == before
    with pytest.raises(UserError, match=r"'probe_longest': '6'.*'probe_longest': '7'.*another name"):
        main.preprocess(name="probe-even", if_missing=True, **options | {"probe_longest": 7})


def test_a_test_split_of_another_dataset_is_named_by_tables_and_figures(study_root, capsys):
    data = write_data(test_dataset={"name": "gold"})
    main.train_rnn("a-run", **SMALL)
    main.test("a-run")
    assert capsys.readouterr().out.endswith("trained on made-up, tested on gold\n")
    assert name_data(describe_data(data.manifest)).startswith("made-up, tested on gold, ")
