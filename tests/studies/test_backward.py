"""The study of changed backward passes: what is trained, what is compared, and what the table concludes."""

import pytest

import main
from scripts.files.errors import UserError
from scripts.files.runs import load_run
from scripts.studies.backward import BOTH, OF_LSTM, backward_study, backward_table
from scripts.studies.statistics import smallest_enough
from tests.studies.helpers import assert_provenance, written

TINY = {"progress": False, "of_model": {model: {"epochs": 1, "hidden_size": 3} for model in ("rnn", "lstm")}}
CHANGED = ["full", "truncate-1", "h-detach", "gates-x"]


def test_each_model_gets_the_changes_that_it_can_have(data):
    study = backward_study(2, backward=CHANGED, **TINY)
    assert written("backward") == study
    assert_provenance(study)
    labels = [one["label"] for one in study["variants"]]
    assert labels == [
        *("RNN, full", "RNN, truncate-1"),
        *("LSTM, full", "LSTM, truncate-1", "LSTM, h-detach", "LSTM, gates-x"),
    ]
    trained = [load_run(one["runs"][0]).settings["hyperparameters"] for one in study["variants"]]
    assert [one["backward"] for one in trained] == [*CHANGED[:2], *CHANGED[:3], "full"]
    assert trained[-1]["gate_inputs"] == "x"
    assert [(found["of"], found["minus"]) for found in study["differences"]] == [
        ("RNN, truncate-1", "RNN, full"),
        ("LSTM, full", "RNN, full"),
        ("LSTM, truncate-1", "LSTM, full"),
        ("LSTM, h-detach", "LSTM, full"),
        ("LSTM, h-detach", "RNN, full"),
        ("LSTM, gates-x", "LSTM, full"),
        ("LSTM, gates-x", "RNN, full"),
    ]
    text = backward_table(study)
    assert all(f"| {label} " in text for label in labels)


def test_what_the_study_varies_itself_is_refused(data):
    with pytest.raises(UserError, match="this study varies gate_inputs itself"):
        main.backward_study(1, gate_inputs="x")
    with pytest.raises(UserError, match="backward='truncate': expected one of full"):
        backward_study(1, backward=["truncate"], **TINY)


def test_every_change_is_one_that_training_knows(data):
    study = backward_study(1, name="all", **TINY)
    assert len(study["variants"]) == 2 * len(BOTH) + len(OF_LSTM) + 1
    assert not study["failed"]


@pytest.mark.parametrize(
    ("told", "of_sentences", "expected"),
    [([], [], 0), ([0, 1], [], 2), ([], [0, 1, 2], 3), ([20], [], None), ([0, 5], [1], 10)],
)
def test_the_smallest_k_that_is_enough_holds_for_all_larger_ones(told, of_sentences, expected):
    differences = [
        {
            "of": f"RNN, truncate-{K}",
            "minus": "RNN, full",
            "test_accuracy": {"mean": -0.02, "p": 0.01 if K in told else 0.2},
            "sentences_error": 0.005 if K in of_sentences else 0.02,
        }
        for K in (0, 1, 2, 3, 5, 10, 20)
    ]
    assert smallest_enough({"differences": differences}, "rnn") == expected
    assert smallest_enough({"differences": differences}, "lstm") is None
    for found in differences:
        found["test_accuracy"]["mean"] = 0.02  # better than full training
    assert smallest_enough({"differences": differences}, "rnn") == 0
    differences[-1]["test_accuracy"]["p"] = None  # of one seed
    assert smallest_enough({"differences": differences}, "rnn") is None
