"""The search behind the best settings: what is changed, what is read, what is said of it."""

import json

import pytest

import main
from scripts.files.paths import check_run_id, weights_path
from scripts.files.runs import best_epoch, load_run
from scripts.files.studies import study_path
from scripts.studies import settings_search as search
from scripts.studies import variants as studies
from scripts.training import evaluation
from scripts.training.settings import check_settings

TINY = {
    "rnn": {"epochs": 2, "hidden_size": 4, "input_dropout": 0.0},
    "lstm": {"epochs": 2, "hidden_size": 3, "input_dropout": 0.0},
}
CHANGES = {"rnn": [{"hidden_size": 5}], "lstm": [{"lr": 0.3, "schedule": "linear"}]}


@pytest.fixture
def searched(data, monkeypatch):
    monkeypatch.setattr(search, "BEST", TINY)
    monkeypatch.setattr(search, "CHANGES", CHANGES)
    with monkeypatch.context() as patch:  # no test sentence is read
        patch.setattr(evaluation, "evaluate_run", None)
        patch.setattr(studies, "accuracy_on_test", None)
        return main.search(progress=False)


def test_each_candidate_is_the_best_settings_with_one_change(searched):
    assert json.loads(study_path("search").read_text(encoding="utf-8")) == searched
    expected = [("rnn", {}), ("rnn", {"hidden_size": 5}), ("lstm", {}), ("lstm", CHANGES["lstm"][0])]
    assert [(one["model"], one["change"]) for one in searched["candidates"]] == expected
    for one in searched["candidates"]:
        for seed, run_id in enumerate(one["runs"]):
            run = load_run(run_id)
            given = TINY[one["model"]] | one["change"] | {"seed": seed}
            assert run.settings["hyperparameters"] == check_settings(one["model"], given)
            best = best_epoch(run.history)
            assert one["best_epoch"][seed] == best["epoch"]
            assert one["validation_loss"][seed] == best["validation_loss"]
            assert one["validation_accuracy"][seed] == best["validation_accuracy"]
    assert searched["seeds"] == [0, 1]


def test_the_runs_of_the_best_settings_are_those_of_the_comparison(searched):
    assert searched["candidates"][0]["runs"] == ["study-rnn-best-s0", "study-rnn-best-s1"]
    before = weights_path("study-rnn-best-s0").read_bytes()
    compared = main.compare(seeds=2, name="best", of_model=TINY)
    assert compared["variants"][0]["runs"] == searched["candidates"][0]["runs"]
    assert weights_path("study-rnn-best-s0").read_bytes() == before


def test_the_table_names_every_change(searched, capsys):
    print(search.search_table(searched))
    printed = capsys.readouterr().out
    assert "RNN: its best settings" in printed
    assert "LSTM: lr=0.3, schedule='linear'" in printed
    loss = sum(searched["candidates"][3]["validation_loss"]) / 2
    assert f"{loss:.4f}" in printed


def test_every_change_is_one_and_can_be_trained():
    for model, changes in search.CHANGES.items():
        for change in changes:
            changed = check_settings(model, search.BEST[model] | change)
            assert changed != check_settings(model, search.BEST[model]), change
            check_run_id(f"study-{model}-{search.variant_name(change)}-s0")
        assert len({search.variant_name(change) for change in changes}) == len(changes)
