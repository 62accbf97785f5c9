"""The figure of latching: what is drawn is what the JSON holds."""

import numpy as np

from scripts import plots
from scripts.files.studies import STUDY_VERSION
from tests.figures.helpers import DATASET, assert_complete, fails, lines, save, words

STEPS = [0, 1, 2, 10, 100, 1000]


def make_study(told_apart=((10, 10), (10, 3)), gone=False):
    """A study of two seeds per model, of which the last run forgets some cues."""
    steps = np.array(STEPS)
    models = [
        {
            "model": model,
            "runs": [f"cue-distance-even-{model}-full-s{seed}" for seed in range(2)],
            "best_epoch": [15, 20],
            "orbits": [
                {
                    "told_apart": count,
                    "positive": (8 + seed - 5 / (1 + steps)).tolist(),
                    "negative": (-7 - seed + 6 / (1 + steps)).tolist(),
                    **{state: (-0.1 * place * steps - seed).tolist() for place, state in enumerate(states)},
                }
                for seed, count in enumerate(counts)
            ],
        }
        for model, states, counts in zip(("rnn", "lstm"), ("h", "hc"), told_apart, strict=True)
    ]
    if gone:
        models[0]["orbits"][1]["h"][-2:] = [None, None]
    study = {"format_version": STUDY_VERSION, "dataset": DATASET, "pairs": 10, "steps": STEPS}
    return save("latching", "even", study | {"models": models})


def test_orbits_and_gradients_of_each_run_are_drawn(full_size):
    study = make_study()
    figure = plots.plot_latching.draw("even")
    panels = np.reshape(figure.axes, (2, 2))
    for (above, below), model in zip(panels.T, study["models"], strict=True):
        *orbits, zero = above.lines
        assert set(zero.get_ydata()) == {0}
        drawn = [line.get_ydata() for line in orbits]
        expected = [run[name] for run in model["orbits"] for name in ("positive", "negative")]
        np.testing.assert_allclose(drawn, expected)
        assert set(lines(above)) == {"after a positive cue", "after a negative cue"}
        states = [state for state in "hc" if state in model["orbits"][0]]
        for state in states:
            gradients = [line for line in below.lines if line.get_label().strip("_") == f"∂z/∂{state}"]
            np.testing.assert_allclose(
                [line.get_ydata() for line in gradients], [run[state] for run in model["orbits"]]
            )
            for line in gradients:  # the last word is 1,000 words after the cue, as above
                np.testing.assert_array_equal(line.get_xdata(), 1000 - np.array(STEPS))
        assert len(below.lines) == 2 * len(states)
        for axes, count in ((above, 2), (below, len(states))):
            assert len(axes.get_legend().get_texts()) == count
    assert [axes.get_title(loc="left") for axes in figure.axes[:2]] == ["RNN: logit z", "LSTM: logit z"]
    assert_complete(figure, "10 pairs, runs as cue-distance-even-rnn-full-s0")
    assert plots.plot_latching("even").stat().st_size < 200_000


def test_the_title_counts_the_runs_that_remember_and_the_others_are_dotted():
    make_study()
    figure = plots.plot_latching.draw("even")
    assert "A cue is remembered for 1,000 words in 3 of 4 runs" in words(figure)
    for axes, dotted in zip(figure.axes, (0, 2, 0, 2), strict=True):
        assert [line.get_linestyle() for line in axes.lines].count(":") == dotted


def test_a_gradient_of_exactly_0_is_not_drawn():
    make_study(gone=True)
    figure = plots.plot_latching.draw("even")
    assert not np.isfinite(figure.axes[2].lines[1].get_ydata()[-2:]).any()


def test_a_study_that_is_missing_or_damaged_is_one_line():
    fails(r"uncomment the block latching_study\(…, \"even\"\) in main.py", plots.plot_latching, "even")
    save("latching", "even", make_study() | {"models": [{}]})
    fails(r"even.json is unfinished or damaged.*latching_study", plots.plot_latching, "even")
