"""Initialisations: what is trained, measured a second way, and what is refused."""

import re

import numpy as np
import pytest

from scripts.files import paths
from scripts.files.data import load_data
from scripts.files.errors import UserError
from scripts.files.numbers import power_of_ten
from scripts.files.paths import weights_path
from scripts.files.runs import existing_runs, load_run, read_log
from scripts.studies.initialisations import (
    EPOCHS,
    INITIALISATIONS,
    initialisation_study,
)
from scripts.studies.variants import variants_table
from scripts.training import evaluation, experiment
from tests.conftest import write_data
from tests.studies.helpers import assert_provenance, written

TINY = {"hidden_size": 5, "progress": False, "input_dropout": 0.0, "state_dropout": 0.0}


@pytest.fixture(scope="module")
def initialisations(tmp_path_factory):
    """A study of initialisations, and the folder that it was made in."""
    root = tmp_path_factory.mktemp("study")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(paths, "ROOT", root)
        write_data()
        yield initialisation_study(seeds=2, epochs=2, **TINY)


def test_initialisations_are_those_named_over_seeds(initialisations):
    assert written("initialisations") == initialisations
    assert_provenance(initialisations)
    settings = {}
    for variant in initialisations["variants"]:
        for seed, run_id in enumerate(variant["runs"]):
            run = load_run(run_id)
            assert run.settings["model"] == variant["model"]
            assert run.settings["hyperparameters"]["seed"] == seed
            assert run.settings["hyperparameters"]["hidden_size"] == 5
            settings.setdefault(variant["model"], []).append(run.settings["hyperparameters"])
    assert [s["recurrent_init"] for s in settings["rnn"][::2]] == ["uniform", "orthogonal", "identity"]
    assert [s["forget_bias"] for s in settings["lstm"][::2]] == [0.0, 1.0, 2.0, "chrono"]
    assert len(existing_runs()) == 14


def test_initialisations_have_the_accuracies_and_decays_of_their_runs(initialisations):
    for variant in initialisations["variants"]:
        logs = [read_log(run_id)[1] for run_id in variant["runs"]]
        best = [min(log, key=lambda epoch: epoch["validation_loss"]) for log in logs]
        assert variant["best_epoch"] == [record["epoch"] for record in best]
        assert variant["validation_accuracy"] == [record["validation_accuracy"] for record in best]
        assert variant["test_accuracy"] == [
            evaluation.evaluate_run(run_id)["accuracy"] for run_id in variant["runs"]
        ]
        assert set(variant["decay"]) == {"rnn": {"h", "x"}, "lstm": {"h", "c", "x"}}[variant["model"]]
        for state in set(variant["decay"]) - {"x"}:
            moments = variant["decay"][state]
            for moment, records in (("before", [log[0] for log in logs]), ("after", best)):
                a, b = (record["gradients"][state]["decay"]["median"] for record in records)
                np.testing.assert_allclose(moments[moment]["low"], np.minimum(a, b), rtol=1e-6)
                np.testing.assert_allclose(moments[moment]["high"], np.maximum(a, b), rtol=1e-6)
                np.testing.assert_allclose(moments[moment]["median"], np.sqrt(np.multiply(a, b)), rtol=1e-6)
                assert moments[moment]["distance"] == list(range(26))


def test_the_standard_error_is_that_of_the_test_split(initialisations):
    p = np.mean([variant["test_accuracy"] for variant in initialisations["variants"]])
    test = load_data().splits["test"]
    assert initialisations["standard_error"] == pytest.approx(np.sqrt(p * (1 - p) / len(test.y)))


def test_a_study_that_is_called_again_trains_nothing(initialisations, capsys):
    again = initialisation_study(seeds=2, epochs=2, **TINY)
    assert again == initialisations
    assert "14 of 14 runs are finished" in capsys.readouterr().out


def test_initialisations_of_models_with_settings_of_their_own(initialisations):
    """Under another name; the study's own settings come before the model's."""
    of_model = {"rnn": {"lr": 0.003}, "lstm": {"epochs": 1, "forget_bias": "chrono"}}
    before = existing_runs()
    with pytest.raises(UserError, match=r"lr=0.002 \(now 0.003\): .*another name="):
        initialisation_study(seeds=1, of_model=of_model, **TINY)
    study = initialisation_study(seeds=1, name="own", of_model=of_model, **TINY)
    assert written("initialisations", "own") == study
    assert written("initialisations") == initialisations
    own = of_model | {"lstm": {"epochs": 1}}  # less what the study varies itself
    assert (study["of_model"], study["shared"]["epochs"]) == (own, EPOCHS)
    for variant in study["variants"]:
        (run_id,) = variant["runs"]
        assert run_id not in before
        settings = load_run(run_id).settings["hyperparameters"]
        assert settings | variant["settings"] == settings
        assert settings["epochs"] == {"rnn": EPOCHS, "lstm": 1}[variant["model"]]
        assert settings["lr"] == (0.003 if variant["model"] == "rnn" else 0.002)
    biases = [v["settings"]["forget_bias"] for v in study["variants"] if v["model"] == "lstm"]
    assert biases == [0.0, 1.0, 2.0, "chrono"]
    header, of_all, of_rnn, of_lstm, *_ = variants_table(study).split("\n")
    assert of_all == "settings: hidden_size=5, input_dropout=0.0, state_dropout=0.0, epochs=8"
    assert header.endswith("after training: 1 seed")
    assert (of_rnn, of_lstm) == ("RNN: lr=0.003", "LSTM: epochs=1")
    assert [variant["label"] for variant in study["variants"]] == [v.label for v in INITIALISATIONS]


def test_table_names_every_variant(initialisations):
    lines = variants_table(initialisations).split("\n")
    for line, variant in zip(lines[5:], initialisations["variants"], strict=False):
        name, parameters, _, accuracy, _, after, *_ = (cell.strip() for cell in line.split("|")[1:])
        assert name == f"{variant['model'].upper()}, {variant['label']}"
        assert parameters == str(variant["parameters"])
        assert accuracy.startswith(f"{100 * np.mean(variant['test_accuracy']):.1f} ± ")
        assert after.startswith(power_of_ten(np.mean(variant["remaining"]["h"]["after"])))


def test_settings_are_checked_before_the_first_training(data):
    for given, message in (
        ({"seeds": 0}, "seeds=0"),
        ({"lr": -1}, "lr=-1"),
        ({"units": 4}, "unknown setting"),
    ):
        with pytest.raises(UserError, match=message):
            initialisation_study(**{"epochs": 1, **TINY, **given})
    assert not existing_runs()


@pytest.mark.parametrize(
    "given", [{"gradients": False}, {"seed": 4}, {"recurrent_init": "uniform"}, {"forget_bias": 2.0}]
)
def test_what_a_study_chooses_itself_is_refused_before_the_first_training(data, given):
    ((name, value),) = given.items()
    with pytest.raises(UserError, match=f"{name}={value!r}: ") as error:
        initialisation_study(seeds=1, epochs=1, **TINY, **given)
    assert "\n" not in str(error.value)
    assert not existing_runs()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"epochs": 3}, "epochs=3 is for all runs, and of_model gives the rnn 2"),
        ({"lr": 0.1}, "lr=0.1 is for all runs"),
        ({"of_model": {"rnn": {"seed": 3}}}, "seed=3"),
        ({"of_model": {"gru": {}}}, "'gru'"),
        ({"of_model": {"rnn": {"gradients": False}}}, "gradients=False"),
    ],
)
def test_settings_of_one_model_are_checked_before_the_first_training(data, given, message):
    given = {"of_model": {"rnn": {"epochs": 2, "lr": 0.1}}, "seeds": 1, "progress": False, **given}
    with pytest.raises(UserError, match=re.escape(message)):
        initialisation_study(**given)
    assert existing_runs() == []


def test_an_interrupted_study_continues(data, monkeypatch):
    run, finished = experiment.run, []

    def interrupted(model, run_id, **settings):
        if len(finished) == 3:
            raise KeyboardInterrupt
        finished.append(run_id)
        return run(model, run_id, **settings)

    monkeypatch.setattr(experiment, "run", interrupted)
    with pytest.raises(KeyboardInterrupt):
        initialisation_study(seeds=1, epochs=1, **TINY)
    kept = {run_id: weights_path(run_id).stat().st_mtime_ns for run_id in finished}
    assert len(kept) == 3
    monkeypatch.setattr(experiment, "run", run)
    study = initialisation_study(seeds=1, epochs=1, **TINY)
    assert len(study["variants"]) == 7
    assert all(weights_path(run_id).stat().st_mtime_ns == then for run_id, then in kept.items())
