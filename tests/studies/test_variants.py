"""Variants over seeds: what is trained, what is said of it, and how it goes on after an interruption."""

import numpy as np
import pytest
from scipy import stats

import main
from scripts.files import paths
from scripts.files.data import data_checksum, load_manifest
from scripts.files.errors import UserError
from scripts.files.numbers import power_of_ten
from scripts.files.paths import assets_path, log_path, weights_path
from scripts.files.runs import existing_runs, load_run, read_log
from scripts.files.studies import study_path
from scripts.studies.comparison import compare_models
from scripts.studies.variants import over_seeds, remaining_at, variants_table
from scripts.training import evaluation, experiment
from tests.conftest import same_run, write_data
from tests.studies.helpers import assert_provenance, written

TINY = {"epochs": 2, "progress": False, "input_dropout": 0.0}


@pytest.fixture(scope="module")
def compared(tmp_path_factory):
    """A comparison over a grid, trained by two processes, and the folder that it was made in."""
    root = tmp_path_factory.mktemp("compared")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(paths, "ROOT", root)
        write_data()
        yield compare_models(seeds=3, hidden_size=(4, 6), forget_bias=(0.0, 1.0), jobs=2, **TINY)


def test_the_grid_is_that_of_all_values_and_seeds(compared):
    assert written("comparison", "compare") == compared
    assert_provenance(compared)
    assert (compared["kind"], compared["failed"]) == ("comparison", {})
    assert compared["shared"] == {"epochs": 2, "input_dropout": 0.0}
    assert compared["axes"] == {"hidden_size": [4, 6], "forget_bias": [0.0, 1.0]}
    assert [variant["label"] for variant in compared["variants"]][1:3] == [
        "RNN, hidden_size=6",
        "LSTM, hidden_size=4, forget_bias=0.0",
    ]
    trained = {}
    for run_id in existing_runs():
        run = load_run(run_id)
        chosen = run.settings["hyperparameters"]
        assert (chosen["epochs"], chosen["input_dropout"]) == (2, 0.0)
        trained[run_id] = [run.settings["model"]] + [
            chosen.get(key) for key in ("hidden_size", "forget_bias", "seed")
        ]
    expected = [["rnn", width, None, seed] for width in (4, 6) for seed in range(3)]
    expected += [["lstm", width, bias, seed] for width in (4, 6) for bias in (0.0, 1.0) for seed in range(3)]
    assert sorted(trained.values(), key=str) == sorted(expected, key=str)
    assert trained["comparison-compare-lstm-hidden_size-6-forget_bias-1.0-s2"] == ["lstm", 6, 1.0, 2]
    assert trained["comparison-compare-rnn-hidden_size-4-s0"] == ["rnn", 4, None, 0]


def test_runs_side_by_side_are_those_of_a_run_alone(compared, tmp_path, monkeypatch):
    side_by_side = paths.ROOT
    monkeypatch.setattr(paths, "ROOT", tmp_path)
    write_data()
    for model, run_id in (
        ("rnn", "comparison-compare-rnn-hidden_size-4-s1"),
        ("lstm", "comparison-compare-lstm-hidden_size-6-forget_bias-0.0-s2"),
    ):
        alone = {"hidden_size": int(run_id.split("-")[4]), "seed": int(run_id[-1]), **TINY}
        alone |= {"forget_bias": 0.0} if model == "lstm" else {}
        experiment.run(model, run_id, **alone)
        same_run(run_id, side_by_side, tmp_path)


def test_what_is_said_of_a_variant_is_what_its_runs_say(compared):
    assert compared["distance"] == compared["sentences"]["shortest"] - 1
    for variant in compared["variants"]:
        logs = [read_log(run_id)[1] for run_id in variant["runs"]]
        best = [min(log, key=lambda epoch: epoch["validation_loss"]) for log in logs]
        accuracies = [evaluation.evaluate_run(run_id)["accuracy"] for run_id in variant["runs"]]
        assert variant["test_accuracy"] == accuracies
        found = variant["intervals"]["test_accuracy"]
        low, high = stats.t.interval(0.95, 2, np.mean(accuracies), stats.sem(accuracies))
        np.testing.assert_allclose([found["low"], found["high"]], [low, high], rtol=1e-5)
        assert found["mean"] == pytest.approx(np.mean(accuracies))
        for state in {"rnn": "hx", "lstm": "hcx"}[variant["model"]]:
            quantity = "logit" if state == "x" else "decay"
            for moment, records in (("before", [log[0] for log in logs]), ("after", best)):
                decay = [record["gradients"][state][quantity]["median"] for record in records]
                remaining = [np.log10(median[compared["distance"]]) for median in decay]
                np.testing.assert_allclose(variant["remaining"][state][moment], remaining, rtol=1e-6)
                assert variant["intervals"][state][moment]["mean"] == pytest.approx(np.mean(remaining))


def of_label(study):
    return {variant["label"]: variant for variant in study["variants"]}


def test_models_of_equal_settings_are_compared_by_welchs_test(compared):
    of = of_label(compared)
    assert [(found["of"], found["minus"]) for found in compared["differences"]] == [
        (f"LSTM, hidden_size={width}, forget_bias={bias}", f"RNN, hidden_size={width}")
        for width in (4, 6)
        for bias in (0.0, 1.0)
    ]
    for difference in compared["differences"]:
        lstm, rnn = of[difference["of"]], of[difference["minus"]]
        for found, a, b in (
            (difference["test_accuracy"], lstm["test_accuracy"], rnn["test_accuracy"]),
            *(
                (difference["remaining"][s], lstm["remaining"][s]["after"], rnn["remaining"][r]["after"])
                for s, r in ("hh", "ch", "xx")
            ),
        ):
            expected = stats.ttest_ind(a, b, equal_var=False)
            assert found["counts"] == [3, 3]
            assert found["mean"] == pytest.approx(np.mean(a) - np.mean(b), rel=1e-4, abs=1e-9)
            interval = expected.confidence_interval(0.95)
            np.testing.assert_allclose(
                [found["low"], found["high"]], [interval.low, interval.high], rtol=1e-4
            )
            assert found["p"] == pytest.approx(expected.pvalue, rel=1e-4)


def test_the_error_over_sentences_is_that_of_a_mean_of_pairs(compared):
    of = of_label(compared)
    for difference in compared["differences"]:
        shares = []
        for label in (difference["of"], difference["minus"]):
            of_seeds = []
            for run_id in of[label]["runs"]:
                classifier, data, _ = evaluation.load_model(run_id)
                test = data.splits["test"]
                of_seeds.append((evaluation.logits(classifier, test) > 0) == test.y)
            shares.append(np.mean(of_seeds, axis=0))
        assert difference["sentences_error"] == pytest.approx(stats.sem(shares[0] - shares[1]), rel=1e-5)
        assert difference["sentences_error"] > 0
        mean = difference["test_accuracy"]["mean"]
        assert np.mean(shares[0] - shares[1]) == pytest.approx(mean, abs=1e-6)


def test_the_loss_of_whole_sentences_is_that_of_the_longest_row_of_each_source(compared):
    variant = compared["variants"][0]
    model, data, _ = evaluation.load_model(variant["runs"][0])
    split = data.splits["validation"]
    longest = {}
    for row, source in enumerate(split.g.tolist()):
        if source not in longest or split.s[row] > split.s[longest[source]]:
            longest[source] = row
    rows = list(longest.values())
    signs = np.where(split.y[rows] == 1, 1, -1)
    loss = np.log1p(np.exp(-signs * evaluation.logits(model, split)[rows].astype(float)))
    assert variant["whole_loss"][0] == pytest.approx(loss.mean(), rel=1e-5)


def test_nulls_survive_over_seeds():
    decays = [
        {"distance": [0, 1, 2], "count": [9, 9, 4], "median": m} for m in ([1, 0.5, None], [1, None, None])
    ]
    found = over_seeds(decays)
    for name in ("median", "low", "high"):
        assert found[name] == [1, 0.5, None]


@pytest.mark.parametrize(
    ("medians", "expected"),
    [
        ([1e-4, 1.0], 1e-2),
        ([1e-6, 1e-2, 1e-4, 1.0], 1e-3),
        ([1e-300, 1e-302], 1e-301),
        ([0.5, 1e-9, 0.25], 0.25),
        ([0.0, 0.5], 0.0),
        ([0.3], 0.3),
        ([None, 1e-4, 1.0], 1e-2),
    ],
)
def test_the_median_over_seeds_is_that_of_the_logarithms(medians, expected):
    found = over_seeds([{"distance": [0], "count": [9], "median": [median]} for median in medians])
    assert found["median"] == [pytest.approx(expected)]


def test_what_remains_is_a_power_of_ten_or_null():
    decay = {"median": [1.0, 0.01, 0.0, None]}
    assert [remaining_at(decay, k) for k in (1, 2, 3)] == [-2, None, None]


def test_the_table_says_it_in_words(compared):
    text = variants_table(compared)
    assert "95% interval" in text
    assert "Welch" in text
    for variant in compared["variants"]:
        line = next(line for line in text.split("\n") if line.startswith(f"| {variant['label']} "))
        found = variant["intervals"]["test_accuracy"]
        half = 50 * (found["high"] - found["low"])
        assert f"{100 * found['mean']:.1f} ± {half:.1f}" in line
        assert f"{variant['parameters']:,}" in line
        median, k = variant["decay"]["h"]["after"]["median"], compared["distance"]
        parts = (power_of_ten(np.log10(share)) for share in (median[1], median[k] / median[1]))
        assert "{} × {} in the {}".format(*parts, variant["label"]) in text
    for difference in compared["differences"]:
        found = difference["test_accuracy"]
        mean, low, high = (f"{100 * found[end]:+.1f}" for end in ("mean", "low", "high"))
        assert f" {mean} ({low} to {high}) |" in " ".join(text.split())
        by_label = {variant["label"]: variant for variant in compared["variants"]}
        pair = [by_label[difference[end]] for end in ("of", "minus")]
        for name, scale, digits in (("validation_loss", 1, 4), ("validation_accuracy", 100, 1)):
            values = (scale * np.array(variant[name]) for variant in pair)
            low, high = stats.ttest_ind(*values, equal_var=False).confidence_interval()
            assert f"({low:+.{digits}f} to {high:+.{digits}f})" in text


def test_main_prints_the_table_and_draws(data, study_root, capsys):
    study = main.compare(seeds=(3,), name="mine", hidden_size=3, **TINY)
    assert study["seeds"] == [3]
    out = capsys.readouterr().out
    assert variants_table(study) in out
    assert "comparison-mine.png" in out
    assert (study_root / "assets" / "figures" / "comparison-mine.png").exists()


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_run_that_fails_is_named_and_the_others_go_on(data, capsys, jobs):
    study = compare_models(seeds=2, hidden_size=3, lr=(1e200, 0.01), jobs=jobs, **TINY)
    failed = [f"comparison-compare-{model}-lr-1e200-s{seed}" for model in ("rnn", "lstm") for seed in (0, 1)]
    assert list(study["failed"]) == failed
    assert [variant["name"] for variant in study["variants"]] == ["lr-0.01"] * 2
    assert len(study["variants"][0]["test_accuracy"]) == 2
    err = capsys.readouterr().err
    for run_id, fault in study["failed"].items():
        assert "no longer finite" in fault
        assert f"{run_id} failed: {fault}" in err.splitlines()
        assert f"failed, left out: {run_id}" in variants_table(study)
    assert written("comparison", "compare") == study


def test_a_run_that_diverged_does_not_keep_the_others_from_a_second_call(data, capsys):
    asked = {"seeds": 2, "hidden_size": 3, "lr": (0.01, 1e200), "jobs": 1, **TINY}
    first = compare_models(**asked)
    path = weights_path("comparison-compare-rnn-lr-0.01-s1")
    path.unlink()  # as if it had been interrupted before that one
    log_path(path.stem).unlink()
    capsys.readouterr()
    second = compare_models(**asked)
    said = capsys.readouterr().err.splitlines()
    assert list(second["failed"]) == list(first["failed"])
    for run_id, fault in second["failed"].items():
        assert "no longer finite" in fault
        assert f"{run_id} failed: {fault}" in said
    timed = {"failed", "seconds"}
    assert {k: v for k, v in second.items() if k not in timed} == {
        k: v for k, v in first.items() if k not in timed
    }


def test_a_mistake_in_the_code_fails_one_run(data, monkeypatch):
    def run(model, run_id, **settings):
        if model == "rnn":
            raise ZeroDivisionError("two\nlines")
        return trained(model, run_id, **settings)

    trained = experiment.run
    monkeypatch.setattr(experiment, "run", run)
    study = compare_models(seeds=1, hidden_size=3, jobs=1, **TINY)
    assert study["failed"] == {"comparison-compare-rnn-s0": "ZeroDivisionError: two lines"}
    assert not study["differences"]


def test_where_all_fail_there_is_no_comparison(data):
    with pytest.raises(UserError, match=r"all 2 runs of the study 'compare' failed"):
        compare_models(seeds=1, hidden_size=3, lr=1e200, jobs=1, **TINY)
    assert not study_path("comparison", "compare").exists()


def test_an_interrupted_comparison_continues(data, monkeypatch, capsys):
    save_run, saved = experiment.save_run, []

    def interrupted(run_id, run, **options):
        if len(saved) == 5:
            raise KeyboardInterrupt
        saved.append(run_id)
        save_run(run_id, run, **options)

    asked = {"seeds": 2, "hidden_size": 4, **TINY}
    monkeypatch.setattr(experiment, "save_run", interrupted)
    with pytest.raises(KeyboardInterrupt):
        compare_models(jobs=1, **asked)
    assert saved == ["comparison-compare-rnn-s0"] * 3 + ["comparison-compare-rnn-s1"] * 2

    def noted(run_id, run, **options):
        saved.append(run_id)
        save_run(run_id, run, **options)

    monkeypatch.setattr(experiment, "save_run", noted)
    study = compare_models(jobs=1, **asked)
    assert (
        saved[5:]
        == ["comparison-compare-rnn-s1"]
        + ["comparison-compare-lstm-s0"] * 3
        + ["comparison-compare-lstm-s1"] * 3
    )
    assert "1 of 4 runs are finished" in capsys.readouterr().out
    assert compare_models(jobs=1, **asked) == study
    assert len(saved) == 12
    more = compare_models(jobs=1, **asked | {"seeds": (1, 0, 5)})
    assert saved[12:] == ["comparison-compare-rnn-s5"] * 3 + ["comparison-compare-lstm-s5"] * 3
    assert more["variants"][0]["seeds"] == [1, 0, 5]


@pytest.mark.parametrize("lost", ["all of it", "the last epoch"])
def test_a_log_that_is_missing_or_one_epoch_short_is_made_again(data, lost):
    """A kill between the weights file and the log of the last epoch leaves the second."""
    asked = {"models": "rnn", "seeds": 1, "hidden_size": 3, "jobs": 1, **TINY}
    compare_models(**asked)
    path = log_path("comparison-compare-rnn-s0")
    log = path.read_bytes()
    path.unlink() if lost == "all of it" else path.write_bytes(b"".join(log.splitlines(True)[:-1]))
    compare_models(**asked)
    assert path.read_bytes() == log


def test_data_that_changed_since_is_one_line(data):
    asked = {"seeds": 2, "hidden_size": 3, "jobs": 1, **TINY}
    compare_models(**asked, models="rnn")
    before = {path.name: path.read_bytes() for path in assets_path("weights", "").iterdir()}
    write_data(seed=5)
    with pytest.raises(
        UserError, match=r"trained on other data .*: start again with overwrite=True, or give another"
    ) as error:
        compare_models(**asked)
    assert "\n" not in str(error.value)
    assert {path.name: path.read_bytes() for path in assets_path("weights", "").iterdir()} == before
    study = compare_models(**asked, overwrite=True)
    assert study["dataset"]["checksum"] == data_checksum(load_manifest())


def test_missing_data_is_one_line(study_root):
    with pytest.raises(UserError, match=r"dataset\.json is missing"):
        compare_models(seeds=1)


def test_numpy_numbers_are_numbers(data):
    asked = {"models": "rnn", "hidden_size": 3, "jobs": 1, **TINY}
    study = compare_models(seeds=2, lr=0.1, **asked)
    again = compare_models(seeds=np.int64(2), lr=np.array(0.1), **asked | {"jobs": np.int64(1)})
    assert again == study == written("comparison", "compare")
    assert compare_models(seeds=np.arange(2), lr=np.float64(0.1), **asked) == study
