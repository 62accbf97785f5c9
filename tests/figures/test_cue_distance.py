"""The figure of the cue-distance task: what is drawn is what the JSON holds."""

import numpy as np

from scripts import plots
from scripts.figures import style
from scripts.files.studies import STUDY_VERSION
from tests.figures.helpers import DATASET, assert_complete, fails, lines, save, words


def powers(rate, distances):
    median = [-rate * d for d in distances]
    return {"median": median, "q25": [v - 0.5 for v in median], "q75": [v + 0.5 for v in median]}


def make_study(mixture="even", failures=(5, None, 20), rate=0.4):
    distances = [2, 5, 20, 200]
    variants = []
    for model, states in (("rnn", "h"), ("lstm", "hc")):
        gradient = {
            state: {"before": powers(rate / 4, distances), "after": powers(rate, distances)}
            for state in states
        }
        variants.append(
            {
                "name": "full",
                "label": f"{model.upper()}, full",
                "model": model,
                "settings": {},
                "parameters": 10_625,
                "best_epoch": [9, 8, 12],
                "accuracy": [[1.0, 0.7, 0.5, 0.52], [0.9, 0.8, 0.45, 0.5], [0.99, 0.9, 0.55, 0.48]],
                "accuracy_decides_first": [[1.0, 0.98, 0.6, 0.5]] * 2 + [[1.0, 0.9, 0.5, 0.5]],
                "fails_at": list(failures) if model == "rnn" else [None] * 3,
                "gradient": gradient,
            }
        )
    changed = {"name": "truncate-5", "label": "LSTM, truncate-5", "settings": {"backward": "truncate-5"}}
    variants.append(variants[-1] | changed | {"fails_at": [5, 5, None]})
    study = {
        "format_version": STUDY_VERSION,
        "dataset": DATASET,
        "seeds": [0, 1, 2],
        "distances": distances,
        "sentences": {"decides_last": 200, "decides_first": 198},
        "failing": 0.75,
        "longest": 200,
        "mixture": mixture,
        "variants": variants,
    }
    return save("cue-distance", mixture, study)


def test_the_gradient_at_the_cue_is_drawn_over_distance():
    study = make_study()
    figure = plots.plot_probe.draw()["cue-distance-even.png"]
    (axes,) = figure.axes
    assert axes.get_xscale() == axes.get_yscale() == "log"
    drawn = lines(axes)
    assert len(drawn) == 6
    for moment, look, rate in (("selected epoch", "-", 0.4), ("epoch 0 (before training)", "--", 0.1)):
        for state in ("RNN h", "LSTM h", "LSTM c"):
            line = drawn[f"{state}, {moment}"]
            np.testing.assert_allclose(line.get_ydata(), [10 ** (-rate * d) for d in study["distances"]])
            assert line.get_linestyle() == look
    assert_complete(figure, "3 seeds", "200 test sentences at each d, deciding cue last")


def test_the_title_says_how_it_was_trained_and_a_gradient_of_exactly_0_is_left_out():
    study = make_study("log", failures=(20, 20, 20), rate=0.01)
    study["variants"][0]["gradient"]["h"]["after"]["median"][-1] = None
    save("cue-distance", "log", study)
    figure = plots.plot_probe.draw("log")["cue-distance-log.png"]
    style.to_png(figure)
    assert "trained mostly on short distances" in words(figure)
    assert lines(figure.axes[0])["RNN h, selected epoch"].get_ydata()[-1] == 0


def test_the_map_has_the_median_of_each_variant_at_each_distance():
    study = make_study()
    figure = plots.plot_probe.draw()["cue-distance-even-changes.png"]
    (axes,) = figure.axes
    expected = np.array([np.median(one["accuracy"], axis=0) for one in study["variants"]])
    np.testing.assert_allclose(axes.images[0].get_array(), 100 * expected)
    assert [text.get_text() for text in axes.texts] == [f"{value:.0f}" for value in 100 * expected.ravel()]
    labels = [tick.get_text() for tick in axes.get_yticklabels()]
    assert labels == ["RNN, full", "LSTM, full", "LSTM, truncate-5"]
    (stroke,) = axes.lines  # behind d = 5, the second of 2, 5, 20, 200, in the third row
    assert (list(stroke.get_xdata()), list(stroke.get_ydata())) == ([1.5, 1.5], [1.5, 2.5])
    assert_complete(figure, "median of 3 seeds", "200 test sentences", "black bar")


def test_two_mixtures_are_two_files_of_each_figure(full_size):
    make_study(), make_study("log")
    paths = [*plots.plot_probe(), *plots.plot_probe("log")]
    assert {path.name for path in paths} == {
        f"cue-distance-{mixture}{what}.png" for mixture in ("even", "log") for what in ("", "-changes")
    }
    assert all(path.stat().st_size < 200_000 for path in paths)


def test_a_study_that_is_missing_or_damaged_is_one_line():
    fails(r"uncomment the block .*probe_study\(.* in main.py", plots.plot_probe)
    fails(r'call probe_study\(name="odd", …\) of main.py', plots.plot_probe, "odd")
    study = make_study()
    for broken in (
        {key: value for key, value in study.items() if key != "variants"},
        {key: value for key, value in study.items() if key != "dataset"},
        study | {"variants": [{}]},
        study | {"variants": 5},
    ):
        save("cue-distance", "even", broken)
        fails(r"even.json is unfinished or damaged.*probe_study\(", plots.plot_probe)


def test_the_titles_say_what_remains_and_who_learns():
    study = make_study("even", failures=(None,) * 3, rate=0.1)
    figures = plots.plot_probe.draw()
    said = "200 words back, 1 × 10⁻²⁰ of the RNN's ∂z/∂h remains, and 50% are correct"
    assert said in words(figures["cue-distance-even.png"])
    for failing, said in (
        ([], "Every way of training learns every distance"),
        ([2], "All but “LSTM, truncate-5” learn every distance in every seed"),
        ([0, 1], "Only “LSTM, truncate-5” learns every distance in every seed"),
        ([0, 1, 2], "How far back models learn"),
    ):
        for number, variant in enumerate(study["variants"]):
            variant["fails_at"] = [None, 5, None] if number in failing else [None] * 3
        save("cue-distance", "even", study)
        found = words(plots.plot_probe.draw()["cue-distance-even-changes.png"])
        assert said in " ".join(found.split())
