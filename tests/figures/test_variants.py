"""Figures of variants over seeds: what is drawn is what the JSON holds."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from scripts import plots
from scripts.figures import style
from scripts.figures.variants import by_settings
from scripts.files.storage import write_text
from scripts.files.studies import STUDY_VERSION, study_path
from tests.figures.helpers import (
    assert_band,
    assert_complete,
    fails,
    lines,
    make_variant,
    make_variants,
    save,
    words,
)

INITIALISATIONS = [
    ("rnn", "uniform", "uniform in ±1/√H"),
    ("rnn", "orthogonal", None),
    ("rnn", "identity", None),
    ("lstm", "forget-0", "forget bias 0"),
    ("lstm", "forget-1", "forget bias 1"),
    ("lstm", "forget-2", "forget bias 2"),
    ("lstm", "chrono", "chrono"),
]


def initialisations(**changed):
    variants = [
        make_variant(model, name, 0.01 * number, label)
        for number, (model, name, label) in enumerate(INITIALISATIONS, 1)
    ]
    return make_variants("default", "initialisations", variants, **changed)


def comparison(name="compare", seeds=(0, 1, 2), **changed):
    """A comparison over a grid of two widths."""
    variants = []
    for width in (4, 6):
        settings = {"hidden_size": width}
        for rate, model in ((0.03, "rnn"), (0.01, "lstm")):
            variants.append(make_variant(model, f"w-{width}", rate * width, settings=settings, seeds=seeds))
    content = {"axes": {"hidden_size": [4, 6]}} | changed
    return make_variants(name, "comparison", variants, **content)


# Initialisations ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("model", "state"), [("rnn", "h"), ("lstm", "c")])
def test_variants_are_drawn_before_and_after_training(model, state):
    study = initialisations()
    variants = [variant for variant in study["variants"] if variant["model"] == model]
    figure = plots.plot_initialisations.draw()[f"initialisations-default-{model}.png"]
    for axes, moment, linestyle in zip(figure.axes, ("before", "after"), ("--", "-"), strict=False):
        assert axes.get_yscale() == "log"
        assert ("Before" in axes.get_title(loc="left")) == (moment == "before")
        for variant, band in zip(variants, axes.collections, strict=True):
            drawn, line = variant["decay"][state][moment], lines(axes)[variant["label"]]
            np.testing.assert_array_equal(line.get_ydata(), drawn["median"])
            assert line.get_linestyle() == linestyle
            assert_band(band, drawn["distance"], drawn["low"], drawn["high"])
        assert axes.get_xlim() == (0, 39)  # where 20 sentences remain
        assert any(list(line.get_xdata()) == [19, 19] for line in axes.lines)
    assert f"∂z/∂{state}" in figure.axes[0].get_ylabel()
    low, high = figure.axes[0].get_ylim()
    assert figure.axes[1].get_ylim() == (low, high)
    shown = [v["decay"][state][moment]["median"][:40] for v in variants for moment in ("before", "after")]
    assert low < np.min(shown) < np.max(shown) < high
    looks = {(line.get_color(), line.get_marker()) for line in lines(figure.axes[0]).values()}
    assert len({look[0] for look in looks}) == len({look[1] for look in looks}) == len(variants)
    assert_complete(figure, "3 seeds", "587 validation rows of 20 to 49 tokens")


def test_scores_are_those_of_every_seed_and_their_mean():
    study = initialisations()
    axes = plots.plot_initialisations.draw()["initialisations-default-rnn.png"].axes[-1]
    for number, variant in enumerate(study["variants"][:3]):
        scores, mean, error = axes.lines[3 * number : 3 * number + 3]
        np.testing.assert_allclose(scores.get_xdata(), 100 * np.array(variant["test_accuracy"]))
        assert np.round(scores.get_ydata()).tolist() == [number] * 3
        np.testing.assert_allclose(mean.get_xdata(), 100 * np.mean(variant["test_accuracy"]))
        np.testing.assert_allclose(np.diff(error.get_xdata()), 2 * 1.3)
    labels = [label.get_text().replace("\n", " ") for label in axes.get_yticklabels()]
    assert labels == [variant["label"] for variant in study["variants"][:3]]
    assert "872 test sentences" in axes.get_xlabel()


def test_a_decay_that_no_seed_has_is_a_gap():
    study = initialisations()
    for name in ("median", "low", "high"):
        study["variants"][0]["decay"]["h"]["after"][name][30:] = [None] * 19
    save("initialisations", "default", study)
    figure = plots.plot_initialisations.draw()["initialisations-default-rnn.png"]
    style.to_png(figure)
    drawn = lines(figure.axes[1])["uniform in ±1/√H"].get_ydata()
    assert np.isnan(drawn).tolist() == [False] * 30 + [True] * 19
    assert np.isfinite(figure.axes[1].get_ylim()).all()


def test_initialisations_are_files(full_size):
    initialisations()
    paths = plots.plot_initialisations()
    assert [path.name for path in paths] == [
        "initialisations-default-rnn.png",
        "initialisations-default-lstm.png",
    ]
    for path in paths:
        assert 10_000 < path.stat().st_size < 200_000


# Comparisons ----------------------------------------------------------------------------------------------


def test_the_comparison_has_a_band_over_seeds_at_both_moments():
    _, variants = by_settings(comparison())[1]
    assert [variant["model"] for variant in variants] == ["rnn", "lstm"]
    figure = plots.plot_comparison.draw()["comparison-compare-hidden_size=6.png"]
    for axes, moment, linestyle in zip(figure.axes, ("before", "after"), ("--", "-"), strict=False):
        states = [(variant, state) for variant in variants for state in variant["decay"] if state != "x"]
        drawn = lines(axes)
        assert list(drawn) == ["RNN h", "LSTM h", "LSTM c"]
        for (variant, state), line, band in zip(states, drawn.values(), axes.collections, strict=True):
            decay = variant["decay"][state][moment]
            np.testing.assert_array_equal(line.get_ydata(), decay["median"])
            assert_band(band, decay["distance"], decay["low"], decay["high"])
            assert line.get_linestyle() == linestyle
            assert (line.get_color(), line.get_marker()) == style.STATES[variant["model"], state]
        assert axes.get_yscale() == "log"
        assert "distance" in axes.get_xlabel()
    assert figure.axes[0].get_legend()
    for number, variant in enumerate(variants):
        scores = figure.axes[-1].lines[3 * number].get_xdata()
        np.testing.assert_allclose(scores, 100 * np.array(variant["test_accuracy"]))
    assert_complete(figure, "hidden_size=6", "3 seeds", "587 validation rows of 20 to 49 tokens")


def test_the_gradient_of_the_inputs_is_drawn_as_it_is_in_a_figure_of_its_own():
    _, variants = by_settings(comparison())[1]
    figure = plots.plot_comparison.draw()["comparison-compare-hidden_size=6-inputs.png"]
    for axes, moment in zip(figure.axes, ("before", "after"), strict=True):
        drawn = lines(axes)
        assert list(drawn) == ["RNN", "LSTM"]
        for variant, line in zip(variants, drawn.values(), strict=True):
            np.testing.assert_array_equal(line.get_ydata(), variant["decay"]["x"][moment]["median"])
        assert len(axes.lines) == 3, "of values that are relative to nothing no line marks 1"
    assert figure.axes[0].get_ylabel() == "norm of ∂z/∂x"
    assert_complete(figure, "hidden_size=6", "3 seeds", "587 validation rows of 20 to 49 tokens")


def test_settings_of_all_runs_stand_in_the_figure():
    comparison(shared={"epochs": 1, "lr": 0.01, "recurrent_init": "identity"}, of_model={"rnn": {"lr": 0.1}})
    said = words(plots.plot_comparison.draw()["comparison-compare-hidden_size=4.png"])
    assert "epochs=1, lr=0.01, recurrent_init='identity'" in said
    assert "own settings: RNN" in said
    comparison(shared={})
    assert "settings" not in words(plots.plot_comparison.draw()["comparison-compare-hidden_size=4.png"])


def test_every_combination_is_a_figure_and_plot_finds_them(full_size):
    comparison()
    make_variants("default", "search", [make_variant("rnn", "best")])
    paths = plots.plot_all(show=False)
    assert [path.name for path in paths] == [
        "comparison-compare-hidden_size=4.png",
        "comparison-compare-hidden_size=4-inputs.png",
        "comparison-compare-hidden_size=6.png",
        "comparison-compare-hidden_size=6-inputs.png",
    ]
    assert all(10_000 < path.stat().st_size < 200_000 for path in paths)
    fails(
        r'no study \'nowhere\'.*call compare\(name="nowhere", …\) of main', plots.plot_comparison, "nowhere"
    )
    fails("can't be a file name", plots.plot_comparison, "../compare")


def test_one_seed_and_seeds_that_failed_are_named():
    comparison(seeds=[4])
    figure = plots.plot_comparison.draw()["comparison-compare-hidden_size=4.png"]
    assert "1 seed" in words(figure)
    assert "1 seeds" not in words(figure)
    study = comparison(failed={"a-run": "why"})
    study["variants"][0]["seeds"] = [0, 2]
    save("comparison", "compare", study)
    figure = plots.plot_comparison.draw()["comparison-compare-hidden_size=4.png"]
    assert "2 to 3 seeds" in words(figure)
    assert "left out: a-run" in words(figure)


def test_a_variant_without_its_pair_is_drawn_alone():
    study = comparison()
    del study["variants"][0]
    groups = by_settings(study)
    assert len(groups) == 2
    (variants,) = (variants for settings, variants in groups if settings == {"hidden_size": 4})
    assert [variant["model"] for variant in variants] == ["lstm"]
    save("comparison", "compare", study)
    figure = plots.plot_comparison.draw()["comparison-compare-hidden_size=4.png"]
    assert list(lines(figure.axes[0])) == ["LSTM h", "LSTM c"]


def test_an_rnn_is_drawn_next_to_each_lstm_though_it_lacks_their_setting():
    rnn = make_variant("rnn", "compare", settings={"hidden_size": 4})
    lstms = [
        make_variant("lstm", f"bias-{bias}", settings={"hidden_size": 4, "forget_bias": bias})
        for bias in (0, 1)
    ]
    study = {"axes": {"hidden_size": [4], "forget_bias": [0, 1]}, "variants": [rnn, *lstms]}
    assert by_settings(study) == [(lstm["settings"], [rnn, lstm]) for lstm in lstms]
    assert by_settings(study | {"variants": [rnn]}) == [(rnn["settings"], [rnn])]


def test_models_of_equal_settings_are_one_figure_though_they_are_no_pair():
    study = comparison()
    rnn, lstm, other, _ = study["variants"]
    study |= {"axes": {}, "variants": [rnn, lstm]}
    assert by_settings(study) == [({}, [rnn, lstm])]
    study |= {"variants": [rnn, lstm, other]}  # and a third model
    assert by_settings(study) == [({}, [rnn, lstm, other])]


# Bad input ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "plot", "block"),
    [
        (initialisations, plots.plot_initialisations, "initialisation_study"),
        (comparison, plots.plot_comparison, "compare"),
    ],
)
def test_a_study_that_is_missing_or_lacks_something_names_its_block(make, plot, block):
    fails(rf"uncomment the block {block}\(.* in main.py", plot)
    study = make()
    kind, name = study["kind"], study["study"]
    for broken in (
        {key: value for key, value in study.items() if key != "variants"},
        {key: value for key, value in study.items() if key != "dataset"},
        study | {"variants": [{"model": "rnn"}]},
        study | {"variants": 5},
    ):
        save(kind, name, broken)
        fails(rf"{name}.json is unfinished or damaged.*{block}\(", plot)
    write_text(study_path(kind, name), "{")
    fails("is no JSON", plot)
    write_text(study_path(kind, name), '{"format_version": 1}')
    fails(f"has format version 1, expected {STUDY_VERSION}", plot)


def test_a_damaged_study_does_not_keep_the_others_from_being_drawn(capsys):
    comparison()
    save("comparison", "broken", comparison("broken") | {"variants": [{"model": "rnn"}]})
    assert len(plots.plot_all(show=False)) == 4
    assert "left out:" in capsys.readouterr().err
    assert not plt.get_fignums()


@pytest.mark.parametrize("seeds", [1, 3, 40])
def test_symbols_of_equal_scores_are_next_to_each_other_in_their_row(seeds):
    study = comparison()
    for variant in study["variants"]:
        variant |= {"test_accuracy": [0.8] * seeds, "seeds": list(range(seeds))}
    save("comparison", "compare", study)
    axes = plots.plot_comparison.draw()["comparison-compare-hidden_size=4.png"].axes[-1]
    for number in range(2):
        places = axes.lines[3 * number].get_ydata() - number
        assert len(set(places)) == seeds
        assert np.abs(places).max() <= 0.4  # not in the next row
        assert places.mean() == pytest.approx(0)


# Titles ---------------------------------------------------------------------------------------------------


def interval(log10):
    return {"mean": log10, "low": None, "high": None, "count": 1}


def test_the_titles_of_a_comparison_say_what_remains():
    rnn, lstm = make_variant("rnn", ""), make_variant("lstm", "")
    rnn["intervals"] |= {state: {"after": interval(-1)} for state in "hx"}
    lstm["intervals"] |= {
        state: {"after": interval(log)} for state, log in (("h", -3), ("c", 0.25), ("x", -2))
    }
    make_variants("compare", "comparison", [rnn, lstm])
    drawn = plots.plot_comparison.draw()
    said = "Trained: 10% of ∂z/∂h (RNN), 178% of ∂z/∂c (LSTM) remain 19 words back"
    assert said in words(drawn["comparison-compare.png"])
    said = "Trained: ‖∂z/∂x‖ is 0.1 (RNN), 0.01 (LSTM) 19 words back"
    assert said in words(drawn["comparison-compare-inputs.png"])
    for state in "hx":
        rnn["intervals"][state]["after"] = None  # exactly 0 in each seed
    make_variants("compare", "comparison", [rnn])
    drawn = plots.plot_comparison.draw()
    assert "Trained: 0 of ∂z/∂h (RNN) remains" in words(drawn["comparison-compare.png"])
    assert "‖∂z/∂x‖ is 0 (RNN)" in words(drawn["comparison-compare-inputs.png"])


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ((-4.0, -1, -2), (0.25, 0, -0.1), "1 × 10⁻⁴ to 10% of ∂z/∂h remains untrained, 79% to 178% trained"),
        ((None, -1, -2), (0, 0, 0), "0 to 10% of ∂z/∂h remains untrained, 100% trained"),
    ],
)
def test_the_title_of_initialisations_has_the_range_of_what_remains(before, after, said):
    variants = [make_variant("rnn", f"start-{k}") for k in range(3)] + [make_variant("lstm", "chrono")]
    for variant, *logs in zip(variants, before, after, strict=False):
        found = (None if log is None else interval(log) for log in logs)
        variant["intervals"]["h"] = dict(zip(("before", "after"), found, strict=True))
    make_variants("default", "initialisations", variants)
    figure = plots.plot_initialisations.draw()["initialisations-default-rnn.png"]
    assert f"19 words back, {said}" in words(figure)
