"""Settings: what is refused, and that each is declared once."""

import inspect
from dataclasses import fields

import pytest

import lstm.model
import rnn.model
from scripts.files.errors import UserError
from scripts.files.paths import log_path
from scripts.training import experiment, settings
from scripts.training.experiment import CLASSIFIERS
from scripts.training.settings import ALONE, Settings, check_settings, model_options, settings_table


def run(kind, run_id="a-run", **chosen):
    small = {"epochs": 1, "hidden_size": 8, "batch_size": 16}
    return experiment.run(kind, run_id, progress=False, **(small | chosen))


@pytest.mark.parametrize(
    "setting",
    [
        {"epochs": 0},
        {"epochs": 2.5},
        {"epochs": True},
        {"lr": 0},
        {"lr": -0.1},
        {"lr": float("nan")},
        {"lr": float("inf")},
        {"lr": "fast"},
        {"hidden_size": 0},
        {"batch_size": 0},
        {"threads": 1},
        {"workers": 0},
        {"workers": 65},
        {"workers": True},
        {"clip_norm": -1},
        {"weight_decay": -0.01},
        {"averaging": 1.0},
        {"length_weight": 11},
        {"schedule": "step"},
        {"input_dropout": 1.0},
        {"state_dropout": -0.1},
        {"recurrent_init": "zeros"},
        {"input_init": None},
        {"seed": -1},
        {"gradients": 1},
        {"learning_rate": 0.1},
    ],
)
def test_settings_out_of_range_are_refused_by_name(data, setting):
    with pytest.raises(UserError) as error:
        run("rnn", **setting)
    (name,) = setting
    assert name in str(error.value)
    assert "\n" not in str(error.value)
    assert not log_path("a-run").exists()


def test_forget_bias_is_the_lstms_alone(data):
    with pytest.raises(UserError, match="forget_bias"):
        run("rnn", forget_bias=1.0)
    for bias in (float("nan"), "high", None):
        with pytest.raises(UserError, match="forget_bias"):
            run("lstm", forget_bias=bias)
    run("lstm", "two", forget_bias=2)
    run("lstm", "chrono", forget_bias="chrono", chrono_steps=20)


def test_defaults_are_allowed_and_complete(kind):
    complete = check_settings(kind, {})
    names = [field.name for field in fields(Settings)]
    assert list(complete) == [name for name in names if name in complete]
    assert set(names) - set(complete) == {*ALONE["rnn" if kind == "lstm" else "lstm"]}
    assert check_settings(kind, complete) == complete


@pytest.mark.parametrize("model", [rnn.model, lstm.model])
def test_initialisations_are_those_of_the_models(model):
    assert tuple(model.RECURRENT_INITS) == settings.RECURRENT_INITS
    assert tuple(model.INPUT_INITS) == settings.INPUT_INITS


def test_the_options_of_a_model_are_all_the_arguments_of_its_class(kind):
    """The embeddings, the size, the generator and the type are passed separately."""
    arguments = set(inspect.signature(CLASSIFIERS[kind]).parameters)
    options = model_options(kind, check_settings(kind, {}))
    assert arguments - {"embeddings", "hidden_size", "rng", "dtype"} == set(options)


def test_table_has_a_row_for_each_setting_with_its_default():
    head, rule, *rows = settings_table().splitlines()
    assert head.count("|") == rule.count("|") == 5
    assert [row.split("|")[1].strip(" `") for row in rows] == [field.name for field in fields(Settings)]
    for row, field in zip(rows, fields(Settings), strict=True):
        assert row.count("|") == 5
        assert row.split("|")[2].strip(" `") == repr(field.default)
