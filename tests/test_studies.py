"""The studies: what they write is what their runs say, measured a second way."""

import json

import numpy as np
import pytest

from scripts import artefacts, evaluation, experiment, preprocessing, probe, studies
from scripts.artefacts import StudyError
from tests.conftest import write_data

TINY = {"hidden_size": 5, "progress": False, "input_dropout": 0.0, "state_dropout": 0.0}


def written(name):
    """A study as it stands in its file."""
    return json.loads(studies.study_path(name).read_text(encoding="utf-8"))


def assert_provenance(study):
    data = artefacts.load_data()
    assert study["format_version"] == 1
    assert study["dataset"] == experiment.describe_data(data.manifest)
    assert study["versions"]["numpy"] == np.__version__
    assert study["seconds"] > 0


# Initialisations, and equal parameters ----------------------------------------------------------------------


@pytest.fixture(scope="module")
def initialisations(tmp_path_factory):
    """A study of initialisations, and the folder that it was made in."""
    root = tmp_path_factory.mktemp("study")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(artefacts, "ROOT", root)
        write_data()
        yield studies.initialisation_study(seeds=2, epochs=2, **TINY)


def test_initialisations_are_those_named_over_seeds(initialisations):
    assert written("initialisations") == initialisations
    assert_provenance(initialisations)
    settings = {}
    for variant in initialisations["variants"]:
        for seed, run_id in enumerate(variant["runs"]):
            run = artefacts.load_run(run_id)
            assert run.settings["model"] == variant["model"]
            assert run.settings["hyperparameters"]["seed"] == seed
            assert run.settings["hyperparameters"]["hidden_size"] == 5
            settings.setdefault(variant["model"], []).append(run.settings["hyperparameters"])
    assert [s["recurrent_init"] for s in settings["rnn"][::2]] == ["uniform", "orthogonal", "identity"]
    assert [s["forget_bias"] for s in settings["lstm"][::2]] == [0.0, 1.0, 2.0, "chrono"]
    assert len(artefacts.runs()) == 14


def test_initialisations_have_the_accuracies_and_decays_of_their_runs(initialisations):
    for variant in initialisations["variants"]:
        logs = [artefacts.read_log(run_id)[1] for run_id in variant["runs"]]
        best = [min(log, key=lambda epoch: epoch["validation_loss"]) for log in logs]
        assert variant["best_epoch"] == [record["epoch"] for record in best]
        assert variant["validation_accuracy"] == [record["validation_accuracy"] for record in best]
        assert variant["test_accuracy"] == [
            evaluation.evaluate_run(run_id)["accuracy"] for run_id in variant["runs"]
        ]
        assert set(variant["decay"]) == {"rnn": {"h"}, "lstm": {"h", "c"}}[variant["model"]]
        for state, moments in variant["decay"].items():
            for moment, records in (("before", [log[0] for log in logs]), ("after", best)):
                a, b = (record["gradients"][state]["decay"]["median"] for record in records)
                np.testing.assert_allclose(moments[moment]["low"], np.minimum(a, b), rtol=1e-6)
                np.testing.assert_allclose(moments[moment]["high"], np.maximum(a, b), rtol=1e-6)
                np.testing.assert_allclose(moments[moment]["median"], np.add(a, b) / 2, rtol=1e-6)
                assert moments[moment]["depth"] == list(range(1, 27))


def test_a_study_that_is_called_again_trains_nothing(initialisations, capsys):
    again = studies.initialisation_study(seeds=2, epochs=2, **TINY)
    assert again == initialisations
    assert capsys.readouterr().out.count("nothing to do") == 14


def test_equal_parameters_shares_runs_and_has_equal_parameters(initialisations):
    study = studies.equal_parameters(seeds=2, epochs=2, **TINY)
    assert written("equal-parameters") == study
    narrow, wide, lstm = study["variants"]
    by_name = {variant["name"]: variant for variant in initialisations["variants"]}
    assert narrow == by_name["orthogonal"]
    assert lstm == by_name["forget-1"]
    assert narrow["parameters"] < wide["parameters"]
    assert abs(wide["parameters"] - lstm["parameters"]) < 20
    assert len(artefacts.runs()) == 16


@pytest.mark.parametrize(("H", "D", "wide"), [(64, 100, 161), (64, 50, 148), (16, 100, 50), (1, 1, 2)])
def test_equal_width_is_the_nearest(H, D, wide):
    def rnn(n):
        return n * (D + n + 1) + n + 1

    target = 4 * H * (D + H + 1) + H + 1
    assert studies.equal_width(H, D) == wide
    assert min(range(1, 400), key=lambda n: abs(rnn(n) - target)) == wide


def test_table_names_every_variant(initialisations):
    lines = studies.variants_table(initialisations).split("\n")
    for line, variant in zip(lines[2:], initialisations["variants"], strict=True):
        assert line.split()[:3] == [variant["model"].upper(), variant["name"], str(variant["parameters"])]
        assert f"{100 * np.mean(variant['test_accuracy']):.1f} (" in line
        depth = initialisations["sentences"]["shortest"]
        assert f"{variant['decay']['h']['after']['median'][depth - 1]:.1e}" in line


# The last k words -------------------------------------------------------------------------------------------


def test_memory_reads_the_last_k_words_only(initialisations):
    runs = "study-rnn-orthogonal-s0", "study-lstm-forget-1-s0"
    study = studies.memory_study(*runs, progress=False)
    assert written("memory") == study
    assert_provenance(study)
    test = artefacts.load_data().splits["test"]
    sentences = np.split(test.x, np.cumsum(test.s)[:-1])
    assert study["k"] == list(range(1, 27))
    assert study["longer"] == [sum(len(words) > k for words in sentences) for k in study["k"]]
    for described, run_id in zip(study["models"], runs, strict=True):
        model, _, _ = evaluation.load_model(run_id)
        for k in (1, 3, 26):
            z = [model.forward(words[-k:], np.ones(min(k, len(words)), int))[0] for words in sentences]
            assert described["accuracy"][k - 1] == np.mean((np.array(z) > 0) == test.y)
        assert described["accuracy"][-1] == evaluation.evaluate_run(run_id)["accuracy"]
        enough, whole = described["enough"], described["accuracy"][-1]
        assert all(
            value >= whole - described["standard_error"] for value in described["accuracy"][enough - 1 :]
        )
        assert enough == 1 or described["accuracy"][enough - 2] < whole - described["standard_error"]
    assert study["baselines"]["counts"][-1] > 0.8  # more "good" than "bad" is a question of counts


def test_enough_words_are_those_from_which_on_all_is_within_a_standard_error():
    settings = {"model": "rnn", "hyperparameters": {"hidden_size": 5}}
    run = artefacts.Run(settings, [{"epoch": 0, "validation_loss": 1.0}], [], {}, {})
    described = studies.describe_memory("a-run", run, [0.5, 0.8, 0.7, 0.77, 0.8], 100)
    assert described["standard_error"] == pytest.approx(0.04)
    assert described["enough"] == 4


def test_word_counts_know_no_order(data):
    counts = studies.word_counts(data.splits["test"], len(data.vocabulary)).toarray()
    test = data.splits["test"]
    for row, words in enumerate(np.split(test.x, np.cumsum(test.s)[:-1])):
        np.testing.assert_array_equal(counts[row], np.bincount(words, minlength=len(data.vocabulary)))


# The probe --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def probed(tmp_path_factory):
    """A study of a small probe."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(artefacts, "ROOT", tmp_path_factory.mktemp("probe"))
        patch.setattr(probe, "SIZES", {"train": 1000, "validation": 100})
        patch.setattr(probe, "TEST_SENTENCES", 20)
        preprocessing.preprocess(dataset="probe", embeddings="custom", dimensions=30, probe_longest=6)
        yield studies.probe_study(seeds=2, epochs=5, lr=0.01, hidden_size=12, progress=False)


def test_probe_has_accuracy_at_each_distance(probed):
    assert written("probe-even") == probed
    assert_provenance(probed)
    assert probed["distances"] == [2, 3, 4, 5, 6]
    assert probed["sentences"] == 20
    for described in probed["models"]:
        for run_id, right, fails in zip(
            described["runs"], described["accuracy"], described["fails_at"], strict=True
        ):
            metrics = evaluation.evaluate_run(run_id)
            assert np.mean(right) == pytest.approx(metrics["accuracy"])
            below = [d for d, score in zip(probed["distances"], right, strict=True) if score < 0.75]
            assert fails == (below[0] if below else None)


def test_a_short_probe_is_learnt(probed):
    """The task can be learnt at all: with cues so near, both models remember."""
    for described in probed["models"]:
        assert np.max(described["accuracy"]) > 0.9
        assert np.mean(np.max(described["accuracy"], axis=0)) > 0.8


def test_gradient_at_the_cue_is_that_of_its_step(kind, probed):
    """Against a sentence at a time, in float64, its norms by step."""
    described = next(model for model in probed["models"] if model["model"] == kind)
    model, data, run = evaluation.load_model(described["runs"][0])
    wide = experiment.build_model(
        kind, run.settings["hyperparameters"], data.embeddings.astype(float), np.float64
    )
    wide.theta[:] = model.theta
    test = data.splits["test"]
    distances = probe.cue_distances(test, data.vocabulary)
    found = studies.gradient_at_cue(model, test, distances)
    for row in (0, 17, 99):
        words = np.split(test.x, np.cumsum(test.s)[:-1])[row]
        assert data.vocabulary[words[-distances[row] - 2]] == probe.MARKER
        wide.forward(words, np.ones(len(words), int))
        norms = {
            t: [np.linalg.norm(d) for d in derivatives] for t, *derivatives in wide.through_time(np.ones(1))
        }
        cue, last = norms[len(words) - 1 - distances[row]], norms[len(words) - 1]
        for state, at_cue, at_end in zip(wide.states, cue, last, strict=True):
            assert found[state][row] == pytest.approx(np.log10(at_cue / at_end), abs=1e-4)


def test_gradients_are_those_before_training_and_at_the_best_epoch(probed):
    data = artefacts.load_data()
    test = data.splits["test"]
    distances = probe.cue_distances(test, data.vocabulary)
    for described in probed["models"]:
        medians = {"before": [], "after": []}
        for run_id in described["runs"]:
            model, _, run = evaluation.load_model(run_id)
            settings = run.settings["hyperparameters"]
            fresh = experiment.build_model(described["model"], settings, data.embeddings)
            for moment, weights in (("before", fresh), ("after", model)):
                medians[moment].append(studies.gradient_at_cue(weights, test, distances)["h"][distances == 6])
        for moment, seeds in medians.items():
            expected = np.quantile(np.concatenate(seeds), 0.5, method="nearest")
            assert described["gradient"]["h"][moment]["median"][-1] == pytest.approx(expected, rel=1e-6)


def test_quartiles_pool_the_seeds_and_leave_out_what_is_exactly_0():
    seeds = [np.array([1.0, 9.0, 3.0]), np.array([2.0, -np.inf, -np.inf])]
    at = studies.quartiles_at(seeds, np.array([5, 7, 5]), np.array([5, 7]))
    assert at["median"][0] in (1.0, 2.0)
    assert at["q75"] == [2.0, 9.0]
    assert at["q25"][1] is None


def test_probe_table_says_where_each_model_fails(probed):
    text = studies.probe_table(probed)
    for described in probed["models"]:
        assert f"{described['model'].upper()} fails (below 75%) from d = " in text
    assert studies.fails_at(np.array([2, 3, 4]), [1.0, 0.7, 0.8]) == 3
    assert studies.fails_at(np.array([2, 3, 4]), [1.0, 0.75, 0.8]) is None


# Bad input, interruption ------------------------------------------------------------------------------------


def test_probe_study_refuses_other_data(data):
    with pytest.raises(StudyError, match="not the cue-distance probe"):
        studies.probe_study(seeds=1, epochs=1, **TINY)
    assert not artefacts.runs()


def test_settings_are_checked_before_the_first_training(data):
    for given, message in (
        ({"seeds": 0}, "seeds=0"),
        ({"lr": -1}, "lr=-1"),
        ({"units": 4}, "unknown setting"),
    ):
        with pytest.raises(StudyError, match=message):
            studies.initialisation_study(**{"epochs": 1, **TINY, **given})
    assert not artefacts.runs()


def test_a_study_without_gradients_is_refused(data):
    with pytest.raises(StudyError, match="recorded no gradients"):
        studies.equal_parameters(seeds=1, epochs=1, gradients=False, **TINY)
    assert not studies.study_path("equal-parameters").exists()


def test_memory_study_names_a_missing_run(data):
    with pytest.raises(StudyError, match="no run 'nowhere'"):
        studies.memory_study("nowhere", progress=False)


def test_an_interrupted_study_continues(data, monkeypatch):
    run, finished = experiment.run, []

    def interrupted(model, run_id, **settings):
        if len(finished) == 3:
            raise KeyboardInterrupt
        finished.append(run_id)
        return run(model, run_id, **settings)

    monkeypatch.setattr(experiment, "run", interrupted)
    with pytest.raises(KeyboardInterrupt):
        studies.equal_parameters(seeds=2, epochs=1, **TINY)
    kept = {run_id: artefacts.weights_path(run_id).stat().st_mtime_ns for run_id in finished}
    assert len(kept) == 3
    monkeypatch.setattr(experiment, "run", run)
    study = studies.equal_parameters(seeds=2, epochs=1, **TINY)
    assert len(study["variants"]) == 3
    assert all(artefacts.weights_path(run_id).stat().st_mtime_ns == then for run_id, then in kept.items())
