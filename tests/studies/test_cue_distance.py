"""The cue-distance probe: accuracies and gradients, measured a second way."""

from itertools import chain
from types import SimpleNamespace

import numpy as np
import pytest

from scripts import preprocessing
from scripts.files import paths
from scripts.files.data import load_data
from scripts.files.errors import UserError
from scripts.files.runs import existing_runs, load_run
from scripts.studies import cue_distance
from scripts.studies.cue_distance import (
    fails_at,
    gradient_at_cue,
    measure_probe,
    probe_study,
    probe_table,
    quartiles_at,
    stalled,
)
from scripts.studies.parallel import Planned
from scripts.text import cue_distance as task
from scripts.training import evaluation, experiment
from tests.studies.helpers import assert_provenance, written

STUDY = {"seeds": 2, "epochs": 6, "lr": 0.01, "hidden_size": 12, "variants": ("full", "h-detach")}
STUDY["progress"] = False
TINY = {"hidden_size": 5, "progress": False, "input_dropout": 0.0, "state_dropout": 0.0}


@pytest.fixture(scope="module")
def probed(tmp_path_factory):
    """A study of a small task."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(paths, "ROOT", tmp_path_factory.mktemp("probe"))
        patch.setattr(task, "SIZES", {"train": 1000, "validation": 100})
        patch.setattr(task, "TEST_SENTENCES", 20)
        preprocessing.preprocess(dataset="probe", embeddings="custom", dimensions=30, probe_longest=6)
        yield probe_study(**STUDY)


def test_probe_has_accuracy_at_each_distance(probed):
    assert written("cue-distance", "even") == probed
    assert_provenance(probed)
    assert probed["distances"] == [2, 3, 4, 5, 6]
    assert probed["sentences"] == {"decides_last": 10, "decides_first": 10}
    for described in probed["variants"]:
        for run_id, correct, correct_first, fails in zip(
            *(described[name] for name in ("runs", "accuracy", "accuracy_decides_first", "fails_at")),
            strict=True,
        ):
            metrics = evaluation.evaluate_run(run_id)
            assert np.mean([correct, correct_first]) == pytest.approx(metrics["accuracy"])
            below = [d for d, score in zip(probed["distances"], correct, strict=True) if score < 0.75]
            assert fails == (below[0] if below else None)


def test_whoever_reads_the_last_d_words_only_fails_the_main_measure_alone(probed, monkeypatch):
    """The opposite of a cue among the last d words: correct where the first cue decides, else chance."""
    data = load_data()
    test = data.splits["test"]
    distances = task.cue_distances(test, data.vocabulary)
    polarity = np.array([(word in task.CUES[1]) - (word in task.CUES[0]) for word in data.vocabulary])
    sentences = np.split(test.x, np.cumsum(test.s)[:-1])
    z = np.array([-polarity[x[len(x) - d :]].sum() for x, d in zip(sentences, distances, strict=True)])
    monkeypatch.setattr(cue_distance, "logits", lambda model, split: z)
    last, tested = task.decides_last(test, data.vocabulary), np.unique(distances)
    runs = probed["variants"][0]["runs"][:1]
    found = measure_probe(runs, distances, last, tested, progress=False)
    assert found["accuracy"] == [[0.5] * len(tested)]
    assert found["accuracy_decides_first"] == [[1.0] * len(tested)]
    assert found["fails_at"] == [2]


def test_the_probe_is_learnt_without_dropout(probed):
    for described in probed["variants"]:
        for run_id in described["runs"]:
            settings = load_run(run_id).settings["hyperparameters"]
            assert settings["input_dropout"] == settings["state_dropout"] == 0


def test_a_short_probe_is_learnt(probed):
    """The task can be learnt at all: with cues so near, both models remember."""
    for described in probed["variants"][:2]:
        assert np.max(described["accuracy"]) > 0.9
        assert np.mean(np.max(described["accuracy"], axis=0)) > 0.8


def test_each_variant_is_trained_with_its_own_settings(probed):
    assert [one["label"] for one in probed["variants"]] == ["RNN, full", "LSTM, full", "LSTM, h-detach"]
    for described in probed["variants"]:
        given = load_run(described["runs"][0]).settings["hyperparameters"]
        assert given["backward"] == ("h-detach" if described["name"] == "h-detach" else "full")
        assert (given["lr"], given["hidden_size"]) == (0.01, 12)


def history(*losses):
    return [{"train_loss": loss} for loss in losses]


def test_a_run_is_trained_until_its_loss_stalls():
    falling = [0.98**epoch for epoch in range(16)]
    assert not stalled(history(*falling))
    assert stalled(history(*falling[:11], *[falling[10] * 0.995] * 5))
    assert not stalled(history(*[0.7] * 15))  # a model may need some epochs before its loss falls at all
    assert stalled(history(*falling[:-1], 0.009))


def test_rounds_end_for_each_run_when_its_own_loss_stalls(probed, monkeypatch):
    """Of runs that stall after 5 and after 10 epochs; called again, nothing is trained."""
    trained = []

    def train(planned, dataset, **options):
        trained.append([(run.run_id, run.settings["epochs"]) for run in planned])
        for run in planned:
            epochs[run.run_id] = run.settings["epochs"]
        return {}

    epochs, ends = {}, {"quick": 5, "slow": 10, "never": 99}
    monkeypatch.setattr(cue_distance, "train", train)
    monkeypatch.setattr(cue_distance, "_trained", lambda run_id: epochs.get(run_id, 0))
    monkeypatch.setattr(
        cue_distance,
        "load_run",
        lambda run_id: SimpleNamespace(history=[ends[run_id]] * (epochs[run_id] + 1)),
    )
    monkeypatch.setattr(cue_distance, "stalled", lambda history: len(history) > history[0])
    planned = [Planned("rnn", run_id, {}) for run_id in ends]
    expected = [
        [("quick", 5), ("slow", 5), ("never", 5)],
        [("slow", 10), ("never", 10)],
        [("never", 12)],
    ]
    assert cue_distance._train_until_stalled(planned, {}, 12) == {}
    assert trained == expected
    trained.clear()
    cue_distance._train_until_stalled(planned, {}, 12)
    assert dict(chain.from_iterable(trained)) == {"quick": 5, "slow": 10, "never": 12}
    assert trained[0] == [("quick", 5), ("slow", 10), ("never", 12)]


def test_interrupted_rounds_end_with_the_same_runs(probed):
    again = probe_study(**STUDY)
    assert again == probed | {"seconds": again["seconds"]}
    assert [one["epochs"] for one in again["variants"]] == [[6, 6]] * 3
    assert not any(chain.from_iterable(one["converged"] for one in again["variants"]))


def test_gradient_at_the_cue_is_that_of_its_step(kind, probed):
    """Against a sentence at a time, in float64, its norms by step."""
    described = next(one for one in probed["variants"] if one["model"] == kind)
    model, data, run = evaluation.load_model(described["runs"][0])
    wide = experiment.build_model(
        kind, run.settings["hyperparameters"], data.embeddings.astype(float), np.float64
    )
    wide.theta[:] = model.theta
    test = data.splits["test"]
    distances = task.cue_distances(test, data.vocabulary)
    found = gradient_at_cue(model, test, distances)
    for row in (0, 17, 99):
        words = np.split(test.x, np.cumsum(test.s)[:-1])[row]
        assert data.vocabulary[words[-distances[row] - 2]] == task.MARKER
        wide.forward(words, np.ones(len(words), int))
        norms = {
            t: [np.linalg.norm(d) for d in derivatives] for t, *derivatives in wide.through_time(np.ones(1))
        }
        cue, last = norms[len(words) - 1 - distances[row]], norms[len(words) - 1]
        for state, at_cue, at_end in zip(wide.states, cue, last, strict=True):
            assert found[state][row] == pytest.approx(np.log10(at_cue / at_end), abs=1e-4)


def test_gradients_are_those_before_training_and_at_the_best_epoch(probed):
    data = load_data()
    test = data.splits["test"]
    distances = task.cue_distances(test, data.vocabulary)
    at_6 = (distances == 6) & task.decides_last(test, data.vocabulary)
    for described in probed["variants"]:
        medians = {"before": [], "after": []}
        for run_id in described["runs"]:
            model, _, run = evaluation.load_model(run_id)
            settings = run.settings["hyperparameters"]
            fresh = experiment.build_model(described["model"], settings, data.embeddings)
            for moment, weights in (("before", fresh), ("after", model)):
                medians[moment].append(gradient_at_cue(weights, test, distances)["h"][at_6])
        for moment, seeds in medians.items():
            expected = np.quantile(np.concatenate(seeds), 0.5, method="nearest")
            assert described["gradient"]["h"][moment]["median"][-1] == pytest.approx(expected, rel=1e-6)


def test_quartiles_pool_the_seeds_and_leave_out_what_is_exactly_0():
    seeds = [np.array([1.0, 9.0, 3.0]), np.array([2.0, -np.inf, -np.inf])]
    at = quartiles_at(seeds, np.array([5, 7, 5]), np.array([5, 7]))
    assert at["median"][0] in (1.0, 2.0)
    assert at["q75"] == [2.0, 9.0]
    assert at["q25"][1] is None


def test_probe_table_says_where_each_model_fails(probed):
    text = probe_table(probed)

    def cells(label):
        row = next(line for line in text.split("\n") if line.startswith(f"| {label} "))
        return [cell.strip() for cell in row.split("|")[2:-1]]

    for described in probed["variants"]:
        middle = 100 * np.median(described["accuracy"], axis=0)
        fails = ["–" if d is None else str(d) for d in described["fails_at"]]
        expected = [", ".join(fails), "6*, 6*", *(f"{value:.0f}" for value in middle)]
        assert cells(described["label"]) == expected
    middle = 100 * np.median(probed["variants"][1]["accuracy_decides_first"], axis=0)
    assert cells("LSTM correct, %, first cue decides") == [f"{value:.0f}" for value in middle]
    assert fails_at(np.array([2, 3, 4]), [1.0, 0.7, 0.8]) == 3
    assert fails_at(np.array([2, 3, 4]), [1.0, 0.75, 0.8]) is None


def test_probe_study_refuses_other_data(data):
    with pytest.raises(UserError, match="not the cue-distance probe"):
        probe_study(seeds=1, epochs=1, **TINY)
    assert not existing_runs()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"backward": "h-detach"}, "this study varies backward itself"),
        ({"variants": ("full", "odd")}, "variants=.*: expected some of full, truncate-10"),
        ({"variants": ()}, "variants=.*: expected some of"),
        (
            {"schedule": "linear"},
            "schedule='linear': no schedule knows in advance when .* stalls: leave it out",
        ),
    ],
)
def test_the_probe_study_refuses_what_it_can_not_do(data, given, message):
    with pytest.raises(UserError, match=message):
        probe_study(seeds=1, **TINY, **given)


def test_the_probe_study_refuses_a_seed(data):
    with pytest.raises(UserError, match="seed=4: this study varies seed itself"):
        probe_study(seeds=1, seed=4, **TINY)
