"""The studies: what they write is what their runs say, measured a second way."""

import json
import re

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from scripts import preprocessing
from scripts.files import paths
from scripts.files.data import describe_data, load_data
from scripts.files.errors import UserError
from scripts.files.paths import weights_path
from scripts.files.runs import Run, existing_runs, load_run, read_log
from scripts.files.storage import write_json
from scripts.files.studies import study_path
from scripts.studies import cue_distance as cue_distance_module
from scripts.studies import last_words as last_words_module
from scripts.studies import variants as studies
from scripts.studies.cue_distance import (
    fails_at,
    gradient_at_cue,
    measure_probe,
    probe_study,
    probe_table,
    quartiles_at,
)
from scripts.studies.last_words import describe_memory, memory_study, memory_table, word_counts
from scripts.studies.words import describe_epochs, describe_failure, describe_gradient_there, epochs_of
from scripts.text import cue_distance as probe
from scripts.training import evaluation, experiment
from tests.conftest import write_data

TINY = {"hidden_size": 5, "progress": False, "input_dropout": 0.0, "state_dropout": 0.0}


def written(name):
    """A study as it stands in its file."""
    return json.loads(study_path(name).read_text(encoding="utf-8"))


def assert_provenance(study):
    data = load_data()
    assert study["format_version"] == 1
    assert study["dataset"] == describe_data(data.manifest)
    assert study["versions"]["numpy"] == np.__version__
    assert study["seconds"] > 0


# Initialisations, and equal parameters ----------------------------------------------------------------------


@pytest.fixture(scope="module")
def initialisations(tmp_path_factory):
    """A study of initialisations, and the folder that it was made in."""
    root = tmp_path_factory.mktemp("study")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(paths, "ROOT", root)
        write_data()
        yield studies.initialisation_study(seeds=2, epochs=2, **TINY)


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
        assert set(variant["decay"]) == {"rnn": {"h"}, "lstm": {"h", "c"}}[variant["model"]]
        for state, moments in variant["decay"].items():
            for moment, records in (("before", [log[0] for log in logs]), ("after", best)):
                a, b = (record["gradients"][state]["decay"]["median"] for record in records)
                np.testing.assert_allclose(moments[moment]["low"], np.minimum(a, b), rtol=1e-6)
                np.testing.assert_allclose(moments[moment]["high"], np.maximum(a, b), rtol=1e-6)
                np.testing.assert_allclose(moments[moment]["median"], np.add(a, b) / 2, rtol=1e-6)
                assert moments[moment]["depth"] == list(range(1, 27))


def test_the_standard_error_is_that_of_the_test_split(initialisations):
    p = np.mean([variant["test_accuracy"] for variant in initialisations["variants"]])
    test = load_data().splits["test"]
    assert initialisations["standard_error"] == pytest.approx(np.sqrt(p * (1 - p) / len(test.y)))


def test_nulls_survive_over_seeds(study_root):
    decays = [
        {"depth": [1, 2, 3], "count": [9, 9, 4], "median": m} for m in ([1, 0.5, None], [1, None, None])
    ]
    found = studies.over_seeds(decays)
    for name in ("median", "low", "high"):
        assert found[name] == [1, 0.5, None]
    write_json(study_path("nulls"), found)
    assert written("nulls") == found


def test_a_study_that_is_called_again_trains_nothing(initialisations, capsys):
    again = studies.initialisation_study(seeds=2, epochs=2, **TINY)
    assert again == initialisations
    assert "14 of 14 runs are finished" in capsys.readouterr().out


def test_equal_parameters_shares_runs_and_has_equal_parameters(initialisations):
    study = studies.equal_parameters(seeds=2, epochs=2, **TINY)
    assert written("equal-parameters") == study
    narrow, wide, lstm = study["variants"]
    by_name = {variant["name"]: variant for variant in initialisations["variants"]}
    assert narrow == by_name["orthogonal"]
    assert lstm == by_name["forget-1"]
    assert narrow["parameters"] < wide["parameters"]
    assert abs(wide["parameters"] - lstm["parameters"]) < 20
    assert len(existing_runs()) == 16


def test_initialisations_of_models_with_settings_of_their_own(initialisations):
    """Beside the runs of the default settings, and the study's own settings come before the model's."""
    of_model = {"rnn": {"lr": 0.003}, "lstm": {"epochs": 1, "forget_bias": "chrono"}}
    before = existing_runs()
    study = studies.initialisation_study(seeds=1, of_model=of_model, **TINY)
    assert written("initialisations") == study
    own = of_model | {"lstm": {"epochs": 1}}  # less what the study varies itself
    assert (study["of_model"], study["epochs"]) == (own, studies.EPOCHS)
    for variant in study["variants"]:
        (run_id,) = variant["runs"]
        assert run_id not in before
        settings = load_run(run_id).settings["hyperparameters"]
        assert settings | variant["settings"] == settings
        assert settings["epochs"] == epochs_of(study, variant["model"])
        assert settings["lr"] == (0.003 if variant["model"] == "rnn" else 0.002)
    biases = [v["settings"]["forget_bias"] for v in study["variants"] if v["model"] == "lstm"]
    assert biases == [0.0, 1.0, 2.0, "chrono"]
    header, of_rnn, of_lstm, _, *lines = studies.variants_table(study).split("\n")
    assert "1 seed, 8 epochs (RNN), 1 (LSTM);" in header
    assert (of_rnn, of_lstm) == ("RNN: lr=0.003", "LSTM: epochs=1")
    assert [line.split()[1] for line in lines] == [*studies.RNN, *studies.LSTM]
    write_json(study_path("initialisations"), initialisations)


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
    study = memory_study(*runs, progress=False)
    assert written("memory") == study
    assert_provenance(study)
    test = load_data().splits["test"]
    sentences = np.split(test.x, np.cumsum(test.s)[:-1])
    assert study["k"] == list(range(1, 27))
    assert study["longer"] == [sum(len(words) > k for words in sentences) for k in study["k"]]
    for described, run_id in zip(study["models"], runs, strict=True):
        model, _, _ = evaluation.load_model(run_id)
        for k in (1, 3, 26):
            z = [model.forward(words[-k:], np.ones(min(k, len(words)), int))[0] for words in sentences]
            assert described["accuracy"][0][k - 1] == np.mean((np.array(z) > 0) == test.y)
        assert described["accuracy"][0][-1] == evaluation.evaluate_run(run_id)["accuracy"]
        assert described["runs"] == [run_id]
    assert study["baselines"]["counts"][-1] > 0.8  # more "good" than "bad" is a question of counts


def test_baselines_are_taken_from_the_training_split(initialisations, monkeypatch):
    """The label train has more of, and counts fitted on train: where test is unlike it, both do badly."""
    load_model = last_words_module.load_model

    def load_unlike(run_id):
        model, data, run = load_model(run_id)
        train, test = data.splits["train"], data.splits["test"]
        splits = data.splits | {
            "train": train._replace(y=np.arange(len(train.y)) % 10 == 0),
            "test": test._replace(y=np.arange(len(test.y)) % 3 > 0),
        }
        return model, data._replace(splits=splits), run

    monkeypatch.setattr(last_words_module, "load_model", load_unlike)
    runs = "study-rnn-orthogonal-s0", "study-lstm-forget-1-s0"
    baselines = memory_study(*runs, progress=False)["baselines"]
    data = load_unlike(runs[0])[1]
    assert baselines["majority"] == np.mean(data.splits["test"].y == 0) == pytest.approx(1 / 3)

    def counts(split):
        sentences = np.split(split.x, np.cumsum(split.s)[:-1])
        return np.array([np.bincount(words, minlength=len(data.vocabulary)) for words in sentences])

    train, test = data.splits["train"], data.splits["test"]
    fitted = LogisticRegression(max_iter=300).fit(counts(train), train.y)
    assert baselines["counts"][-1] == fitted.score(counts(test), test.y) < 0.5


def test_memory_takes_an_rnn_and_an_lstm(initialisations):
    rnn, lstm = "study-rnn-orthogonal-s0", "study-lstm-forget-1-s0"
    for runs, message in (
        ((lstm, rnn), f"run '{lstm}' is one of the LSTM, expected the RNN"),
        ((rnn, rnn), f"run '{rnn}' is one of the RNN, expected the LSTM"),
        ((rnn, "study-rnn-uniform-s0"), "run 'study-rnn-uniform-s0' is one of the RNN"),
    ):
        with pytest.raises(UserError, match=message) as error:
            memory_study(*runs, progress=False)
        assert "\n" not in str(error.value)


def test_memory_takes_several_seeds_of_one_recipe(initialisations):
    seeds = [[f"study-{variant}-s{seed}" for seed in (0, 1)] for variant in ("rnn-uniform", "lstm-forget-0")]
    study = memory_study(*seeds, progress=False)
    alone = [memory_study(*pair, progress=False) for pair in zip(*seeds, strict=True)]
    for place, described in enumerate(study["models"]):
        assert described["runs"] == seeds[place]
        for seed in (0, 1):
            assert described["accuracy"][seed] == alone[seed]["models"][place]["accuracy"][0]
            assert described["best_epoch"][seed] == alone[seed]["models"][place]["best_epoch"][0]
    heads, rnn, _, counts = memory_table(study).splitlines()
    assert heads.split()[-2:] == ["20", "26"]
    assert "2 seeds" in rnn
    assert rnn.split()[-1] == f"{100 * np.mean([right[-1] for right in study['models'][0]['accuracy']]):.1f}"
    assert counts.split()[-1] == f"{100 * study['baselines']['counts'][-1]:.1f}"
    mixed = ["study-rnn-uniform-s0", "study-rnn-orthogonal-s1"]
    with pytest.raises(UserError, match="have other settings, expected the same but for the seed") as error:
        memory_study(mixed, seeds[1], progress=False)
    assert "\n" not in str(error.value)
    with pytest.raises(UserError, match="no run of the LSTM is named"):
        memory_study(seeds[0], [], progress=False)


def test_enough_words_are_those_from_which_on_the_mean_is_within_a_standard_error():
    settings = {"run_id": "a-run", "model": "rnn", "hyperparameters": {"hidden_size": 5}}
    run = Run(settings, [{"epoch": 0, "validation_loss": 1.0}], [], {}, {})
    right = np.array([0.5, 0.8, 0.73, 0.77, 0.9, 0.8])
    described = describe_memory([run, run], [right + 0.1, right - 0.1], 100)
    assert described["standard_error"] == pytest.approx(0.04)
    assert described["enough"] == 4
    assert describe_memory([run], [[0.8, 0.8]], 100)["enough"] == 1


def test_word_counts_know_no_order(data):
    counts = word_counts(data.splits["test"], len(data.vocabulary)).toarray()
    test = data.splits["test"]
    for row, words in enumerate(np.split(test.x, np.cumsum(test.s)[:-1])):
        np.testing.assert_array_equal(counts[row], np.bincount(words, minlength=len(data.vocabulary)))


# The probe --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def probed(tmp_path_factory):
    """A study of a small probe."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(paths, "ROOT", tmp_path_factory.mktemp("probe"))
        patch.setattr(probe, "SIZES", {"train": 1000, "validation": 100})
        patch.setattr(probe, "TEST_SENTENCES", 20)
        preprocessing.preprocess(dataset="probe", embeddings="custom", dimensions=30, probe_longest=6)
        yield probe_study(seeds=2, epochs=5, lr=0.01, hidden_size=12, progress=False)


def test_probe_has_accuracy_at_each_distance(probed):
    assert written("probe-even") == probed
    assert_provenance(probed)
    assert probed["distances"] == [2, 3, 4, 5, 6]
    assert probed["sentences"] == {"decides_last": 10, "decides_first": 10}
    for described in probed["models"]:
        for run_id, right, right_first, fails in zip(
            *(described[name] for name in ("runs", "accuracy", "accuracy_decides_first", "fails_at")),
            strict=True,
        ):
            metrics = evaluation.evaluate_run(run_id)
            assert np.mean([right, right_first]) == pytest.approx(metrics["accuracy"])
            below = [d for d, score in zip(probed["distances"], right, strict=True) if score < 0.75]
            assert fails == (below[0] if below else None)


def test_whoever_reads_the_last_d_words_only_fails_the_main_measure_alone(probed, monkeypatch):
    """The opposite of a cue among the last d words: right wherever the decider stands first, else chance."""
    data = load_data()
    test = data.splits["test"]
    distances = probe.cue_distances(test, data.vocabulary)
    polarity = np.array([(word in probe.CUES[1]) - (word in probe.CUES[0]) for word in data.vocabulary])
    sentences = np.split(test.x, np.cumsum(test.s)[:-1])
    z = np.array([-polarity[x[len(x) - d :]].sum() for x, d in zip(sentences, distances, strict=True)])
    monkeypatch.setattr(cue_distance_module, "logits", lambda model, split: z)
    last, tested = probe.decides_last(test, data.vocabulary), np.unique(distances)
    runs = probed["models"][0]["runs"][:1]
    with cue_distance_module.tqdm(disable=True) as bar:
        found = measure_probe(runs, distances, last, tested, bar)
    assert found["accuracy"] == [[0.5] * len(tested)]
    assert found["accuracy_decides_first"] == [[1.0] * len(tested)]
    assert found["fails_at"] == [2]


def test_the_probe_is_learnt_without_dropout(probed):
    for described in probed["models"]:
        for run_id in described["runs"]:
            settings = load_run(run_id).settings["hyperparameters"]
            assert settings["input_dropout"] == settings["state_dropout"] == 0


def test_a_short_probe_is_learnt(probed):
    """The task can be learnt at all: with cues so near, both models remember."""
    for described in probed["models"]:
        assert np.max(described["accuracy"]) > 0.9
        assert np.mean(np.max(described["accuracy"], axis=0)) > 0.8


def test_a_probe_of_models_with_settings_of_their_own(probed):
    of_model = {"rnn": {"hidden_size": 7, "epochs": 2}, "lstm": {"hidden_size": 3, "epochs": 1}}
    study = probe_study(seeds=1, of_model=of_model, overwrite=True, progress=False)
    for described in study["models"]:
        given = load_run(described["runs"][0]).settings["hyperparameters"]
        assert given | of_model[described["model"]] == given
        assert given["input_dropout"] == given["state_dropout"] == 0
    assert describe_epochs(study, ["rnn", "lstm"]) == "2 epochs (RNN), 1 (LSTM)"
    probe_study(seeds=2, epochs=5, lr=0.01, hidden_size=12, overwrite=True, progress=False)


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
    found = gradient_at_cue(model, test, distances)
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
    data = load_data()
    test = data.splits["test"]
    distances = probe.cue_distances(test, data.vocabulary)
    at_6 = (distances == 6) & probe.decides_last(test, data.vocabulary)
    for described in probed["models"]:
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
    for described in probed["models"]:
        name = described["model"].upper()
        assert f"{name} {describe_failure(probed, described)}: at d = " in text
        for order, right in (("last", "accuracy"), ("first", "accuracy_decides_first")):
            row = next(line for line in text.split("\n") if f"{name} right, %, decider {order}" in line)
            middle = 100 * np.median(described[right], axis=0)
            assert row.split()[-5:] == [f"{value:.0f}" for value in middle]
    assert fails_at(np.array([2, 3, 4]), [1.0, 0.7, 0.8]) == 3
    assert fails_at(np.array([2, 3, 4]), [1.0, 0.75, 0.8]) is None


@pytest.mark.parametrize(
    ("fails", "accuracy", "words"),
    [
        ([None, None], [[0.9] * 3] * 2, "does not fail up to d = 40"),
        ([3, 3], [[0.9, 0.7, 0.6]] * 2, "fails from d = 3 on"),
        ([3, 3], [[0.9, 0.7, 0.6], [0.9, 0.7, 0.8]], "first fails at d = 3"),
        ([3, None], [[0.9, 0.7, 0.6], [0.9] * 3], "first fails at d = 3, none (seed by seed)"),
    ],
)
def test_failure_in_words(fails, accuracy, words):
    study = {"distances": [2, 3, 40], "longest": 40, "failing": 0.75}
    assert describe_failure(study, {"fails_at": fails, "accuracy": accuracy}) == words


def test_gradient_where_a_model_fails_stands_beside_it():
    study = {"distances": [2, 3, 40]}
    gradient = {"h": {"before": {"median": [0, -0.5, -20.0]}, "after": {"median": [-0.1, -2.3, -3.5]}}}
    model = {"fails_at": [3, 3], "gradient": gradient}
    found = describe_gradient_there(study, model)
    assert found == "at d = 3, of ∂z/∂h 0.32 was left before training and 0.005 after"
    found = describe_gradient_there(study, model | {"fails_at": [None, 3]})
    assert found.count("at d = ") == 1
    gradient["h"]["before"]["median"][1] = None
    assert "∂z/∂h 0 was left before" in describe_gradient_there(study, model)
    found = describe_gradient_there(study, model | {"fails_at": [None, None]})
    assert found == "at d = 40, of ∂z/∂h 1e-20 was left before training and 3e-4 after"


# Bad input, interruption ------------------------------------------------------------------------------------


def test_probe_study_refuses_other_data(data):
    with pytest.raises(UserError, match="not the cue-distance probe"):
        probe_study(seeds=1, epochs=1, **TINY)
    assert not existing_runs()


def test_settings_are_checked_before_the_first_training(data):
    for given, message in (
        ({"seeds": 0}, "seeds=0"),
        ({"lr": -1}, "lr=-1"),
        ({"units": 4}, "unknown setting"),
    ):
        with pytest.raises(UserError, match=message):
            studies.initialisation_study(**{"epochs": 1, **TINY, **given})
    assert not existing_runs()


@pytest.mark.parametrize("study", [studies.initialisation_study, studies.equal_parameters])
@pytest.mark.parametrize(
    "given", [{"gradients": False}, {"seed": 4}, {"recurrent_init": "uniform"}, {"forget_bias": 2.0}]
)
def test_what_a_study_chooses_itself_is_refused_before_the_first_training(data, study, given):
    ((name, value),) = given.items()
    with pytest.raises(UserError, match=f"{name}={value!r}: ") as error:
        study(seeds=1, epochs=1, **TINY, **given)
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
        studies.initialisation_study(**given)
    assert existing_runs() == []


def test_the_probe_study_refuses_a_seed(data):
    with pytest.raises(UserError, match="seed=4: this study varies seed itself"):
        probe_study(seeds=1, seed=4, **TINY)


def test_memory_study_names_a_missing_run(data):
    with pytest.raises(UserError, match="no run 'nowhere'"):
        memory_study("nowhere", progress=False)


def test_an_interrupted_study_continues(data, monkeypatch):
    run, finished = experiment.run, []

    def interrupted(model, run_id, **settings):
        if len(finished) == 3:
            raise KeyboardInterrupt
        finished.append(run_id)
        return run(model, run_id, **settings)

    monkeypatch.setenv("LOKY_MAX_CPU_COUNT", "1")  # in this process, which has that other run()
    monkeypatch.setattr(experiment, "run", interrupted)
    with pytest.raises(KeyboardInterrupt):
        studies.equal_parameters(seeds=2, epochs=1, **TINY)
    kept = {run_id: weights_path(run_id).stat().st_mtime_ns for run_id in finished}
    assert len(kept) == 3
    monkeypatch.setattr(experiment, "run", run)
    study = studies.equal_parameters(seeds=2, epochs=1, **TINY)
    assert len(study["variants"]) == 3
    assert all(weights_path(run_id).stat().st_mtime_ns == then for run_id, then in kept.items())
