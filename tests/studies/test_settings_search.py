"""The search behind the best settings: what is changed, what is read, what is said of it."""

import pytest

import main
from scripts.files.paths import check_run_id, weights_path
from scripts.files.runs import best_epoch, existing_runs, load_run
from scripts.studies import settings_search, variants
from scripts.training import evaluation
from scripts.training.settings import check_settings
from tests.studies.helpers import written

TINY = {
    "rnn": {"epochs": 2, "hidden_size": 4, "input_dropout": 0.0},
    "lstm": {"epochs": 2, "hidden_size": 3, "input_dropout": 0.0},
}
CHANGES = {"rnn": [{"hidden_size": 5}], "lstm": [{"lr": 0.3, "schedule": "linear"}]}


@pytest.fixture
def searched(data, monkeypatch):
    monkeypatch.setattr(settings_search, "BEST", TINY)
    monkeypatch.setattr(settings_search, "CHANGES", CHANGES)
    with monkeypatch.context() as patch:  # no test sentence is read
        patch.setattr(evaluation, "evaluate_run", None)
        patch.setattr(variants, "correct_on_test", None)
        return main.search(progress=False)


def test_each_variant_is_the_best_settings_with_one_change(searched):
    assert written("search") == searched
    expected = [("rnn", {}), ("rnn", {"hidden_size": 5}), ("lstm", {}), ("lstm", CHANGES["lstm"][0])]
    for variant, (model, change) in zip(searched["variants"], expected, strict=True):
        assert (variant["model"], variant["settings"]) == (model, TINY[model] | change)
        for seed, run_id in enumerate(variant["runs"]):
            run = load_run(run_id)
            given = TINY[model] | change | {"seed": seed}
            assert run.settings["hyperparameters"] == check_settings(model, given)
            best = best_epoch(run.history)
            assert variant["best_epoch"][seed] == best["epoch"]
            assert variant["validation_loss"][seed] == best["validation_loss"]
            assert variant["validation_accuracy"][seed] == best["validation_accuracy"]
    assert (searched["seeds"], searched["kind"], searched["of_model"]) == ([0, 1], "search", TINY)


def test_nothing_of_the_test_split_is_told(searched):
    assert searched["standard_error"] is None
    for variant in searched["variants"]:
        assert variant["test_accuracy"] is variant["intervals"]["test_accuracy"] is None


def test_a_comparison_of_the_best_settings_takes_no_run_of_the_search(searched):
    assert searched["variants"][0]["runs"] == ["search-default-rnn-best-s0", "search-default-rnn-best-s1"]
    before = {run_id: weights_path(run_id).read_bytes() for run_id in existing_runs()}
    compared = main.compare(seeds=2, name="best", of_model=TINY | {"rnn": TINY["rnn"] | {"lr": 0.1}})
    assert compared["variants"][0]["runs"] == ["comparison-best-rnn-s0", "comparison-best-rnn-s1"]
    assert {run_id: weights_path(run_id).read_bytes() for run_id in before} == before


def test_the_table_names_every_change(searched):
    table = variants.variants_table(searched)
    assert "RNN, its best settings" in table
    assert "LSTM, lr=0.3, schedule='linear'" in table
    loss = sum(searched["variants"][3]["validation_loss"]) / 2
    assert f"{loss:.4f}" in table


def test_every_change_is_one_and_can_be_trained():
    for variant in settings_search.planned():
        check_run_id(f"search-default-{variant.model}-{variant.name}-s0")
        best = check_settings(variant.model, settings_search.BEST[variant.model])
        changed = check_settings(variant.model, settings_search.BEST[variant.model] | variant.settings)
        assert (changed == best) == (variant.name == "best"), variant.name
    names = [(variant.model, variant.name) for variant in settings_search.planned()]
    assert len(set(names)) == len(names)
