"""Comparisons of many runs: what is trained, what is said of it, what is drawn, and what is refused."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest
from scipy import stats

import main
from scripts import plots
from scripts.figures import comparison as plots_compare
from scripts.files import paths
from scripts.files.data import data_checksum, load_manifest
from scripts.files.errors import UserError
from scripts.files.paths import assets_path, log_path, weights_path
from scripts.files.runs import existing_runs, load_run, read_log
from scripts.files.storage import write_json
from scripts.studies import comparison as compare
from scripts.studies import parallel as many_runs
from scripts.training import evaluation, experiment
from scripts.training.settings import check_settings
from tests.conftest import same_run, write_data

matplotlib.use("Agg")
TINY = {"epochs": 2, "progress": False, "input_dropout": 0.0}


@pytest.fixture(scope="module")
def compared(tmp_path_factory):
    """A comparison over a grid, trained by two processes, and the folder that it was made in."""
    root = tmp_path_factory.mktemp("compared")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(paths, "ROOT", root)
        write_data()
        yield compare.compare_models(seeds=3, hidden_size=(4, 6), forget_bias=(0.0, 1.0), jobs=2, **TINY)


@pytest.fixture(autouse=True)
def no_figure_left_open():
    yield
    plt.close("all")


def written(name="compare"):
    """A comparison as it stands in its file."""
    return json.loads((paths.ROOT / "assets" / "benchmarks" / f"{name}.json").read_text(encoding="utf-8"))


# The runs -------------------------------------------------------------------------------------------------


def test_the_grid_is_that_of_all_values_and_seeds(compared):
    assert written() == compared
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
    assert trained["study-lstm-compare-hidden_size-6-forget_bias-1.0-s2"] == ["lstm", 6, 1.0, 2]
    assert trained["study-rnn-compare-hidden_size-4-s0"] == ["rnn", 4, None, 0]


def test_each_model_may_have_settings_of_its_own(data):
    own = {
        "rnn": {"hidden_size": 4, "epochs": 1},
        "lstm": {"hidden_size": 3, "forget_bias": 2.0, "epochs": 2},
    }
    study = compare.compare_models(seeds=2, name="own", of_model=own, progress=False, jobs=1)
    assert study["of_model"] == own
    for model, expected in own.items():
        for seed in range(2):
            chosen = load_run(f"study-{model}-own-s{seed}").settings["hyperparameters"]
            assert chosen == check_settings(model, expected | {"seed": seed})
    assert [pair["seeds"] for pair in study["paired"]] == [[0, 1]]
    with pytest.raises(UserError, match=r"own\.json compares of_model=.*, asked for now: default settings"):
        compare.compare_models(seeds=2, name="own", progress=False)
    other = own | {"rnn": {"hidden_size": 5, "epochs": 1}}
    with pytest.raises(UserError, match="give another name="):
        compare.compare_models(seeds=2, name="own", of_model=other, progress=False)
    assert "LSTM: hidden_size=3, forget_bias=2.0, epochs=2" in compare.comparison_table(study)


def test_a_comparison_of_models_with_settings_of_their_own_goes_on(data):
    options = {"name": "own", "progress": False, "jobs": 1}
    own = {"rnn": {"hidden_size": 4, "epochs": 1}}
    compare.compare_models("rnn", 1, of_model=own, **options)
    written_once = weights_path("study-rnn-own-s0").read_bytes()
    own = {"rnn": {"hidden_size": 4, "epochs": 1}, "lstm": {"hidden_size": 3, "epochs": 1}}
    study = compare.compare_models(seeds=2, of_model=own, **options)  # a model and a seed more
    assert weights_path("study-rnn-own-s0").read_bytes() == written_once
    assert [(variant["model"], variant["seeds"]) for variant in study["variants"]] == [
        ("rnn", [0, 1]),
        ("lstm", [0, 1]),
    ]
    own["rnn"]["epochs"] = 2  # an epoch more
    compare.compare_models(seeds=2, of_model=own, **options)
    assert len(load_run("study-rnn-own-s0").history) == 3


def test_runs_side_by_side_are_those_of_a_run_alone(compared, tmp_path, monkeypatch):
    side_by_side = paths.ROOT
    monkeypatch.setattr(paths, "ROOT", tmp_path)
    write_data()
    for model, run_id in (
        ("rnn", "study-rnn-compare-hidden_size-4-s1"),
        ("lstm", "study-lstm-compare-hidden_size-6-forget_bias-0.0-s2"),
    ):
        alone = {"hidden_size": int(run_id.split("-")[4]), "seed": int(run_id[-1]), **TINY}
        alone |= {"forget_bias": 0.0} if model == "lstm" else {}
        experiment.run(model, run_id, **alone)
        same_run(run_id, side_by_side, tmp_path)


def test_runs_have_processes_of_their_own_as_many_as_are_asked_for(data, monkeypatch):
    """What is done to experiment.run in this process doesn't reach them; with jobs=1 it does."""
    ran = []
    monkeypatch.setattr(experiment, "run", lambda model, run_id, **_: ran.append(run_id))
    planned = [many_runs.Planned("rnn", f"run-{k}", {"epochs": 1, "hidden_size": 3}) for k in range(3)]
    assert many_runs.train(planned, jobs=2, progress=False) == {}
    assert existing_runs() == ["run-0", "run-1", "run-2"]
    assert not ran
    for run_id in existing_runs():
        weights_path(run_id).unlink()
        log_path(run_id).unlink()
    assert many_runs.train(planned, jobs=1, progress=False) == {}
    assert ran == ["run-0", "run-1", "run-2"]


def test_threads_that_are_not_to_be_had_are_refused_before_any_run(data, monkeypatch):
    monkeypatch.setattr(experiment, "cpu_count", lambda: 1)
    planned = [many_runs.Planned("rnn", f"run-{n}", {"threads": n}) for n in (1, 2)]
    with pytest.raises(UserError, match="threads=2, more than the cores"):
        many_runs.train(planned, progress=False)
    assert not existing_runs()


@pytest.mark.parametrize("name", ["workers", "threads"])
@pytest.mark.parametrize(("cores", "expected"), [((1, 1), 5), ((1, 2), 2), ((9, 1), 1)])
def test_by_default_as_many_go_side_by_side_as_there_are_cores(data, monkeypatch, name, cores, expected):
    asked = []

    class Parallel(many_runs.Parallel):
        def __init__(self, n_jobs, **options):
            asked.append(n_jobs)
            super().__init__(1, **options)

    monkeypatch.setattr(many_runs, "Parallel", Parallel)
    monkeypatch.setattr(many_runs, "cpu_count", lambda: 5)
    monkeypatch.setattr(experiment, "cpu_count", lambda: 9)
    monkeypatch.setattr(experiment, "run", lambda *_, **__: None)
    planned = [many_runs.Planned("rnn", f"run-{n}", {name: n}) for n in cores]
    assert many_runs.train(planned, progress=False) == {}
    assert asked == [expected]


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
        compare.compare_models(jobs=1, **asked)
    assert saved == ["study-rnn-compare-s0"] * 3 + ["study-rnn-compare-s1"] * 2

    def noted(run_id, run, **options):
        saved.append(run_id)
        save_run(run_id, run, **options)

    monkeypatch.setattr(experiment, "save_run", noted)
    study = compare.compare_models(jobs=1, **asked)
    assert (
        saved[5:] == ["study-rnn-compare-s1"] + ["study-lstm-compare-s0"] * 3 + ["study-lstm-compare-s1"] * 3
    )
    assert "1 of 4 runs are finished" in capsys.readouterr().out
    assert compare.compare_models(jobs=1, **asked) == study
    assert len(saved) == 12
    more = compare.compare_models(jobs=1, **asked | {"seeds": (1, 0, 5)})
    assert saved[12:] == ["study-rnn-compare-s5"] * 3 + ["study-lstm-compare-s5"] * 3
    assert more["variants"][0]["seeds"] == [1, 0, 5]


def test_an_interrupted_comparison_says_so_in_one_line(data, study_root):
    code = (
        "import pathlib, signal, sys; from scripts.files import paths; "
        "from scripts.files.errors import errors_in_one_line; from scripts.studies import comparison as compare; "
        "signal.signal(signal.SIGINT, signal.default_int_handler); "  # a shell's `&` has it ignored
        "errors_in_one_line(); paths.ROOT = pathlib.Path(sys.argv[1]); "
        "compare.compare_models(seeds=1, epochs=100_000, hidden_size=3, jobs=2, progress=False)"
    )
    asked = [sys.executable, "-c", code, study_root]
    options = {"cwd": Path(main.__file__).parent, "stderr": subprocess.PIPE, "start_new_session": True}
    with subprocess.Popen(asked, text=True, **options) as process:
        try:
            while len(existing_runs()) < 2:
                assert process.poll() is None, process.stderr.read()
                time.sleep(0.02)
            os.killpg(process.pid, signal.SIGINT)  # as a terminal does
            said = process.communicate()[1]
        finally:
            process.kill()
    assert said == "interrupted: what is finished is kept, and the same command continues\n"


def test_a_log_that_is_missing_is_made_again(data):
    asked = {"models": "rnn", "seeds": 1, "hidden_size": 3, "jobs": 1, **TINY}
    compare.compare_models(**asked)
    path = log_path("study-rnn-compare-s0")
    log = path.read_bytes()
    path.unlink()
    compare.compare_models(**asked)
    assert path.read_bytes() == log


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_run_that_fails_is_named_and_the_others_go_on(data, capsys, jobs):
    study = compare.compare_models(seeds=2, hidden_size=3, lr=(1e200, 0.01), jobs=jobs, **TINY)
    failed = [f"study-{model}-compare-lr-1e200-s{seed}" for model in ("rnn", "lstm") for seed in (0, 1)]
    assert list(study["failed"]) == failed
    assert [variant["name"] for variant in study["variants"]] == ["compare-lr-0.01"] * 2
    assert len(study["variants"][0]["test_accuracy"]) == 2
    err = capsys.readouterr().err
    for run_id, fault in study["failed"].items():
        assert "no longer finite" in fault
        assert f"{run_id} failed: {fault}" in err.splitlines()
        assert f"failed, left out: {run_id}" in compare.comparison_table(study)
    assert written() == study


def test_a_run_that_diverged_does_not_keep_the_others_from_a_second_call(data, capsys):
    asked = {"seeds": 2, "hidden_size": 3, "lr": (0.01, 1e200), "jobs": 1, **TINY}
    first = compare.compare_models(**asked)
    path = weights_path("study-rnn-compare-lr-0.01-s1")
    path.unlink()  # as if it had been interrupted before that one
    log_path(path.stem).unlink()
    capsys.readouterr()
    second = compare.compare_models(**asked)
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
    study = compare.compare_models(seeds=1, hidden_size=3, jobs=1, **TINY)
    assert study["failed"] == {"study-rnn-compare-s0": "ZeroDivisionError: two lines"}
    assert not study["paired"]


def test_where_all_fail_there_is_no_comparison(data):
    with pytest.raises(UserError, match=r"all 2 runs of the comparison 'compare' failed"):
        compare.compare_models(seeds=1, hidden_size=3, lr=1e200, jobs=1, **TINY)
    assert not compare.study_path("compare").exists()


class Killer(dict):
    """Settings that end the process which reads them."""

    def __reduce__(self):
        return os._exit, (1,)


def test_a_run_whose_process_is_killed_fails_alone(data):
    settings = {"epochs": 1, "hidden_size": 3}
    planned = [many_runs.Planned("rnn", f"run-{k}", settings) for k in range(4)]
    planned[1] = planned[1]._replace(settings=Killer())
    outcomes = dict(many_runs.train_here(planned, False, jobs=2))
    assert outcomes == {"run-0": None, "run-1": many_runs.LEFT, "run-2": None, "run-3": None}
    assert existing_runs() == ["run-0", "run-2", "run-3"]


# What is said of them -------------------------------------------------------------------------------------


def test_what_is_said_of_a_variant_is_what_its_runs_say(compared):
    assert compared["depth"] == compared["sentences"]["shortest"]
    for variant in compared["variants"]:
        logs = [read_log(run_id)[1] for run_id in variant["runs"]]
        best = [min(log, key=lambda epoch: epoch["validation_loss"]) for log in logs]
        right = [evaluation.evaluate_run(run_id)["accuracy"] for run_id in variant["runs"]]
        assert variant["test_accuracy"] == right
        found = variant["intervals"]["test_accuracy"]
        low, high = stats.t.interval(0.95, 2, np.mean(right), stats.sem(right))
        np.testing.assert_allclose([found["low"], found["high"]], [low, high], rtol=1e-5)
        assert found["mean"] == pytest.approx(np.mean(right))
        for state in {"rnn": "h", "lstm": "hc"}[variant["model"]]:
            for moment, records in (("before", [log[0] for log in logs]), ("after", best)):
                decay = [record["gradients"][state]["decay"]["median"] for record in records]
                left = [np.log10(median[compared["depth"] - 1]) for median in decay]
                np.testing.assert_allclose(variant["left"][state][moment], left, rtol=1e-6)
                assert variant["intervals"][state][moment]["mean"] == pytest.approx(np.mean(left))


def test_pairs_have_equal_settings_and_seeds(compared):
    of_name = {(variant["model"], variant["name"]): variant for variant in compared["variants"]}
    assert [pair["settings"] for pair in compared["paired"]] == [
        {"hidden_size": width, "forget_bias": bias} for width in (4, 6) for bias in (0.0, 1.0)
    ]
    for pair in compared["paired"]:
        rnn, lstm = of_name["rnn", pair["rnn"]], of_name["lstm", pair["lstm"]]
        assert (
            rnn["settings"]["hidden_size"]
            == lstm["settings"]["hidden_size"]
            == pair["settings"]["hidden_size"]
        )
        assert lstm["settings"]["forget_bias"] == pair["settings"]["forget_bias"]
        for key, a, b in (
            ("test_accuracy", lstm["test_accuracy"], rnn["test_accuracy"]),
            ("left_h", lstm["left"]["h"]["after"], rnn["left"]["h"]["after"]),
            ("left_c", lstm["left"]["c"]["after"], rnn["left"]["h"]["after"]),
        ):
            found, expected = pair["differences"][key], stats.ttest_rel(a, b)
            assert found["count"] == 3
            assert found["mean"] == pytest.approx(np.mean(a) - np.mean(b), rel=1e-4, abs=1e-9)
            interval = expected.confidence_interval(0.95)
            np.testing.assert_allclose(
                [found["low"], found["high"]], [interval.low, interval.high], rtol=1e-5
            )
            assert found["p"] == pytest.approx(expected.pvalue, rel=1e-5)


def test_the_error_over_sentences_is_that_of_a_mean_of_pairs(compared):
    of_name = {(variant["model"], variant["name"]): variant for variant in compared["variants"]}
    for pair in compared["paired"]:
        shares = []
        for model in ("lstm", "rnn"):
            of_seeds = []
            for run_id in of_name[model, pair[model]]["runs"]:
                classifier, data, _ = evaluation.load_model(run_id)
                test = data.splits["test"]
                of_seeds.append((evaluation.logits(classifier, test) > 0) == test.y)
            shares.append(np.mean(of_seeds, axis=0))
        assert pair["sentences_error"] == pytest.approx(stats.sem(shares[0] - shares[1]), rel=1e-5)
        assert pair["sentences_error"] > 0
        mean = pair["differences"]["test_accuracy"]["mean"]
        assert np.mean(shares[0] - shares[1]) == pytest.approx(mean, abs=1e-6)


def test_a_seed_that_failed_for_one_model_is_no_pair(monkeypatch):
    monkeypatch.setattr(compare, "right_on_test", lambda run_id: np.array([run_id in "ade", run_id in "ab"]))

    def variant(model, seeds, accuracy):
        left = {state: {"after": [value - 1 for value in accuracy]} for state in "hc"}
        return {"model": model, "name": "n", "settings": {}, "seeds": seeds, "left": left} | {
            "test_accuracy": accuracy,
            "runs": ["abc", "de"][model == "lstm"][: len(seeds)],
        }

    variants = [variant("rnn", [0, 1, 2], [0.5, 0.6, 0.9]), variant("lstm", [2, 0], [0.8, 0.7])]
    (pair,) = compare.pair_variants(variants, {})
    assert pair["seeds"] == [2, 0]
    differences = 1 - 0.5, 0 - 0.5  # runs d and e less c and a: of b's seed there is no LSTM
    assert pair["sentences_error"] == pytest.approx(stats.sem(differences))
    assert pair["differences"]["test_accuracy"]["mean"] == pytest.approx((0.8 - 0.9 + 0.7 - 0.5) / 2)


def test_an_interval_holds_the_mean_as_often_as_it_says():
    rng = np.random.default_rng(0)
    found = [compare.interval(rng.normal(3, 2, 4)) for _ in range(1000)]
    assert 0.93 < np.mean([one["low"] < 3 < one["high"] for one in found]) < 0.97


def test_intervals_of_little():
    assert compare.interval([None]) is None
    assert compare.interval([2.0, None]) == {"mean": 2.0, "low": None, "high": None, "count": 1}
    assert compare.interval([2.0, 2.0])["high"] == 2.0
    assert compare.paired([1.0, None], [None, 1.0]) is None
    assert compare.paired([3.0, 2.0], [2.0, 1.0])["p"] is None  # all differences equal: t is infinite
    assert compare.left_at({"decay": {"median": [1.0, 0.01, 0.0, None]}}, 2) == -2
    for depth in (3, 4):
        assert compare.left_at({"decay": {"median": [1.0, 0.01, 0.0, None]}}, depth) is None


def test_the_table_says_it_in_words(compared):
    text = compare.comparison_table(compared)
    assert "95 % interval" in text
    assert "paired t-test" in text
    for variant in compared["variants"]:
        (line,) = (
            line for line in text.split("\n") if line.startswith(compare.label(compared, variant) + " ")
        )
        found = variant["intervals"]["test_accuracy"]
        half = 50 * (found["high"] - found["low"])
        assert f"{100 * found['mean']:.1f} ± {half:.1f}" in line
        assert f"{variant['parameters']:,}" in line
    for pair in compared["paired"]:
        found = pair["differences"]["test_accuracy"]
        assert f"{100 * found['mean']:+.1f}  ({100 * found['low']:+.1f} to {100 * found['high']:+.1f}" in text


def test_main_prints_the_table_and_draws(data, study_root, capsys, monkeypatch):
    monkeypatch.setenv("LOKY_MAX_CPU_COUNT", "1")
    study = main.compare(seeds=(3,), name="mine", hidden_size=3, **TINY)
    assert study["seeds"] == [3]
    out = capsys.readouterr().out
    assert compare.comparison_table(study) in out
    assert "mine.png" in out
    assert (study_root / "assets" / "figures" / "mine.png").exists()


# The figure -----------------------------------------------------------------------------------------------


def words(figure):
    """All that is written in a figure."""
    return " ".join(text.get_text() for text in figure.findobj(matplotlib.text.Text)).replace("\n", " ")


def test_the_figure_has_a_band_over_seeds_at_both_moments(compared):
    settings, variants = plots_compare.by_settings(compared)[3]
    assert [variant["model"] for variant in variants] == ["rnn", "lstm"]
    figure = plots_compare.draw_comparison(compared, settings, variants)
    for axes, moment in zip(figure.axes, ("before", "after"), strict=False):
        states = [(v, state) for v in variants for state in v["decay"]]
        lines = [line for line in axes.lines if not line.get_label().startswith("_")]
        assert [line.get_label() for line in lines] == ["RNN h", "LSTM h", "LSTM c"]
        for (variant, state), line, band in zip(states, lines, axes.collections, strict=True):
            drawn = variant["decay"][state][moment]
            np.testing.assert_array_equal(line.get_ydata(), drawn["median"])
            edge = set(map(tuple, band.get_paths()[0].vertices.tolist()))
            for name in ("low", "high"):
                assert set(zip(drawn["depth"], drawn[name], strict=True)) <= edge
        assert axes.get_yscale() == "log"
        assert axes.get_title(loc="left")
        assert "steps back" in axes.get_xlabel()
        assert len({(line.get_color(), line.get_marker()) for line in lines}) == 3
    for word in (
        *("hidden_size=6, forget_bias=1.0", "made-up", "random (6 dimensions)", "paired t-test"),
        *("3 seeds", "validation sentences of 19 to 26 tokens"),
        "study-rnn-compare-hidden_size-6-s0, -s1, -s2 (3 seeds, ",
    ):
        assert word in words(figure), word
    assert figure.axes[0].get_legend()
    scores = figure.axes[-1]
    for number, variant in enumerate(variants):
        np.testing.assert_allclose(
            scores.lines[3 * number].get_xdata(), 100 * np.array(variant["test_accuracy"])
        )


def test_every_combination_is_a_figure_and_plot_finds_them(compared):
    paths = [path for path in plots.plot_all(show=False) if "compare" in path.name]
    assert [path.name for path in paths] == [
        f"compare-hidden_size-{width}-forget_bias-{bias}.png" for width in (4, 6) for bias in (0.0, 1.0)
    ]
    for path in paths:
        assert 10_000 < path.stat().st_size < 200_000
    with pytest.raises(UserError, match=r'no study \'nowhere\'.*compare\(name="nowhere"\)'):
        plots_compare.plot_comparison("nowhere")


@pytest.mark.parametrize(
    ("seeds", "words"),
    [([4], ""), ([0, 1, 2], ", -s1, -s2"), ([2, 3, 4, 5], " to -s5"), ([0, 1, 2, 5], ", -s1, -s2, -s5")],
)
def test_runs_are_named_in_few_words(seeds, words):
    assert plots_compare.further(seeds) == words


def test_the_figure_says_what_settings_each_model_has(compared):
    study = {**compared, "of_model": {"rnn": {"lr": 0.125}}}
    ((settings, variants), *_) = plots_compare.by_settings(study)
    assert "Settings of the RNN alone: lr=0.125." in words(
        plots_compare.draw_comparison(study, settings, variants)
    )


def test_a_variant_without_its_pair_is_drawn_alone(compared):
    study = {**compared, "paired": compared["paired"][1:], "failed": {"a-run": "why"}}
    groups = plots_compare.by_settings(study)
    assert len(groups) == 4
    settings, variants = groups[-1]
    assert settings == {"hidden_size": 4, "forget_bias": 0.0}
    assert [variant["model"] for variant in variants] == ["lstm"]
    assert "left out: a-run" in words(plots_compare.draw_comparison(study, settings, variants))


def test_models_of_equal_settings_are_one_figure_though_they_are_no_pair(compared):
    some = compared["variants"][:2]
    study = {**compared, "axes": {}, "paired": [], "variants": some}
    assert plots_compare.by_settings(study) == [({}, some)]
    pair = {"rnn": some[0]["name"], "lstm": compared["variants"][2]["name"], "settings": {}}
    study |= {"paired": [pair], "variants": [some[0], compared["variants"][2], some[1]]}  # and a third model
    assert plots_compare.by_settings(study) == [({}, [some[0], compared["variants"][2], some[1]])]


def test_a_damaged_comparison_is_one_line(compared, study_root):
    write_json(compare.study_path("broken"), {**compared, "variants": [{"model": "rnn"}]})
    assert plots_compare.comparisons() == ["broken"]
    with pytest.raises(UserError, match=r"broken\.json is unfinished or damaged") as error:
        plots_compare.plot_comparison("broken")
    assert "\n" not in str(error.value)
    assert not plt.get_fignums()


# Bad input ------------------------------------------------------------------------------------------------


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
        ({"seeds": (0, -1)}, "holds -1, which is no whole number"),
        ({"seeds": (0, 1.5)}, "holds 1.5, which is no whole number"),
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
        ({"name": "x" * 95}, "run id 'study-rnn-x.*can't be a file name"),
        ({"name": "my-memory"}, r"my-memory\.json holds what is no comparison: give another name="),
        *(
            ({"name": name}, f"name='{name}' is kept for another study or a benchmark: give another name=")
            for name in ("memory", "Memory", "initialisations", "equal-parameters", "probe-log")
        ),
        *(
            ({"name": name}, f"name='{name}' is kept for another")
            for name in ("jacobians-lstm-run-3", "2026-01-31", "2026-01-31-quick")
        ),
        ({"models": None}, "models=None: expected each model once"),
        ({"models": 3}, "models=3: expected each model once"),
        ({"models": (["rnn"],)}, "expected each model once"),
        ({"hidden_size": np.array([[4, 8], [4, 9]])}, r"hidden_size=\[4, 8\]: expected"),
        ({"jobs": "x"}, "jobs='x': expected how many runs side by side, 1 or more, or None"),
        *(({"jobs": jobs}, f"jobs={jobs}: expected") for jobs in (0, -1, True, 1.5)),
        *(
            ({name: (1, 2), "scheduler": "tcp://host:1"}, f"{name}=2 with scheduler=.*leave {name}=1")
            for name in ("workers", "threads")
        ),
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
    write_json(compare.study_path("my-memory"), {"format_version": 1, "study": "my-memory"})
    with pytest.raises(UserError, match=message) as error:
        compare.compare_models(**{"seeds": 1, "jobs": 1, **TINY, **given})
    assert "\n" not in str(error.value)
    assert not existing_runs()


def test_data_that_changed_since_is_one_line(data):
    asked = {"seeds": 2, "hidden_size": 3, "jobs": 1, **TINY}
    compare.compare_models(**asked, models="rnn")
    before = {path.name: path.read_bytes() for path in assets_path("weights", "").iterdir()}
    write_data(seed=5)
    with pytest.raises(UserError, match=r"trained on other data .* give another name=, or begin") as error:
        compare.compare_models(**asked)
    assert "\n" not in str(error.value)
    assert {path.name: path.read_bytes() for path in assets_path("weights", "").iterdir()} == before
    study = compare.compare_models(**asked, overwrite=True)
    assert study["dataset"]["checksum"] == data_checksum(load_manifest())


def test_numpy_numbers_are_numbers(data):
    asked = {"models": "rnn", "hidden_size": 3, "jobs": 1, **TINY}
    study = compare.compare_models(seeds=2, lr=0.1, **asked)
    again = compare.compare_models(seeds=np.int64(2), lr=np.array(0.1), **asked | {"jobs": np.int64(1)})
    assert again == study == written()
    assert compare.compare_models(seeds=np.arange(2), lr=np.float64(0.1), **asked) == study


def test_other_settings_under_the_same_name_are_one_line(data):
    asked = {"models": "rnn", "seeds": 1, "jobs": 1, **TINY}
    study = compare.compare_models(**asked, hidden_size=(3, 4))
    trained = existing_runs()
    for other in ({"hidden_size": (3, 5)}, {"hidden_size": 3}, {"hidden_size": (3, 4), "lr": 0.1}):
        with pytest.raises(UserError, match=r"hidden_size=\[3, 4\], asked for now: .*give another") as error:
            compare.compare_models(**asked | other)
        assert "\n" not in str(error.value)
    assert (written(), existing_runs()) == (study, trained)
    compare.compare_models(**asked, hidden_size=(3, 5), name="other")
    replaced = compare.compare_models(**asked, hidden_size=5, overwrite=True)
    assert written() == replaced
    compare.compare_models(**asked | {"epochs": 3, "seeds": 2}, hidden_size=5, lr=0.002)  # lr's default


def test_a_damaged_comparison_is_not_replaced(data):
    write_json(compare.study_path("broken"), {"comparison": True, "settings": None, "axes": {}})
    with pytest.raises(UserError, match=r"broken\.json is damaged .*: delete it"):
        compare.compare_models(name="broken", seeds=1, **TINY)


def test_missing_data_is_one_line(study_root):
    with pytest.raises(UserError, match=r"dataset\.json is missing"):
        compare.compare_models(seeds=1)
