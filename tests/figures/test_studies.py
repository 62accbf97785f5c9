"""Figures of the studies: what stands on the axes is what stands in the JSON."""

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest

from scripts.figures import studies as plots_studies
from scripts.figures import style as figure_style
from scripts.files.errors import UserError
from scripts.files.paths import GLOVE_2024
from scripts.files.storage import write_json, write_text
from scripts.files.studies import read_study, study_path
from scripts.studies import variants as studies

matplotlib.use("Agg")
DATASET = {
    "name": "stanfordnlp/sst2",
    "embeddings": GLOVE_2024,
    "dimensions": 100,
    "max_length": None,
    "splits": {"train": {"rows": 60_000}, "test": {"rows": 872}},
}
SHARED = {
    "format_version": 1,
    "dataset": DATASET,
    "seeds": [0, 1, 2],
    "epochs": 8,
    "seconds": 300.0,
    "settings": {},
}


@pytest.fixture(autouse=True)
def root(study_root):
    """A project root of its own for each test, and no figure left open."""
    yield study_root
    plt.close("all")


def save(name, study):
    write_json(study_path(name), study | {"study": name})
    return read_study(name)


def curve(rate, deepest=49):
    """A decay over seeds, by depth; few sentences are left from depth 40 on."""
    depth = np.arange(1, deepest + 1)
    median = 10.0 ** (-rate * (depth - 1))
    return {
        "depth": depth.tolist(),
        "count": np.where(depth <= 20, 500, np.where(depth < 40, 100, 19)).tolist(),
        "median": median.tolist(),
        "low": (median / 2).tolist(),
        "high": (median * 3).tolist(),
    }


def variant(model, name, rate):
    return {
        "model": model,
        "name": name,
        "settings": {"hidden_size": 161} if name == "identity" else {},
        "parameters": 10_000 + len(name),
        "best_epoch": [5, 6, 7],
        "test_accuracy": [0.8 + rate, 0.82 + rate, 0.83 + rate],
        "decay": {
            state: {"before": curve(3 * rate), "after": curve(rate)}
            for state in ("h", "c")[: 1 + (model == "lstm")]
        },
    }


def initialisations():
    names = [("rnn", name) for name in studies.RNN] + [("lstm", name) for name in studies.LSTM]
    variants = [variant(model, name, 0.01 * number) for number, (model, name) in enumerate(names, 1)]
    sentences = {"count": 587, "shortest": 20, "longest": 49}
    return save(
        "initialisations", SHARED | {"standard_error": 0.013, "sentences": sentences, "variants": variants}
    )


def memory(shifts=(0.0,)):
    """A study of the last k words; each seed is right more often than the first by a shift."""
    k = list(range(1, 31))
    models = [
        {
            "model": model,
            "hidden_size": 64,
            "runs": [f"{model}-run-{seed}" for seed in range(len(shifts))],
            "best_epoch": [7] * len(shifts),
            "accuracy": [[0.5 + shift + scale * (1 - 0.9**n) for n in k] for shift in shifts],
            "standard_error": 0.013,
            "enough": 17,
        }
        for model, scale in (("rnn", 0.32), ("lstm", 0.34))
    ]
    baselines = {"majority": 0.509, "counts": [0.5 + 0.3 * (1 - 0.8**n) for n in k]}
    content = {"sentences": 872, "k": k, "longer": [872 - 29 * n for n in k]}
    return save("memory", SHARED | content | {"models": models, "baselines": baselines})


def quartiles(rate, distances):
    median = [-rate * d for d in distances]
    return {"median": median, "q25": [v - 0.5 for v in median], "q75": [v + 0.5 for v in median]}


def probe(mixture="even", fails=(5, None, 20), rate=0.4):
    distances = [2, 5, 20, 200]
    models = []
    for model, states in (("rnn", "h"), ("lstm", "hc")):
        gradient = {
            state: {"before": quartiles(rate / 4, distances), "after": quartiles(rate, distances)}
            for state in states
        }
        models.append(
            {
                "model": model,
                "parameters": 10_625,
                "best_epoch": [9, 8, 12],
                "accuracy": [[1.0, 0.7, 0.5, 0.52], [0.9, 0.8, 0.45, 0.5], [0.99, 0.9, 0.55, 0.48]],
                "accuracy_decides_first": [[1.0, 0.98, 0.6, 0.5]] * 2 + [[1.0, 0.9, 0.5, 0.5]],
                "fails_at": list(fails) if model == "rnn" else [None] * 3,
                "gradient": gradient,
            }
        )
    sentences = {"decides_last": 200, "decides_first": 198}
    content = {
        "distances": distances,
        "sentences": sentences,
        "failing": 0.75,
        "longest": 200,
        "mixture": mixture,
    }
    return save(f"probe-{mixture}", SHARED | content | {"models": models})


def lines(axes):
    """The lines of an axes by their labels."""
    return {line.get_label(): line for line in axes.lines if not line.get_label().startswith("_")}


def words(figure):
    """All that is written in a figure."""
    return " ".join(text.get_text() for text in figure.findobj(matplotlib.text.Text)).replace("\n", " ")


def assert_complete(figure, *expected):
    """Title, footer with the data, a title for every axes; the expected words are there."""
    assert figure.get_suptitle()
    assert all(axes.get_title(loc="left") for axes in figure.axes)
    assert figure.axes[-1].get_xlabel()
    for word in (GLOVE_2024, "stanfordnlp/sst2", *expected):
        assert word in words(figure)


# Variants -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("model", "states"), [("rnn", "h"), ("lstm", "ch")])
def test_variants_are_drawn_before_and_after_training(model, states):
    study = initialisations()
    variants = [v for v in study["variants"] if v["model"] == model]
    labels = [v["name"] for v in variants]
    figure = plots_studies.draw_variants(study, variants, labels, "title")
    panels = iter(figure.axes)
    for state in states:
        for moment in ("before", "after"):
            axes = next(panels)
            assert axes.get_yscale() == "log"
            assert f"state {state}" in axes.get_title(loc="left")
            assert ("Before" in axes.get_title(loc="left")) == (moment == "before")
            for v, band in zip(variants, axes.collections, strict=True):
                drawn = v["decay"][state][moment]
                np.testing.assert_array_equal(lines(axes)[v["name"]].get_ydata(), drawn["median"])
                edge = set(map(tuple, band.get_paths()[0].vertices.tolist()))
                for name in ("low", "high"):
                    assert set(zip(drawn["depth"], drawn[name], strict=True)) <= edge
            assert axes.get_xlim() == (1, 39)  # where 20 sentences are left
            assert any(list(line.get_xdata()) == [20, 20] for line in axes.lines)
        low, high = figure.axes[0].get_ylim()
        assert figure.axes[1].get_ylim() == (low, high)
        shown = [v["decay"][state][m]["median"][:39] for v in variants for m in ("before", "after")]
        assert low < np.min(shown) < np.max(shown) < high
    looks = {
        (line.get_color(), line.get_marker(), line.get_linestyle()) for line in lines(figure.axes[0]).values()
    }
    assert len({look[0] for look in looks}) == len({look[1] for look in looks}) == len(variants)
    assert_complete(
        figure, "3 seeds", "8 epochs", "587 validation sentences of 20 to 49 tokens", "loss): 5 to 7"
    )


def test_settings_of_one_model_stand_below_its_variants_alone():
    of_model = {"rnn": {"lr": 0.003, "epochs": 20}, "lstm": {"forget_bias": "chrono"}}
    study = initialisations() | {"of_model": of_model}
    own = {"rnn": "Settings of the RNN alone: lr=0.003, epochs=20.", "lstm": "forget_bias='chrono'."}
    for model, epochs in (("rnn", "20 epochs"), ("lstm", "8 epochs")):
        variants = [v for v in study["variants"] if v["model"] == model]
        figure = plots_studies.draw_variants(study, variants, [v["name"] for v in variants], "title")
        assert_complete(figure, epochs, own[model])
        assert own["lstm" if model == "rnn" else "rnn"] not in words(figure)


def test_scores_are_those_of_every_seed_and_their_mean():
    study = initialisations()
    variants = study["variants"][:3]
    axes = plots_studies.draw_variants(study, variants, "abc", "title").axes[-1]
    for number, v in enumerate(variants):
        scores, mean, error = axes.lines[3 * number : 3 * number + 3]
        np.testing.assert_allclose(scores.get_xdata(), 100 * np.array(v["test_accuracy"]))
        assert np.round(scores.get_ydata()).tolist() == [number] * 3
        np.testing.assert_allclose(mean.get_xdata(), 100 * np.mean(v["test_accuracy"]))
        np.testing.assert_allclose(np.diff(error.get_xdata()), 2 * 1.3)
    assert [label.get_text() for label in axes.get_yticklabels()] == ["a", "b", "c"]
    assert "872 test sentences" in axes.get_xlabel()


def test_a_decay_that_no_seed_has_is_a_gap():
    study = initialisations()
    for name in ("median", "low", "high"):
        study["variants"][0]["decay"]["h"]["after"][name][30:] = [None] * 19
    figure = plots_studies.draw_variants(study, study["variants"][:1], "a", "title")
    figure_style.to_png(figure)
    assert np.isnan(lines(figure.axes[1])["a"].get_ydata()).tolist() == [False] * 30 + [True] * 19
    assert np.isfinite(figure.axes[1].get_ylim()).all()


def test_one_seed_is_no_middle_seed():
    study = initialisations() | {"seeds": [0]}
    figure = plots_studies.draw_variants(study, study["variants"][:1], "a", "title")
    assert "middle seed" not in words(figure)
    assert "a symbol a seed" not in words(figure)


def test_equal_parameters_names_units(monkeypatch):
    study = initialisations()
    drawn = []
    monkeypatch.setattr(plots_studies.figure_style, "save", lambda figure, *_: drawn.append(figure))
    save("equal-parameters", study | {"variants": study["variants"][1:4]})
    plots_studies.plot_equal_parameters()
    for expected in ("RNN, 64 units, 10.0k", "RNN, 161 units, 10.0k", "LSTM, 64 units, 10.0k"):
        assert expected in words(drawn[0])
    save("equal-parameters", study | {"variants": study["variants"][1:4], "settings": {"hidden_size": 7}})
    plots_studies.plot_equal_parameters()
    for expected in ("RNN, 7 units", "RNN, 161 units", "LSTM, 7 units"):
        assert expected in words(drawn[1])


def test_initialisations_and_equal_parameters_are_files():
    study = initialisations()
    paths = plots_studies.plot_initialisations()
    assert [path.name for path in paths] == ["initialisations-rnn.png", "initialisations-lstm.png"]
    save("equal-parameters", study | {"variants": study["variants"][1:5]})
    paths.append(plots_studies.plot_equal_parameters())
    for path in paths:
        assert 10_000 < path.stat().st_size < 200_000


# The last k words -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shifts", [(0.0,), (0.0, 0.03, -0.01)])
def test_memory_draws_both_models_and_both_baselines(shifts):
    study = memory(shifts)
    figure = plots_studies.draw_memory(study)
    top, bottom = figure.axes
    drawn = list(lines(top).values())
    for line, model in zip(drawn, study["models"], strict=False):
        np.testing.assert_array_equal(line.get_xdata(), study["k"])
        right = 100 * np.mean(model["accuracy"], axis=0)
        np.testing.assert_allclose(line.get_ydata(), right)
        assert f"{right[-1]:.1f} %, flat from k = 17 on" in line.get_label()
    low, high = (-1.3, 1.3) if len(shifts) == 1 else (100 * (end - np.mean(shifts)) for end in (-0.01, 0.03))
    band = top.collections[-1].get_paths()[0].vertices[:, 1]
    assert [band.min(), band.max()] == pytest.approx([min(right) + low, max(right) + high])
    assert ("mean of 3 seeds" in words(figure)) == (len(shifts) == 3)
    np.testing.assert_allclose(drawn[2].get_ydata(), 100 * np.array(study["baselines"]["counts"]))
    np.testing.assert_allclose(drawn[3].get_ydata(), 50.9)
    np.testing.assert_array_equal(bottom.lines[0].get_ydata(), study["longer"])
    assert_complete(
        figure, "rnn-run-0", f"lstm-run-{len(shifts) - 1}", "872 test sentences of up to 30 tokens"
    )
    assert plots_studies.plot_memory().stat().st_size < 200_000


# The probe --------------------------------------------------------------------------------------------------


def test_probe_draws_accuracy_over_seeds_and_gradient_over_distance():
    study = probe()
    figure = plots_studies.draw_probe(study)
    top, bottom = figure.axes
    assert bottom.get_xscale() == bottom.get_yscale() == "log"
    for container, model in zip(top.containers, study["models"], strict=True):
        middle, _, (bars,) = container
        right = 100 * np.array(model["accuracy"])
        np.testing.assert_allclose(middle.get_ydata(), np.median(right, axis=0))
        ends = np.array([segment[:, 1] for segment in bars.get_segments()])
        np.testing.assert_allclose(ends, np.stack([right.min(0), right.max(0)], axis=1))
    assert [container.get_label() for container in top.containers] == [
        "RNN, decider last: first fails at d = 5, none, 20 (seed by seed)",
        "LSTM, decider last: does not fail up to d = 200",
    ]
    other = [line for name, line in lines(top).items() if "decider first" in name]
    for line, model in zip(other, study["models"], strict=True):
        middle = 100 * np.median(model["accuracy_decides_first"], axis=0)
        np.testing.assert_allclose(line.get_ydata(), middle)
        assert line.get_alpha() == 0.5
    drawn = lines(bottom)
    assert len(drawn) == 6
    for moment, look, rate in (("best epoch", "-", 0.4), ("epoch 0 (before training)", "--", 0.1)):
        for state in ("RNN h", "LSTM h", "LSTM c"):
            line = drawn[f"{state}, {moment}"]
            np.testing.assert_allclose(line.get_ydata(), [10 ** (-rate * d) for d in study["distances"]])
            assert line.get_linestyle() == look
    assert_complete(figure, "200 with the decider last, 198 with", "1e-80", "10,625 parameters")


def test_probe_says_what_it_was_trained_on_and_leaves_out_what_is_exactly_0():
    study = probe("log", fails=(20, 20, 20), rate=0.01)
    study["models"][0]["gradient"]["h"]["after"]["median"][-1] = None
    figure = plots_studies.draw_probe(study)
    figure_style.to_png(figure)
    assert "RNN, decider last: fails from d = 20 on" in words(figure)
    assert "at d = 20, of ∂z/∂h 0.89 was left before training and 0.63 after" in words(figure)
    assert "at d = 200, of ∂z/∂h 0.32 was left before training and 0.01 after" in words(figure)
    assert "short ones are common" in words(figure)
    assert "leave at the bottom" not in words(figure)
    assert lines(figure.axes[1])["RNN h, best epoch"].get_ydata()[-1] == 0


def test_probes_of_two_mixtures_are_two_files():
    probe(), probe("log")
    paths = {plots_studies.plot_probe(), plots_studies.plot_probe("log")}
    assert {path.name for path in paths} == {"probe-even.png", "probe-log.png"}
    assert all(path.stat().st_size < 200_000 for path in paths)


# Bad input ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("draw", "block"),
    [
        (plots_studies.plot_initialisations, r"initialisation_study\("),
        (plots_studies.plot_equal_parameters, r"equal_parameters\("),
        (plots_studies.plot_memory, r"memory_study\("),
        (plots_studies.plot_probe, r"probe_study\("),
    ],
)
def test_a_missing_study_names_its_block(draw, block):
    with pytest.raises(UserError, match=f"uncomment the block {block}.* in main.py") as error:
        draw()
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("make", "name", "draw", "block"),
    [
        (initialisations, "initialisations", plots_studies.plot_initialisations, "initialisation_study"),
        (initialisations, "equal-parameters", plots_studies.plot_equal_parameters, "equal_parameters"),
        (memory, "memory", plots_studies.plot_memory, "memory_study"),
        (probe, "probe-even", plots_studies.plot_probe, "probe_study"),
    ],
)
def test_a_study_that_lacks_something_is_one_line(make, name, draw, block):
    study = make()
    for broken in (
        {key: value for key, value in study.items() if key not in ("models", "variants")},
        {key: value for key, value in study.items() if key != "dataset"},
        study | {"models": [{}], "variants": [{"model": "rnn"}]},
        study | {"models": 5, "variants": 5},
    ):
        save(name, broken)
        with pytest.raises(UserError, match=rf"{name}.json is unfinished or damaged.*{block}\(") as error:
            draw()
        assert "\n" not in str(error.value)
        assert not plt.get_fignums()


def test_a_damaged_study_and_one_of_another_format_are_one_line():
    path = study_path("memory")
    write_text(path, "{")
    with pytest.raises(UserError, match="is no JSON"):
        plots_studies.plot_memory()
    write_json(path, {"format_version": 99})
    with pytest.raises(UserError, match="has format version 99, expected 1"):
        plots_studies.plot_memory()
    with pytest.raises(UserError, match="mixture 'odd' is unknown"):
        plots_studies.plot_probe("odd")


def test_symbols_of_equal_scores_stand_beside_each_other():
    places = plots_studies.beside_each_other(np.array([0.8, 0.9, 0.8, 0.7, 0.8]))
    assert places[[1, 3]].tolist() == [0, 0]
    assert len(set(places[[0, 2, 4]])) == 3
    assert places.sum() == pytest.approx(0)
    assert np.abs(plots_studies.beside_each_other(np.ones(10))).max() <= 0.4  # not in the next row
