"""Comparisons over a grid of settings: which are trained, and which are refused."""

import numpy as np
import pytest

from scripts.files.errors import UserError
from scripts.files.paths import weights_path
from scripts.files.runs import existing_runs, load_run
from scripts.studies.comparison import compare_models
from scripts.studies.variants import variants_table
from scripts.training import experiment
from scripts.training.settings import check_settings
from tests.studies.helpers import written

TINY = {"epochs": 2, "progress": False, "input_dropout": 0.0}


def test_each_model_may_have_settings_of_its_own(data):
    own = {
        "rnn": {"hidden_size": 4, "epochs": 1},
        "lstm": {"hidden_size": 3, "forget_bias": 2.0, "epochs": 2},
    }
    study = compare_models(seeds=2, name="own", of_model=own, progress=False, jobs=1)
    assert study["of_model"] == own
    for model, expected in own.items():
        for seed in range(2):
            chosen = load_run(f"comparison-own-{model}-s{seed}").settings["hyperparameters"]
            assert chosen == check_settings(model, expected | {"seed": seed})
    assert [found["test_accuracy"]["counts"] for found in study["differences"]] == [[2, 2]]
    with pytest.raises(UserError, match=r"'comparison-own-rnn-s0' was trained with hidden_size=4 \(now 64\)"):
        compare_models(seeds=2, name="own", progress=False)
    other = own | {"rnn": {"hidden_size": 5, "epochs": 1}}
    with pytest.raises(UserError, match=r"hidden_size=4 \(now 5\): start again with overwrite=True"):
        compare_models(seeds=2, name="own", of_model=other, progress=False)
    assert "LSTM: hidden_size=3, forget_bias=2.0, epochs=2" in variants_table(study)


def test_a_comparison_of_models_with_settings_of_their_own_goes_on(data):
    options = {"name": "own", "progress": False, "jobs": 1}
    own = {"rnn": {"hidden_size": 4, "epochs": 1}}
    compare_models("rnn", 1, of_model=own, **options)
    written_once = weights_path("comparison-own-rnn-s0").read_bytes()
    own = {"rnn": {"hidden_size": 4, "epochs": 1}, "lstm": {"hidden_size": 3, "epochs": 1}}
    study = compare_models(seeds=2, of_model=own, **options)  # a model and a seed more
    assert weights_path("comparison-own-rnn-s0").read_bytes() == written_once
    assert [(variant["model"], variant["seeds"]) for variant in study["variants"]] == [
        ("rnn", [0, 1]),
        ("lstm", [0, 1]),
    ]
    own["rnn"]["epochs"] = 2  # an epoch more
    compare_models(seeds=2, of_model=own, **options)
    assert len(load_run("comparison-own-rnn-s0").history) == 3


def test_the_table_says_the_settings_of_all_runs_and_none_that_is_varied(data):
    given = {"epochs": (1, 2), "hidden_size": np.int64(3), "lr": np.float64(0.01), "schedule": "constant"}
    study = compare_models("rnn", 1, progress=False, jobs=1, clip_norm=0, **given)
    header, settings, *rows = variants_table(study).split("\n")
    assert header.endswith(": 1 seed")
    assert settings == "settings: clip_norm=0, hidden_size=3, lr=0.01"  # a default says nothing
    assert [row.split("|")[1].strip() for row in rows[3:5]] == ["RNN, epochs=1", "RNN, epochs=2"]
    usual = variants_table(study | {"shared": {}})
    assert "settings" not in usual


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"units": (4, 8)}, "unknown setting 'units' of the RNN: choose among"),
        ({"models": "rnn", "forget_bias": (0, 1)}, "unknown setting 'forget_bias' of the RNN"),
        ({"hidden_size": (4, 0)}, "hidden_size=0: expected"),
        ({"hidden_size": ()}, r"hidden_size=\[\] holds no value"),
        ({"hidden_size": [4, 4]}, "hidden_size=.* holds 4 more than once"),
        ({"seeds": 0}, "seeds=0 is no seed"),
        ({"seeds": ()}, r"seeds=\(\) is no seed"),
        ({"seeds": range(0)}, r"seeds=range\(0, 0\) is no seed"),
        ({"seeds": None}, "seeds=None: expected"),
        ({"seeds": "01"}, "seeds='01': expected"),
        ({"seeds": True}, "seeds=True: expected"),
        ({"seeds": (0, 1, 0)}, r"seeds=\(0, 1, 0\) holds 0 more than once"),
        ({"seeds": (0, -1)}, "holds -1, not a whole number"),
        ({"seeds": (0, 1.5)}, "holds 1.5, not a whole number"),
        ({"seed": 3}, "this study varies seed itself"),
        ({"gradients": False}, "gradients=False: .* compares gradients"),
        ({"gradients": (True, False)}, "compares gradients"),
        ({"models": "gru"}, "unknown model 'gru': choose among rnn, lstm"),
        ({"models": ()}, r"models=\(\): expected"),
        ({"models": ("rnn", "rnn")}, "expected each model once"),
        ({"name": "a/b"}, "name 'a/b' can't be a file name"),
        ({"name": "../up"}, "can't be a file name"),
        ({"name": ""}, "name '' can't be a file name"),
        ({"name": 5}, "name 5 can't be a file name"),
        ({"name": "x" * 95}, "run id 'comparison-x.*can't be a file name"),
        ({"models": None}, "models=None: expected each model once"),
        ({"models": 3}, "models=3: expected each model once"),
        ({"models": (["rnn"],)}, "expected each model once"),
        ({"hidden_size": np.array([[4, 8], [4, 9]])}, r"hidden_size=\[4, 8\]: expected"),
        ({"jobs": "x"}, "jobs='x': expected a whole number, 1 or more"),
        *(({"jobs": jobs}, f"jobs={jobs}: expected") for jobs in (0, -1, True, 1.5)),
        ({"workers": (1, 2), "scheduler": "tcp://host:1"}, "workers=2 with scheduler=.*leave workers=1"),
        ({"of_model": 3}, "of_model=3: expected settings by model"),
        ({"of_model": {"rnn": 3}}, "of_model=.*: expected settings by model"),
        ({"of_model": {"gru": {}}}, "of_model names 'gru': expected one of the models compared"),
        ({"models": "rnn", "of_model": {"lstm": {}}}, "of_model names 'lstm': expected"),
        ({"of_model": {"rnn": {"lr": (0.1, 0.2)}}}, r"of_model=.*\(0.1, 0.2\).*: give it one value"),
        ({"of_model": {"rnn": {"units": 3}}}, "unknown setting 'units' of the RNN"),
        ({"of_model": {"rnn": {"seed": 3}}}, "this study varies seed itself"),
        ({"of_model": {"rnn": {"gradients": False}}}, "gradients=False: .* compares gradients"),
        (
            {"of_model": {"rnn": {"lr": 0.1}}, "lr": 0.2},
            "lr=0.2 is for all runs, and of_model gives the rnn 0.1",
        ),
        ({"of_model": {"rnn": {"lr": 0.1}}, "lr": (1, 2)}, "lr=.* is for all runs, and of_model gives"),
    ],
)
def test_bad_input_is_one_line_before_any_training(data, given, message):
    with pytest.raises(UserError, match=message) as error:
        compare_models(**{"seeds": 1, "jobs": 1, **TINY, **given})
    assert "\n" not in str(error.value)
    assert not existing_runs()


def test_other_settings_under_the_same_name_are_one_line(data):
    asked = {"models": "rnn", "jobs": 1, **TINY}
    study = compare_models(**asked, seeds=1, hidden_size=(3, 4))
    trained = existing_runs()
    for setting, value, before in (("lr", 0.1, 0.002), ("batch_size", 8, 64), ("epochs", 1, 2)):
        asked_now = asked | {"seeds": 2, "hidden_size": (5, 4), setting: value}  # most of its runs are new
        with pytest.raises(UserError, match=f"{setting}={before}.*: start again .*another name=") as error:
            compare_models(**asked_now)
        assert "comparison-compare-rnn-hidden_size-4-s0" in str(error.value)
        assert "\n" not in str(error.value)
    assert (written("comparison", "compare"), existing_runs()) == (study, trained)
    replaced = compare_models(**asked, seeds=1, hidden_size=4, lr=0.1, overwrite=True)
    assert written("comparison", "compare") == replaced
    compare_models(**asked | {"epochs": 3, "seeds": 2}, hidden_size=4, lr=0.1, batch_size=64)  # its default


def test_another_grid_under_the_same_name_leaves_the_runs_of_the_first(data, monkeypatch):
    asked = {"models": "rnn", "seeds": 2, "jobs": 1, **TINY}
    study = compare_models(**asked, hidden_size=(3, 4))
    kept = {run_id: weights_path(run_id).read_bytes() for run_id in existing_runs()}
    other = compare_models(**asked, hidden_size=(4, 5))
    assert written("comparison", "compare") == other
    assert {run_id: weights_path(run_id).read_bytes() for run_id in kept} == kept
    monkeypatch.setattr(experiment, "run", None)  # nothing can be trained
    assert compare_models(**asked, hidden_size=(3, 4)) == written("comparison", "compare") == study
